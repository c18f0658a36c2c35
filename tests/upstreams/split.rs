//! Requests that are divided among backends, and copied to others.

use crate::balancing::counts;
use crate::support::client::{Client, ask, get, post};
use crate::support::origin::Origin;
use crate::support::{Gateway, Options, backend, folder_with, gateway, route, wait_until};

fn before(a: &Origin, b: &Origin, more: &str, spec: &str) -> Gateway {
    let backends = backend("a", a.address, more) + &backend("b", b.address, more);
    Gateway::start(&(gateway("") + &backends + &route("all", spec)))
}

#[test]
fn shares_follow_weights() {
    let (a, b) = (Origin::ok(), Origin::ok());
    let gateway = before(&a, &b, "", "split: [{ backend: a, weight: 3 }, { backend: b, weight: 1 }]");
    let mut client = Client::connect(gateway.http());
    for _ in 0..400 {
        assert_eq!(client.send(get("/", "")).answer().status, 200);
    }
    let [of_a, of_b] = counts([&a, &b]);
    assert_eq!(of_a + of_b, 400);
    // far beyond what chance does: five deviations
    assert!((60..140).contains(&of_b), "{of_b}");
}

#[test]
fn a_cookie_or_a_header_keeps_a_caller_with_one_backend() {
    let (a, b) = (Origin::ok(), Origin::ok());
    let split = "split: [{ backend: a, weight: 1 }, { backend: b, weight: 1 }]\n";
    let gateway = before(&a, &b, "", &format!("{split}splitBy: {{ cookie: arm }}"));
    for _ in 0..20 {
        let before = counts([&a, &b]);
        let first = ask(gateway.http(), get("/", ""));
        let given = first.get("set-cookie").unwrap();
        assert!(given.starts_with("arm=") && given.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{given}");
        let cookie = given.split(';').next().unwrap();
        for _ in 0..3 {
            let answer = ask(gateway.http(), get("/", &format!("cookie: {cookie}\r\n")));
            assert_eq!(answer.get("set-cookie"), None);
        }
        let after = counts([&a, &b]);
        let mut grown = [after[0] - before[0], after[1] - before[1]];
        grown.sort_unstable();
        assert_eq!(grown, [0, 4]);
    }
    assert!(counts([&a, &b]).iter().all(|count| *count > 0));
    let (a, b) = (Origin::ok(), Origin::ok());
    let gateway = before(&a, &b, "", &format!("{split}splitBy: {{ header: x-user }}"));
    for user in 0..30 {
        ask(gateway.http(), get("/", &format!("x-user: {user}\r\n")));
    }
    let first = counts([&a, &b]);
    assert!(first.iter().all(|count| *count > 3), "{first:?}");
    for user in 0..30 {
        ask(gateway.http(), get("/", &format!("x-user: {user}\r\n")));
    }
    assert_eq!(counts([&a, &b]), first.map(|count| count * 2));
}

#[test]
fn copies_are_whole_and_their_answers_are_nobodys() {
    let (a, b) = (Origin::ok(), Origin::answering("HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno"));
    let spec = "plugins: [{ rewrite: { addPrefix: /v2 } }]\nbackend: a\nmirror: { backend: b }";
    let gateway = before(&a, &b, "", spec);
    let chunked = "POST /c HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    for request in [get("/a", ""), post("/b", "abc"), chunked.into()] {
        assert_eq!(ask(gateway.http(), request).text(), "ok");
    }
    let mut copies = b.wait_for(3);
    copies.sort_by_key(|seen| seen.head[0].clone());
    let heads: Vec<&str> = copies.iter().map(|seen| seen.head[0].as_str()).collect();
    assert_eq!(heads, ["GET /v2/a HTTP/1.1", "POST /v2/b HTTP/1.1", "POST /v2/c HTTP/1.1"]);
    assert_eq!(copies.iter().map(crate::support::origin::Seen::text).collect::<Vec<_>>(), ["", "abc", "abc"]);
    assert!(copies.iter().all(|seen| seen.all("x-request-id").len() == 1 && seen.all("host") == ["a.example"]));
}

/// A value of the metrics.
fn metric(gateway: &Gateway, name: &str) -> u64 {
    let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let text = ask(gateway.address("status"), request).text();
    let line = text.lines().find(|line| line.starts_with(name)).map(str::to_owned);
    line.and_then(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).unwrap_or(0)
}

