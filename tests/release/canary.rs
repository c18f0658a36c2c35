//! Releases that some nodes take first: who takes them, and what becomes of them.

use std::thread;

use crate::support::client::{ask, get};
use crate::support::{Gateway, gateway, route, wait_until};
use crate::world::{Said, World, answers, hello, json, serial};

/// A node of which receipts are heard often.
fn node(world: &World, name: &str, more: &[&str]) -> Gateway {
    let state = world.path(&format!("state-{name}"));
    let mut arguments = vec!["--node", name, "--state-dir", state.as_str(), "--receipt-every", "50ms"];
    arguments.extend(more);
    world.start(&arguments)
}

/// Two nodes, of which one is to take releases first.
fn fleet(world: &World) -> (Gateway, Gateway) {
    let nodes = (node(world, "edge-a", &["--label", "ring=canary"]), node(world, "edge-b", &[]));
    wait_until("both are heard", || {
        let status = json(&world.gw(&["status", "--store", &world.store, "-o", "json"]).out);
        (status["fleet"]["counts"]["follows"] == 2).then_some(())
    });
    nodes
}

/// Watches a canary while both nodes are asked again and again, once the first one `runs` it.
fn watched(world: &World, nodes: [&Gateway; 2], runs: impl Fn(&Gateway) -> bool, more: &[&str]) -> Said {
    let mut arguments = vec!["--canary", "ring=canary", "--watch", "--watch-requests", "20", "--timeout", "30s"];
    arguments.extend(more);
    thread::scope(|scope| {
        let apply = scope.spawn(|| world.apply_with(&arguments));
        wait_until("the first one runs it", || (runs(nodes[0]) || apply.is_finished()).then_some(()));
        while !apply.is_finished() {
            for node in nodes {
                ask(node.http(), get("/", ""));
            }
        }
        apply.join().unwrap()
    })
}

/// The numbers of the releases that a command published.
fn serials(said: &Said) -> Vec<u64> {
    let documents = serde_json::Deserializer::from_str(&said.out).into_iter::<serde_json::Value>();
    documents.map(|document| document.unwrap()["release"]["serial"].as_u64().unwrap()).collect()
}

#[test]
fn a_good_canary_is_put_in_force_everywhere() {
    let world = World::new();
    world.apply("one");
    let (a, b) = fleet(&world);
    world.write("two");
    let said = watched(&world, [&a, &b], |node| hello(node) == "two", &["--watch-for", "3s", "--wait"]);
    assert_eq!((said.code, serials(&said)), (0, vec![2, 3]), "{}", said.err);
    assert!(said.err.contains("canary: ") && said.err.ends_with("2 of 2 nodes run it\n"), "{}", said.err);
    answers(&a, "two");
    answers(&b, "two");
}

#[test]
fn a_canary_that_fails_is_taken_back() {
    let world = World::new();
    world.apply("one");
    let (a, b) = fleet(&world);
    let broken = route("hello", "plugins: [{ respond: { status: 503, body: broken } }]");
    world.write_manifests(&(gateway("") + &broken));
    let said = watched(&world, [&a, &b], |node| hello(node) == "broken", &["--watch-for", "10m"]);
    assert_eq!((said.code, serials(&said)), (3, vec![2, 3]), "{}", said.err);
    assert!(
        said.err
            .contains("error: the canary was taken back: 100.0% of its answers are errors, and 0.0% of the others'"),
        "{}",
        said.err
    );
    answers(&a, "one");
    let history = world.gw(&["history", "--store", &world.store]).out;
    assert!(history.contains("first on nodes with ring=canary") && history.contains("restores 1"), "{history}");
    assert!(!b.log.all().iter().any(|line| line.contains("a new table is in force")), "the other one never ran it");
    assert_eq!(world.roll_back(&[]).code, 1, "what was taken back is nothing to go back to");
}

#[test]
fn a_canary_that_is_refused_or_has_no_traffic_is_taken_back() {
    let mut world = World::new();
    world.apply("one");
    let (a, b) = fleet(&world);
    // only the commands know it: the canary cannot resolve it
    world.environment.push(("TOKEN", "abc".into()));
    let spec = "plugins: [{ requestHeaders: { setSecret: { x-token: { env: TOKEN } } } }, { respond: { body: two } }]";
    world.write_manifests(&(gateway("") + &route("hello", spec)));
    let said = world.apply_with(&["--canary", "50%", "--watch", "--timeout", "30s"]);
    assert_eq!((said.code, serials(&said)), (3, vec![2, 3]), "{}", said.err);
    assert!(said.err.contains("error: the canary was taken back: its nodes did not come along"), "{}", said.err);

    world.write("three");
    let said = world.apply_with(&["--canary", "ring=canary", "--watch", "--watch-for", "1s", "--timeout", "30s"]);
    assert_eq!((said.code, serials(&said)), (3, vec![4, 5]), "{}", said.err);
    assert!(said.err.contains("taken back: it has answered "), "{}", said.err);
    for node in [&a, &b] {
        answers(node, "one");
    }
}

#[test]
fn a_canary_stays_until_it_is_applied_or_taken_back() {
    let world = World::new();
    world.write("one");
    let alone = world.apply_with(&["--canary", "ring=canary"]);
    assert_eq!((alone.code, alone.out.as_str()), (1, ""));
    assert!(alone.err.contains("error: no node that is heard has the label `ring=canary`"), "{}", alone.err);
    world.apply("one");
    let (a, b) = fleet(&world);
    world.write("two");
    assert_eq!(serial(&world.apply_with(&["--canary", "ring=canary", "--wait"])), 2);
    answers(&a, "two");
    assert_eq!(hello(&b), "one");
    let status = world.gw(&["status", "--store", &world.store]).out;
    assert!(status.contains(", first on nodes with ring=canary") && status.contains(", canary\n"), "{status}");

    // whoever starts anew still knows whether it is one
    drop((a, b));
    let (a, b) = fleet(&world);
    assert_eq!((hello(&a), hello(&b)), ("two".to_owned(), "one".to_owned()));

    // it is compared with what the others run
    let manifests = world.path("manifests");
    let plan = world.gw(&["plan", &manifests, "--store", &world.store, "--detailed-exitcode"]);
    assert_eq!(plan.code, 2, "{}", plan.err);
    assert!(plan.out.starts_with("Base: release 1 of "), "{}", plan.out);
    assert_eq!(serial(&world.apply_with(&["--wait", "--keep", "1"])), 3);
    answers(&b, "two");

    world.write("three");
    assert_eq!(serial(&world.apply_with(&["--canary", "1%", "--keep", "1", "--wait"])), 4);
    assert_eq!(world.objects("bundles").len(), 2, "what the others go on with is kept");
    let said = world.roll_back(&["--wait"]);
    assert_eq!((said.code, serials(&said)), (0, vec![5]), "{}", said.err);
    for node in [&a, &b] {
        answers(node, "two");
    }
}
