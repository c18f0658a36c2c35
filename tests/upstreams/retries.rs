//! Requests that are sent again, and those that must not be.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::balancing::before;
use crate::support::client::{ask, get, post};
use crate::support::origin::Origin;
use crate::support::{Gateway, Options, folder_with, gateway, route};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// An address that refuses connections.
fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A server that does something with its first requests, and answers all others well.
fn failing(first: usize, does: impl Fn(&mut crate::support::origin::Peer) + Send + Sync + 'static) -> Origin {
    let count = AtomicUsize::new(0);
    Origin::start(move |peer| {
        while peer.request().is_some() {
            if count.fetch_add(1, Ordering::SeqCst) < first {
                return does(peer);
            }
            peer.send(OK);
        }
    })
}

#[test]
fn a_refused_connection_goes_to_another_server() {
    let b = Origin::ok();
    let targets = format!(
        "---\napiVersion: gw/v1\nkind: Backend\nmetadata: {{ name: pool }}\nspec:\n  \
         http: {{ targets: [{{ url: \"http://{}\" }}, {{ url: \"http://{}\" }}] }}\n",
        nobody(),
        b.address
    );
    let manifests = gateway("") + &targets + &route("all", "backend: pool\nretries: { on: [connectFailure] }");
    let options = Options { environment: vec![("GW_WORKERS", "1".into())], ..Options::default() };
    let gateway = Gateway::start_in(folder_with(&[("gateway.yaml", &manifests)]), &options);
    for i in 0..6 {
        // nothing of it was sent, so that a POST goes on, too
        let request = if i % 2 == 0 { get("/", "") } else { post("/", "abc") };
        assert_eq!(ask(gateway.http(), request).text(), "ok");
    }
    let seen = b.wait_for(6);
    assert!(seen.iter().all(|seen| seen.all("host") == ["a.example"]));
    assert!(seen.iter().filter(|seen| seen.head[0].starts_with("POST")).all(|seen| seen.text() == "abc"));
    gateway.access.wait_for("\"retries\":1");
}

#[test]
fn only_what_may_be_seen_twice_is_sent_again() {
    for (request, status, seen) in [
        (get("/", ""), 200, 2),
        ("PUT / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n".into(), 200, 2),
        ("PUT / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n\r\nabc".into(), 502, 1),
        (post("/", ""), 502, 1),
        (post("/", "abc"), 502, 1),
    ] {
        let a = failing(1, crate::support::origin::Peer::reset);
        let gateway = before(&[(&a, "")], "", "retries: { on: [reset, connectFailure, timeout, \"503\"] }");
        assert_eq!(ask(gateway.http(), &request).status, status, "{request}");
        assert_eq!(a.seen().len(), seen, "{request}");
    }
    for (request, status, seen) in [(get("/", ""), 200, 2), (post("/", "abc"), 503, 1)] {
        let a = failing(1, |peer| {
            peer.send("HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\nbusy");
        });
        let gateway = before(&[(&a, "")], "", "retries: { on: [\"503\"] }");
        assert_eq!(ask(gateway.http(), &request).status, status, "{request}");
        assert_eq!(a.seen().len(), seen, "{request}");
    }
}

#[test]
fn nothing_is_sent_again_once_an_answer_has_begun() {
    let a = failing(1, |peer| {
        peer.send("HTTP/1.1 2");
    });
    let gateway = before(&[(&a, "")], "", "retries: { on: [reset, connectFailure, timeout] }");
    assert_eq!(ask(gateway.http(), get("/", "")).status, 502);
    assert_eq!(a.seen().len(), 1);
}

#[test]
fn other_servers_are_preferred() {
    let broken = || Origin::answering("HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno");
    let (a, b, good) = (broken(), broken(), Origin::ok());
    let gateway =
        before(&[(&a, ""), (&b, ""), (&good, "")], "", "retries: { attempts: 2, on: [\"500\"], backoff: 1ms }");
    for _ in 0..4 {
        assert_eq!(ask(gateway.http(), get("/", "")).status, 200);
    }
    assert_eq!(good.seen().len(), 4);
}

#[test]
fn the_last_answer_is_passed_on() {
    let a = Origin::answering("HTTP/1.1 503 No\r\nx-why: busy\r\nContent-Length: 4\r\n\r\nbusy");
    let gateway = before(&[(&a, "")], "", "retries: { attempts: 3, on: [\"503\"], backoff: 1ms }");
    let answer = ask(gateway.http(), get("/", ""));
    assert_eq!((answer.status, answer.get("x-why"), answer.text().as_str()), (503, Some("busy"), "busy"));
    assert_eq!(a.seen().len(), 4);
}

#[test]
fn retry_after_is_waited_for_or_passed_on() {
    let waits = |seconds: u32| {
        failing(1, move |peer| {
            peer.send(format!("HTTP/1.1 503 No\r\nRetry-After: {seconds}\r\nContent-Length: 0\r\n\r\n"));
        })
    };
    let (soon, late) = (waits(1), waits(60));
    let spec = "retries: { on: [\"503\"], backoff: 1ms }\ntimeouts: { request: 10s }";
    let gateway = before(&[(&soon, "")], "", spec);
    let began = Instant::now();
    assert_eq!(ask(gateway.http(), get("/", "")).status, 200);
    assert!(began.elapsed() >= Duration::from_millis(900), "{:?}", began.elapsed());
    let gateway = before(&[(&late, "")], "", spec);
    let answer = ask(gateway.http(), get("/", ""));
    assert_eq!((answer.status, answer.get("retry-after")), (503, Some("60")));
    assert_eq!(late.seen().len(), 1);
}

#[test]
fn an_attempt_has_its_own_time() {
    let a = failing(2, |peer| {
        peer.rest();
    });
    let spec = "retries: { attempts: 2, on: [timeout], perTryTimeout: 150ms, backoff: 1ms }";
    let gateway = before(&[(&a, "")], "", spec);
    assert_eq!(ask(gateway.http(), get("/", "")).status, 200);
    assert_eq!(a.seen().len(), 3);
    let a = failing(1, |peer| {
        peer.rest();
    });
    let gateway = before(&[(&a, "")], "", spec);
    assert_eq!(ask(gateway.http(), post("/", "abc")).status, 504);
    gateway.access.wait_for("\"error\":\"try-timeout\"");
    assert_eq!(a.seen().len(), 1);
}

/// When everything fails, no more than a share of the requests is sent again.
#[test]
fn the_budget_is_kept_to() {
    let a = Origin::answering("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
    let gateway = before(&[(&a, "")], "", "retries: { attempts: 5, on: [\"503\"], backoff: 1ms, budgetPercent: 10 }");
    let began = Instant::now();
    for _ in 0..200 {
        assert_eq!(ask(gateway.http(), get("/", "")).status, 503);
    }
    // a tenth, ten at the start, and ten for each second that it took
    let most = 200 + 20 + 10 + 10 * usize::try_from(began.elapsed().as_secs() + 1).unwrap();
    assert!(a.seen().len() <= most, "{} requests", a.seen().len());
    assert!(a.seen().len() > 210, "{} requests", a.seen().len());
}
