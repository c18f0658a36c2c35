//! The program is killed before each of its system calls that change a file, one after the other: whatever it was about to do, the
//! store and the node are as they were or as they would have been. `strace` does the killing, so the program has no hook for it.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};
use std::thread;

use crate::support::{Gateway, Options, folder_with, program, wait_until};
use crate::world::{World, copy_folder, hello, json};

/// The system calls that change files, or lock or open them.
const CALLS: &str = "openat,write,fsync,rename,unlink,mkdir,flock";

/// What kills a program as soon as one of its threads is about to make its nth call of this kind.
fn killer(call: &str, nth: usize) -> Vec<String> {
    let inject = format!("inject={call}:signal=KILL:when={nth}");
    let trace = format!("trace={call}");
    ["strace", "-D", "-f", "-o", "/dev/null", "-e", &trace, "-e", &inject].map(str::to_owned).into()
}

/// What a command does with files, one system call a line.
fn traced(world: &World, arguments: &[&str]) -> Vec<String> {
    let file = world.path("trace");
    let trace = format!("trace={CALLS}");
    let mut command = Command::new("strace");
    command.args(["-o", &file, "-e", &trace]).arg(program()).args(arguments).current_dir(&world.folder);
    assert!(command.stdin(Stdio::null()).output().unwrap().status.success());
    fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn what_names_a_file_is_written_after_it() {
    let world = World::new();
    world.apply("one");
    world.write("two");
    let (manifests, key) = (world.path("manifests"), world.path("keys/gw.key"));
    let calls = traced(&world, &["apply", &manifests, "--store", &world.store, "--key", &key, "--yes"]);
    let mut renamed = Vec::new();
    for (at, call) in calls.iter().enumerate().filter(|(_, call)| call.starts_with("rename(")) {
        assert!(calls[at - 1].starts_with("fsync("), "content before name: {call}");
        assert!(calls[at + 1].contains("O_RDONLY") && calls[at + 2].starts_with("fsync("), "then the folder: {call}");
        renamed.push(call.rsplit('/').next().unwrap().to_owned());
    }
    let order: Vec<&str> = renamed.iter().map(|name| name.split(['.', '-']).nth(1).unwrap_or_default()).collect();
    assert_eq!(renamed.len(), 3, "{order:?}");
    assert!(renamed[0].contains(".zip\"") && renamed[1].contains("current.json\""), "{renamed:?}");
}

#[test]
fn who_publishes_is_killed_at_each_step() {
    let world = World::new();
    world.apply("one");
    world.apply("two");
    let before = world.path("before");
    copy_folder(world.store.as_ref(), before.as_ref());
    let trusted = world.path("keys/gw.pub");
    let history = || {
        let said = world.gw(&["history", "--store", &world.store, "--trust-key", &trusted, "-o", "json"]);
        assert_eq!(said.code, 0, "{}", said.err);
        json(&said.out)["releases"].as_array().unwrap().clone()
    };
    let (manifests, key) = (world.path("manifests"), world.path("keys/gw.key"));
    let mut killed = 0;
    for nth in 1.. {
        world.write("three");
        let mut command = Command::new("strace");
        // without its children, which are Git's
        command.args(killer(CALLS, nth).iter().skip(1).filter(|argument| !matches!(&***argument, "-D" | "-f")));
        command.arg(program()).args(["apply", &manifests, "--store", &world.store]);
        let ended = command.args(["--key", &key, "--yes"]).stdin(Stdio::null()).output().unwrap().status;
        if ended.success() {
            break;
        }
        killed += 1;
        let releases = history();
        let serial = releases[0]["serial"].as_u64().unwrap();
        assert!(serial == 2 || serial == 3, "before call {nth}: {serial}");
        assert_eq!(releases.len() as u64, serial, "before call {nth}");
        let bundle = world.object(&format!("bundles/{}.zip", releases[0]["bundle"].as_str().unwrap()));
        assert!(bundle.exists(), "before call {nth}");
        // whoever comes next finds nothing in the way
        assert_eq!(world.apply("four"), serial + 1);
        assert_eq!(history().len() as u64, serial + 1);
        fs::remove_dir_all(&world.store).unwrap();
        copy_folder(before.as_ref(), world.store.as_ref());
    }
    assert!(killed > 30, "only {killed} calls");
}

/// Starts a node that is killed before the nth call of a kind; whether it came to have a release in force.
fn started(world: &World, call: &str, nth: usize, state: &str) -> bool {
    let options = Options { through: killer(call, nth), ..world.node(&["--state-dir", state]) };
    let node = Gateway::spawn(folder_with(&[]), &options);
    wait_until("it is killed, or done", || {
        let lines = node.log.all();
        let done = lines.iter().any(|line| line.contains("a release is in force"));
        let ended = lines.last().is_some_and(|line| line == "(the end)");
        (done || ended).then_some(done)
    })
}

/// What a node answers that starts without the store.
fn alone(world: &World, state: &str) -> String {
    let nowhere = world.path("nowhere");
    let mut options = world.node(&["--state-dir", state]);
    let store = options.arguments.iter().position(|argument| *argument == world.store).unwrap();
    options.arguments[store] = nowhere;
    let node = Gateway::start_in(folder_with(&[]), &options);
    hello(&node)
}

#[test]
fn a_node_is_killed_at_each_step_of_taking_a_release() {
    let world = World::new();
    world.apply("one");
    drop(world.start(&[]));
    let before = world.path("state");
    world.apply("two");
    let state = world.path("state-killed");
    let mut seen = BTreeSet::new();
    let mut killed = 0;
    for call in CALLS.split(',') {
        for nth in 1.. {
            let _ = fs::remove_dir_all(&state);
            copy_folder(before.as_ref(), state.as_ref());
            if started(&world, call, nth, &state) {
                break;
            }
            killed += 1;
            let answer = alone(&world, &state);
            assert!(answer == "one" || answer == "two", "before {call} {nth}: {answer}");
            seen.insert(answer);
        }
    }
    assert_eq!(seen.len(), 2, "some were killed before the release was kept, some after it");
    assert!(killed > 40, "only {killed} calls");
}

#[test]
fn nodes_that_are_killed_at_any_moment_come_back() {
    let world = World::new();
    let mut last = world.apply("0");
    drop(world.start(&[]));
    for round in 1..=60 {
        let node = Gateway::start_in(folder_with(&[]), &world.node(&[]));
        // a release is on its way while the node dies, sooner or later after it was started
        thread::scope(|scope| {
            let publishing = scope.spawn(|| world.apply(&round.to_string()));
            thread::park_timeout(std::time::Duration::from_micros(chance(round) % 60_000));
            drop(node);
            last = publishing.join().unwrap();
        });
        let answer: u64 = alone(&world, &world.path("state")).parse().unwrap();
        assert!(answer == round || answer == round - 1, "round {round}: {answer}");
        drop(world.start(&[]));
    }
    assert_eq!(last, 61);
}

/// A number that differs from round to round and is the same in each run.
fn chance(round: u64) -> u64 {
    (round.wrapping_mul(6_364_136_223_846_793_005) >> 20) ^ round
}
