//! What must hold of a certificate that is ordered: hosts that can be proved, a listener where the proof is asked for, and consent.

use crate::compiler::manifest::Spec;
use crate::compiler::manifest::certificate::CertificateSpec;
use crate::compiler::object::Object;
use crate::compiler::resolve::Model;
use crate::diagnostic::{Code, Diagnostics, Severity};
use crate::table::acme::{Acme, AcmeChallenge};
use crate::table::settings::Settings;
use crate::value::host::HostPattern;

/// Checks all certificates that are ordered.
pub(super) fn check(model: &Model, settings: &Settings, out: &mut Diagnostics) {
    let is_gateway_known = model.is_gateway_known();
    for object in &model.objects {
        let Some(Spec::Certificate(spec)) = &object.spec else { continue };
        let Some(acme) = &spec.acme else { continue };
        hosts(object, spec, out);
        terms(object, acme, out);
        if is_gateway_known && model.is_used(object) {
            challenge(object, acme, settings, out);
        }
    }
}

fn hosts(object: &Object, spec: &CertificateSpec, out: &mut Diagnostics) {
    if spec.hosts.is_empty() {
        let problem = object.problem(&ACME_HOST, "nothing says for which hosts the certificate is ordered");
        let help = "add `hosts: [NAME]` beside `acme`, with each name that the listener is asked for";
        out.push(problem.at(object.key_place("/spec/acme"), "").help(help));
    }
    for (i, host) in spec.hosts.iter().enumerate() {
        let (what, help) = match host {
            HostPattern::Wildcard(_) => {
                ("a wildcard", "write each name by itself, or bring the certificate as `files`")
            }
            HostPattern::Exact(name) if is_address(name.as_str()) => {
                ("an address", "write the name by which clients know it, or bring the certificate as `files`")
            }
            HostPattern::Exact(_) => continue,
        };
        let message = format!("`{host}` is {what}, which neither `http01` nor `tlsAlpn01` can prove");
        let place = object.place(&format!("/spec/hosts/{i}"));
        out.push(object.problem(&ACME_HOST, message).at(place, "").help(help));
    }
}

fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok()
}

fn terms(object: &Object, acme: &Acme, out: &mut Diagnostics) {
    if !acme.terms_of_service_agreed {
        let problem = object.problem(&ACME_TERMS, "no certificate is ordered without consent to the authority's terms");
        let place = object.place("/spec/acme/termsOfServiceAgreed");
        out.push(problem.at(place, "").help("read the terms of service, and write `true` if you agree"));
    }
}

fn challenge(object: &Object, acme: &Acme, settings: &Settings, out: &mut Diagnostics) {
    let in_clear = settings.listeners.iter().any(|listener| listener.tls.is_none());
    if acme.challenge == AcmeChallenge::Http01 && !in_clear {
        let message = "the authority asks by `http01` in clear text, and every listener speaks TLS";
        let problem = object.problem(&ACME_CHALLENGE, message);
        let help = "add a listener without `tls` that port 80 leads to, or write `challenge: tlsAlpn01`";
        out.push(problem.at(object.place("/spec/acme/challenge"), "").help(help));
    }
}

pub(super) static ACME_HOST: Code = Code {
    id: "GW2108",
    name: "acme-host",
    severity: Severity::Error,
    page: "\
# GW2108: acme-host

An authority issues a certificate for hosts that it could reach: it asks each one by its name. So an order names its hosts, and each by
its whole name. A wildcard could only be proved in the DNS, which a gateway has no access to; bring such a certificate as `files`.

```yaml wrong
apiVersion: gw/v1
kind: Gateway
metadata: { name: edge }
spec:
  listeners:
    - { name: http, address: \"0.0.0.0:8080\" }
    - { name: https, address: \"0.0.0.0:8443\", tls: { certificates: [site] } }
---
apiVersion: gw/v1
kind: Certificate
metadata: { name: site }
spec: { acme: { termsOfServiceAgreed: true }, hosts: [\"*.shop.example\"] }
---
apiVersion: gw/v1
kind: Route
metadata: { name: hello }
spec: { public: true, plugins: [{ respond: { body: hello } }] }
```

```yaml right
apiVersion: gw/v1
kind: Gateway
metadata: { name: edge }
spec:
  listeners:
    - { name: http, address: \"0.0.0.0:8080\" }
    - { name: https, address: \"0.0.0.0:8443\", tls: { certificates: [site] } }
---
apiVersion: gw/v1
kind: Certificate
metadata: { name: site }
spec: { acme: { termsOfServiceAgreed: true }, hosts: [shop.example, www.shop.example] }
---
apiVersion: gw/v1
kind: Route
metadata: { name: hello }
spec: { public: true, plugins: [{ respond: { body: hello } }] }
```
",
};

pub(super) static ACME_CHALLENGE: Code = Code {
    id: "GW2109",
    name: "acme-challenge",
    severity: Severity::Error,
    page: "\
# GW2109: acme-challenge

With the challenge `http01` an authority asks the host for a page in clear text, at port 80, and nowhere else first. A gateway whose
listeners all speak TLS would never hear it, and no order would succeed. Port 80 may lead to another port of the gateway, such as 8080.

```yaml wrong
apiVersion: gw/v1
kind: Gateway
metadata: { name: edge }
spec: { listeners: [{ name: https, address: \"0.0.0.0:8443\", tls: { certificates: [site] } }] }
---
apiVersion: gw/v1
kind: Certificate
metadata: { name: site }
spec: { acme: { termsOfServiceAgreed: true }, hosts: [shop.example] }
---
apiVersion: gw/v1
kind: Route
metadata: { name: hello }
spec: { public: true, plugins: [{ respond: { body: hello } }] }
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
metadata: { name: hello }
spec: { public: true, plugins: [{ respond: { body: hello } }] }
```
",
};

pub(super) static ACME_TERMS: Code = Code {
    id: "GW2110",
    name: "acme-terms",
    severity: Severity::Error,
    page: "\
# GW2110: acme-terms

An authority issues certificates to those who agree to its terms of service. The gateway does not agree in your place: the manifest says
so, where a reviewer can see it. The directory of the authority links to its terms.

```yaml wrong
apiVersion: gw/v1
kind: Gateway
metadata: { name: edge }
spec: { listeners: [{ name: https, address: \"0.0.0.0:8443\", tls: { certificates: [site] } }] }
---
apiVersion: gw/v1
kind: Certificate
metadata: { name: site }
spec: { acme: { termsOfServiceAgreed: false, challenge: tlsAlpn01 }, hosts: [shop.example] }
---
apiVersion: gw/v1
kind: Route
metadata: { name: hello }
spec: { public: true, plugins: [{ respond: { body: hello } }] }
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
metadata: { name: hello }
spec: { public: true, plugins: [{ respond: { body: hello } }] }
```
",
};
