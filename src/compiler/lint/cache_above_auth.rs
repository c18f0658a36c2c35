//! A cache that answers before an `auth` has looked.

use crate::compiler::lint::{Check, Lint};
use crate::compiler::manifest::Spec;
use crate::compiler::resolve::Model;
use crate::diagnostic::{Code, Diagnostic, Severity};

pub(super) const LINT: Lint = Lint {
    name: "cacheAboveAuth",
    summary: "A cache answers those only who were let in.",
    code: &CACHE_ABOVE_AUTH,
    check: Check::Model(check),
};

fn check(model: &Model, found: &mut Vec<Diagnostic>) {
    for object in &model.objects {
        let Some(Spec::Route(spec)) = &object.spec else { continue };
        let enabled = || spec.plugins.iter().enumerate().filter(|(_, entry)| entry.enabled);
        let Some((last, _)) = enabled().rfind(|(_, entry)| entry.auth.is_some()) else { continue };
        for (above, _) in enabled().filter(|(i, entry)| *i < last && entry.cache.is_some()) {
            let place = |index: usize, name: &str| object.key_place(&format!("/spec/plugins/{index}/{name}"));
            let message = "the cache would give anyone what one caller got: it stands above an `auth`";
            let problem = object.problem(&CACHE_ABOVE_AUTH, message).at(place(above, "cache"), "answers anyone");
            found.push(problem.at(place(last, "auth"), "lets some in only").help("write `cache` below the `auth`"));
        }
    }
}

static CACHE_ABOVE_AUTH: Code = Code {
    id: "GW4010",
    name: "cache-above-auth",
    severity: Severity::Error,
    page: "\
# GW4010: cache-above-auth

Plugins run in the order written: everything above an `auth` runs for anyone. A `cache` there answers anyone with what one caller got, and
nobody is asked for a credential. Below the `auth`, it answers only those who were let in.

The lint is called `cacheAboveAuth`.

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
