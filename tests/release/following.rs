//! Nodes that follow a store: what they take, and what they refuse.

use std::fs;
use std::net::TcpListener;

use gw::deploy::release::{Release, SigningKey, Trust};
use gw::table::Digest;

use crate::support::{Gateway, folder_with, gateway, route, wait_until};
use crate::world::{World, answers, hello, json, serial, status};

/// Waits until a release was refused for a reason, and checks that all places say so and nothing changed.
fn refused(gateway: &Gateway, reason: &str, still: &str) {
    gateway.log.wait_for(&format!("({reason}): "));
    wait_until(&format!("/status says {reason}"), || {
        let shown = json(&status(gateway, "/status").text());
        (shown["rejected"]["reason"] == reason && shown["release"]["lastKnownGood"] == true).then_some(())
    });
    let ready = status(gateway, "/readyz");
    assert_eq!(ready.status, 200);
    assert!(
        ready.text().contains("serving last known good release") && ready.text().contains(reason),
        "{}",
        ready.text()
    );
    let metrics = status(gateway, "/metrics").text();
    assert!(metrics.contains(&format!("\ngw_release_refusals_total{{reason=\"{reason}\"}} ")), "{metrics}");
    assert!(metrics.contains("\ngw_release_last_known_good 1\n"));
    assert_eq!(hello(gateway), still);
}

/// Waits until a release is in force, and checks that nothing is said to be wrong.
fn in_force(gateway: &Gateway, serial: u64, text: &str) {
    answers(gateway, text);
    wait_until("nothing is refused any more", || {
        let shown = json(&status(gateway, "/status").text());
        (shown["release"]["serial"] == serial && shown.get("rejected").is_none()).then_some(())
    });
    assert_eq!(status(gateway, "/readyz").text(), "ready\n");
    let metrics = status(gateway, "/metrics").text();
    assert!(metrics.contains(&format!("\ngw_release_serial {serial}\n")) && metrics.contains("last_known_good 0\n"));
}

#[test]
fn a_node_follows_what_is_published() {
    let world = World::new();
    assert_eq!(world.apply("one"), 1);
    let node = world.start(&[]);
    in_force(&node, 1, "one");
    assert_eq!(world.apply("two"), 2);
    in_force(&node, 2, "two");
    assert_eq!(world.apply("three"), 3);
    in_force(&node, 3, "three");
    assert_eq!(serial(&world.roll_back(&["1"])), 4);
    in_force(&node, 4, "one");
    let release = json(&status(&node, "/status").text())["release"].clone();
    assert_eq!(release["store"], world.store);
    assert_eq!(release["signedBy"].as_str().map(str::len), Some(12));
}

#[test]
fn a_flipped_byte_is_refused() {
    let world = World::new();
    world.apply("one");
    let node = world.start(&[]);
    let mut two = world.elsewhere("two");
    let middle = two.bundle.len() / 2;
    two.bundle[middle] ^= 1;
    fs::write(world.object(&two.bundle_key), &two.bundle).unwrap();
    fs::write(world.object("current.json"), &two.current).unwrap();
    refused(&node, "digest", "one");
    // the next release with it writes the bundle anew
    let three = world.apply("three");
    in_force(&node, three, "three");
    assert_eq!(world.apply("two"), three + 1);
    in_force(&node, three + 1, "two");
}

#[test]
fn a_bundle_that_comes_late_is_waited_for() {
    let world = World::new();
    world.apply("one");
    let node = world.start(&[]);
    let two = world.elsewhere("two");
    fs::write(world.object("current.json"), &two.current).unwrap();
    refused(&node, "store", "one");
    fs::write(world.object(&two.bundle_key), &two.bundle).unwrap();
    in_force(&node, 2, "two");
}

#[test]
fn a_statement_that_was_changed_is_refused() {
    let world = World::new();
    world.apply("one");
    let node = world.start(&[]);
    let current = world.object("current.json");
    let text = fs::read_to_string(&current).unwrap();
    let at = text.find("\"payload\": \"").unwrap() + 40;
    let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
    let mut changed = text.clone();
    changed.replace_range(at..=at, other);
    fs::write(&current, changed).unwrap();
    refused(&node, "signature", "one");
    fs::write(&current, "{").unwrap();
    refused(&node, "unreadable", "one");
    fs::write(&current, text).unwrap();
    in_force(&node, 1, "one");
}

#[test]
fn who_is_not_trusted_publishes_in_vain() {
    let world = World::new();
    world.apply("one");
    let node = world.start(&[]);
    let other = world.path("other");
    assert_eq!(world.gw(&["key", "generate", "--out", &other]).code, 0);
    world.write("two");
    let (key, own) = (world.path("other/gw.key"), world.path("keys/gw.pub"));
    let said = world.apply_with(&["--key", &key]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("no trusted key signed the release"), "{}", said.err);
    assert_eq!(serial(&world.apply_with(&["--key", &key, "--trust-key", &own])), 2);
    refused(&node, "signature", "one");
    // a second key is trusted once a node is told so
    let theirs = world.path("other/gw.pub");
    let state = world.path("state2");
    let both = world.start(&["--trust-key", &own, "--trust-key", &theirs, "--state-dir", &state]);
    in_force(&both, 2, "two");
}

