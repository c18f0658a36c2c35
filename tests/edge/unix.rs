//! Listeners on paths of this machine.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use crate::manifests;
use crate::support::client::get;
use crate::support::{Gateway, Options, folder_with};

/// A path that is short enough for a socket.
fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("gw-edge-{}-{name}.sock", std::process::id()))
}

fn ask(path: &Path) -> String {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.write_all(get("/", "Connection: close\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn on(path: &Path) -> String {
    manifests(&format!("{{ name: local, address: \"unix:{}\" }}", path.display()))
}

#[test]
fn a_path_answers_while_the_gateway_runs() {
    let path = path("answers");
    let mut gateway = Gateway::start(&on(&path));
    let answer = ask(&path);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"client\": \"127.0.0.1\""), "{answer}");
    gateway.signal("TERM");
    assert!(gateway.ended().success());
    assert!(!path.exists());
}

#[test]
fn a_path_comes_and_goes_with_a_swap() {
    let (one, two) = (path("one"), path("two"));
    let gateway = Gateway::start(&on(&one));
    let mut kept = UnixStream::connect(&one).unwrap();
    gateway.write("gateway.yaml", &on(&two));
    gateway.log.wait_for("a new table is in force");
    assert!(ask(&two).starts_with("HTTP/1.1 200"));
    assert!(!one.exists());
    // who has connected gets an answer
    kept.write_all(get("/", "").as_bytes()).unwrap();
    let mut answer = String::new();
    kept.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
}

#[test]
fn a_path_is_taken_from_the_dead_and_not_from_the_living() {
    let path = path("dead");
    let mut first = Gateway::start(&on(&path));
    let mut second = Gateway::spawn(folder_with(&[("gateway.yaml", &on(&path))]), &Options::default());
    second.log.wait_for("cannot listen on unix:");
    assert!(!second.ended().success());
    first.signal("KILL");
    first.ended();
    assert!(path.exists());
    let third = Gateway::start(&on(&path));
    assert!(ask(&path).starts_with("HTTP/1.1 200"));
    drop(third);
    let _ = fs::remove_file(path);
}
