//! What holds for every change of a body: its framing, its end, its errors, and that nothing is held back.

use gw::pipeline::coding::Coding;
use http::HeaderMap;

use crate::http2::{self, request};
use crate::support::client::{Client, ask, get};
use crate::support::origin::Origin;
use crate::{before, decoded, origin};

const COMPRESS: &str = "[{ compress: { codings: [gzip], minSize: 1B } }]";
const GZIP: &str = "Accept-Encoding: gzip\r\n";

#[test]
fn a_body_that_changes_is_framed_anew() {
    let text = "all of it ".repeat(30_000);
    let origin =
        origin(crate::answer("Content-Type: text/plain\r\nETag: \"1\"\r\nAccept-Ranges: bytes\r\n", text.as_bytes()));
    let gateway = before(&origin, COMPRESS);
    let answer = ask(gateway.http(), get("/", GZIP));
    assert_eq!((answer.get("transfer-encoding"), answer.get("content-length")), (Some("chunked"), None));
    assert_eq!((answer.get("etag"), answer.get("accept-ranges")), (Some("W/\"1\""), None));
    assert!(answer.complete && decoded(Coding::Gzip, &answer.body) == text);
    let plain = ask(gateway.http(), get("/", ""));
    assert_eq!((plain.get("content-length"), plain.get("etag")), (Some("300000"), Some("\"1\"")));
    assert_eq!(plain.text(), text);
    let old = ask(gateway.http(), format!("GET / HTTP/1.0\r\nHost: a.example\r\n{GZIP}\r\n"));
    assert_eq!((old.get("transfer-encoding"), old.get("connection")), (None, Some("close")));
    assert_eq!(decoded(Coding::Gzip, &old.body), text);
    let head =
        Client::connect(gateway.http()).send(format!("HEAD / HTTP/1.1\r\nHost: a.example\r\n{GZIP}\r\n")).head_answer();
    assert_eq!((head.get("content-length"), head.get("content-encoding")), (None, Some("gzip")));
    let client = http2::Client::connect(gateway.http());
    let answer = client.ask(request("GET", "/", &[("accept-encoding", "gzip")])).unwrap();
    assert_eq!((answer.get("content-length"), answer.get("content-encoding")), (None, Some("gzip")));
    assert_eq!(decoded(Coding::Gzip, &answer.body), text);
}

#[test]
fn a_connection_serves_on_after_a_body_that_changed() {
    let origin = Origin::answering("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello");
    let gateway = before(&origin, COMPRESS);
    let mut client = Client::connect(gateway.http());
    for _ in 0..3 {
        assert_eq!(decoded(Coding::Gzip, &client.send(get("/", GZIP)).answer().body), "hello");
    }
    assert_eq!(origin.connections(), 1);
}

#[test]
fn trailers_pass() {
    let origin = Origin::answering(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-End: yes\r\n\r\n",
    );
    let gateway = before(&origin, COMPRESS);
    let answer = ask(gateway.http(), get("/", GZIP));
    assert_eq!((decoded(Coding::Gzip, &answer.body), answer.trailers), ("hello".into(), vec!["x-end: yes".into()]));
    let client = http2::Client::connect(gateway.http());
    let answer = client.ask(request("GET", "/", &[("accept-encoding", "gzip")])).unwrap();
    assert_eq!(decoded(Coding::Gzip, &answer.body), "hello");
    assert_eq!(answer.trailers, HeaderMap::from_iter([("x-end".parse().unwrap(), "yes".parse().unwrap())]));
}

#[test]
fn what_comes_slowly_is_not_held_back() {
    let origin = Origin::start(|peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
        // the client asks for the rest once it has read this
        peer.request();
        peer.send("4\r\nlast\r\n0\r\n\r\n");
    });
    for coding in Coding::ALL {
        let gateway = before(&origin, &format!("[{{ compress: {{ codings: [{}], minSize: 1B }} }}]", coding.name()));
        let mut client = Client::connect(gateway.http());
        client.send(get("/", &format!("Accept-Encoding: {}\r\n", coding.name())));
        let mut got = Vec::new();
        while !got.windows(4).any(|end| end == b"\r\n\r\n") {
            got.extend(client.exactly(1));
        }
        let mut body = Vec::new();
        let read = |body: &[u8]| {
            use gw::pipeline::body::Transform as _;
            let mut decoder = gw::pipeline::coding::Decoder::new(coding);
            decoder.take(Some(bytes::Bytes::copy_from_slice(body))).unwrap()
        };
        while read(&body) != "first" {
            let mut size = Vec::new();
            while !size.ends_with(b"\r\n") {
                size.extend(client.exactly(1));
            }
            let size = usize::from_str_radix(std::str::from_utf8(&size).unwrap().trim(), 16).unwrap();
            body.extend(client.exactly(size));
            client.exactly(2);
        }
    }
}

#[test]
fn a_body_that_fails_is_broken_off() {
    let origin = Origin::start(|peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nhello").finish();
    });
    let gateway = before(&origin, COMPRESS);
    assert!(!ask(gateway.http(), get("/", GZIP)).complete);
    let client = http2::Client::connect(gateway.http());
    assert!(client.ask(request("GET", "/", &[("accept-encoding", "gzip")])).is_err());
    let broken =
        crate::origin(crate::answer("Content-Type: text/html\r\nContent-Encoding: gzip\r\n", b"this is not gzip"));
    let gateway = before(&broken, "[{ htmlPatch: { appendBody: x } }]");
    assert!(!ask(gateway.http(), get("/", GZIP)).complete);
}
