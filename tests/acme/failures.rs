//! Orders that fail: what is served is served on, and everybody can see why.

use std::fs;

use crate::client::Trust;
use crate::front::{Front, WAIT};
use crate::pebble::{Pebble, Settings};
use crate::support::{Gateway, Options, folder_with};
use crate::world::{World, edge, hello, shown, site, site_status, status};

#[test]
fn what_an_authority_refuses_is_told_and_not_tried_at_once() {
    let world = World::new();
    let pebble = Pebble::start(&Settings::default());
    let manifests = edge("127.0.0.1:0", "127.0.0.1:0", "{ certificates: [site] }")
        + &site(&pebble.directory(), &pebble.ca(), "gone.example", "")
        + &hello();
    let gateway = world.start(&manifests);
    let refused = shown(gateway.address("https"), "gone.example", &pebble.trust());
    assert!(refused.is_err(), "there is nothing to show yet");
    let line = gateway.log.wait_for("a certificate could not be ordered");
    assert!(line.contains("it could not see whose `gone.example` is") && line.contains("failures=1"), "{line}");
    let line = site_status(&gateway);
    assert!(line["acme"]["trouble"].as_str().unwrap().contains("gone.example") && line["expires"].is_null(), "{line}");
    let metrics = status(&gateway, "/metrics");
    for expected in [
        "gw_acme_orders_total{certificate=\"site\",result=\"failed\"} 1",
        "gw_acme_failures{certificate=\"site\"} 1",
        "gw_tls_handshake_failures_total{reason=\"not-issued\"} 1",
    ] {
        assert!(metrics.contains(expected), "{expected} in {metrics}");
    }
    assert!(fs::read_dir(world.kept(&pebble.directory()).join("challenges")).unwrap().next().is_none());
    drop(gateway);
    // whoever comes next knows of it
    let gateway = world.start(&manifests);
    assert_eq!(site_status(&gateway)["acme"]["failures"], 1);
    assert_eq!(pebble.orders(), 1);
}

#[test]
fn an_authority_says_when_to_come_again() {
    let world = World::new();
    let pebble = Pebble::start(&Settings::default());
    let front = Front::of(&pebble);
    front.refuse_orders();
    let order = site(&front.directory(), &pebble.ca(), "site.example", "");
    let gateway = world.start(&(world.manifests().replace("[first]", "[first, site]") + &order));
    let line = gateway.log.wait_for("a certificate could not be ordered");
    assert!(line.contains("too many orders"), "{line}");
    let seconds: u32 = line.split_once("again_in=").unwrap().1.trim_end_matches('s').parse().unwrap();
    assert!((WAIT - 30..=WAIT).contains(&seconds), "{line}");
    let blind = Trust::of(&world.authority).blind();
    assert!(shown(gateway.address("https"), "site.example", &blind).is_ok(), "another certificate is shown");
}

#[test]
fn an_authority_that_is_away_changes_nothing() {
    let world = World::new();
    let gateway = world.start(&world.manifests());
    let settings = Settings { http: gateway.http().port(), ..Settings::default() };
    let mut pebble = Pebble::start(&settings);
    let https = gateway.address("https");
    gateway.write("gateway.yaml", &world.ordering(&pebble, "site.example", ""));
    gateway.log.wait_for("a certificate was issued certificate=site");
    let before = shown(https, "site.example", &pebble.trust()).unwrap();
    let another = world.ordering(&pebble, "site.example", ", key: rsa2048");
    let blind = Trust::of(&world.authority).blind();
    pebble.restart(|| {
        gateway.write("gateway.yaml", &another);
        gateway.log.wait_for("the authority cannot be asked");
        assert_eq!(shown(https, "site.example", &blind), Ok(before.clone()));
        assert!(site_status(&gateway)["acme"]["trouble"].as_str().unwrap().contains("cannot be connected to"));
    });
    // it is there again, and doesn't know the account any more
    gateway.log.wait_for_nth("a certificate was issued certificate=site", 2);
    assert!(shown(https, "site.example", &pebble.trust()).unwrap() != before);
    assert_eq!(site_status(&gateway)["acme"]["failures"], 0);
    assert_eq!(gateway.log.count("an account was made with an authority"), 2);
}

#[test]
fn without_a_folder_nothing_is_ordered() {
    let world = World::new();
    let manifests = edge("127.0.0.1:0", "127.0.0.1:0", "{ certificates: [site] }")
        + &site("https://localhost:1/dir", "{ file: /dev/null }", "site.example", "")
            .replace("ca: { file: /dev/null }, ", "")
        + &hello();
    let folder = || folder_with(&[("gateway.yaml", &manifests)]);
    let mut none = Gateway::spawn(folder(), &Options::default());
    none.log.wait_for("start with `--state-dir DIR`");
    assert!(!none.ended().success());
    fs::write(&world.state, "no folder").unwrap();
    let mut unusable = Gateway::spawn(folder(), &world.options());
    unusable.log.wait_for("the folder of `--state-dir` cannot be used");
    assert!(!unusable.ended().success());
}

#[test]
fn what_is_kept_and_broken_is_told() {
    let world = World::new();
    let pebble = Pebble::start(&Settings::default());
    let manifests = world.ordering(&pebble, "gone.example", "");
    let gateway = world.start(&manifests);
    gateway.log.wait_for("a certificate could not be ordered");
    world.seed(&pebble.directory(), "no PEM");
    gateway.log.wait_for("the certificate that is kept in the state folder is unusable");
    assert!(shown(gateway.address("https"), "first.example", &Trust::of(&world.authority)).is_ok());
}
