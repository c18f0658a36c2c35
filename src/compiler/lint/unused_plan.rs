//! A plan that no key is on.

use crate::compiler::lint::{Check, Lint};
use crate::compiler::resolve::Model;
use crate::diagnostic::{Code, Diagnostic, Severity};

pub(super) const LINT: Lint =
    Lint { name: "unusedPlan", summary: "A plan is that of a key.", code: &UNUSED_PLAN, check: Check::Model(check) };

fn check(model: &Model, found: &mut Vec<Diagnostic>) {
    if !model.complete {
        return;
    }
    for object in model.objects.iter().filter(|object| object.address.kind == "Plan" && !model.is_used(object)) {
        let message = format!("no key is on the plan `{}`", object.address.short());
        let problem = object.problem(&UNUSED_PLAN, message).at(object.name_place(), "");
        found.push(problem.help("remove it, or name it as the `plan` of an `ApiKey`"));
    }
}

static UNUSED_PLAN: Code = Code {
    id: "GW4050",
    name: "unused-plan",
    severity: Severity::Warning,
    page: "\
# GW4050: unused-plan

No API key is on the plan. It limits nothing, and perhaps the keys that should be on it name another one.

The lint is called `unusedPlan`.

```yaml wrong
apiVersion: gw/v1
kind: Plan
metadata: { name: gold }
spec: { rate: { requests: 50, per: 1s } }
```

```yaml right
apiVersion: gw/v1
kind: Plan
metadata: { name: gold }
spec: { rate: { requests: 50, per: 1s } }
---
apiVersion: gw/v1
kind: ApiKey
metadata: { name: acme }
spec:
  auth: partners
  plan: gold
  keyId: 7Qd2mP
  secrets: [{ sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae }]
---
apiVersion: gw/v1
kind: Auth
metadata: { name: partners }
spec: { apiKey: {} }
---
apiVersion: gw/v1
kind: Route
metadata: { name: api }
spec:
  plugins:
    - auth: { anyOf: [partners] }
    - respond: { body: hello }
```
",
};
