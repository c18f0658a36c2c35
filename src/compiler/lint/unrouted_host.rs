//! A host for which a certificate is ordered and that no route answers for.

use crate::compiler::lint::{Check, Lint};
use crate::compiler::manifest::Spec;
use crate::compiler::manifest::route::RouteSpec;
use crate::compiler::object::Object;
use crate::compiler::resolve::Model;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::table::settings::Listener;
use crate::value::host::HostPattern;
use crate::value::name::Name;

pub(super) const LINT: Lint = Lint {
    name: "unroutedHost",
    summary: "A host for which a certificate is ordered has a route, where the certificate is shown.",
    code: &UNROUTED_HOST,
    check: Check::Model(check),
};

fn check(model: &Model, found: &mut Vec<Diagnostic>) {
    if !model.complete {
        return;
    }
    let gateway = model.gateway().0;
    let routes: Vec<&RouteSpec> = model.objects.iter().filter_map(route).collect();
    for object in model.objects.iter().filter(|object| model.is_used(object)) {
        let Some(Spec::Certificate(spec)) = &object.spec else { continue };
        if spec.acme.is_none() {
            continue;
        }
        let shows = |listener: &&Listener| {
            let mut named = listener.tls.iter().flat_map(|tls| &tls.certificates);
            named.any(|certificate| *certificate.name() == object.address.name)
        };
        let shown_by: Vec<&Name> = gateway.listeners.iter().filter(shows).map(|listener| &listener.name).collect();
        for (i, host) in spec.hosts.iter().enumerate() {
            let HostPattern::Exact(name) = host else { continue };
            if routes.iter().any(|route| answers(route, name.as_str(), &shown_by)) {
                continue;
            }
            let message = format!("a certificate is ordered for `{name}`, and no route answers for it over TLS");
            let place = object.place(&format!("/spec/hosts/{i}"));
            let help = "remove the host, or write a route for it that the listener with the certificate leads to";
            found.push(object.problem(&UNROUTED_HOST, message).at(place, "").help(help));
        }
    }
}

fn route(object: &Object) -> Option<&RouteSpec> {
    match &object.spec {
        Some(Spec::Route(spec)) => Some(spec),
        _ => None,
    }
}

fn answers(route: &RouteSpec, host: &str, listeners: &[&Name]) -> bool {
    let reachable = route.listeners.is_empty() || route.listeners.iter().any(|name| listeners.contains(&name));
    reachable && (route.hosts.is_empty() || route.hosts.iter().any(|pattern| pattern.matches(host)))
}

static UNROUTED_HOST: Code = Code {
    id: "GW4008",
    name: "unrouted-host",
    severity: Severity::Warning,
    page: "\
# GW4008: unrouted-host

A certificate is ordered for a host, and no route answers for that host by a listener that shows the certificate. Perhaps a name is
mistyped, or the host is gone. If the name is not this gateway's, the whole order fails, for the other hosts of the certificate too.

The lint is called `unroutedHost`.

```yaml wrong
apiVersion: gw/v1
kind: Gateway
metadata: { name: edge }
spec: { listeners: [{ name: https, address: \"0.0.0.0:8443\", tls: { certificates: [site] } }] }
---
apiVersion: gw/v1
kind: Certificate
metadata: { name: site }
spec: { acme: { termsOfServiceAgreed: true, challenge: tlsAlpn01 }, hosts: [shop.example, old.example] }
---
apiVersion: gw/v1
kind: Route
metadata: { name: shop }
spec: { hosts: [shop.example], public: true, plugins: [{ respond: { body: hello } }] }
```

```yaml right
apiVersion: gw/v1
kind: Gateway
metadata: { name: edge }
spec: { listeners: [{ name: https, address: \"0.0.0.0:8443\", tls: { certificates: [site] } }] }
---
apiVersion: gw/v1
kind: Certificate
metadata: { name: site }
spec: { acme: { termsOfServiceAgreed: true, challenge: tlsAlpn01 }, hosts: [shop.example] }
---
apiVersion: gw/v1
kind: Route
metadata: { name: shop }
spec: { hosts: [shop.example], public: true, plugins: [{ respond: { body: hello } }] }
```
",
};
