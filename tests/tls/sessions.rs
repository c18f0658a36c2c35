//! Sessions that go on: over connections and swaps, and never from one kind of host to another.

use crate::authority::Authority;
use crate::client::{Tls, Trust};
use crate::world::{World, https, start, wait_for_metric};

/// Whether a second connection went on with the session of a first one.
fn resumes(address: std::net::SocketAddr, name: &str, trust: &Trust) -> bool {
    let mut tls = Tls::connect(address, name, trust).unwrap();
    // tickets come with or after the answer
    assert_eq!(tls.get(name, "/").unwrap().status, 200);
    tls.resumed()
}

#[test]
fn a_session_goes_on_over_a_swap() {
    let world = World::new();
    world.issue("site", &["site.example"]);
    let manifests = world.manifests("{ certificates: [site] }", &["site"]);
    let gateway = start(&manifests);
    let trust = world.trust();
    assert!(!resumes(https(&gateway), "site.example", &trust));
    assert!(resumes(https(&gateway), "site.example", &trust));
    gateway.write("gateway.yaml", &manifests.replace("body: hello", "body: bye"));
    gateway.log.wait_for_nth("a new table is in force", 1);
    assert!(resumes(https(&gateway), "site.example", &trust), "nothing of TLS has changed");
    world.issue("site", &["site.example"]);
    gateway.signal("HUP");
    gateway.log.wait_for_nth("a new table is in force", 2);
    assert!(resumes(https(&gateway), "site.example", &trust), "nothing that is asked of clients has changed");
    assert!(!resumes(https(&gateway), "site.example", &world.trust()), "another client has no session");
    wait_for_metric(&gateway, "gw_tls_handshakes_total{session=\"resumed\"} 3");
}

#[test]
fn a_session_does_not_cross_to_hosts_that_ask_for_more() {
    let (world, partners) = (World::new(), Authority::new("partners"));
    world.issue("site", &["site.example", "partners.example"]);
    world.write("ca.pem", &partners.pem());
    let acme = partners.issue_to("acme", "spiffe://acme/api", 7);
    let tls = |mode: &str| {
        format!(
            "{{ certificates: [site], hosts: [{{ hosts: [partners.example], clientAuth: {{ ca: {}, mode: {mode} }} }}] }}",
            world.file("ca.pem")
        )
    };
    let manifests = world.manifests(&tls("optional"), &["site"]);
    let gateway = start(&manifests);
    let acme = Trust::showing(&world.authority, &acme);
    assert!(!resumes(https(&gateway), "partners.example", &acme));
    assert!(resumes(https(&gateway), "partners.example", &acme));
    assert!(!resumes(https(&gateway), "site.example", &acme));
    assert!(resumes(https(&gateway), "site.example", &acme));
    // who had a session without a certificate has none once one is required
    let nobody = world.trust();
    assert!(!resumes(https(&gateway), "partners.example", &nobody));
    assert!(resumes(https(&gateway), "partners.example", &nobody));
    gateway.write("gateway.yaml", &world.manifests(&tls("required"), &["site"]));
    gateway.log.wait_for("a new table is in force");
    let refused = Tls::connect(https(&gateway), "partners.example", &nobody);
    assert!(refused.and_then(|mut tls| tls.get("partners.example", "/")).is_err());
    assert!(!resumes(https(&gateway), "partners.example", &acme), "it is checked anew");
}

#[test]
fn a_listener_may_resume_nothing() {
    let world = World::new();
    world.issue("site", &["site.example"]);
    let gateway = start(&world.manifests("{ certificates: [site], resumption: false }", &["site"]));
    let trust = world.trust();
    for _ in 0..3 {
        assert!(!resumes(https(&gateway), "site.example", &trust));
    }
}
