//! How connections and streams end: silence, a new table, a stop of the program.

use std::net::TcpStream;
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use crate::client::{Client, request, reset};
use crate::raw::{END_HEADERS, GOAWAY, HEADERS, PING, Raw, block, fields, frame, get};
use crate::support::origin::Origin;
use crate::support::{backend, folder_with, route, wait_until};
use crate::{Gateway, Options, before, both};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// An origin that answers when it is told to.
fn waiting() -> (Origin, mpsc::Sender<()>) {
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let origin = Origin::start(move |peer| {
        peer.request();
        let _ = wait.lock().unwrap().recv();
        peer.send(OK);
        peer.rest();
    });
    (origin, go)
}

#[test]
fn an_idle_connection_is_told_goodbye() {
    let origin = Origin::ok();
    let gateway = before(&origin, "timeouts: { idle: 300ms }");
    let mut client = Raw::connect(gateway.http());
    client.send(get(1, "/fixed"));
    assert!(client.next(HEADERS).is_some());
    let began = Instant::now();
    assert_eq!(client.farewell(), Some(0));
    assert!((Duration::from_millis(200)..Duration::from_secs(5)).contains(&began.elapsed()));
}

#[test]
fn a_request_in_flight_keeps_its_connection() {
    let (origin, go) = waiting();
    let gateway = before(&origin, "timeouts: { idle: 200ms }");
    let client = Client::connect(gateway.http());
    let (answer, _) = client.begin(request("GET", "/", &[]), true).unwrap();
    origin.wait_for(1);
    // another connection that is idle ends meanwhile
    Raw::connect(gateway.http()).farewell();
    go.send(()).unwrap();
    assert_eq!(client.answer(answer).unwrap().text(), "ok");
}

#[test]
fn a_silent_client_is_asked_whether_it_lives() {
    let origin = Origin::start(|peer| {
        peer.request();
        peer.rest();
    });
    let gateway = before(&origin, "timeouts: { ping: 200ms, request: 20s, firstByte: 20s }");
    let mut client = Raw::connect(gateway.http());
    client.send(get(1, "/"));
    let asked = client.next(PING).unwrap();
    client.send(frame(PING, 1, 0, &asked.content));
    // answered, it is asked again; not answered, it is given up
    assert!(client.next(PING).is_some());
    client.farewell();
    wait_until("the request is given up", || (origin.open() == 0).then_some(()));
}

#[test]
fn a_request_and_its_body_have_their_time() {
    let (origin, _go) = waiting();
    let gateway = before(&origin, "timeouts: { request: 400ms, message: 300ms }");
    let client = Client::connect(gateway.http());
    assert_eq!(client.get("/").status, 504);
    let (answer, mut stream) = client.begin(request("POST", "/", &[]), false).unwrap();
    stream.send_data("abc".into(), false).unwrap();
    assert_eq!(client.answer(answer).unwrap().status, 408);
    assert_eq!(client.get("/fixed").text(), "fixed");
}

#[test]
fn a_stop_lets_requests_end() {
    let (origin, go) = waiting();
    let mut gateway = before(&origin, "timeouts: { drain: 10s }");
    let (mut idle, busy) = (Raw::connect(gateway.http()), Client::connect(gateway.http()));
    idle.send(get(1, "/fixed"));
    assert!(idle.next(HEADERS).is_some());
    let (answer, _) = busy.begin(request("GET", "/", &[]), true).unwrap();
    origin.wait_for(1);
    gateway.signal("TERM");
    wait_until("new connections are refused", || TcpStream::connect(gateway.http()).is_err().then_some(()));
    assert_eq!(idle.next(GOAWAY).unwrap().content[4..8], [0; 4]);
    idle.farewell();
    go.send(()).unwrap();
    assert_eq!(busy.answer(answer).unwrap().text(), "ok");
    assert_eq!(gateway.ended().code(), Some(0));
}

#[test]
fn the_drain_time_is_the_end_of_it() {
    let (origin, _go) = waiting();
    let mut gateway = before(&origin, "timeouts: { drain: 300ms }");
    let client = Client::connect(gateway.http());
    let (answer, _) = client.begin(request("GET", "/", &[]), true).unwrap();
    origin.wait_for(1);
    let began = Instant::now();
    gateway.signal("TERM");
    assert_eq!(reset(client.answer(answer)), Some(h2::Reason::CANCEL));
    assert_eq!(gateway.ended().code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_stream_ends_with_its_route_and_the_connection_lives() {
    let (origin, _go) = waiting();
    let common = both("timeouts: { drain: 300ms }") + &backend("origin", origin.address, "");
    let kept = route("kept", "match: [{ path: /kept }]\nbackend: origin");
    let gone = route("gone", "match: [{ path: /gone }]\nbackend: origin");
    let files = [("gateway.yaml", &*common), ("kept.yaml", &kept), ("gone.yaml", &gone)];
    let gateway = Gateway::start_in(folder_with(&files), &Options::default());
    let client = Client::connect(gateway.http());
    let (kept, _) = client.begin(request("GET", "/kept", &[]), true).unwrap();
    let (gone, _) = client.begin(request("GET", "/gone", &[]), true).unwrap();
    origin.wait_for(2);
    std::fs::remove_file(gateway.folder().join("gone.yaml")).unwrap();
    assert_eq!(reset(client.answer(gone)), Some(h2::Reason::CANCEL));
    assert_eq!(client.get("/gone").status, 404);
    drop(kept);
}

#[test]
fn only_what_the_listener_lists_is_spoken() {
    let origin = Origin::ok();
    let only = |protocols: &str| {
        let spec = both("").replace("[http1, http2]", protocols);
        Gateway::start(&(spec + &backend("origin", origin.address, "") + &route("all", "backend: origin")))
    };
    let mut old = Raw::connect(only("[http1]").http());
    assert!(!old.send([0; 1024]) || old.farewell().is_none());
    let new = only("[http2]");
    assert_eq!(Client::connect(new.http()).get("/").text(), "ok");
    let answers = crate::support::client::Client::connect(new.http()).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").rest();
    assert!(!answers.starts_with(b"HTTP/1"));
}

#[test]
fn a_head_may_come_in_pieces_and_between_others() {
    let origin = Origin::ok();
    let gateway = before(&origin, "");
    let mut client = Raw::connect(gateway.http());
    let fields = block(&fields("GET", "/fixed", &[]));
    let (first, rest) = fields.split_at(10);
    client.send([frame(HEADERS, 1, 1, first), frame(9, END_HEADERS, 1, rest)].concat());
    assert!(client.next(HEADERS).is_some());
    assert!(client.lives());
}
