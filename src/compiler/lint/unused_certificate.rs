//! A certificate that no listener shows.

use crate::compiler::lint::{Check, Lint};
use crate::compiler::resolve::Model;
use crate::diagnostic::{Code, Diagnostic, Severity};

pub(super) const LINT: Lint = Lint {
    name: "unusedCertificate",
    summary: "A certificate is shown by a listener.",
    code: &UNUSED_CERTIFICATE,
    check: Check::Model(check),
};

fn check(model: &Model, found: &mut Vec<Diagnostic>) {
    if !model.complete {
        return;
    }
    for object in model.objects.iter().filter(|object| object.address.kind == "Certificate" && !model.is_used(object)) {
        let message = format!("no listener shows the certificate `{}`", object.address.short());
        found.push(
            object
                .problem(&UNUSED_CERTIFICATE, message)
                .at(object.name_place(), "")
                .help("remove it, or name it in the `tls.certificates` of a listener"),
        );
    }
}

static UNUSED_CERTIFICATE: Code = Code {
    id: "GW4005",
    name: "unused-certificate",
    severity: Severity::Warning,
    page: "\
# GW4005: unused-certificate

No listener shows the certificate, so it is not even read: clients that ask for its hosts get another one.

The lint is called `unusedCertificate`.

```yaml wrong
apiVersion: gw/v1
kind: Certificate
metadata: { name: site }
spec: { selfSigned: {} }
```

```yaml right
apiVersion: gw/v1
kind: Gateway
metadata: { name: edge }
spec: { listeners: [{ name: https, address: \"127.0.0.1:8443\", tls: { certificates: [site] } }] }
---
apiVersion: gw/v1
kind: Certificate
metadata: { name: site }
spec: { selfSigned: {} }
```
",
};
