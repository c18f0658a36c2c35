//! Client certificates: who gets in, what is told of them, and that no host is reached by the rules of another.

use crate::authority::{Authority, Issued};
use crate::client::{Tls, Trust, ask};
use crate::support::origin::Origin;
use crate::support::{Gateway, Options, backend, folder_with, route, wait_until};
use crate::world::{World, https, start, wait_for_metric};

struct Partners {
    world: World,
    authority: Authority,
    acme: Issued,
    evil: Issued,
}

impl Partners {
    fn new() -> Self {
        let (world, authority) = (World::new(), Authority::new("partners"));
        world.issue("site", &["site.example", "partners.example", "maybe.example", "plain.example"]);
        world.write("ca.pem", &authority.pem());
        world.write("crl.pem", &authority.revoke(&[66]));
        let acme = authority.issue_to("acme", "spiffe://acme/api", 7);
        let evil = authority.issue_to("evil", "spiffe://evil/api", 66);
        Self { world, authority, acme, evil }
    }

    fn start(&self, tls: &str) -> Gateway {
        start(&self.world.manifests(&format!("{{ certificates: [site], {tls} }}"), &["site"]))
    }

    fn auth(&self, mode: &str) -> String {
        format!(
            "clientAuth: {{ ca: {}, crl: {}, mode: {mode} }}",
            self.world.file("ca.pem"),
            self.world.file("crl.pem")
        )
    }

    fn showing(&self, own: &Issued) -> Trust {
        Trust::showing(&self.world.authority, own)
    }
}

#[test]
fn a_required_certificate_is_of_the_right_authority_and_not_revoked() {
    let there = Partners::new();
    let gateway = there.start(&there.auth("required"));
    let ask = |trust: &Trust| ask(https(&gateway), "site.example", "/", trust);
    assert_eq!(ask(&there.showing(&there.acme)).unwrap().body, "hello");
    let stranger = Authority::new("partners").issue_to("acme", "spiffe://acme/api", 7);
    assert!(ask(&there.world.trust()).is_err());
    assert!(ask(&there.showing(&there.evil)).is_err());
    assert!(ask(&there.showing(&stranger)).is_err());
    for reason in ["no-certificate", "certificate-revoked", "certificate"] {
        wait_for_metric(&gateway, &format!("gw_tls_handshake_failures_total{{reason=\"{reason}\"}} 1"));
    }
}

#[test]
fn an_optional_certificate_may_be_missing_but_not_wrong() {
    let there = Partners::new();
    let gateway = there.start(&there.auth("optional"));
    let ask = |trust: &Trust| ask(https(&gateway), "site.example", "/", trust);
    assert_eq!(ask(&there.world.trust()).unwrap().body, "hello");
    assert_eq!(ask(&there.showing(&there.acme)).unwrap().body, "hello");
    assert!(ask(&there.showing(&there.evil)).is_err());
}

#[test]
fn no_host_is_reached_by_the_rules_of_another() {
    let there = Partners::new();
    let hosts = format!(
        "hosts: [{{ hosts: [partners.example, \"*.partners.example\"], {} }}, {{ hosts: [maybe.example], {} }}]",
        there.auth("required"),
        there.auth("optional")
    );
    let gateway = there.start(&hosts);
    let acme = there.showing(&there.acme);
    let nobody = there.world.trust();
    assert!(
        Tls::connect(https(&gateway), "partners.example", &nobody)
            .and_then(|mut tls| tls.get("partners.example", "/"))
            .is_err()
    );
    for (sni, trust, host, expected) in [
        ("site.example", &nobody, "site.example", 200),
        ("site.example", &nobody, "plain.example", 200),
        ("site.example", &nobody, "partners.example", 421),
        ("site.example", &nobody, "a.partners.example", 421),
        ("site.example", &acme, "PARTNERS.example:443", 421),
        ("site.example", &nobody, "maybe.example", 421),
        ("127.0.0.1", &nobody.clone().blind(), "partners.example", 421),
        ("127.0.0.1", &nobody.clone().blind(), "site.example", 200),
        ("partners.example", &acme, "partners.example", 200),
        ("partners.example", &acme, "b.partners.example", 200),
        ("partners.example", &acme, "site.example", 421),
        ("maybe.example", &nobody, "maybe.example", 200),
        ("maybe.example", &nobody, "partners.example", 421),
        ("maybe.example", &acme, "partners.example", 421),
    ] {
        let answer = ask_for(&gateway, sni, host, trust);
        assert_eq!(answer, expected, "{host} by {sni}");
    }
}

fn ask_for(gateway: &Gateway, sni: &str, host: &str, trust: &Trust) -> u16 {
    Tls::connect(https(gateway), sni, trust).unwrap().get(host, "/").unwrap().status
}

