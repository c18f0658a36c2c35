//! A host or a method that a route names, and for which no request can meet it.

use crate::compiler::lint::shadowed::diagnostic;
use crate::compiler::lint::{Check, Lint, Made};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::table::space::Share;

pub(super) const LINT: Lint = Lint {
    name: "partlyShadowed",
    summary: "Every alternative of `match` is met by some request for each host and each method that it names.",
    code: &PARTLY_SHADOWED,
    check: Check::Table(check),
};

fn check(made: &Made<'_>, found: &mut Vec<Diagnostic>) {
    found.extend(made.shadows().iter().filter_map(|shadow| {
        let part = match &shadow.share {
            Share::All => return None,
            Share::Host(host) => format!("for the host `{host}`"),
            Share::Method(method) => format!("with the method `{method}`"),
        };
        let name = made.route(shadow.rule)?.address.short();
        let message = format!("no request {part} can meet this alternative of the route `{name}`");
        diagnostic(made, &PARTLY_SHADOWED, shadow, message)
    }));
}

static PARTLY_SHADOWED: Code = Code {
    id: "GW4007",
    name: "partly-shadowed",
    severity: Severity::Note,
    page: "\
# GW4007: partly-shadowed

The route names a host or a method, and no request for this host or with this method can meet the alternative: others, which are tried
before it, get all of them. That may be meant, then the name says nothing; or it is not, then something is missing. Everything else of
the alternative has requests that meet it. That a more specific route gets a part of another one's requests is what precedence is for,
and is not reported.

It is looked for where manifests are checked and planned; a running gateway looks for it only if its level is `error`.

The lint is called `partlyShadowed`.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: writes }
spec:
  match: [{ pathPrefix: /shop, methods: [PUT, DELETE] }]
  priority: 1
  public: true
  plugins: [{ respond: { body: writes } }]
---
apiVersion: gw/v1
kind: Route
metadata: { name: shop }
spec: { match: [{ pathPrefix: /shop, methods: [GET, PUT] }], public: true, plugins: [{ respond: { body: shop } }] }
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: writes }
spec:
  match: [{ pathPrefix: /shop, methods: [PUT, DELETE] }]
  public: true
  plugins: [{ respond: { body: writes } }]
---
apiVersion: gw/v1
kind: Route
metadata: { name: shop }
spec: { match: [{ pathPrefix: /shop, methods: [GET] }], public: true, plugins: [{ respond: { body: shop } }] }
```
",
};
