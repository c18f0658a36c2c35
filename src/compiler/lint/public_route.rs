//! A route that anybody may call and that doesn't say so.

use crate::compiler::lint::{Check, Lint};
use crate::compiler::manifest::Spec;
use crate::compiler::resolve::Model;
use crate::diagnostic::{Code, Diagnostic, Severity};

pub(super) const LINT: Lint = Lint {
    name: "publicRoute",
    summary: "A route that anybody may call says `public: true`.",
    code: &PUBLIC_ROUTE,
    check: Check::Model(check),
};

fn check(model: &Model, found: &mut Vec<Diagnostic>) {
    for object in &model.objects {
        let Some(Spec::Route(spec)) = &object.spec else { continue };
        if !spec.public {
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

static PUBLIC_ROUTE: Code = Code {
    id: "GW4001",
    name: "public-route",
    severity: Severity::Error,
    page: "\
# GW4001: public-route

Nothing on the way in authenticates the caller, so anybody may call the route. That is often meant, and then `public: true` says so:
a reviewer sees it, and a route that loses its authentication by accident is not accepted.

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
