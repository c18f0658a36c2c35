//! Holds the table to the policies: for each a survey of its requests, and a diagnostic for each alternative that breaks it.

use std::collections::BTreeMap;

use crate::compiler::lint::{Made, Reader};
use crate::compiler::lower::UNKNOWN_LISTENER;
use crate::compiler::manifest::Spec;
use crate::compiler::manifest::policy::{Exception, PolicySeverity, PolicySpec, Require};
use crate::compiler::object::Object;
use crate::compiler::quote::listed;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::table::space::{Authentication, Class, Outcome, Runs, Scope, Survey, Treatment, survey};
use crate::value::date::Date;

/// All codes of policies.
pub const CODES: &[&Code] = &[&VIOLATION];

/// A violation that an exception allows, until a day.
#[derive(Debug)]
pub struct Excused {
    /// The day on which the exception ends.
    pub until: Date,
    /// The violation.
    pub diagnostic: Diagnostic,
}

/// What breaks policies, and what exceptions that end allow to.
#[derive(Default)]
pub struct Violations {
    /// What breaks them.
    pub found: Vec<Diagnostic>,
    /// What will break them.
    pub excused: Vec<Excused>,
}

/// Looks for violations of all policies.
/// For a gateway, only of those that refuse the table.
pub fn check(made: &Made<'_>, reader: Reader) -> Violations {
    let mut violations = Violations::default();
    for object in &made.model.objects {
        let Some(Spec::Policy(policy)) = &object.spec else { continue };
        if reader == Reader::Author || policy.severity == PolicySeverity::Error {
            hold(made, object, policy, &mut violations);
        }
    }
    violations
}

/// What `httpsOnly` is called.
const HTTPS_ONLY: &str = "httpsOnly";

fn hold(made: &Made<'_>, object: &Object, policy: &PolicySpec, out: &mut Violations) {
    let before = out.found.len();
    unknown_listeners(made, object, policy, &mut out.found);
    if out.found.len() > before {
        return;
    }
    let scope = Scope {
        listeners: policy.for_all.listeners.iter().map(ToString::to_string).collect(),
        hosts: policy.for_all.hosts.clone(),
        paths: policy.for_all.paths.clone(),
        methods: policy.for_all.methods.clone(),
    };
    let require = &policy.require;
    let named = require.plugins.iter().map(|name| Runs::Plugin(name));
    let plugins: Vec<Runs<'_>> = [Runs::Plugin(HTTPS_ONLY), Runs::Authenticating].into_iter().chain(named).collect();
    let breaks = |treatment: &Treatment| !broken(made, require, treatment).is_empty();
    let Survey { classes, unknown } = survey(made.table, &scope, &plugins, &breaks);
    let mut first: BTreeMap<u32, (Treatment, Class)> = BTreeMap::new();
    for (treatment, class) in classes {
        let Some(rule) = treatment.rule else { continue };
        // one that has an example, if there is one
        let known = first.get(&rule).is_some_and(|(_, known)| known.witness.is_some());
        if !known {
            first.insert(rule, (treatment, class));
        }
    }
    for (rule, (treatment, class)) in first {
        let Some(route) = made.route(rule) else { continue };
        let exception = exception(object, policy, route);
        if exception.is_some_and(|exception| exception.until.is_none()) {
            continue;
        }
        let Some(diagnostic) = violation(made, (object, policy), (rule, &treatment), &class) else { continue };
        match exception.and_then(|exception| exception.until) {
            Some(until) => out.excused.push(Excused { until, diagnostic }),
            None => out.found.push(diagnostic),
        }
    }
    if let Some(class) = unknown.first() {
        let message = format!("it was not found out whether the policy `{}` holds for {class}", object.address.short());
        let problem = Diagnostic { severity: severity(policy), ..object.problem(&VIOLATION, message) };
        let help = "there are too many combinations of conditions to look at; narrow the policy with `forAll`";
        out.found.push(problem.at(object.name_place(), "").help(help));
    }
}

fn unknown_listeners(made: &Made<'_>, object: &Object, policy: &PolicySpec, found: &mut Vec<Diagnostic>) {
    let known: Vec<&str> = made.table.settings.listeners.iter().map(|listener| listener.name.as_str()).collect();
    for (index, name) in policy.for_all.listeners.iter().enumerate().filter(|(_, name)| !known.contains(&name.as_str()))
    {
        let place = object.place(&format!("/spec/forAll/listeners/{index}"));
        let message = format!("the `Gateway` has no listener `{name}`");
        let problem = object.problem(&UNKNOWN_LISTENER, message).at(place, "not found");
        found.push(problem.help(format!("there are: {}", listed(&known))));
    }
}

