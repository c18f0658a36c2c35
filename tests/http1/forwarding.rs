//! What the gateway says of a client to the origin, and whom it believes; what plugins change of it.

use crate::support::client::{Client, ask, get};
use crate::support::origin::{Origin, Seen};
use crate::support::{Gateway, backend, gateway, route};

/// The head that the origin sees of a request, with the request id blanked.
fn forwarded(spec: &str, routes: &str, request: &str) -> Vec<String> {
    let origin = Origin::ok();
    let gateway = Gateway::start(&(gateway(spec) + &backend("origin", origin.address, "") + routes));
    assert_eq!(ask(gateway.http(), request).status, 200);
    blanked(&origin.seen()[0])
}

fn blanked(seen: &Seen) -> Vec<String> {
    let ids = seen.all("x-request-id");
    assert!(ids.len() == 1 && ids[0].len() == 32 && ids[0].bytes().all(|b| b.is_ascii_hexdigit()), "{ids:?}");
    seen.head.iter().filter(|line| !line.starts_with("x-request-id: ")).cloned().collect()
}

fn all() -> String {
    route("all", "backend: origin")
}

#[test]
fn a_stranger_is_not_believed() {
    let request =
        get("/", "Forwarded: for=1.2.3.4\r\nX-Forwarded-For: 1.2.3.4\r\nVia: 1.0 cache\r\nX-Forwarded-Port: 1\r\n");
    for spec in ["", "trustedProxies: [10.0.0.0/8]"] {
        assert_eq!(
            forwarded(spec, &all(), &request),
            [
                "GET / HTTP/1.1",
                "host: a.example",
                "x-forwarded-for: 127.0.0.1",
                "x-forwarded-proto: http",
                "x-forwarded-host: a.example",
                "via: 1.0 cache, 1.1 gw",
            ]
        );
    }
}

#[test]
fn a_trusted_proxy_is_believed_and_followed() {
    let request = get(
        "/",
        "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\nX-Real-IP: 1.2.3.4\r\n\
         X_Forwarded_For: 6.6.6.6\r\nForwarded: for=1.2.3.4;proto=https\r\n",
    );
    assert_eq!(
        forwarded("trustedProxies: [127.0.0.0/8]", &all(), &request),
        [
            "GET / HTTP/1.1",
            "host: shop.example",
            "x-real-ip: 1.2.3.4",
            "x-forwarded-for: 1.2.3.4, 127.0.0.1",
            "x-forwarded-proto: https",
            "x-forwarded-host: shop.example",
            "forwarded: for=1.2.3.4;proto=https, for=127.0.0.1;proto=https",
            "via: 1.1 gw",
        ]
    );
}

#[test]
fn plugins_change_what_is_sent_and_nobody_strips_it() {
    let routes = route(
        "all",
        "plugins:\n\
         - requestHeaders: { set: { x-user: \"${request.query.u}\", x-real-ip: \"${request.ip}\" }, add: { x-tag: b }, remove: [x-gone] }\n\
         - rewrite: { stripPrefix: /shop, addPrefix: /v2 }\n\
         backend: origin",
    );
    let request = get(
        "/shop/a?u=me",
        "X-User: you\r\nX-Real-IP: 6.6.6.6\r\nX-Tag: a\r\nX-Gone: 1\r\nConnection: x-user, x-real-ip, x-tag\r\n",
    );
    let mut head = forwarded("", &routes, &request);
    head.sort();
    assert_eq!(
        head,
        [
            "GET /v2/a?u=me HTTP/1.1",
            "host: a.example",
            "via: 1.1 gw",
            "x-forwarded-for: 127.0.0.1",
            "x-forwarded-host: a.example",
            "x-forwarded-proto: http",
            "x-real-ip: 127.0.0.1",
            "x-tag: b",
            "x-user: me",
        ]
    );
}

