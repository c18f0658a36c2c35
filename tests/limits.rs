//! What one client may take up, and how long: timeouts, limits, back-pressure; how the program starts and ends.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what fails here is a test")]

mod support;

use std::io::Read as _;
use std::net::TcpStream;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use support::client::{Client, ask, get, post};
use support::origin::Origin;
use support::{Gateway, Options, backend, folder_with, gateway, resident, route, wait_until};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn before(origin: &Origin, spec: &str) -> Gateway {
    let manifests = gateway(spec)
        + &backend("origin", origin.address, "")
        + &route("fixed", "match: [{ path: /fixed }]\nplugins: [{ respond: { body: fixed } }]")
        + &route("all", "backend: origin");
    let options = Options { environment: vec![("GW_WORKERS", "1".into())], ..Options::default() };
    Gateway::start_in(folder_with(&[("gateway.yaml", &manifests)]), &options)
}

/// Sends a byte every few milliseconds until the gateway ends it; what came, and how long it took.
fn drip(client: &mut Client, byte: u8) -> (String, Duration) {
    let began = Instant::now();
    client.stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let (mut piece, mut got) = ([0; 4096], Vec::new());
    while began.elapsed() < support::PATIENCE {
        client.send([byte]);
        match client.stream.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => got.extend_from_slice(&piece[..length]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
    (String::from_utf8_lossy(&got).into_owned(), began.elapsed())
}

fn soon(took: Duration) -> bool {
    (Duration::from_millis(200)..Duration::from_secs(5)).contains(&took)
}

#[test]
fn those_who_say_little_are_not_waited_for() {
    let origin = Origin::ok();
    let gateway = before(&origin, "timeouts: { header: 300ms, idle: 400ms, message: 300ms, request: 700ms }");
    let timed = |bytes: &str| {
        let began = Instant::now();
        let answers = Client::connect(gateway.http()).send(bytes).answers();
        (answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), began.elapsed())
    };
    for (name, bytes, expected) in [
        ("nothing", String::new(), &[][..]),
        ("half a head", "GET / HTTP/1.1\r\nHo".into(), &[]),
        ("idle after a request", get("/", ""), &[200]),
        ("half a head after a request", get("/", "") + "GET /", &[200]),
        ("half a body", "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 9\r\n\r\nabc".into(), &[408]),
        (
            "half a body in chunks",
            "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc".into(),
            &[408],
        ),
    ] {
        let (statuses, took) = timed(&bytes);
        assert!(statuses == expected && soon(took), "{name}: {statuses:?} after {took:?}");
    }
    let mut head = Client::connect(gateway.http());
    head.send("GET / HTTP/1.1\r\nHost: a.example\r\nX: ");
    let (got, took) = drip(&mut head, b'x');
    assert!(got.is_empty() && soon(took), "{got} after {took:?}");
    let mut body = Client::connect(gateway.http());
    body.send("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 100000\r\n\r\n");
    let (got, took) = drip(&mut body, b'x');
    assert!(got.starts_with("HTTP/1.1 504 ") && soon(took), "{got} after {took:?}");
}

#[test]
fn a_request_has_its_time() {
    let origin = Origin::start(|peer| {
        peer.request();
        peer.rest();
    });
    let gateway = before(&origin, "timeouts: { request: 300ms }");
    let began = Instant::now();
    assert_eq!(ask(gateway.http(), get("/", "")).status, 504);
    assert!(soon(began.elapsed()));
    let gateway = before(&origin, "timeouts: { firstByte: 300ms }");
    assert_eq!(ask(gateway.http(), post("/", "abc")).status, 504);
}

#[test]
fn what_is_too_large_is_refused() {
    let origin = Origin::ok();
    let gateway = before(&origin, "limits: { bodyBytes: 1KiB, headerBytes: 2KiB, headers: 10, targetBytes: 100B }");
    let ask = |request: String| ask(gateway.http(), request).status;
    assert_eq!(ask(post("/", &"x".repeat(1024))), 200);
    assert_eq!(ask(post("/", &"x".repeat(1025))), 413);
    let chunks = |body: &str| {
        format!(
            "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        )
    };
    assert_eq!(ask(chunks(&"x".repeat(1024))), 200);
    assert_eq!(ask(chunks(&"x".repeat(1025))), 413);
    assert_eq!(ask(chunks(&"x".repeat(100_000))), 413);
    assert_eq!(ask(post("/fixed", &"x".repeat(1025))), 413);
    assert_eq!(ask(get("/", &"X: y\r\n".repeat(9))), 200);
    assert_eq!(ask(get("/", &"X: y\r\n".repeat(10))), 431);
    assert_eq!(ask(get("/", &format!("X: {}\r\n", "y".repeat(2000)))), 200);
    assert_eq!(ask(get("/", &format!("X: {}\r\n", "y".repeat(2048)))), 431);
    assert_eq!(ask(get(&format!("/{}", "a".repeat(99)), "")), 200);
    assert_eq!(ask(get(&format!("/{}", "a".repeat(100)), "")), 414);
    assert_eq!(ask(get(&format!("/?{}", "a".repeat(99)), "")), 414);
    assert!(origin.seen().iter().all(|seen| !seen.complete || seen.body.len() <= 1024));
}

#[test]
fn a_large_refused_body_does_not_hide_the_refusal() {
    let origin = Origin::ok();
    let gateway = before(&origin, "limits: { bodyBytes: 1KiB }");
    for head in ["Content-Length: 3000000", "Transfer-Encoding: chunked"] {
        let mut client = Client::connect(gateway.http());
        client.send(format!("POST / HTTP/1.1\r\nHost: a.example\r\n{head}\r\n\r\n2dc6c0\r\n"));
        client.send(vec![b'x'; 200_000]);
        assert_eq!(client.answer().status, 413, "{head}");
    }
}

#[test]
fn further_connections_wait() {
    let origin = Origin::ok();
    let gateway = before(&origin, "limits: { connections: 2 }");
    let mut first = Client::connect(gateway.http());
    let mut second = Client::connect(gateway.http());
    for client in [&mut first, &mut second] {
        assert_eq!(client.send(get("/", "")).answer().status, 200);
    }
    let mut third = Client::connect(gateway.http());
    third.send(get("/", ""));
    third.stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(third.stream.read(&mut [0; 1]).is_err(), "the third is answered while the first two are open");
    third.stream.set_read_timeout(Some(support::PATIENCE)).unwrap();
    drop(first);
    assert_eq!(third.answer().status, 200);
    assert_eq!(second.send(get("/", "")).answer().status, 200);
}

#[test]
fn a_slow_reader_holds_the_server_back_and_no_memory() {
    const SIZE: usize = 64 << 20;
    let sent = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&sent);
    let origin = Origin::start(move |peer| {
        peer.request();
        peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n"));
        for _ in 0..SIZE >> 20 {
            peer.send(vec![b'x'; 1 << 20]);
            *counted.lock().unwrap() += 1;
        }
    });
    let gateway = before(&origin, "");
    assert_eq!(ask(gateway.http(), get("/fixed", "")).status, 200);
    let mut client = Client::connect(gateway.http());
    let before = resident(gateway.pid());
    client.send(get("/", "Connection: close\r\n")).exactly(100);
    // the server comes to a halt long before its end
    let mut last = (0, Instant::now());
    wait_until("the server is held back", || {
        let now = *sent.lock().unwrap();
        if now != last.0 {
            last = (now, Instant::now());
        }
        (last.1.elapsed() > Duration::from_millis(300)).then_some(())
    });
    assert!(last.0 < SIZE >> 21, "{} MiB were taken from the server", last.0);
    let grown = resident(gateway.pid()).saturating_sub(before);
    assert!(grown < 8 << 10, "{grown} KiB more");
    assert!(client.rest().len() > SIZE - 1000);
}

#[test]
fn a_slow_server_holds_the_client_back() {
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let origin = Origin::start(move |peer| {
        let mut seen = peer.head().unwrap();
        let _ = wait.lock().unwrap().recv();
        peer.body(&mut seen);
        peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", seen.body.len())).send(seen.body);
    });
    let gateway = before(&origin, "limits: { bodyBytes: 100MiB }");
    assert_eq!(ask(gateway.http(), post("/fixed", "abc")).status, 200);
    let mut client = Client::connect(gateway.http());
    let before = resident(gateway.pid());
    client.send(format!("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: {}\r\n\r\n", 64 << 20));
    client.stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let mut sent = 0;
    while sent < 64 << 20
        && let Ok(length) = std::io::Write::write(&mut client.stream, &[b'x'; 1 << 13])
    {
        sent += length;
    }
    assert!(sent < 48 << 20, "{sent} bytes were taken");
    let grown = resident(gateway.pid()).saturating_sub(before);
    assert!(grown < 16 << 10, "{grown} KiB more");
    client.stream.set_write_timeout(Some(support::PATIENCE)).unwrap();
    go.send(()).unwrap();
    client.send(vec![b'x'; (64 << 20) - sent]);
    assert_eq!(client.answer().body.len(), 64 << 20);
}

#[test]
fn a_termination_lets_requests_end() {
    for signal in ["TERM", "INT"] {
        let (go, wait) = mpsc::channel::<()>();
        let wait = Mutex::new(wait);
        let origin = Origin::start(move |peer| {
            peer.request();
            let _ = wait.lock().unwrap().recv();
            peer.send(OK);
            peer.rest();
        });
        let mut gateway = before(&origin, "timeouts: { drain: 10s }");
        let address = gateway.http();
        let mut idle = Client::connect(address);
        assert_eq!(idle.send(get("/fixed", "")).answer().status, 200);
        let mut busy = Client::connect(address);
        busy.send(get("/", ""));
        origin.wait_for(1);
        gateway.signal(signal);
        wait_until("new connections are refused", || TcpStream::connect(address).is_err().then_some(()));
        assert!(idle.is_closed());
        go.send(()).unwrap();
        let answer = busy.answer();
        assert_eq!((answer.text().as_str(), answer.get("connection")), ("ok", Some("close")));
        assert_eq!(gateway.ended().code(), Some(0));
    }
}

#[test]
fn the_drain_time_is_the_end_of_it() {
    let origin = Origin::start(|peer| {
        peer.request();
        peer.rest();
    });
    let mut gateway = before(&origin, "timeouts: { drain: 300ms }");
    let mut busy = Client::connect(gateway.http());
    busy.send(get("/", ""));
    origin.wait_for(1);
    let began = Instant::now();
    gateway.signal("TERM");
    assert_eq!(gateway.ended().code(), Some(0));
    assert!(soon(began.elapsed()));
    assert!(busy.is_closed());
}

#[test]
fn the_environment_chooses_the_port() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let manifests = gateway("") + &route("fixed", "plugins: [{ respond: { body: fixed } }]");
    let options = Options { environment: vec![("PORT", free.to_string())], ..Options::default() };
    let gateway = Gateway::start_in(folder_with(&[("gateway.yaml", &manifests)]), &options);
    assert_eq!(gateway.http().to_string(), format!("0.0.0.0:{free}"));
    assert_eq!(ask(([127, 0, 0, 1], free).into(), get("/", "")).text(), "fixed");
}

#[test]
fn what_does_not_compile_does_not_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap();
    let on_taken = gateway("").replace("\"127.0.0.1:0\" }]", &format!("\"{port}\" }}]"));
    for (files, said) in [
        (vec![("a.yaml", "apiVersion: gw/v1\nkind: Rout\nmetadata: { name: a }\n")], "`Rout`"),
        (vec![("a.yaml", "a: [\n")], "error"),
        (vec![("a.yaml", &*on_taken)], "cannot listen on"),
    ] {
        let mut gateway = Gateway::spawn(folder_with(&files), &Options::default());
        gateway.log.wait_for(said);
        assert_eq!(gateway.ended().code(), Some(1));
        assert!(gateway.access.all().iter().all(|line| line == "(the end)"));
    }
    let mut gateway = Gateway::spawn(folder_with(&[]).join("none"), &Options::default());
    gateway.log.wait_for("cannot read");
    assert_eq!(gateway.ended().code(), Some(1));
}