/// What a policy requires and some requests lack.
fn broken(made: &Made<'_>, require: &Require, treatment: &Treatment) -> Vec<String> {
    let Outcome::Routed(routed) = &treatment.outcome else { return Vec::new() };
    let labels = treatment.rule.and_then(|rule| made.route(rule)).map(|route| &route.metadata.labels);
    let runs = |index: usize| treatment.runs.get(index).copied().unwrap_or(false);
    let mut broken = Vec::new();
    let mut note = |breaks: bool, text: &dyn Fn() -> String| {
        if breaks {
            broken.push(text());
        }
    };
    note(require.no_route, &|| "requests meet it".to_owned());
    note(require.authenticated && routed.authentication == Authentication::None && !runs(1), &|| {
        "nothing authenticates the caller".to_owned()
    });
    note(require.client_certificate && !routed.authentication.asks_certificate(), &|| {
        "no client certificate is asked for".to_owned()
    });
    note(require.https && !treatment.secure && !runs(0), &|| "requests come in clear text".to_owned());
    for (index, plugin) in require.plugins.iter().enumerate() {
        note(!runs(index + 2), &|| format!("the plugin `{plugin}` does not run"));
    }
    for label in &require.labels {
        let is_there = labels.is_some_and(|labels| labels.contains_key(label));
        note(!is_there, &|| format!("the route has no label `{label}`"));
    }
    broken
}

fn exception<'p>(object: &Object, policy: &'p PolicySpec, route: &Object) -> Option<&'p Exception> {
    let is_same = |exception: &&Exception| {
        *exception.route.name() == route.address.name
            && *exception.route.namespace(&object.address.namespace) == route.address.namespace
    };
    policy.except.iter().find(is_same)
}

fn severity(policy: &PolicySpec) -> Severity {
    match policy.severity {
        PolicySeverity::Error => Severity::Error,
        PolicySeverity::Warning => Severity::Warning,
        PolicySeverity::Note => Severity::Note,
    }
}

fn violation(
    made: &Made<'_>,
    (object, policy): (&Object, &PolicySpec),
    (rule, treatment): (u32, &Treatment),
    class: &Class,
) -> Option<Diagnostic> {
    let route = made.route(rule)?;
    let (name, policy_name) = (route.address.short(), object.address.short());
    let lacks = broken(made, &policy.require, treatment).join(", and ");
    let example = match &class.witness {
        Some(request) => format!("for example for `{request}`"),
        None => format!("perhaps for `{class}`"),
    };
    let message = format!("the route `{name}` breaks the policy `{policy_name}`: {lacks}, {example}");
    let problem = Diagnostic { severity: severity(policy), ..route.problem(&VIOLATION, message) };
    let problem = problem.at(made.place(rule)?, "").at(object.key_place("/spec/require"), "required here");
    Some(problem.help("change the route, or name it with a reason in the `except` of the policy"))
}

/// The code of violations: what blocks is not wrong in itself.
pub static VIOLATION: Code = Code {
    id: "GW5001",
    name: "policy-violation",
    severity: Severity::Error,
    page: "\
# GW5001: policy-violation

A `Policy` says what must hold for all of some requests, and a route breaks it: the diagnostic shows a request for which it does not
hold. It is found out for all requests at once, after precedence, fall-through and the `when` of plugins, so a policy that is not reported
is kept by every request.

The severity is that of the policy. `gw validate` exits with 3 where only policies are broken, as it does for everything that is blocked
rather than wrong.

```yaml wrong
apiVersion: gw/v1
kind: Policy
metadata: { name: security-headers }
spec: { forAll: { paths: [/shop/**] }, require: { plugins: [securityHeaders] } }
---
apiVersion: gw/v1
kind: Route
metadata: { name: shop }
spec:
  match: [{ pathPrefix: /shop }]
  public: true
  plugins:
    - securityHeaders: {}
      when: { methods: [GET] }
    - respond: { body: shop }
```

```yaml right
apiVersion: gw/v1
kind: Policy
metadata: { name: security-headers }
spec: { forAll: { paths: [/shop/**] }, require: { plugins: [securityHeaders] } }
---
apiVersion: gw/v1
kind: Route
metadata: { name: shop }
spec:
  match: [{ pathPrefix: /shop }]
  public: true
  plugins:
    - securityHeaders: {}
    - respond: { body: shop }
```
",
};
