//! An `Auth` that lets nobody in.

use std::collections::BTreeSet;

use crate::compiler::lint::{Check, Lint};
use crate::compiler::manifest::Spec;
use crate::compiler::resolve::Model;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::value::name::Name;

pub(super) const LINT: Lint = Lint {
    name: "unusedAuth",
    summary: "An `Auth` lets callers of a route in.",
    code: &UNUSED_AUTH,
    check: Check::Model(check),
};

fn check(model: &Model, found: &mut Vec<Diagnostic>) {
    if !model.complete {
        return;
    }
    let mut used: BTreeSet<(&Name, &Name)> = BTreeSet::new();
    for object in &model.objects {
        let Some(Spec::Route(spec)) = &object.spec else { continue };
        for auth in spec.plugins.iter().filter_map(|entry| entry.auth.as_ref()).flat_map(|auth| &auth.any_of) {
            used.insert((auth.namespace(&object.address.namespace), auth.name()));
        }
    }
    for object in &model.objects {
        let address = &object.address;
        if !matches!(object.spec, Some(Spec::Auth(_))) || used.contains(&(&address.namespace, &address.name)) {
            continue;
        }
        let message = format!("no route lets callers in by the `Auth` `{}`", address.short());
        let help = "remove it, or name it in the `anyOf` of an `auth`";
        found.push(object.problem(&UNUSED_AUTH, message).at(object.name_place(), "").help(help));
    }
}

static UNUSED_AUTH: Code = Code {
    id: "GW4011",
    name: "unused-auth",
    severity: Severity::Warning,
    page: "\
# GW4011: unused-auth

No route names the `Auth`, so nobody is let in by it, and the API keys that it accepts open nothing.

The lint is called `unusedAuth`.

```yaml wrong
apiVersion: gw/v1
kind: Auth
metadata: { name: partners }
spec: { apiKey: {} }
```

```yaml right
apiVersion: gw/v1
kind: Auth
metadata: { name: partners }
spec: { apiKey: {} }
---
apiVersion: gw/v1
kind: Route
metadata: { name: api }
spec: { plugins: [{ auth: { anyOf: [partners] } }, { respond: { body: hello } }] }
```
",
};
