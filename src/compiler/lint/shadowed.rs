//! An alternative of `match` that no request can meet.

use crate::compiler::lint::{Check, Lint, Made};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::table::space::{Shadow, Share};

pub(super) const LINT: Lint = Lint {
    name: "shadowed",
    summary: "Every alternative of `match` is met by some request.",
    code: &SHADOWED,
    check: Check::Table(check),
};

/// How many of the routes that get the requests are shown.
const SHOWN: usize = 5;

fn check(made: &Made<'_>, found: &mut Vec<Diagnostic>) {
    found.extend(made.shadows().iter().filter(|shadow| shadow.share == Share::All).filter_map(|shadow| {
        let name = made.route(shadow.rule)?.address.short();
        let message = match shadow.by.len() {
            0 => format!("no request fits this alternative of the route `{name}`"),
            _ => format!("no request can meet this alternative of the route `{name}`: others get all that it matches"),
        };
        let help = match shadow.by.len() {
            0 => "its conditions exclude each other, or no path has this form",
            _ => "remove it, make it more specific than the others, or give it a higher `priority`",
        };
        Some(diagnostic(made, &SHADOWED, shadow, message)?.help(help))
    }));
}

/// A diagnostic at the place of a shadow, with the places of those that get its requests.
pub(super) fn diagnostic(made: &Made<'_>, code: &'static Code, shadow: &Shadow, message: String) -> Option<Diagnostic> {
    let route = made.route(shadow.rule)?;
    let mut problem = route.problem(code, message).at(made.place(shadow.rule)?, "never met");
    for (number, by) in shadow.by.iter().take(SHOWN).enumerate() {
        let name = made.route(*by)?.address.short();
        let more = shadow.by.len() - SHOWN.min(shadow.by.len());
        let remark = match more {
            more if number + 1 == SHOWN && more > 0 => format!("`{name}` gets some of them, and {more} others do"),
            _ if shadow.by.len() == 1 => format!("`{name}` gets them"),
            _ => format!("`{name}` gets some of them"),
        };
        problem = problem.at(made.place(*by)?, remark);
    }
    Some(problem)
}

static SHADOWED: Code = Code {
    id: "GW4006",
    name: "shadowed",
    severity: Severity::Warning,
    page: "\
# GW4006: shadowed

No request can meet this alternative of `match`: every request that it matches also matches one that is tried before it. That may be
one other alternative, or several that leave nothing over together. It is found out for all requests at once, not by trying some:
what is reported is certain. Where regular expressions are too large to be followed, nothing is reported.

The order in which alternatives are tried follows from how specific they are, and where they are equally specific from `priority`;
the order of files doesn't matter. All of it holds among the routes of one host pattern.

It is looked for where manifests are checked and planned; a running gateway looks for it only if its level is `error`.

The lint is called `shadowed`.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: reads }
spec: { match: [{ pathPrefix: /shop, methods: [GET] }], public: true, plugins: [{ respond: { body: reads } }] }
---
apiVersion: gw/v1
kind: Route
metadata: { name: all }
spec: { match: [{ pathPrefix: /shop }], priority: 1, public: true, plugins: [{ respond: { body: all } }] }
---
apiVersion: gw/v1
kind: Route
metadata: { name: old }
spec: { match: [{ pathPrefix: /shop }], public: true, plugins: [{ respond: { body: old } }] }
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: reads }
spec: { match: [{ pathPrefix: /shop, methods: [GET] }], public: true, plugins: [{ respond: { body: reads } }] }
---
apiVersion: gw/v1
kind: Route
metadata: { name: all }
spec: { match: [{ pathPrefix: /shop }], public: true, plugins: [{ respond: { body: all } }] }
```
",
};
