//! `removeSecurityHeaders` in production.

use crate::compiler::lint::{Check, Lint};
use crate::compiler::manifest::Spec;
use crate::compiler::resolve::Model;
use crate::diagnostic::{Code, Diagnostic, Severity};

pub(super) const LINT: Lint = Lint {
    name: "protectionRemoved",
    summary: "In production no route removes the fields by which browsers protect their users.",
    code: &PROTECTION_REMOVED,
    check: Check::Model(check),
};

/// What the environment is called in which real users come.
const PRODUCTION: &[&str] = &["prod", "production"];

fn check(model: &Model, found: &mut Vec<Diagnostic>) {
    if !model.environment.as_deref().is_some_and(|name| PRODUCTION.contains(&name)) {
        return;
    }
    for object in &model.objects {
        let Some(Spec::Route(spec)) = &object.spec else { continue };
        for (i, entry) in spec.plugins.iter().enumerate() {
            if entry.remove_security_headers.is_none() || !entry.enabled {
                continue;
            }
            let place = object.key_place(&format!("/spec/plugins/{i}/removeSecurityHeaders"));
            let message = "in production browsers would not protect the users of this route";
            let help =
                "give the plugin `enabled: false`, and switch it on with a patch of the environments that need it";
            found.push(object.problem(&PROTECTION_REMOVED, message).at(place, "").help(help));
        }
    }
}

static PROTECTION_REMOVED: Code = Code {
    id: "GW4020",
    name: "protection-removed",
    severity: Severity::Error,
    page: "\
# GW4020: protection-removed

`removeSecurityHeaders` takes away the fields by which browsers protect users, so that a site can be shown in a frame or tried out
during development. In an environment called `prod` or `production` that would open real users to clickjacking and worse. Switch the
plugin on in the environments that need it only.

The lint is called `protectionRemoved`.

```yaml wrong
apiVersion: gw/v1
kind: Environment
metadata: { name: prod }
spec: {}
---
apiVersion: gw/v1
kind: Route
metadata: { name: site }
spec:
  public: true
  plugins:
    - removeSecurityHeaders: {}
    - respond: { body: hello }
```

```yaml right
apiVersion: gw/v1
kind: Environment
metadata: { name: dev }
spec:
  patches: [{ kind: Route, name: site, spec: { plugins: [{ removeSecurityHeaders: {}, enabled: true }] } }]
---
apiVersion: gw/v1
kind: Environment
metadata: { name: prod }
spec: {}
---
apiVersion: gw/v1
kind: Route
metadata: { name: site }
spec:
  public: true
  plugins:
    - removeSecurityHeaders: {}
      enabled: false
    - respond: { body: hello }
```
",
};
