//! A backend that no route leads to.

use crate::compiler::lint::{Check, Lint};
use crate::compiler::resolve::Model;
use crate::diagnostic::{Code, Diagnostic, Severity};

pub(super) const LINT: Lint = Lint {
    name: "unusedBackend",
    summary: "A backend is used by a route.",
    code: &UNUSED_BACKEND,
    check: Check::Model(check),
};

fn check(model: &Model, found: &mut Vec<Diagnostic>) {
    if !model.complete {
        return;
    }
    for object in model.objects.iter().filter(|object| object.address.kind == "Backend" && !model.is_used(object)) {
        let message = format!("no route leads to the backend `{}`", object.address.short());
        found.push(
            object
                .problem(&UNUSED_BACKEND, message)
                .at(object.name_place(), "")
                .help("remove it, or name it as the `backend` of a route"),
        );
    }
}

static UNUSED_BACKEND: Code = Code {
    id: "GW4002",
    name: "unused-backend",
    severity: Severity::Warning,
    page: "\
# GW4002: unused-backend

No route leads to the backend. It has no effect, and perhaps the route that should lead to it names another one.

The lint is called `unusedBackend`.

```yaml wrong
apiVersion: gw/v1
kind: Backend
metadata: { name: shop }
spec: { echo: {} }
```

```yaml right
apiVersion: gw/v1
kind: Backend
metadata: { name: shop }
spec: { echo: {} }
---
apiVersion: gw/v1
kind: Route
metadata: { name: shop }
spec: { public: true, backend: shop }
```
",
};
