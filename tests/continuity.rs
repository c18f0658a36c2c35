//! What lives on over a change of manifests, what ends with it, and what is tried again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what fails here is a test")]

mod support;

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::symlink;

use support::client::{Client, ask, get};
use support::origin::Origin;
use support::{Gateway, Options, backend, folder_with, gateway, route, wait_until};

const SWAPPED: &str = "a new table is in force";

/// A `Gateway` with listeners such as `http 127.0.0.1:8080`, and a route that says a text.
fn listening(listeners: &[(&str, SocketAddr)], text: &str) -> String {
    let list: Vec<String> =
        listeners.iter().map(|(name, address)| format!("{{ name: {name}, address: \"{address}\" }}")).collect();
    let says = route("says", &format!("plugins: [{{ respond: {{ body: {text} }} }}]"));
    gateway("").replace("{ name: http, address: \"127.0.0.1:0\" }", &list.join(", ")) + &says
}

/// An address that was free a moment ago.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn a_listener_is_renamed_and_widened() {
    let address = free();
    let gateway = Gateway::start_in(
        folder_with(&[("gateway.yaml", &listening(&[("http", address)], "one"))]),
        &Options::default(),
    );
    let mut client = Client::connect(address);
    assert_eq!(client.send(get("/", "")).answer().text(), "one");
    gateway.write("gateway.yaml", &listening(&[("web", address)], "two"));
    gateway.log.wait_for_nth(SWAPPED, 1);
    assert_eq!(client.send(get("/", "")).answer().text(), "two", "the connection lives on under the new name");
    gateway.write("gateway.yaml", &listening(&[("web", ([0, 0, 0, 0], address.port()).into())], "three"));
    gateway.log.wait_for_nth(SWAPPED, 2);
    wait_until("the wider listener answers", || (ask(address, get("/", "")).text() == "three").then_some(()));
}

#[test]
fn a_port_that_becomes_free_is_taken_without_a_change() {
    let (address, taken) = (free(), TcpListener::bind("127.0.0.1:0").unwrap());
    let gateway = Gateway::start_in(
        folder_with(&[("gateway.yaml", &listening(&[("http", address)], "one"))]),
        &Options::default(),
    );
    let other = taken.local_addr().unwrap();
    gateway.write("gateway.yaml", &listening(&[("http", address), ("more", other)], "two"));
    gateway.log.wait_for("cannot listen on");
    assert_eq!(ask(address, get("/", "")).text(), "one");
    drop(taken);
    gateway.signal("HUP");
    gateway.log.wait_for_nth(SWAPPED, 1);
    assert_eq!((ask(address, get("/", "")).text(), ask(other, get("/", "")).text()), ("two".into(), "two".into()));
}

/// Manifests whose requests go to a server with a secret from a file.
fn with_secret(origin: &Origin, file: &str, more: &str) -> String {
    let spec =
        format!("plugins: [{{ requestHeaders: {{ setSecret: {{ x-token: {{ file: {file} }} }} }} }}]\nbackend: origin");
    gateway("") + &backend("origin", origin.address, "") + &route("all", &spec) + more
}

fn token(origin: &Origin, gateway: &Gateway) -> String {
    origin.forget();
    assert_eq!(ask(gateway.http(), get("/", "X_Token: forged\r\n")).status, 200);
    let seen = origin.wait_for(1);
    let tokens: Vec<&String> =
        seen[0].head.iter().filter(|line| line.replace('_', "-").starts_with("x-token")).collect();
    assert_eq!(tokens.len(), 1, "{tokens:?}");
    tokens[0].clone()
}

#[test]
fn a_rotated_secret_is_a_new_generation_of_the_same_table() {
    let origin = Origin::ok();
    let folder = folder_with(&[("secrets/token", "first\n")]);
    let file = folder.join("secrets/token");
    let manifests = with_secret(&origin, file.to_str().unwrap(), "");
    let gateway = Gateway::start_in(folder_with(&[("gateway.yaml", &manifests)]), &Options::default());
    assert_eq!(token(&origin, &gateway), "x-token: first");
    fs::write(&file, "second\n").unwrap();
    gateway.signal("HUP");
    let line = gateway.log.wait_for(SWAPPED);
    let digest = |name: &str| line.split(&format!("{name}=")).nth(1).unwrap().split(' ').next().unwrap().to_owned();
    assert_eq!(digest("old"), digest("new"));
    assert_eq!(token(&origin, &gateway), "x-token: second");
    for (wrong, said) in [("a\nx-admin: 1", "control character"), ("", "is empty")] {
        fs::write(&file, wrong).unwrap();
        gateway.signal("HUP");
        gateway.log.wait_for(said);
        assert_eq!(token(&origin, &gateway), "x-token: second");
    }
    fs::write(&file, "third").unwrap();
    gateway.signal("HUP");
    gateway.log.wait_for_nth(SWAPPED, 2);
    assert_eq!(token(&origin, &gateway), "x-token: third");
    assert_eq!(gateway.log.count("third") + gateway.log.count("x-admin"), 0, "a secret is in the log");
}

