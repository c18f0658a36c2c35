//! Counts of quotas that outlive the process: stopped, killed, and replaced by another one.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::shared::{call, keyed, statuses, used};
use crate::support::{Gateway, Options, folder_with, wait_until};

/// A folder for the state of a test.
fn state(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("gw-quotas-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

/// Keeps its state in a folder of its own.
pub fn options(name: &str) -> Options {
    in_folder(&state(name))
}

fn in_folder(state: &Path) -> Options {
    let environment = vec![("GW_STATE_DIR", state.to_str().unwrap().to_owned())];
    Options { environment, ..Options::default() }
}

fn start(plan: &str, state: &Path) -> Gateway {
    Gateway::start_in(folder_with(&[("gateway.yaml", &keyed("", plan, ""))]), &in_folder(state))
}

#[test]
fn a_restart_keeps_every_count() {
    let (state, plan) = (state("restart"), "{ quota: { perMonth: 5 } }");
    let mut first = start(plan, &state);
    assert_eq!(statuses(first.http(), "a", 4), [200; 4]);
    first.signal("TERM");
    assert!(first.ended().success());
    let second = start(plan, &state);
    assert_eq!((used(&second, "a"), statuses(second.http(), "a", 3)), (4, vec![200, 429, 429]));
    assert_eq!(statuses(second.http(), "b", 1), [200]);
    std::fs::remove_dir_all(&state).unwrap();
}

#[test]
fn a_kill_loses_the_counts_of_a_second_at_most() {
    let (state, plan) = (state("kill"), "{ quota: { perMonth: 1000000 } }");
    for round in 0..3 {
        let mut gateway = start(plan, &state);
        let before = used(&gateway, "a");
        let began = Instant::now();
        let mut calls = Vec::new();
        while began.elapsed() < Duration::from_millis(1500 + round * 130) {
            assert_eq!(call(gateway.http(), "a").status, 200);
            calls.push(began.elapsed());
        }
        gateway.signal("KILL");
        let killed = began.elapsed();
        gateway.ended();
        let again = start(plan, &state);
        let counted = used(&again, "a") - before;
        let all = calls.len() as u64;
        let due = calls.iter().filter(|at| killed.saturating_sub(**at) >= Duration::from_secs(1)).count() as u64;
        assert!((due..=all).contains(&counted), "{counted} of {all}, of which {due} are older than a second");
    }
    std::fs::remove_dir_all(&state).unwrap();
}

#[test]
fn only_one_gateway_counts_in_a_file() {
    let (state, plan) = (state("one"), "{ quota: { perMonth: 5 } }");
    let _first = start(plan, &state);
    let mut second = Gateway::spawn(folder_with(&[("gateway.yaml", &keyed("", plan, ""))]), &in_folder(&state));
    assert!(!second.ended().success());
    second.log.wait_for("another gateway counts in it");
    std::fs::remove_dir_all(&state).unwrap();
}

#[test]
fn whoever_takes_the_place_of_a_gateway_counts_on() {
    let (state, plan) = (state("given"), "{ quota: { perMonth: 5 } }");
    let socket = std::env::temp_dir().join(format!("gw-quotas-{}-given.sock", std::process::id()));
    let options = || {
        let mut options = in_folder(&state);
        options.environment.push(("GW_HANDOVER", socket.to_str().unwrap().to_owned()));
        options
    };
    let manifests = keyed("", plan, "");
    let mut first = Gateway::start_in(folder_with(&[("gateway.yaml", &manifests)]), &options());
    wait_until("it can be replaced", || socket.exists().then_some(()));
    assert_eq!(statuses(first.http(), "a", 3), [200; 3]);
    let second = Gateway::start_in(folder_with(&[("gateway.yaml", &manifests)]), &options());
    assert!(first.ended().success());
    wait_until("the counts are taken over", || (used(&second, "a") == 3).then_some(()));
    assert_eq!(statuses(second.http(), "a", 3), [200, 200, 429]);
    std::fs::remove_dir_all(&state).unwrap();
}
