//! What is meant for everybody, below an `auth` that lets nobody past without a credential.

use crate::compiler::lint::{Check, Lint};
use crate::compiler::manifest::Spec;
use crate::compiler::resolve::Model;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::plugins::PluginEntry;

pub(super) const LINT: Lint = Lint {
    name: "belowAuth",
    summary: "What callers without a credential have to get stands above the authentication.",
    code: &BELOW_AUTH,
    check: Check::Model(check),
};

fn check(model: &Model, found: &mut Vec<Diagnostic>) {
    for object in &model.objects {
        let Some(Spec::Route(spec)) = &object.spec else { continue };
        let is_auth = |entry: &PluginEntry| {
            entry.auth.as_ref().is_some_and(|auth| !auth.optional) && entry.enabled && entry.when.is_none()
        };
        let Some(auth) = spec.plugins.iter().position(is_auth) else { continue };
        for (i, entry) in spec.plugins.iter().enumerate().skip(auth).filter(|(_, entry)| entry.enabled) {
            let Some((name, why)) = meant_for_everybody(entry) else { continue };
            let problem =
                object.problem(&BELOW_AUTH, why).at(object.key_place(&format!("/spec/plugins/{i}/{name}")), "");
            let above = object.key_place(&format!("/spec/plugins/{auth}/auth"));
            found.push(
                problem.at(above, "nobody without a credential gets past this").help("write it above the `auth`"),
            );
        }
    }
}

fn meant_for_everybody(entry: &PluginEntry) -> Option<(&'static str, &'static str)> {
    if entry.cors.is_some() {
        return Some(("cors", "browsers send preflights without credentials, so that all of them are refused"));
    }
    if entry.robots.is_some() {
        return Some(("robots", "robots have no credentials, so that they never learn what they may do"));
    }
    let finders = "whoever finds a hole has no credential, and never learns whom to tell";
    entry.security_txt.is_some().then_some(("securityTxt", finders))
}

static BELOW_AUTH: Code = Code {
    id: "GW4021",
    name: "below-auth",
    severity: Severity::Error,
    page: "\
# GW4021: below-auth

Plugins run in the order written. What stands below an `auth` without `when` runs for callers only who have proved who they are. A CORS
preflight never carries a credential, and neither do search engines and those who look for a `security.txt`: below the `auth` they get
a 401 and nothing else. Written above it, `cors` also puts its fields on that 401, so that the page can read it.

The lint is called `belowAuth`.

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
    - auth: { anyOf: [partners] }
    - cors: { allowOrigins: [\"https://shop.example\"] }
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
    - cors: { allowOrigins: [\"https://shop.example\"] }
    - auth: { anyOf: [partners] }
    - respond: { body: hello }
```
",
};
