//! What a node starts from when the store or the newest release cannot be used.

use std::fs;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::support::{Gateway, folder_with, wait_until};
use crate::world::{World, answers, hello, json, status};

#[test]
fn without_the_store_a_node_starts_from_the_last_good_release() {
    let world = World::new();
    world.apply("one");
    drop(world.start(&[]));
    let away = world.path("away");
    fs::rename(&world.store, &away).unwrap();
    let node = world.start(&[]);
    assert_eq!(hello(&node), "one");
    let ready = wait_until("it says what it serves", || {
        Some(status(&node, "/readyz")).filter(|ready| ready.text().contains("serving last known good release 1 ("))
    });
    assert!(ready.status == 200 && ready.text().contains("(store)"));
    // once it is back it is followed again, and nothing is said to be wrong
    fs::rename(&away, &world.store).unwrap();
    wait_until("the store is heard again", || (status(&node, "/readyz").text() == "ready\n").then_some(()));
    assert_eq!(node.log.count("a new table is in force"), 0);
    world.apply("two");
    answers(&node, "two");
}

#[test]
fn a_newest_release_that_is_refused_is_passed_over_at_the_start() {
    let world = World::new();
    world.apply("one");
    drop(world.start(&[]));
    let two = world.elsewhere("two");
    fs::write(world.object(&two.bundle_key), "not a bundle").unwrap();
    fs::write(world.object("current.json"), &two.current).unwrap();
    let node = world.start(&[]);
    assert_eq!(hello(&node), "one");
    let shown = wait_until("it says what was refused", || {
        Some(json(&status(&node, "/status").text())).filter(|shown| shown.get("rejected").is_some())
    });
    assert_eq!((&shown["release"]["serial"], &shown["rejected"]["reason"]), (&1.into(), &"digest".into()));
    assert_eq!(shown["rejected"]["serial"], 2);
    // it was seen, so nothing before it is taken any more
    fs::copy(&world.objects("releases")[0], world.object("current.json")).unwrap();
    wait_until("the first one is refused", || {
        (json(&status(&node, "/status").text())["rejected"]["reason"] == "replayed").then_some(())
    });
}

#[test]
fn with_nothing_good_there_is_no_start() {
    let world = World::new();
    for damage in ["nothing", "a damaged bundle", "another key"] {
        let mut arguments = Vec::new();
        let (other, theirs) = (world.path("other"), world.path("other/gw.pub"));
        match damage {
            "nothing" => {}
            "a damaged bundle" => {
                world.apply("one");
                drop(world.start(&[]));
                for file in fs::read_dir(world.folder.join("state/release")).unwrap().map(|file| file.unwrap().path()) {
                    if file.extension().is_some_and(|ending| ending == "zip") {
                        fs::write(file, "damaged").unwrap();
                    }
                }
                fs::remove_dir_all(&world.store).unwrap();
            }
            _ => {
                world.gw(&["key", "generate", "--out", &other]);
                arguments = vec!["--trust-key", theirs.as_str()];
            }
        }
        let mut node = Gateway::spawn(folder_with(&[]), &world.node(&arguments));
        assert_eq!(node.ended().code(), Some(1), "{damage}");
        let log = node.log.all().join("\n");
        assert!(log.contains("error: ") && !log.contains("listening"), "{damage}: {log}");
    }
}

#[test]
fn a_store_that_does_not_answer_holds_nothing_up() {
    let mut world = World::new();
    world.apply("one");
    drop(world.start(&[]));
    // it accepts, and is silent
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    world.store = format!("http://{}/", silent.local_addr().unwrap());
    let began = Instant::now();
    let mut node = world.start(&[]);
    assert_eq!(hello(&node), "one");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    node.log.wait_for("(store): the store has not answered within 3 seconds");
    let began = Instant::now();
    node.signal("TERM");
    assert_eq!(node.ended().code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    drop(silent);
}

#[test]
fn a_state_that_cannot_be_kept_is_told_at_the_start() {
    let world = World::new();
    world.apply("one");
    let file = world.path("file");
    fs::write(&file, "").unwrap();
    let mut node = Gateway::spawn(folder_with(&[]), &world.node(&["--state-dir", &file]));
    node.log.wait_for("error: the state of the node, ");
    assert_eq!(node.ended().code(), Some(1));
}
