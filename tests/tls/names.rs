//! Which certificate a client gets by the name that it asks for, and what of TLS is spoken.

use rustls::{NamedGroup, ProtocolVersion};

use crate::client::{Tls, Trust, ask};
use crate::support::client::Client;
use crate::support::{Gateway, Options, folder_with, route};
use crate::world::{World, edge, https, start, status, wait_for_metric};

#[test]
fn a_client_gets_the_certificate_for_the_name_that_it_asks_for() {
    let world = World::new();
    let site = world.issue("site", &["site.example", "www.site.example"]);
    let wild = world.issue("wild", &["*.eu.example", "*.fr.eu.example"]);
    let shop = world.issue("shop", &["shop.eu.example"]);
    let certificates = ["site", "wild", "shop"];
    let gateway = start(&world.manifests("{ certificates: [site, wild, shop] }", &certificates));
    let blind = world.trust().blind();
    for (name, expected) in [
        ("site.example", &site),
        ("www.site.example", &site),
        ("shop.eu.example", &shop),
        ("SHOP.eu.example", &shop),
        ("a.eu.example", &wild),
        ("a.fr.eu.example", &wild),
        ("eu.example", &site),
        ("stranger.example", &site),
        ("127.0.0.1", &site),
    ] {
        let tls = Tls::connect(https(&gateway), name, &blind).unwrap();
        assert!(tls.shown() == expected.der, "{name}");
    }
    assert_eq!(ask(https(&gateway), "a.eu.example", "/", &world.trust()).unwrap().body, "hello");
    let untrusted = ask(https(&gateway), "stranger.example", "/", &world.trust()).unwrap_err();
    assert!(untrusted.contains("not valid for name"), "{untrusted}");
}

#[test]
fn hosts_of_the_manifest_come_before_the_names_of_the_certificate() {
    let world = World::new();
    let first = world.issue("first", &["a.example"]);
    let second = world.issue("second", &["a.example"]);
    let mut manifests = world.manifests("{ certificates: [first, second] }", &["first"]);
    manifests.push_str(&world.certificate("second"));
    manifests = manifests.replace("first.key\" } }", "first.key\" } }\n  hosts: [b.example]");
    let gateway = start(&manifests);
    let blind = world.trust().blind();
    assert!(Tls::connect(https(&gateway), "a.example", &blind).unwrap().shown() == second.der);
    assert!(Tls::connect(https(&gateway), "b.example", &blind).unwrap().shown() == first.der);
}

#[test]
fn the_best_of_tls_is_spoken() {
    let world = World::new();
    world.issue("site", &["site.example"]);
    let gateway = start(&world.manifests("{ certificates: [site] }", &["site"]));
    let tls = Tls::connect(https(&gateway), "site.example", &world.trust()).unwrap();
    assert_eq!(tls.version(), Some(ProtocolVersion::TLSv1_3));
    assert_eq!(tls.group(), Some(NamedGroup::X25519MLKEM768));
    for (asked, got) in [(&["http/1.1"][..], Some(&b"http/1.1"[..])), (&["http/1.1", "h2"], Some(b"h2")), (&[], None)] {
        let tls = Tls::connect(https(&gateway), "site.example", &world.trust().speaking(asked)).unwrap();
        assert_eq!(tls.protocol(), got);
    }
    let none = Tls::connect(https(&gateway), "site.example", &world.trust().speaking(&["gopher"]));
    assert!(none.err().unwrap().contains("NoApplicationProtocol"));
}

#[test]
fn who_speaks_http_is_told() {
    let world = World::new();
    world.issue("site", &["site.example"]);
    let gateway = start(&world.manifests("{ certificates: [site] }", &["site"]));
    let mut client = Client::connect(https(&gateway));
    let answer = client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc").answer();
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("HTTPS") && answer.complete);
    assert!(client.is_closed());
    let mut client = Client::connect(https(&gateway));
    let alert = client.send(b"\0\0\0\0nothing of it").rest();
    assert_eq!(alert.first(), Some(&0x15), "{alert:?}");
}

#[test]
fn a_handshake_takes_no_longer_than_a_head() {
    let world = World::new();
    world.issue("site", &["site.example"]);
    let manifests = world.manifests("{ certificates: [site] }", &["site"]);
    let gateway = start(&manifests.replacen("  status:", "  timeouts: { header: 200ms }\n  status:", 1));
    let mut silent = Client::connect(https(&gateway));
    let mut slow = Client::connect(https(&gateway));
    slow.send([0x16, 3, 1]);
    assert!(silent.is_closed() && slow.is_closed());
    wait_for_metric(&gateway, "gw_tls_handshake_failures_total{reason=\"timeout\"} 2");
}

