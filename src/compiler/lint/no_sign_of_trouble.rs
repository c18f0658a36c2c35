//! Settings for targets that come and go, where nothing finds out that one does.

use crate::compiler::lint::{Check, Lint};
use crate::compiler::manifest::Spec;
use crate::compiler::resolve::Model;
use crate::diagnostic::{Code, Diagnostic, Severity};

pub(super) const LINT: Lint = Lint {
    name: "noSignOfTrouble",
    summary: "Settings for targets that are not well stand beside something that finds out which are.",
    code: &NO_SIGN_OF_TROUBLE,
    check: Check::Model(check),
};

fn check(model: &Model, found: &mut Vec<Diagnostic>) {
    for object in &model.objects {
        let Some(Spec::Backend(spec)) = &object.spec else { continue };
        let Some(http) = spec.http.as_ref().filter(|http| http.health_check.is_none()) else { continue };
        if http.outlier_detection.is_some() {
            continue;
        }
        let settings = [("slowStart", http.slow_start.is_some()), ("panicThreshold", http.panic_threshold.is_some())];
        for (name, _) in settings.iter().filter(|(_, given)| *given) {
            let message = format!("`{name}` has no effect, because every target counts as healthy");
            let problem = object.problem(&NO_SIGN_OF_TROUBLE, message);
            let place = object.key_place(&format!("/spec/http/{name}"));
            found.push(problem.at(place, "has no effect").help("add a `healthCheck` or `outlierDetection`"));
        }
    }
}

static NO_SIGN_OF_TROUBLE: Code = Code {
    id: "GW4004",
    name: "no-sign-of-trouble",
    severity: Severity::Warning,
    page: "\
# GW4004: no-sign-of-trouble

`slowStart` and `panicThreshold` say what happens when targets come back or too few are left. Without a `healthCheck` and without
`outlierDetection` the gateway never finds out that a target is away, so they have no effect.

The lint is called `noSignOfTrouble`.

```yaml wrong
apiVersion: gw/v1
kind: Backend
metadata: { name: shop }
spec: { http: { targets: [{ url: \"http://10.0.0.1:3000\" }, { url: \"http://10.0.0.2:3000\" }], slowStart: 30s } }
---
apiVersion: gw/v1
kind: Route
metadata: { name: shop }
spec: { public: true, backend: shop }
```

```yaml right
apiVersion: gw/v1
kind: Backend
metadata: { name: shop }
spec:
  http:
    targets: [{ url: \"http://10.0.0.1:3000\" }, { url: \"http://10.0.0.2:3000\" }]
    slowStart: 30s
    healthCheck: { path: /healthz }
---
apiVersion: gw/v1
kind: Route
metadata: { name: shop }
spec: { public: true, backend: shop }
```
",
};
