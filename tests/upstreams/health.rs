//! Servers that are not well: who finds out, and where their requests go.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::balancing::{backend_of, before, counts};
use crate::support::client::{Client, ask, get};
use crate::support::origin::Origin;
use crate::support::{gateway, route, wait_until};

/// A server whose status, for health checks and everything else, can be set.
pub struct Moody {
    pub origin: Origin,
    check: Arc<AtomicU16>,
    rest: Arc<AtomicU16>,
}

impl Moody {
    pub fn start() -> Self {
        let (check, rest) = (Arc::new(AtomicU16::new(200)), Arc::new(AtomicU16::new(200)));
        let (for_check, for_rest) = (Arc::clone(&check), Arc::clone(&rest));
        let origin = Origin::start(move |peer| {
            while let Some(seen) = peer.request() {
                let status = if seen.head[0].contains("/healthz") { &for_check } else { &for_rest };
                let status = status.load(Ordering::SeqCst);
                peer.send(format!("HTTP/1.1 {status} So\r\nContent-Length: 2\r\n\r\nok"));
            }
        });
        Self { origin, check, rest }
    }

    pub fn check_says(&self, status: u16) {
        self.check.store(status, Ordering::SeqCst);
    }

    pub fn answers(&self, status: u16) {
        self.rest.store(status, Ordering::SeqCst);
    }

    /// How many requests of clients it has seen.
    pub fn served(&self) -> usize {
        self.origin.seen().iter().filter(|seen| !seen.head[0].contains("/healthz")).count()
    }

    fn checks(&self) -> usize {
        self.origin.seen().len() - self.served()
    }
}

const CHECK: &str =
    ", healthCheck: { path: /healthz, interval: 20ms, timeout: 2s, healthyAfter: 2, unhealthyAfter: 2 }";

#[test]
fn a_health_check_takes_a_target_out_and_in() {
    let (a, b) = (Moody::start(), Moody::start());
    let gateway = before(&[(&a.origin, ""), (&b.origin, "")], CHECK, "");
    for _ in 0..4 {
        assert_eq!(ask(gateway.http(), get("/", "")).status, 200);
    }
    assert_eq!((a.served(), b.served()), (2, 2));
    let checks = a.origin.seen();
    let check = checks.iter().find(|seen| seen.head[0] == "GET /healthz HTTP/1.1").unwrap();
    assert_eq!(check.all("host"), [a.origin.address.to_string()]);
    a.check_says(503);
    gateway.log.wait_for("a target is unhealthy");
    for _ in 0..6 {
        assert_eq!(ask(gateway.http(), get("/", "")).status, 200);
    }
    assert_eq!((a.served(), b.served()), (2, 8));
    let shown = |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        ask(gateway.address("status"), request).text()
    };
    let (metrics, own) = (shown("/metrics"), format!("{{backend=\"pool\",target=\"http://{}\"}}", a.origin.address));
    for line in ["gw_target_healthy", "gw_target_requests_total"].map(|name| format!("{name}{own}")) {
        let value = if line.starts_with("gw_target_healthy") { 0 } else { 2 };
        assert!(metrics.contains(&format!("{line} {value}\n")), "no `{line} {value}` in\n{metrics}");
    }
    assert!(shown("/status").contains("\"health\": \"unhealthy\""));
    b.check_says(500);
    gateway.log.wait_for_nth("a target is unhealthy", 2);
    let refused = ask(gateway.http(), get("/", ""));
    assert_eq!(refused.status, 503);
    gateway.access.wait_for("\"error\":\"no-usable-target\"");
    a.check_says(204);
    gateway.log.wait_for("a target is healthy again");
    assert_eq!(ask(gateway.http(), get("/", "")).status, 200);
    assert_eq!(b.served(), 8);
}

#[test]
fn when_too_few_are_well_all_are_used() {
    let (a, b, c) = (Moody::start(), Moody::start(), Moody::start());
    let settings = format!("{CHECK}, panicThreshold: 50");
    let gateway = before(&[(&a.origin, ""), (&b.origin, ""), (&c.origin, "")], &settings, "");
    a.check_says(503);
    gateway.log.wait_for("a target is unhealthy");
    for _ in 0..4 {
        ask(gateway.http(), get("/", ""));
    }
    assert_eq!(a.served(), 0);
    b.check_says(503);
    gateway.log.wait_for_nth("a target is unhealthy", 2);
    for _ in 0..6 {
        ask(gateway.http(), get("/", ""));
    }
    assert_eq!(a.served(), 2);
}

#[test]
fn backups_step_in_and_out() {
    let (a, backup) = (Moody::start(), Moody::start());
    let gateway = before(&[(&a.origin, ""), (&backup.origin, ", priority: 1")], CHECK, "");
    ask(gateway.http(), get("/", ""));
    a.check_says(503);
    gateway.log.wait_for("a target is unhealthy");
    ask(gateway.http(), get("/", ""));
    a.check_says(200);
    gateway.log.wait_for("a target is healthy again");
    ask(gateway.http(), get("/", ""));
    assert_eq!((a.served(), backup.served()), (2, 1));
}