/// The mirror neither answers nor takes connections any more: nobody notices. What is too large is not copied.
#[test]
fn a_mirror_slows_nothing_and_holds_nothing() {
    let (a, b) = (Origin::ok(), Origin::start(|peer| drop(peer.rest())));
    let gateway = before(&a, &b, ", timeouts: { request: 10s }", "backend: a\nmirror: { backend: b }");
    let mut client = Client::connect(gateway.http());
    for _ in 0..400 {
        assert_eq!(client.send(get("/", "")).answer().status, 200);
    }
    let value = |name: &str| metric(&gateway, name);
    wait_until("all copies are accounted for", || {
        let name = "gw_mirror_requests_total{backend=\"b\"}";
        let dropped = value("gw_mirror_dropped_total{backend=\"b\"}");
        (value(name) + dropped == 400 && dropped >= 400 - 256).then_some(())
    });
    let large = "x".repeat(100_000);
    assert_eq!(client.send(post("/large", &large)).answer().status, 200);
    assert!(b.seen().iter().all(|seen| !seen.head[0].contains("/large")));
    assert_eq!(a.wait_for(401).last().unwrap().body.len(), 100_000);
}

#[test]
fn a_share_is_copied() {
    let (a, b) = (Origin::ok(), Origin::ok());
    let gateway = before(&a, &b, "", "backend: a\nmirror: { backend: b, percent: 25 }");
    let mut client = Client::connect(gateway.http());
    for _ in 0..400 {
        assert_eq!(client.send(get("/", "")).answer().status, 200);
    }
    wait_until("about a quarter is copied", || (b.seen().len() > 55).then_some(()));
    assert!(b.seen().len() < 150, "{}", b.seen().len());
}

/// A copy counts from its beginning: requests that never end make no more of them than there may be.
#[test]
fn copies_of_unfinished_requests_are_bounded() {
    let (a, b) = (Origin::ok(), Origin::ok());
    let manifests = gateway("")
        + &backend("a", a.address, "")
        + &backend("b", b.address, "")
        + &route("all", "backend: a\nmirror: { backend: b }");
    let options = Options { environment: vec![("GW_WORKERS", "1".into())], ..Options::default() };
    let gateway = Gateway::start_in(folder_with(&[("gateway.yaml", &manifests)]), &options);
    let begun = "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 10\r\n\r\npart";
    let mut clients: Vec<Client> = (0..140).map(|_| Client::connect(gateway.http())).collect();
    for client in &mut clients {
        client.send(begun);
    }
    let dropped = "gw_mirror_dropped_total{backend=\"b\"}";
    wait_until("those beyond the limit are dropped", || (metric(&gateway, dropped) == 12).then_some(()));
    drop(clients);
    wait_until("so are those that come to nothing", || (metric(&gateway, dropped) == 140).then_some(()));
    assert_eq!(ask(gateway.http(), post("/", "abc")).status, 200);
    assert_eq!(b.wait_for(1)[0].text(), "abc");
}

/// What is refused reaches nobody, and what a mirror's own limits refuse does not count against it.
#[test]
fn a_mirror_gets_nothing_that_is_refused() {
    let (a, b) = (Origin::ok(), Origin::start(|peer| drop(peer.rest())));
    let breaker =
        ", circuitBreaker: { consecutiveErrors: 1, openFor: 1h, maxConnections: 1 }, timeouts: { connect: 100ms }";
    let manifests = gateway("limits: { bodyBytes: 10B }")
        + &backend("a", a.address, "")
        + &backend("b", b.address, breaker)
        + &route("all", "backend: a\nmirror: { backend: b }");
    let gateway = Gateway::start(&manifests);
    let large = "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n";
    assert_eq!(ask(gateway.http(), large).status, 413);
    for _ in 0..3 {
        assert_eq!(ask(gateway.http(), get("/", "")).status, 200);
    }
    // one of them has the connection, and the others wait for it in vain
    let refused =
        |reason: &str| metric(&gateway, &format!("gw_breaker_refused_total{{backend=\"b\",reason=\"{reason}\"}}"));
    wait_until("they have", || (refused("connections") == 2).then_some(()));
    assert_eq!(ask(gateway.http(), get("/", "")).status, 200);
    wait_until("another one is not kept from it", || (refused("connections") == 3).then_some(()));
    assert_eq!((metric(&gateway, "gw_mirror_dropped_total{backend=\"b\"}"), refused("open")), (1, 0));
}
