//! A route that anybody may call and that doesn't say so.

use crate::compiler::lint::{Check, Lint};
use crate::compiler::manifest::Spec;
use crate::compiler::resolve::Model;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::plugins::PluginEntry;

pub(super) const LINT: Lint = Lint {
    name: "publicRoute",
    summary: "A route that anybody may call says `public: true`.",
    code: &PUBLIC_ROUTE,
    check: Check::Model(check),
};

fn check(model: &Model, found: &mut Vec<Diagnostic>) {
    for object in &model.objects {
        let Some(Spec::Route(spec)) = &object.spec else { continue };
        let guarded = spec.plugins.iter().any(guards_all);
        if guarded && spec.public {
            let place = object.key_place("/spec/public");
            let message = format!(
                "the route `{}` says that anybody may call it, and an `auth` lets nobody in unknown",
                object.address.short()
            );
            let problem = object.problem(&PUBLIC_ROUTE, message).at(place, "");
            found.push(problem.help("leave `public` out, or give the `auth` a `when` or `optional: true`"));
        }
        if !spec.public && !guarded {
            let message = format!("anybody may call the route `{}`, and it does not say so", object.address.short());
            let stated = object.root.pointer("/spec/public").map(|public| public.span);
            let place = stated.unwrap_or_else(|| object.key_place("/spec"));
            found.push(
                object
                    .problem(&PUBLIC_ROUTE, message)
                    .at(place, "nothing here authenticates the caller")
                    .help("add `public: true` if that is meant"),
            );
        }
    }
}

/// Whether a plugin lets nobody in unknown, whatever the request is.
fn guards_all(entry: &PluginEntry) -> bool {
    entry.enabled && entry.when.is_none() && entry.auth.as_ref().is_some_and(|auth| !auth.optional)
}

static PUBLIC_ROUTE: Code = Code {
    id: "GW4001",
    name: "public-route",
    severity: Severity::Error,
    page: "\
# GW4001: public-route

Nothing on the way in authenticates the caller, so anybody may call the route. That is often meant, and then `public: true` says so:
a reviewer sees it, and a route that loses its authentication by accident is not accepted. An `auth` with a `when` or with
`optional: true` lets some requests through unknown, so such a route says `public: true`, too: it means outside of what its `auth` is for.
Where an `auth` guards every request, `public: true` would be a lie and is reported.

The lint is called `publicRoute`.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: hello }
spec: { plugins: [{ respond: { body: hello } }] }
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: hello }
spec: { public: true, plugins: [{ respond: { body: hello } }] }
```
",
};
