//! Which connections serve again, and which requests are sent again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::client::{Client, ask, get, post};
use crate::support::origin::Origin;
use crate::support::{Gateway, Options, backend, folder_with, gateway, route, wait_until};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A gateway of one worker, so that there is one pool.
fn before(origin: &Origin, spec: &str) -> Gateway {
    let times = ", timeouts: { connect: 500ms, firstByte: 500ms, idle: 500ms }";
    let manifests = gateway(spec) + &backend("origin", origin.address, times) + &route("all", "backend: origin");
    let options = Options { environment: vec![("GW_WORKERS", "1".into())], ..Options::default() };
    Gateway::start_in(folder_with(&[("gateway.yaml", &manifests)]), &options)
}

#[test]
fn a_good_connection_serves_many_clients() {
    let origin = Origin::ok();
    let gateway = before(&origin, "");
    for i in 0..20 {
        let request = if i % 2 == 0 { get("/", "") } else { post("/", "abc") };
        assert_eq!(ask(gateway.http(), request).text(), "ok");
    }
    assert_eq!(origin.connections(), 1);
}

/// The server closes a connection after its answer without having said so, and the next request comes while it does. What may
/// be sent again never fails; a `POST` may, where the end came only after it was sent, but it is never seen twice.
#[test]
fn a_connection_that_died_idle_fails_nothing_that_may_be_repeated() {
    let origin = Origin::start(|peer| {
        peer.request();
        peer.send(OK);
    });
    let gateway = before(&origin, "");
    for i in 0..15 {
        assert_eq!(ask(gateway.http(), get("/", "")).status, 200);
        let status = ask(gateway.http(), post(&format!("/{i}"), "abc")).status;
        assert!(matches!(status, 200 | 502), "{status}");
        let start = format!("POST /{i} ");
        assert!(origin.seen().iter().filter(|seen| seen.head[0].starts_with(&start)).count() <= 1);
    }
}

/// The server reads a second request on a connection, and closes instead of answering.
#[test]
fn only_what_may_be_repeated_is_sent_again() {
    for (request, status, seen_in_all) in [
        (get("/", ""), 200, 3),
        ("PUT / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n".into(), 200, 3),
        (post("/", "abc"), 502, 2),
        (post("/", ""), 502, 2),
    ] {
        let origin = Origin::start(|peer| {
            peer.request();
            peer.send(OK);
            if peer.number > 1 {
                peer.rest();
            } else {
                peer.request();
            }
        });
        let gateway = before(&origin, "");
        assert_eq!(ask(gateway.http(), get("/", "")).status, 200);
        assert_eq!(ask(gateway.http(), &request).status, status, "{request}");
        assert_eq!(origin.seen().len(), seen_in_all, "{request}");
    }
}

/// An answer that has begun is never replaced by another one.
#[test]
fn nothing_is_sent_again_once_an_answer_has_begun() {
    let origin = Origin::start(|peer| {
        peer.request();
        peer.send(OK);
        if peer.request().is_some() {
            peer.send("HTTP/1.1 2");
        }
    });
    let gateway = before(&origin, "");
    assert_eq!(ask(gateway.http(), get("/", "")).status, 200);
    assert_eq!(ask(gateway.http(), get("/", "")).status, 502);
    assert_eq!(origin.seen().len(), 2);
}

/// The client goes away within a request or an answer: the connection upstream is closed, not given to the next one.
#[test]
fn a_client_that_goes_away_takes_its_connection_with_it() {
    let origin = Origin::start(|peer| {
        while let Some(seen) = peer.request() {
            let whole = !seen.head[0].contains("/endless");
            peer.send(if whole { OK } else { "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbegin" });
        }
    });
    let gateway = before(&origin, "");
    let mut client = Client::connect(gateway.http());
    client.send(get("/endless", "")).exactly(10);
    drop(client);
    let mut client = Client::connect(gateway.http());
    client.send("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 100\r\n\r\npart");
    wait_until("the origin has two connections", || (origin.connections() == 2).then_some(()));
    drop(client);
    wait_until("both are closed", || (origin.open() == 0).then_some(()));
    assert_eq!(ask(gateway.http(), get("/", "")).text(), "ok");
    assert_eq!(origin.connections(), 3);
}

/// The answer comes before the request has ended: the client gets it, and the rest of the body still goes on.
#[test]
fn an_early_answer_reaches_the_client() {
    let origin = Origin::start(|peer| {
        let mut seen = peer.head().unwrap();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        peer.body(&mut seen);
        peer.rest();
    });
    let gateway = before(&origin, "");
    let mut client = Client::connect(gateway.http());
    client.send("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 6\r\n\r\nabc");
    assert_eq!(client.answer().text(), "ok");
}

/// The server refuses a body in its midst and closes: what it said is what the client gets.
#[test]
fn a_refusal_amid_a_large_body_reaches_the_client() {
    let origin = Origin::start(|peer| {
        peer.head();
        peer.exactly(1000);
        peer.send("HTTP/1.1 403 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno").finish();
        peer.rest();
    });
    let gateway = before(&origin, "");
    let mut client = Client::connect(gateway.http());
    client.send(format!("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: {}\r\n\r\n", 4 << 20));
    client.send(vec![b'x'; 1 << 20]);
    let answer = client.answer();
    assert_eq!((answer.status, answer.text().as_str()), (403, "no"));
}

/// Bytes that a server sends on an idle connection are not the answer to the next request.
#[test]
fn what_comes_between_two_requests_is_nobodys() {
    let said = Arc::new(AtomicBool::new(false));
    let says = Arc::clone(&said);
    let origin = Origin::start(move |peer| {
        if peer.number > 1 {
            while peer.request().is_some() {
                peer.send(OK);
            }
            return;
        }
        peer.request();
        peer.send(OK);
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
        says.store(true, Ordering::Release);
        peer.rest();
    });
    let gateway = before(&origin, "");
    assert_eq!(ask(gateway.http(), get("/", "")).text(), "ok");
    wait_until("the server has said it", || said.load(Ordering::Acquire).then_some(()));
    for request in [get("/", ""), post("/", "abc")] {
        assert_eq!(ask(gateway.http(), request).text(), "ok");
    }
}