#[test]
fn nothing_unsigned_is_taken_unless_that_was_said() {
    let world = World::new();
    world.write("one");
    assert_eq!(serial(&world.apply_with(&["--allow-unsigned"])), 1);
    let node = world.start(&["--allow-unsigned"]);
    in_force(&node, 1, "one");
    let state = world.path("state2");
    let mut signed_only = Gateway::spawn(folder_with(&[]), &world.node(&["--state-dir", &state]));
    signed_only.log.wait_for("(signature): the release is not signed");
    assert_eq!(signed_only.ended().code(), Some(1));
    let said = world.gw(&["run", "--store", &world.store]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("--trust-key") && said.err.contains("--allow-unsigned"), "{}", said.err);
}

#[test]
fn an_old_release_cannot_come_back() {
    let world = World::new();
    world.apply("one");
    let old = fs::read(world.object("current.json")).unwrap();
    world.apply("two");
    let node = world.start(&[]);
    in_force(&node, 2, "two");
    fs::write(world.object("current.json"), &old).unwrap();
    refused(&node, "replayed", "two");
    // nor after a restart
    drop(node);
    let node = world.start(&[]);
    refused(&node, "replayed", "two");
}

#[test]
fn of_two_releases_with_one_number_the_first_stays() {
    let world = World::new();
    world.apply("one");
    let other = world.elsewhere("other");
    assert_eq!(world.apply("two"), 2);
    let node = world.start(&[]);
    in_force(&node, 2, "two");
    fs::write(world.object(&other.bundle_key), &other.bundle).unwrap();
    fs::write(world.object("current.json"), &other.current).unwrap();
    refused(&node, "forked", "two");
}

#[test]
fn another_table_than_was_reviewed_is_refused() {
    let world = World::new();
    world.apply("one");
    let node = world.start(&[]);
    let two = world.elsewhere("two");
    let trust = Trust::Anyone;
    let mut statement = Release::read(two.current, &trust).unwrap().statement;
    statement.table = Digest::of_bytes(b"what was reviewed");
    let key = SigningKey::read(&world.folder.join("keys/gw.key")).unwrap();
    fs::write(world.object(&two.bundle_key), &two.bundle).unwrap();
    fs::write(world.object("current.json"), Release::sign(statement, Some(&key)).unwrap().envelope).unwrap();
    refused(&node, "table", "one");
}

#[test]
fn a_release_for_another_environment_is_refused() {
    let world = World::new();
    world.write("one");
    assert_eq!(serial(&world.apply_with(&["--env", "prod"])), 1);
    let node = world.start(&["--env", "prod"]);
    in_force(&node, 1, "one");
    for other in [&["--env", "dev"][..], &[]] {
        let state = world.path("state2");
        let mut arguments = vec!["--state-dir", state.as_str()];
        arguments.extend(other);
        let mut node = Gateway::spawn(folder_with(&[]), &world.node(&arguments));
        node.log.wait_for("(environment): the release is for the environment `prod`");
        assert_eq!(node.ended().code(), Some(1));
    }
    let said = world.apply_with(&["--env", "dev"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("each environment has a store of its own"), "{}", said.err);
}

#[test]
fn a_secret_that_this_node_lacks_is_waited_for() {
    let world = World::new();
    world.apply("one");
    let node = world.start(&[]);
    let token = world.path("token");
    let spec = format!(
        "plugins:\n  - requestHeaders: {{ setSecret: {{ x-token: {{ file: {token} }} }} }}\n  - respond: {{ body: two }}"
    );
    world.write_manifests(&(gateway("") + &route("hello", &spec)));
    assert_eq!(serial(&world.apply_with(&[])), 2);
    refused(&node, "secrets", "one");
    fs::write(&token, "abc").unwrap();
    in_force(&node, 2, "two");
    // a new value is taken without a new release
    fs::write(&token, "def").unwrap();
    node.log.wait_for("a new table is in force generation=3");
    in_force(&node, 2, "two");
}

#[test]
fn a_listener_that_cannot_be_bound_changes_nothing() {
    let world = World::new();
    world.apply("one");
    let node = world.start(&[]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let edge = gateway("").replacen("127.0.0.1:0", &address.to_string(), 1);
    world.write_manifests(&(edge + &route("hello", "plugins: [{ respond: { body: two } }]")));
    assert_eq!(serial(&world.apply_with(&[])), 2);
    node.log.wait_for("cannot listen on");
    refused(&node, "node", "one");
    // a node that starts anew starts with the release before it, and takes the newest once it can
    drop(node);
    let node = world.start(&[]);
    assert_eq!(hello(&node), "one");
    drop(taken);
    answers(&node, "two");
}