#[test]
fn certificates_are_watched_for_their_end() {
    let world = World::new();
    world.put("site", &world.authority.issue_until(&["site.example"], (2027, 1, 2)));
    world.put("old", &world.authority.issue_until(&["old.example"], (2024, 2, 3)));
    let gateway = start(&world.manifests("{ certificates: [site, old] }", &["site", "old"]));
    gateway.log.wait_for("a certificate has expired certificate=old");
    let metrics = status(&gateway, "/metrics");
    assert!(metrics.contains("gw_certificate_expiry_timestamp_seconds{certificate=\"old\"} 1706918400"), "{metrics}");
    let overview: serde_json::Value = serde_json::from_str(&status(&gateway, "/status")).unwrap();
    let old = serde_json::json!({ "name": "old", "expires": "2024-02-03T00:00:00.000Z", "expiresSoon": true });
    assert_eq!(overview["certificates"][0], old, "{overview}");
}

#[test]
fn a_certificate_of_the_gateways_own_is_asked_for() {
    let manifests = edge("{ certificates: [dev] }")
        + "---\napiVersion: gw/v1\nkind: Certificate\nmetadata: { name: dev }\nspec: { selfSigned: {}, hosts: [dev.example] }\n"
        + &route("hello", "plugins: [{ respond: { body: hello } }]");
    let folder = folder_with(&[("gateway.yaml", &manifests)]);
    let mut refused = Gateway::spawn(folder, &Options::default());
    refused.log.wait_for("`--dev-certificates`");
    assert!(!refused.ended().success());
    let environment = vec![("GW_DEV_CERTIFICATES", "1".to_owned())];
    let options = Options { environment, ..Options::default() };
    let gateway = Gateway::start_in(folder_with(&[("gateway.yaml", &manifests)]), &options);
    let blind = Trust::of(&World::new().authority).blind();
    let before = Tls::connect(https(&gateway), "dev.example", &blind).unwrap().shown();
    gateway.write("gateway.yaml", &manifests.replace("body: hello", "body: bye"));
    gateway.log.wait_for("a new table is in force");
    let mut after = Tls::connect(https(&gateway), "dev.example", &blind).unwrap();
    assert!(after.shown() == before, "the certificate is the same after a change of something else");
    assert_eq!(after.get("dev.example", "/").unwrap().body, "bye");
}

#[test]
fn the_authoritys_statement_is_sent_along() {
    let world = World::new();
    world.issue("site", &["site.example"]);
    // all that a gateway looks at: the frame, and that there is a statement
    let staple = [0x30, 5, 0x0a, 1, 0, 0xa0, 0];
    std::fs::write(world.files.join("site.ocsp"), staple).unwrap();
    let manifests = world.manifests("{ certificates: [site] }", &["site"]);
    let manifests =
        manifests.replace("site.key\" }", &format!("site.key\" }}, ocspStaple: {}", world.file("site.ocsp")));
    let gateway = start(&manifests);
    let (trust, blind) = world.trust().with_staples();
    let stapled = |trust: &Trust| {
        Tls::connect(https(&gateway), "site.example", trust).unwrap();
        blind.0.lock().unwrap().clone()
    };
    assert_eq!(stapled(&trust), staple);
    for bad in [&b"no DER"[..], &[0x30, 3, 0x0a, 1, 6]] {
        let refused = gateway.log.count("no OCSP response") + 1;
        std::fs::write(world.files.join("site.ocsp"), bad).unwrap();
        gateway.signal("HUP");
        gateway.log.wait_for_nth("no OCSP response", refused);
        std::fs::write(world.files.join("site.ocsp"), staple).unwrap();
        gateway.signal("HUP");
        gateway.log.wait_for_nth("nothing that matters has changed", refused);
    }
}

#[test]
fn the_name_that_is_asked_for_is_logged() {
    let world = World::new();
    world.issue("a", &["a.example"]);
    let manifests = world.manifests("{ certificates: [a] }", &["a"]);
    for (format, logged) in [("json", "\"tls\":\"1.3\",\"sni\":\"a.example\""), ("text", " sni=a.example")] {
        let gateway =
            start(&manifests.replacen("spec:\n", &format!("spec:\n  accessLog: {{ format: {format} }}\n"), 1));
        assert_eq!(ask(https(&gateway), "A.example", "/", &world.trust()).unwrap().body, "hello");
        gateway.access.wait_for(logged);
    }
}
