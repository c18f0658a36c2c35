//! A server of HTTP/2 that is gone without a word, as when its machine or the way to it fails.

use std::time::{Duration, Instant};

use crate::client::{Client, request};
use crate::raw::{DATA, ENDS, HEADERS, SETTINGS, frame};
use crate::route;
use crate::support::origin::Origin;
use crate::support::{Gateway, Options, backend, folder_with};
use crate::{both, support};

/// A server that answers one request on its first connection and then nothing, and all requests on others.
fn origin() -> Origin {
    Origin::start(|peer| {
        peer.exactly(24);
        peer.send(frame(SETTINGS, 0, 0, b""));
        while let Some(head) = peer.exactly(9) {
            let (length, stream) = (u32::from_be_bytes([0, head[0], head[1], head[2]]), head[8]);
            peer.exactly(length as usize);
            if head[3] == HEADERS {
                // the status 200, and nothing else
                peer.send(frame(HEADERS, ENDS, stream.into(), &[0x88]));
                if peer.number == 1 {
                    peer.rest();
                }
            }
        }
    })
}

fn before(origin: &Origin, spec: &str) -> Gateway {
    let manifests = both("")
        + &backend("origin", origin.address, ", protocol: http2")
        + &route("all", &format!("backend: origin\n{spec}"));
    let options = Options { environment: vec![("GW_WORKERS", "1".into())], ..Options::default() };
    Gateway::start_in(folder_with(&[("gateway.yaml", &manifests)]), &options)
}

#[test]
fn who_waits_in_vain_is_the_last_one() {
    let origin = origin();
    let gateway = before(&origin, "timeouts: { request: 300ms }");
    let client = Client::connect(gateway.http());
    assert_eq!([client.get("/").status, client.get("/").status, client.get("/").status], [200, 504, 200]);
    assert_eq!(origin.connections(), 2);
}

#[test]
fn another_attempt_is_made_elsewhere() {
    let origin = origin();
    let gateway = before(&origin, "retries: { on: [timeout], perTryTimeout: 300ms, backoff: 1ms }");
    let client = Client::connect(gateway.http());
    assert_eq!([client.get("/").status, client.get("/").status], [200, 200]);
    assert_eq!(origin.connections(), 2);
}

/// Long before any time is over, what may be sent again is, and what may not fails.
#[test]
fn it_is_asked_whether_it_lives() {
    let origin = origin();
    let gateway = before(&origin, "timeouts: { request: 10m, firstByte: 10m }");
    let client = Client::connect(gateway.http());
    assert_eq!(client.get("/").status, 200);
    let began = Instant::now();
    let (safe, _) = client.begin(request("GET", "/", &[]), true).unwrap();
    let (unsafe_, _) = client.begin(request("POST", "/", &[]), true).unwrap();
    assert_eq!((client.answer(safe).unwrap().status, client.answer(unsafe_).unwrap().status), (200, 502));
    assert!(began.elapsed() > Duration::from_secs(9), "it had time to answer");
    assert!(began.elapsed() < support::PATIENCE);
    assert_eq!(origin.connections(), 2);
}

/// A server that is slow, but answers when it is asked, is let be.
#[test]
fn one_that_lives_has_its_time() {
    let origin = Origin::start(|peer| {
        peer.exactly(24);
        peer.send(frame(SETTINGS, 0, 0, b""));
        while let Some(head) = peer.exactly(9) {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let content = peer.exactly(length as usize).unwrap();
            if head[3] == crate::raw::PING {
                peer.send(frame(crate::raw::PING, 1, 0, &content));
                peer.send(frame(HEADERS, ENDS & !1, 1, &[0x88]));
                peer.send(frame(DATA, 1, 1, b"late"));
            }
        }
    });
    let gateway = before(&origin, "timeouts: { request: 10m, firstByte: 10m }");
    assert_eq!(Client::connect(gateway.http()).get("/").text(), "late");
}
