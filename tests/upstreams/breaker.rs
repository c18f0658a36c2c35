//! Backends that get no more requests for a while.

use std::time::{Duration, Instant};

use crate::balancing::before;
use crate::health::Moody;
use crate::support::client::{Client, ask, get};
use crate::support::origin::Origin;
use crate::support::{route, wait_until};

#[test]
fn it_opens_and_closes() {
    let a = Moody::start();
    let gateway = before(&[(&a.origin, "")], ", circuitBreaker: { consecutiveErrors: 3, openFor: 400ms }", "");
    let mut client = Client::connect(gateway.http());
    a.answers(500);
    for _ in 0..3 {
        assert_eq!(client.send(get("/", "")).answer().status, 500);
    }
    let refused = client.send(get("/", "")).answer();
    assert_eq!((refused.status, refused.get("retry-after")), (503, Some("1")));
    assert_eq!(refused.get("content-type"), Some("application/problem+json"));
    gateway.access.wait_for("\"error\":\"breaker-open\"");
    assert_eq!(a.served(), 3);
    // one on trial, which fails
    wait_until("one is let through", || (client.send(get("/", "")).answer().status == 500).then_some(()));
    assert_eq!(client.send(get("/", "")).answer().status, 503);
    assert_eq!(a.served(), 4);
    a.answers(200);
    wait_until("it closes", || (client.send(get("/", "")).answer().status == 200).then_some(()));
    for _ in 0..5 {
        assert_eq!(client.send(get("/", "")).answer().status, 200);
    }
}

/// What a breaker remembers outlives its table, but does not hold in one that counts no errors.
#[test]
fn a_new_table_has_no_breaker_open_that_it_does_not_have() {
    for (kept, shown) in
        [("", None), (", circuitBreaker: { maxRequests: 10 }", Some("gw_breaker_state{backend=\"pool\"} 0\n"))]
    {
        let a = Moody::start();
        let breaker = ", circuitBreaker: { consecutiveErrors: 1, openFor: 1h }";
        let gateway = before(&[(&a.origin, "")], breaker, "");
        a.answers(500);
        assert_eq!(ask(gateway.http(), get("/", "")).status, 500);
        assert_eq!(ask(gateway.http(), get("/", "")).status, 503);
        let manifests = std::fs::read_to_string(gateway.folder().join("gateway.yaml")).unwrap();
        let retried = route("all", "backend: pool\nretries: { attempts: 1, on: [\"500\"], backoff: 1ms }");
        let start = manifests.find("---\napiVersion: gw/v1\nkind: Route").unwrap();
        gateway.write("gateway.yaml", &(manifests[..start].replace(breaker, kept) + &retried));
        gateway.log.wait_for("a new table is in force");
        let seen = a.served();
        assert_eq!(ask(gateway.http(), get("/", "")).status, 500);
        assert_eq!(a.served(), seen + 2, "it is asked, and asked again");
        let status =
            ask(gateway.address("status"), "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                .text();
        assert!(shown.is_none_or(|line| status.contains(line)), "{status}");
    }
}

/// A server that never answers some of its requests.
fn hanging() -> Origin {
    Origin::start(|peer| {
        while let Some(seen) = peer.request() {
            if seen.head[0].contains("/hang") {
                peer.rest();
                return;
            }
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    })
}

#[test]
fn so_many_requests_are_in_flight() {
    let a = hanging();
    let gateway = before(&[(&a, "")], ", circuitBreaker: { maxRequests: 2 }, timeouts: { firstByte: 1s }", "");
    let _stuck: Vec<Client> = (0..2)
        .map(|_| {
            let mut client = Client::connect(gateway.http());
            client.send(get("/hang", ""));
            client
        })
        .collect();
    a.wait_for(2);
    let refused = ask(gateway.http(), get("/", ""));
    assert_eq!((refused.status, refused.get("retry-after")), (503, Some("1")));
    gateway.access.wait_for("\"error\":\"breaker-requests\"");
    wait_until("there is room again", || (ask(gateway.http(), get("/", "")).status == 200).then_some(()));
}

#[test]
fn so_many_connections_there_are() {
    let a = hanging();
    let settings =
        ", circuitBreaker: { maxConnections: 1, maxPending: 1 }, timeouts: { connect: 400ms, firstByte: 2s }";
    let gateway = before(&[(&a, "")], settings, "");
    let mut stuck = Client::connect(gateway.http());
    stuck.send(get("/hang", ""));
    a.wait_for(1);
    let mut waiting = Client::connect(gateway.http());
    waiting.send(get("/", ""));
    wait_until("another one is one too many", || (ask(gateway.http(), get("/", "")).status == 503).then_some(()));
    let began = Instant::now();
    assert_eq!(waiting.answer().status, 503);
    assert!(began.elapsed() < Duration::from_secs(5));
    gateway.access.wait_for("\"error\":\"breaker-pending\"");
    gateway.access.wait_for("\"error\":\"breaker-connections\"");
    assert_eq!(a.connections(), 1);
    assert_eq!(stuck.answer().status, 504);
    for _ in 0..3 {
        wait_until("it is free", || (ask(gateway.http(), get("/", "")).status == 200).then_some(()));
    }
}

/// Who waits for a place gets the connection that became idle; it is not closed for another one to be made.
#[test]
fn those_who_wait_share_the_connections_that_there_are() {
    let a = Origin::ok();
    let gateway = before(&[(&a, "")], ", circuitBreaker: { maxConnections: 1 }", "");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = Client::connect(gateway.http());
                for _ in 0..50 {
                    assert_eq!(client.send(get("/", "")).answer().status, 200);
                }
            });
        }
    });
    assert_eq!((a.seen().len(), a.connections()), (200, 1));
}

/// An idle connection to one server makes room for one to another.
#[test]
fn an_idle_connection_gives_its_place_up() {
    let (a, b) = (Origin::ok(), Origin::ok());
    let gateway = before(&[(&a, ""), (&b, "")], ", circuitBreaker: { maxConnections: 1 }", "");
    for _ in 0..4 {
        assert_eq!(ask(gateway.http(), get("/", "")).status, 200);
    }
    assert_eq!((a.seen().len(), b.seen().len()), (2, 2));
}