#[test]
fn the_backend_chooses_its_host() {
    for (field, host) in [(", hostHeader: target", None), (", hostName: web.internal", Some("host: web.internal"))] {
        let origin = Origin::ok();
        let gateway = Gateway::start(&(gateway("") + &backend("origin", origin.address, field) + &all()));
        ask(gateway.http(), get("/", ""));
        let expected = host.map_or_else(|| format!("host: {}", origin.address), str::to_owned);
        assert_eq!(origin.seen()[0].head[1], expected);
    }
}

#[test]
fn without_a_host_in_http_1_0_only_routes_without_hosts_match() {
    let head = forwarded("", &all(), "GET /a HTTP/1.0\r\n\r\n");
    assert!(
        head.contains(&"GET /a HTTP/1.1".to_owned())
            && head.iter().filter(|line| line.starts_with("host:")).count() == 1,
        "{head:?}"
    );
}

#[test]
fn trailers_of_requests_go_on() {
    let origin = Origin::ok();
    let gateway = Gateway::start(&(gateway("") + &backend("origin", origin.address, "") + &all()));
    let chunks =
        "3\r\nabc\r\n0\r\nContent-Digest: sha-256=:x:\r\nX-Forwarded-For: 6.6.6.6\r\nContent-Length: 9\r\n\r\n";
    let head = "POST / HTTP/1.1\r\nHost: a.example\r\nTrailer: content-digest\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(ask(gateway.http(), format!("{head}{chunks}")).status, 200);
    let seen = &origin.seen()[0];
    assert_eq!(
        (seen.text(), seen.trailers.as_slice()),
        ("abc".to_owned(), &["content-digest: sha-256=:x:".to_owned()][..])
    );
}

#[test]
fn an_expectation_is_met_when_the_body_is_wanted() {
    let origin = Origin::ok();
    let gateway = Gateway::start(&(gateway("") + &backend("origin", origin.address, "") + &all()));
    let mut client = Client::connect(gateway.http());
    client.send("POST / HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    assert_eq!(client.answer().status, 100);
    assert_eq!(client.send("abc").answer().status, 200);
    assert_eq!(origin.seen()[0].text(), "abc");
    assert_eq!(client.send(get("/", "")).answer().status, 200);
}

#[test]
fn an_expectation_is_not_met_where_nobody_wants_the_body() {
    let gateway = Gateway::start(&(gateway("") + &route("no", "plugins: [{ respond: { status: 403 } }]")));
    let mut client = Client::connect(gateway.http());
    client.send("POST / HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    assert_eq!(client.answer().status, 403);
    assert!(client.is_closed());
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let origin = Origin::start(|peer| {
        while let Some(seen) = peer.request() {
            let path = seen.head[0].split(' ').nth(1).unwrap().to_owned();
            peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{path}", path.len()));
        }
    });
    let gateway = Gateway::start(&(gateway("") + &backend("origin", origin.address, "") + &all()));
    let mut client = Client::connect(gateway.http());
    let requests: String =
        (0..20)
            .map(|i| {
                if i % 3 == 0 {
                    crate::support::client::post(&format!("/{i}"), "abc")
                } else {
                    get(&format!("/{i}"), "")
                }
            })
            .collect();
    client.send(requests + "GET /part HTTP/1.1\r\nHo");
    for i in 0..20 {
        assert_eq!(client.answer().text(), format!("/{i}"));
    }
    assert_eq!(client.send("st: a.example\r\n\r\n").answer().text(), "/part");
}

#[test]
fn a_body_that_nobody_reads_is_no_request() {
    let gateway = Gateway::start(
        &(gateway("timeouts: { idle: 200ms }") + &route("fixed", "plugins: [{ respond: { body: fixed } }]")),
    );
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n";
    for request in [
        format!("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: {}\r\n\r\n{smuggled}", smuggled.len()),
        format!(
            "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{smuggled}\r\n0\r\n\r\n",
            smuggled.len()
        ),
        format!("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1000000\r\n\r\n{smuggled}"),
    ] {
        assert_eq!(Client::connect(gateway.http()).send(&request).answers().len(), 1, "{request}");
    }
}