/// A connection is enough for one, and another one refuses it.
#[test]
fn targets_are_asked_by_connecting() {
    let (a, b) = (Origin::ok(), Origin::ok());
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let manifest = backend_of(&[(&a, ""), (&b, "")], ", healthCheck: { tcp: {}, interval: 20ms }")
        .replace(&b.address.to_string(), &nobody.to_string());
    let gateway = crate::support::Gateway::start(&(gateway("") + &manifest + &route("all", "backend: pool")));
    gateway.log.wait_for("a target is unhealthy");
    for _ in 0..6 {
        assert_eq!(ask(gateway.http(), get("/", "")).status, 200);
    }
}

#[test]
fn what_clients_get_makes_an_outlier() {
    let (a, b) = (Moody::start(), Moody::start());
    let settings = ", outlierDetection: { consecutiveErrors: 3, ejectFor: 300ms }";
    let gateway = before(&[(&a.origin, ""), (&b.origin, "")], settings, "");
    a.answers(500);
    let mut client = Client::connect(gateway.http());
    let statuses: Vec<u16> = (0..20).map(|_| client.send(get("/", "")).answer().status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 500).count(), 3, "{statuses:?}");
    a.answers(200);
    let seen = a.served();
    wait_until("it comes back", || {
        client.send(get("/", "")).answer();
        (a.served() > seen).then_some(())
    });
    // of two, one may be out at most
    a.answers(500);
    b.answers(500);
    for _ in 0..12 {
        assert_eq!(client.send(get("/", "")).answer().status, 500);
    }
}

/// The check goes on as it was, and what it found holds, while something else in the table changes.
#[test]
fn a_check_outlives_a_swap() {
    let (a, b) = (Moody::start(), Moody::start());
    a.check_says(503);
    let slow = CHECK.replace("20ms", "10m");
    let gateway = before(&[(&a.origin, ""), (&b.origin, "")], &slow, "");
    gateway.log.wait_for("a target is unhealthy");
    wait_until("both were asked", || (a.checks() + b.checks() == 2).then_some(()));
    let manifests = std::fs::read_to_string(gateway.folder().join("gateway.yaml")).unwrap();
    gateway.write("gateway.yaml", &manifests.replace("backend: pool", "backend: pool\n  priority: 1"));
    gateway.log.wait_for("a new table is in force");
    for _ in 0..4 {
        assert_eq!(ask(gateway.http(), get("/", "")).status, 200);
    }
    assert_eq!((a.served(), b.served(), a.checks() + b.checks()), (0, 4, 2));
    // without the check it is a target like any other
    let start = manifests.find(", healthCheck").unwrap();
    let end = start + slow.len();
    gateway.write("gateway.yaml", &(manifests[..start].to_owned() + &manifests[end..]));
    gateway.log.wait_for_nth("a new table is in force", 2);
    for _ in 0..4 {
        ask(gateway.http(), get("/", ""));
    }
    assert_eq!(counts([&a.origin, &b.origin]).iter().sum::<usize>(), 10);
    assert_eq!(a.served(), 2);
}

/// A request of an old table goes on and holds it. Its check is not heard any more: another one has taken its place.
#[test]
fn only_the_newest_check_is_heard() {
    let old = Arc::new(AtomicU16::new(200));
    let says = Arc::clone(&old);
    let a = Origin::start(move |peer| {
        while let Some(seen) = peer.request() {
            if seen.head[0].contains("/endless") {
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbegin").rest();
                return;
            }
            let status = if seen.head[0].contains("/old") { says.load(Ordering::SeqCst) } else { 200 };
            peer.send(format!("HTTP/1.1 {status} So\r\nContent-Length: 2\r\n\r\nok"));
        }
    });
    let check = ", healthCheck: { path: /old, interval: 20ms, unhealthyAfter: 1 }";
    let gateway = before(&[(&a, "")], check, "");
    let mut held = Client::connect(gateway.http());
    held.send(get("/endless", "")).exactly(5);
    let manifests = std::fs::read_to_string(gateway.folder().join("gateway.yaml")).unwrap();
    gateway.write("gateway.yaml", &manifests.replace("/old", "/new"));
    gateway.log.wait_for("a new table is in force");
    old.store(503, Ordering::SeqCst);
    let count = |path: &str| a.seen().iter().filter(|seen| seen.head[0].contains(path)).count();
    let before = count("/old");
    wait_until("the new check asks", || (count("/new") > 10).then_some(()));
    assert!(count("/old") <= before + 1, "the old one ends");
    assert_eq!(ask(gateway.http(), get("/", "")).status, 200);
}
