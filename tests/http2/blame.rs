//! What counts against a server of HTTP/2, and what a client cannot make count.

use h2::server::Builder;

use crate::client::{Client, request};
use crate::origin::{Http2Origin, Then, answer};
use crate::support::client::{ask, get};
use crate::support::{Gateway, Options, backend, folder_with};
use crate::upstream::before;
use crate::{both, route};

/// A breaker that the first error opens.
const BREAKER: &str = ", circuitBreaker: { consecutiveErrors: 1, openFor: 1h }";

/// A server that never answers at `/silent`, and well elsewhere.
fn origin() -> Http2Origin {
    Http2Origin::start(Builder::new(), |seen, respond| match seen.head.uri.path() {
        "/silent" => Then::Never,
        _ => answer(respond, 200, &[], b"ok"),
    })
}

#[test]
fn what_http1_carries_in_a_query_arrives() {
    let origin = origin();
    let gateway = before(origin.address, BREAKER);
    assert_eq!(ask(gateway.http(), get("/a?b=\"<x>\"", "")).text(), "ok");
    assert_eq!(origin.seen()[0].head.uri, "http://a.example/a?b=%22%3Cx%3E%22");
}

#[test]
fn what_cannot_be_sent_is_the_clients_fault() {
    let origin = origin();
    let manifests = both("limits: { targetBytes: 128KiB }")
        + &backend("origin", origin.address, &format!(", protocol: http2{BREAKER}"))
        + &route("all", "backend: origin");
    let options = Options { environment: vec![("GW_WORKERS", "1".into())], ..Options::default() };
    let gateway = Gateway::start_in(folder_with(&[("gateway.yaml", &manifests)]), &options);
    assert_eq!(ask(gateway.http(), get(&format!("/{}", "x".repeat(70_000)), "")).status, 400);
    gateway.access.wait_for("\"error\":\"unsendable\"");
    assert_eq!(ask(gateway.http(), get("/", "")).text(), "ok");
}

/// A client that gives the server little time says nothing of the server, whatever ends its route has.
#[test]
fn the_patience_of_a_client_is_its_own() {
    for end in ["backend: origin", "split: [{ backend: origin, weight: 1 }, { backend: origin, weight: 1 }]"] {
        let origin = origin();
        let manifests =
            both("") + &backend("origin", origin.address, &format!(", protocol: http2{BREAKER}")) + &route("all", end);
        let gateway = Gateway::start_in(folder_with(&[("gateway.yaml", &manifests)]), &Options::default());
        let client = Client::connect(gateway.http());
        let call = [("content-type", "application/grpc"), ("grpc-timeout", "100m")];
        let late = client.ask(request("POST", "/silent", &call)).unwrap();
        assert_eq!((late.status, late.get("grpc-status")), (200, Some("4")), "{end}");
        assert_eq!(client.get("/").text(), "ok", "{end}");
    }
}
