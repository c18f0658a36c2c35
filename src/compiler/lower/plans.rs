//! The plans of a table, with the numbers that keys override.

use std::sync::{Arc, OnceLock};

use crate::compiler::lower::auths::Routes;
use crate::compiler::manifest::Spec;
use crate::compiler::manifest::api_key::ApiKeySpec;
use crate::compiler::manifest::plan::PlanSpec;
use crate::compiler::object::Object;
use crate::compiler::resolve::Model;
use crate::diagnostic::{Code, Diagnostics, Severity};
use crate::pipeline::plan::{Plan, Plans};
use crate::value::size::Size;

/// Makes all plans that can be made.
pub(super) fn plans<'a>(model: &'a Model, routes: &mut Routes<'a>, out: &mut Diagnostics) -> Plans {
    let mut made = Plans::new();
    for object in &model.objects {
        let Some(Spec::Plan(spec)) = &object.spec else { continue };
        let (limits, wrong) = spec.limits(&object.address.short());
        for problem in &wrong {
            let place = object.place(&format!("/spec/rate/{}", problem.field));
            out.push(object.problem(problem.code, &problem.message).at(place, "").help(problem.help));
        }
        let plan = Plan {
            name: object.address.short().into(),
            limits: Arc::new(limits),
            body: spec.body_bytes.map(Size::bytes),
            routes: routes.of(&spec.routes, &spec.route_labels, &object.address.namespace),
            enforcer: OnceLock::new(),
        };
        made.insert((object.address.namespace.clone(), object.address.name.clone()), Arc::new(plan));
    }
    made
}

/// The plan of a key: the one that it names, or one of its own where it overrides numbers.
pub(super) fn plan_of(
    object: &Object,
    spec: &ApiKeySpec,
    model: &Model,
    plans: &Plans,
    out: &mut Diagnostics,
) -> Option<Arc<Plan>> {
    let Some(reference) = &spec.plan else {
        if spec.limits.is_some() {
            let problem = object.problem(&LIMITS_WITHOUT_PLAN, "the numbers of this key are those of no plan");
            let place = object.key_place("/spec/limits");
            out.push(problem.at(place, "has no effect").help("name the `plan` whose numbers they are in place of"));
        }
        return None;
    };
    let (namespace, name) = (reference.namespace(&object.address.namespace), reference.name());
    let plan = plans.get(&(namespace.clone(), name.clone()))?;
    let Some(overrides) = &spec.limits else { return Some(Arc::clone(plan)) };
    let Some(Spec::Plan(base)) = &model.get("Plan", namespace, name)?.spec else { return None };
    let base = PlanSpec {
        rate: overrides.rate.clone().or_else(|| base.rate.clone()),
        quota: overrides.quota.clone().or_else(|| base.quota.clone()),
        concurrency: overrides.concurrency.or(base.concurrency),
        ..PlanSpec::clone(base)
    };
    let (limits, wrong) = base.limits(&plan.name);
    for problem in wrong.iter().filter(|_| overrides.rate.is_some()) {
        let place = object.place(&format!("/spec/limits/rate/{}", problem.field));
        out.push(object.problem(problem.code, &problem.message).at(place, "").help(problem.help));
    }
    let (name, routes, body) = (plan.name.clone(), plan.routes.clone(), plan.body);
    Some(Arc::new(Plan { name, limits: Arc::new(limits), body, routes, enforcer: OnceLock::new() }))
}

/// Numbers of a key that is on no plan.
pub(super) static LIMITS_WITHOUT_PLAN: Code = Code {
    id: "GW3053",
    name: "limits-without-plan",
    severity: Severity::Error,
    page: "\
# GW3053: limits-without-plan

The `limits` of a key are numbers in place of those of its plan. A key that is on no plan is not limited at all.

```yaml wrong
apiVersion: gw/v1
kind: ApiKey
metadata: { name: acme }
spec:
  auth: partners
  keyId: 7Qd2mP
  secrets: [{ sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae }]
  limits: { rate: { requests: 100, per: 1s } }
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

```yaml right
apiVersion: gw/v1
kind: ApiKey
metadata: { name: acme }
spec:
  auth: partners
  plan: gold
  keyId: 7Qd2mP
  secrets: [{ sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae }]
  limits: { rate: { requests: 100, per: 1s } }
---
apiVersion: gw/v1
kind: Plan
metadata: { name: gold }
spec: { rate: { requests: 50, per: 1s } }
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
