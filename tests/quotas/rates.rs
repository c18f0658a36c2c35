//! The plugin `rateLimit`: who is counted together, what clients are told, and what reloads keep.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;

use crate::shared::shown;
use crate::support::client::{Answer, Client, ask, get};
use crate::support::{Gateway, backend, gateway, route, wait_until};

/// A gateway of one route that limits, and then answers.
fn limited(limit: &str) -> String {
    gateway("") + &limiting(limit)
}

fn limiting(limit: &str) -> String {
    route("shop", &format!("plugins:\n- rateLimit: {limit}\n- respond: {{ body: hello }}"))
}

fn call(gateway: &Gateway, fields: &str) -> Answer {
    ask(gateway.http(), get("/", fields))
}

fn statuses(gateway: &Gateway, fields: &str, times: usize) -> Vec<u16> {
    (0..times).map(|_| call(gateway, fields).status).collect()
}

#[test]
fn who_asks_too_often_is_told_when_to_come_again() {
    let gateway = Gateway::start(&limited(
        "{ rates: [{ requests: 2, per: 1h, burst: 2 }, { requests: 9, per: 1d }], announce: always }",
    ));
    let first = call(&gateway, "");
    assert_eq!(first.status, 200);
    assert_eq!(first.get("ratelimit-policy"), Some("\"rateLimit-1h\";q=2;w=3600, \"rateLimit-1d\";q=9;w=86400"));
    assert!(first.get("ratelimit").unwrap().starts_with("\"rateLimit-1h\";r=1;t="), "{:?}", first.head);
    assert_eq!(call(&gateway, "").status, 200);
    for _ in 0..3 {
        let refused = call(&gateway, "");
        assert_eq!((refused.status, refused.get("content-type")), (429, Some("application/problem+json")));
        let after: u64 = refused.get("retry-after").unwrap().parse().unwrap();
        assert!((1..=1800).contains(&after), "{after}");
        let left = refused.get("ratelimit").unwrap();
        assert!(left.contains("\"rateLimit-1h\";r=0;t=") && left.contains("\"rateLimit-1d\";r=7;t="), "{left}");
        assert!(refused.text().contains("Too Many Requests"));
    }
}

#[test]
fn those_are_counted_together_for_whom_all_that_is_named_is_the_same() {
    let trusting = gateway("trustedProxies: [127.0.0.0/8]");
    let limit = "{ by: { client: { ipv4Prefix: 24 }, value: \"${request.header.x-tenant}\" }, rates: [{ requests: 1, per: 1h }] }";
    let gateway = Gateway::start(&(trusting + &limiting(limit)));
    for (fields, status) in [
        ("X-Forwarded-For: 203.0.113.9\r\nX-Tenant: a\r\n", 200),
        ("X-Forwarded-For: 203.0.113.200\r\nX-Tenant: a\r\n", 429),
        ("X-Forwarded-For: 203.0.114.9\r\nX-Tenant: a\r\n", 200),
        ("X-Forwarded-For: 203.0.113.9\r\nX-Tenant: b\r\n", 200),
        ("X-Forwarded-For: 203.0.113.9\r\n", 200),
        ("X-Forwarded-For: 203.0.113.9\r\n", 429),
        ("X-Forwarded-For: 2001:db8::1\r\nX-Tenant: a\r\n", 200),
        ("X-Forwarded-For: 2001:db8::2\r\nX-Tenant: a\r\n", 429),
        ("X-Forwarded-For: 2001:db8:0:1::2\r\nX-Tenant: a\r\n", 200),
    ] {
        assert_eq!(call(&gateway, fields).status, status, "{fields}");
    }
}

#[test]
fn counts_outlive_reloads_and_other_numbers() {
    let gateway = Gateway::start(&limited("{ rates: [{ requests: 2, per: 1h }] }"));
    assert_eq!(statuses(&gateway, "", 3), [200, 200, 429]);
    gateway.write("gateway.yaml", &limited("{ rates: [{ requests: 2, per: 1h }], announce: always }"));
    wait_until("it is announced", || call(&gateway, "").get("ratelimit-policy").map(str::to_owned));
    gateway.write("gateway.yaml", &limited("{ rates: [{ requests: 4, per: 1h, burst: 4 }], announce: always }"));
    wait_until("the limit is another one", || {
        (call(&gateway, "").get("ratelimit-policy")?.contains("q=4")).then_some(())
    });
    let more = statuses(&gateway, "", 4).iter().filter(|status| **status == 200).count();
    assert!(more < 4, "nothing was forgotten");
}

#[test]
fn a_dry_run_refuses_nothing_and_counts_what_it_would() {
    let gateway = Gateway::start(&limited("{ dryRun: true, rates: [{ requests: 1, per: 1h }] }"));
    assert_eq!(statuses(&gateway, "", 3), [200, 200, 200]);
    let metrics = shown(&gateway, "/metrics");
    let counted = "gw_rate_limit_requests_total{plugin=\"default/shop/rateLimit\",decision=\"would-refuse\"} 2";
    assert!(metrics.contains(counted), "{metrics}");
}

#[test]
fn a_request_is_in_flight_until_the_last_byte_of_its_answer() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let (finish, finishing) = mpsc::channel::<()>();
    thread::spawn(move || {
        for stream in server.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nab");
            let _ = finishing.recv();
            let _ = stream.write_all(b"cd");
        }
    });
    let limit = "plugins: [{ rateLimit: { concurrency: 1 } }]\nbackend: slow";
    let gateway = Gateway::start(&(gateway("") + &backend("slow", address, "") + &route("slow", limit)));
    let mut first = Client::connect(gateway.http());
    first.send("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
    let (mut piece, mut got) = ([0; 4096], Vec::new());
    while !got.ends_with(b"ab") {
        let length = first.stream.read(&mut piece).unwrap();
        got.extend_from_slice(&piece[..length]);
    }
    let second = ask(gateway.http(), get("/", ""));
    assert_eq!((second.status, second.get("retry-after")), (429, Some("1")));
    finish.send(()).unwrap();
    assert_eq!(first.stream.read(&mut piece).unwrap(), 2);
    finish.send(()).unwrap();
    wait_until("there is room again", || (ask(gateway.http(), get("/", "")).status == 200).then_some(()));
}
