//! `WebSockets` over HTTP/2 (RFC 8441): an extended `CONNECT` here, an upgrade there.

use std::time::{Duration, Instant};

use aws_lc_rs::digest;
use bytes::Bytes;
use h2::ext::Protocol;
use http::Request;

use crate::client::{Client, request};
use crate::support::origin::Origin;
use crate::support::{Gateway, Options, folder_with, wait_until};
use crate::{backend, before, both, route};

/// A server that opens `WebSockets` at `/ws`, sends everything back in `[]`, and says what follows to all others.
fn echo() -> Origin {
    Origin::start(|peer| {
        let Some(seen) = peer.request() else { return };
        if !seen.head[0].contains("/ws") {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            return;
        }
        let key = seen.all("sec-websocket-key")[0].to_owned() + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
        let accept = if seen.head[0].contains("/ws/lie") {
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_owned()
        } else {
            base64(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes()).as_ref())
        };
        peer.send(format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: chat\r\n\r\n"
        ));
        while let Some(byte) = peer.exactly(1) {
            peer.send([b'[', byte[0], b']']);
        }
        peer.send("bye");
    })
}

fn base64(bytes: &[u8]) -> String {
    // of twenty bytes, with the command that everybody has
    let mut child = std::process::Command::new("base64")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), bytes).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap().trim().to_owned()
}

pub fn connect(path: &str, protocol: &'static str) -> Request<()> {
    let mut connect = request("CONNECT", path, &[("sec-websocket-version", "13"), ("sec-websocket-protocol", "chat")]);
    connect.extensions_mut().insert(Protocol::from_static(protocol));
    connect
}

/// A client that has seen the settings of the gateway.
pub fn client(gateway: &Gateway) -> Client {
    let client = Client::connect(gateway.http());
    wait_until("extended CONNECT is allowed", || client.send.is_extended_connect_protocol_enabled().then_some(()));
    client
}

#[test]
fn a_websocket_opens_and_closes() {
    let origin = echo();
    let gateway = before(&origin, "");
    let client = client(&gateway);
    let (answer, mut send) = client.begin(connect("/ws", "websocket"), false).unwrap();
    let (head, mut receive) = client.run(answer).unwrap().into_parts();
    assert_eq!(head.status, 200);
    assert_eq!(head.headers["sec-websocket-protocol"], "chat");
    assert!(!head.headers.contains_key("sec-websocket-accept") && !head.headers.contains_key("content-length"));
    send.send_data(Bytes::from_static(b"ab"), false).unwrap();
    let mut got = Vec::new();
    while got.len() < 6 {
        got.extend_from_slice(&client.run(receive.data()).unwrap().unwrap());
    }
    assert_eq!(got, b"[a][b]");
    send.send_data(Bytes::new(), true).unwrap();
    assert_eq!(client.run(receive.data()).unwrap().unwrap(), "bye");
    // an orderly end, not a reset
    assert!(client.run(receive.data()).is_none_or(|data| data.unwrap().is_empty()));
    let seen = &origin.seen()[0];
    assert_eq!(seen.head[0], "GET /ws HTTP/1.1");
    assert_eq!((seen.all("upgrade"), seen.all("connection")), (vec!["websocket"], vec!["upgrade"]));
    assert_eq!((seen.all("sec-websocket-version"), seen.all("content-length").len()), (vec!["13"], 0));
    // the connection serves others meanwhile and afterwards
    assert_eq!(client.get("/fixed").text(), "fixed");
}

#[test]
fn what_opens_nothing_does_not_look_open() {
    let origin = echo();
    let gateway = before(&origin, "");
    let client = client(&gateway);
    for (path, protocol, status) in
        [("/ws/lie", "websocket", 502), ("/no", "websocket", 502), ("/fixed", "websocket", 502), ("/ws", "raw", 501)]
    {
        let (answer, _send) = client.begin(connect(path, protocol), false).unwrap();
        assert_eq!(client.answer(answer).unwrap().status, status, "{path} {protocol}");
    }
    assert_eq!(client.get("/fixed").text(), "fixed");
}

#[test]
fn a_websocket_ends_with_its_time_or_its_route() {
    let origin = echo();
    let common = both("timeouts: { upgraded: 500ms, drain: 300ms }") + &backend("origin", origin.address, "");
    let files = [("gateway.yaml", &*common), ("route.yaml", &route("all", "backend: origin"))];
    let gateway = Gateway::start_in(folder_with(&files), &Options::default());
    let client = client(&gateway);
    let opened = || {
        let (answer, send) = client.begin(connect("/ws", "websocket"), false).unwrap();
        (client.run(answer).unwrap().into_body(), send)
    };
    let ((mut silent, _send), began) = (opened(), Instant::now());
    assert!(client.run(silent.data()).is_none_or(|data| data.is_err()));
    assert!(began.elapsed() > Duration::from_millis(300));
    let (mut routed, _send) = opened();
    std::fs::remove_file(gateway.folder().join("route.yaml")).unwrap();
    assert!(client.run(routed.data()).is_none_or(|data| data.is_err()));
    wait_until("the tunnels have ended", || (origin.open() == 0).then_some(()));
}