#[test]
fn a_rotation_survives_a_swap_that_fails() {
    let origin = Origin::ok();
    let folder = folder_with(&[("secrets/token", "first")]);
    let file = folder.join("secrets/token");
    let manifests = with_secret(&origin, file.to_str().unwrap(), "");
    let gateway = Gateway::start_in(folder_with(&[("gateway.yaml", &manifests)]), &Options::default());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listener = format!("127.0.0.1:0\" }}, {{ name: taken, address: \"{}\" }}]", taken.local_addr().unwrap());
    gateway.write("gateway.yaml", &manifests.replacen("127.0.0.1:0\" }]", &listener, 1));
    gateway.log.wait_for("cannot listen on");
    fs::write(&file, "second").unwrap();
    gateway.write("gateway.yaml", &manifests);
    gateway.log.wait_for_nth(SWAPPED, 1);
    assert_eq!(token(&origin, &gateway), "x-token: second");
}

#[test]
fn servers_keep_their_turns() {
    let (a, b) = (Origin::ok(), Origin::ok());
    let manifests = |n: usize| {
        let targets =
            backend("both", a.address, "").replace("}] }", &format!("}}, {{ url: \"http://{}\" }}] }}", b.address));
        gateway("")
            + &targets
            + &route("all", "backend: both")
            + &route("v", &format!("match: [{{ path: /v }}]\nplugins: [{{ respond: {{ body: \"{n}\" }} }}]"))
    };
    let options = Options { environment: vec![("GW_WORKERS", "1".into())], ..Options::default() };
    let gateway = Gateway::start_in(folder_with(&[("gateway.yaml", &manifests(0))]), &options);
    for n in 1..=4 {
        assert_eq!(ask(gateway.http(), get("/", "")).status, 200);
        gateway.write("gateway.yaml", &manifests(n));
        gateway.log.wait_for_nth(SWAPPED, n);
    }
    assert_eq!((a.seen().len(), b.seen().len()), (2, 2));
}

#[test]
fn an_endless_answer_ends_with_its_route() {
    let origin = Origin::start(|peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
        peer.rest();
    });
    let end = backend("origin", origin.address, "");
    let first = gateway("timeouts: { drain: 200ms, message: 1h }");
    let kept = route("kept", "match: [{ path: /kept }]\nbackend: origin");
    let gone = route("gone", "match: [{ path: /gone }]\nbackend: origin");
    let gateway = Gateway::start(&(first.clone() + &end + &kept + &gone));
    let mut streams: Vec<Client> = ["/kept", "/gone"]
        .map(|path| {
            let mut client = Client::connect(gateway.http());
            client.send(get(path, ""));
            client
        })
        .into();
    origin.wait_for(2);
    gateway.write("gateway.yaml", &(first + &end + &kept));
    gateway.log.wait_for_nth(SWAPPED, 1);
    let mut leaving = streams.pop().unwrap();
    assert!(!leaving.answer().complete);
    let staying = &mut streams[0];
    staying.stream.set_nonblocking(true).unwrap();
    wait_until("what was sent is there", || {
        (std::io::Read::read(&mut staying.stream, &mut [0; 4096]).is_ok()).then_some(())
    });
    let more = std::io::Read::read(&mut staying.stream, &mut [0; 1]);
    assert_eq!(more.unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "the other stream has ended");
}

#[test]
fn links_publish_nothing_of_the_machine_and_lead_in_no_circle() {
    let site = "---\napiVersion: gw/v1\nkind: Backend\nmetadata: { name: site }\nspec: { folder: { path: site } }\n"
        .to_owned();
    let manifests = gateway("") + &site + &route("all", "backend: site");
    let inside = folder_with(&[
        ("gateway.yaml", &manifests),
        ("real/index.html", "home\n"),
        ("real/.well-known/security.txt", "Contact: a\n"),
    ]);
    symlink("real", inside.join("site")).unwrap();
    symlink(".", inside.join("real/again")).unwrap();
    symlink(".", inside.join("circle")).unwrap();
    symlink("..", inside.join("real/up")).unwrap();
    let running = Gateway::start_in(inside.clone(), &Options::default());
    assert_eq!(ask(running.http(), get("/", "")).text(), "home\n");
    assert_eq!(ask(running.http(), get("/.well-known/security.txt", "")).text(), "Contact: a\n");
    let outside = folder_with(&[("passwd", "x\n")]);
    fs::remove_file(inside.join("site")).unwrap();
    symlink(&outside, inside.join("site")).unwrap();
    running.signal("HUP");
    running.log.wait_for("outside the root folder");
    assert_eq!(ask(running.http(), get("/passwd", "")).status, 404);
}
