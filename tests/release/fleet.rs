//! What the nodes tell of themselves, and what is made of it.

use std::fs;

use crate::support::{Gateway, gateway, route, wait_until};
use crate::world::{World, answers, json, serial};

/// A node with a name and a state of its own.
fn node(world: &World, name: &str, more: &[&str]) -> Gateway {
    let state = world.path(&format!("state-{name}"));
    let mut arguments = vec!["--node", name, "--state-dir", state.as_str()];
    arguments.extend(more);
    world.start(&arguments)
}

fn status(world: &World, more: &[&str]) -> serde_json::Value {
    let mut arguments = vec!["status", "--store", world.store.as_str(), "-o", "json"];
    arguments.extend(more);
    let said = world.gw(&arguments);
    assert_eq!(said.code, 0, "{}", said.err);
    json(&said.out)
}

/// Waits until so many nodes are in a state.
fn until(world: &World, state: &str, count: u64) -> serde_json::Value {
    wait_until(&format!("{count} nodes are {state}: {}", status(world, &[])), || {
        Some(status(world, &[])).filter(|status| status["fleet"]["counts"][state] == count)
    })
}

#[test]
fn the_fleet_is_seen_as_it_is() {
    let mut world = World::new();
    world.apply("one");
    let (a, b) = (node(&world, "edge-a", &[]), node(&world, "edge-b", &[]));
    let seen = until(&world, "follows", 2);
    assert_eq!((&seen["release"]["serial"], &seen["fleet"]["nodes"][1]["node"]), (&1.into(), &"edge-b".into()));

    // a release that one node can use and the other one can't
    world.environment.push(("TOKEN", "abc".into()));
    let c = node(&world, "edge-c", &[]);
    until(&world, "follows", 3);
    let spec = "plugins:\n  - requestHeaders: { setSecret: { x-token: { env: TOKEN } } }\n  - respond: { body: two }";
    world.write_manifests(&(gateway("") + &route("hello", spec)));
    let said = world.apply_with(&["--wait", "--timeout", "30s"]);
    assert_eq!(said.code, 4, "{}", said.err);
    assert_eq!(json(&said.out)["release"]["serial"], 2);
    assert!(said.err.contains("1 of 3 nodes run it, 2 refuses"), "{}", said.err);
    assert!(said.err.contains("refused 2 (secrets): the environment variable `TOKEN` is not set"), "{}", said.err);
    answers(&c, "two");
    let seen = until(&world, "refuses", 2);
    let edge_a = &seen["fleet"]["nodes"][0];
    assert_eq!((&edge_a["running"]["serial"], &edge_a["refused"]["serial"]), (&1.into(), &2.into()));

    // a release that all can use
    world.write("three");
    let said = world.apply_with(&["--wait", "--timeout", "30s"]);
    assert_eq!(serial(&said), 3);
    assert!(said.err.ends_with("3 of 3 nodes run it\n"), "{}", said.err);
    for node in [&a, &b, &c] {
        answers(node, "three");
    }
    let said = world.roll_back(&["1", "--wait"]);
    assert_eq!((said.code, json(&said.out)["release"]["serial"].as_u64()), (0, Some(4)));
}

#[test]
fn a_manifest_that_a_node_refuses_is_shown_with_its_place() {
    let world = World::new();
    world.apply("one");
    let receipt = serde_json::json!({
        "formatVersion": "1.0", "node": "edge", "version": "0.0.9", "written": jiff::Timestamp::now(),
        "running": null,
        "refused": {
            "serial": 1, "reason": "manifests", "since": "2026-11-24T12:00:00Z",
            "problems": [{ "place": "gateway.d/api.yaml:17:12", "code": "GW1201", "message": "there is no field `x`\u{1b}[2J" }],
        },
    });
    fs::create_dir_all(world.object("receipts")).unwrap();
    fs::write(world.object("receipts/edge.json"), receipt.to_string()).unwrap();
    fs::write(world.object("receipts/broken.json"), "{").unwrap();
    let said = world.gw(&["status", "--store", &world.store]);
    assert_eq!(said.code, 0);
    assert!(said.out.contains("  edge  refuses  nothing\n        refused 1 (manifests)\n"), "{}", said.out);
    assert!(said.out.contains("gateway.d/api.yaml:17:12: GW1201 there is no field `x`?[2J\n"), "{}", said.out);
}

#[test]
fn who_is_not_heard_is_silent_and_not_waited_for() {
    let world = World::new();
    let none = world.gw(&["status", "--store", &world.store]);
    assert_eq!(none.out, "nothing was released yet\nno node has written a receipt\n");
    world.apply("one");
    let _node = node(&world, "edge-a", &[]);
    let receipt = until(&world, "follows", 1)["fleet"]["nodes"][0].clone();
    let mut old = receipt.clone();
    old["written"] = "2026-01-01T00:00:00Z".into();
    old["node"] = "edge-z".into();
    fs::write(world.object("receipts/edge-z.json"), old.to_string()).unwrap();
    until(&world, "silent", 1);
    world.write("two");
    let said = world.apply_with(&["--wait", "--timeout", "30s"]);
    assert_eq!(serial(&said), 2);
    assert!(said.err.ends_with("1 of 2 nodes run it, 1 silent\n"), "{}", said.err);
    // with nobody there is nobody to follow
    let alone = World::new();
    alone.write("one");
    let said = alone.apply_with(&["--wait", "--timeout", "1ms"]);
    assert_eq!(said.code, 4, "{}", said.err);
    assert!(said.err.contains("no node has written a receipt"), "{}", said.err);
}

#[test]
fn receipts_may_have_a_store_of_their_own() {
    let world = World::new();
    world.apply("one");
    let receipts = world.path("receipts");
    let _node = node(&world, "edge-a", &["--receipts", &receipts]);
    wait_until("it is seen there", || {
        (status(&world, &["--receipts", &receipts])["fleet"]["counts"]["follows"] == 1).then_some(())
    });
    assert_eq!(status(&world, &[])["fleet"]["nodes"], serde_json::json!([]));
    assert!(!world.object("receipts").exists());
}

#[test]
fn a_folder_that_is_not_what_is_released_is_told() {
    let world = World::new();
    world.apply("one");
    let manifests = world.path("manifests");
    assert_eq!(status(&world, &[&manifests])["drift"]["drifts"], false);
    world.write("two");
    assert_eq!(status(&world, &[&manifests])["drift"]["drifts"], true);
    let said = world.gw(&["status", &manifests, "--store", &world.store]);
    assert!(said.out.contains(" is not what is released: it compiles to the table "), "{}", said.out);
    world.write_manifests("apiVersion: gw/v1\n");
    assert_eq!(status(&world, &[&manifests])["drift"]["table"], serde_json::Value::Null);
}