#[test]
fn a_connection_from_before_is_held_to_the_rules_of_now() {
    let there = Partners::new();
    let manifests = |tls: &str| there.world.manifests(&format!("{{ certificates: [site]{tls} }}"), &["site"]);
    let gateway = Gateway::start_in(folder_with(&[("gateway.yaml", &manifests(""))]), &Options::default());
    let mut early = Tls::connect(https(&gateway), "site.example", &there.world.trust()).unwrap();
    assert_eq!(early.get("site.example", "/").unwrap().status, 200);
    gateway.write("gateway.yaml", &manifests(&format!(", {}", there.auth("required"))));
    gateway.log.wait_for("a new table is in force");
    assert_eq!(early.get("site.example", "/").unwrap().status, 421);
    let mut acme = Tls::connect(https(&gateway), "site.example", &there.showing(&there.acme)).unwrap();
    assert_eq!(acme.get("site.example", "/").unwrap().status, 200);
    // the list of revoked certificates changes: who connected before is let go of
    there.world.write("crl.pem", &there.authority.revoke(&[66, 7]));
    gateway.signal("HUP");
    wait_until("the new list is in force", || {
        ask(https(&gateway), "site.example", "/", &there.showing(&there.acme)).is_err().then_some(())
    });
    wait_until("the connection is closed", || acme.is_closed().then_some(()));
}

#[test]
fn who_shows_a_certificate_is_known_and_let_in_by_rules() {
    let there = Partners::new();
    let origin = Origin::ok();
    let tls = format!("{{ certificates: [site], {} }}", there.auth("optional"));
    let mut manifests = there.world.manifests(&tls, &["site"]) + &backend("origin", origin.address, "");
    manifests += "---\napiVersion: gw/v1\nkind: Auth\nmetadata: { name: partners }\nspec:\n  mtls:\n    \
                  require: [{ claim: /names, like: \"*.partners.example\" }, { claim: /issuer, matches: \".*CN=partners.*\" }]\n    \
                  deny: [{ claim: /name, equals: beta }]\n";
    let guarded = "match: [{ path: /api }]\nplugins:\n- auth: { anyOf: [partners] }\n\
                   - requestHeaders: { set: { x-user: \"${identity.name}\", x-subject: \"${identity.subject}\" } }\nbackend: origin";
    manifests += &route("api", guarded).replace("  public: true\n", "");
    let gateway = start(&manifests);
    let beta = there.authority.issue_to("beta", "spiffe://beta/api", 8);
    let ask = |trust: &Trust| ask(https(&gateway), "site.example", "/api", trust).unwrap().status;
    assert_eq!(ask(&there.showing(&there.acme)), 200);
    assert_eq!(ask(&there.showing(&beta)), 403);
    assert_eq!(ask(&there.world.trust()), 401);
    let seen = origin.wait_for(1).remove(0);
    assert_eq!((seen.all("x-user"), seen.all("x-subject")), (vec!["acme"], vec!["CN=acme,O=Tests"]));
}

#[test]
fn a_certificate_decides_the_route_and_is_told_upstream() {
    let there = Partners::new();
    let origin = Origin::ok();
    let mut manifests =
        there.world.manifests(&format!("{{ certificates: [site], {} }}", there.auth("optional")), &["site"]);
    manifests += &backend("origin", origin.address, "");
    let told = "plugins: [{ requestHeaders: { set: { x-subject: \"${clientCertificate.subject}\", x-san: \"${clientCertificate.san}\" } } }]\nbackend: origin";
    manifests += &route(
        "acme",
        &format!("match: [{{ pathPrefix: /p, clientCertificate: {{ san: \"spiffe://acme/api\" }} }}]\n{told}"),
    );
    manifests += &route(
        "beta",
        "match: [{ pathPrefix: /p, clientCertificate: { subject: \"CN=beta,O=Tests\" } }]\nplugins: [{ respond: { body: beta } }]",
    );
    manifests += &route("told", &format!("match: [{{ path: /told }}]\n{told}"));
    manifests += &route(
        "when",
        "match: [{ path: /when }]\nplugins:\n  - respond: { body: partner }\n    \
         when: { clientCertificate: { san: \"*.partners.example\" } }\n  - { id: others, respond: { body: other } }",
    );
    let gateway = start(&manifests);
    let beta = there.authority.issue_to("beta", "spiffe://beta/api", 8);
    let other = there.authority.issue_to("other", "spiffe://other/api", 9);
    let ask = |path: &str, trust: &Trust| ask(https(&gateway), "site.example", path, trust).unwrap();
    assert_eq!(ask("/p", &there.showing(&there.acme)).body, "ok");
    assert_eq!(ask("/p", &there.showing(&beta)).body, "beta");
    assert_eq!(ask("/p", &there.showing(&other)).status, 403);
    assert_eq!(ask("/p", &there.world.trust()).status, 403, "it does not fall through to the public route");
    assert_eq!(ask("/told", &there.world.trust()).body, "ok");
    assert_eq!(ask("/when", &there.showing(&there.acme)).body, "partner");
    assert_eq!(ask("/when", &there.world.trust()).body, "other");
    let seen = origin.wait_for(2);
    assert_eq!(seen[0].all("x-subject"), ["CN=acme,O=Tests"]);
    assert_eq!(seen[0].all("x-san"), ["acme.partners.example"]);
    assert!(seen[1].all("x-subject").is_empty() && seen[1].all("x-san").is_empty());
}
