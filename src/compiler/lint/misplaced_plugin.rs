//! A plugin on the wrong side of an `auth`.

use crate::compiler::lint::{Check, Lint};
use crate::compiler::manifest::Spec;
use crate::compiler::manifest::route::RouteSpec;
use crate::compiler::object::Object;
use crate::compiler::resolve::Model;
use crate::diagnostic::{Code, Diagnostic, Severity};

pub(super) const LINT: Lint = Lint {
    name: "misplacedPlugin",
    summary: "What is for everybody stands above an `auth`, and what keeps answers below it.",
    code: &MISPLACED_PLUGIN,
    check: Check::Model(check),
};

/// What browsers, robots and people ask for without a credential, and what an `auth` above it refuses them.
const FOR_EVERYBODY: &[(&str, &str)] = &[
    ("cors", "a browser asks without a credential first, and is refused"),
    ("robots", "robots have no credential, and are refused"),
    ("securityTxt", "whoever found a hole has no credential, and is refused"),
];

/// What gives one caller what another one got.
const CACHE: &str = "cache";

/// What lets callers in.
const AUTH: &str = "auth";

fn check(model: &Model, found: &mut Vec<Diagnostic>) {
    for object in &model.objects {
        if let Some(Spec::Route(spec)) = &object.spec {
            look(object, spec, found);
        }
    }
}

fn look(object: &Object, spec: &RouteSpec, found: &mut Vec<Diagnostic>) {
    let named = |index: usize| spec.plugins[index].plugins().first().map_or("", |plugin| plugin.name);
    let enabled: Vec<usize> = (0..spec.plugins.len()).filter(|index| spec.plugins[*index].enabled).collect();
    let place = |index: usize| object.key_place(&format!("/spec/plugins/{index}/{}", named(index)));
    let is_required = |index: &&usize| {
        let entry = &spec.plugins[**index];
        entry.when.is_none() && entry.auth.as_ref().is_some_and(|auth| !auth.optional)
    };
    if let Some(auth) = enabled.iter().find(is_required) {
        for below in enabled.iter().filter(|index| *index > auth) {
            let Some((name, why)) = FOR_EVERYBODY.iter().find(|(name, _)| *name == named(*below)) else { continue };
            let problem = object.problem(&MISPLACED_PLUGIN, format!("`{name}` stands below an `auth`: {why}"));
            let problem = problem.at(place(*below), "for everybody").at(place(*auth), "lets some in only");
            found.push(problem.help(format!("write `{name}` above the `auth`")));
        }
    }
    let last = enabled.iter().rev().find(|index| named(**index) == AUTH);
    for above in enabled.iter().filter(|index| named(**index) == CACHE && last.is_some_and(|auth| auth > *index)) {
        let message = "`cache` stands above an `auth`: it would give anyone what one caller got";
        let problem = object.problem(&MISPLACED_PLUGIN, message).at(place(*above), "answers anyone");
        let problem = last.iter().fold(problem, |problem, auth| problem.at(place(**auth), "lets some in only"));
        found.push(problem.help("write `cache` below the `auth`"));
    }
}

static MISPLACED_PLUGIN: Code = Code {
    id: "GW4010",
    name: "misplaced-plugin",
    severity: Severity::Error,
    page: "\
# GW4010: misplaced-plugin

Plugins run in the order written: everything above an `auth` runs for anyone, everything below it for those who were let in. So what is for
everybody (`cors`, `robots`, `securityTxt`) stands above it, or the browser's question before the request and the robot get a 401. A `cache`
stands below it, or it answers anyone with what one caller got.

The lint is called `misplacedPlugin`.

```yaml wrong
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
    - cache: { ttl: 1m }
    - auth: { anyOf: [partners] }
    - respond: { body: hello }
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
spec:
  plugins:
    - auth: { anyOf: [partners] }
    - cache: { ttl: 1m }
    - respond: { body: hello }
```
",
};
