//! What the origin sees of a request, and answers that come before it has ended.

use bytes::Bytes;
use gw::pipeline::head::ResponseHead;
use gw::proxy::upstream::Reply;
use http::{HeaderMap, HeaderValue};
use http_body::Frame;

use crate::server::Server;
use crate::server::Step::{Close, Hear, Reset, Say};
use crate::world::{Ask, BRIEF, Fed, World, head, read};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Sends a request and compares all that the origin saw after the head's own fields.
#[track_caller]
fn check_sent(ask: impl FnOnce() -> Ask, sent: &str) {
    World::run(async |world| {
        let ask = ask();
        let expected = format!("{} /path HTTP/1.1\r\nhost: upstream.test\r\n{sent}", ask.method);
        let body = sent.len() - sent.find("\r\n\r\n").map_or(2, |at| at + 4);
        let server = Server::follow(vec![vec![Hear(body), Say(OK)]]).await;
        assert_eq!(world.ask(server.address, ask).await, "200 [content-length: 2] ok | kept 1");
        assert_eq!(server.heard(), [expected]);
    });
}

#[test]
fn framing() {
    check_sent(|| Ask::new("GET"), "\r\n");
    check_sent(|| Ask::new("POST"), "content-length: 0\r\n\r\n");
    check_sent(|| Ask::new("GET").body(Fed::of(Some(0), &[])), "\r\n");
    check_sent(|| Ask::new("PUT").body(Fed::of(Some(0), &[])), "content-length: 0\r\n\r\n");
    check_sent(
        || Ask::new("POST").body(Fed::of(Some(10), &["hello", "", "world"])),
        "content-length: 10\r\n\r\nhelloworld",
    );
    check_sent(|| Ask::new("GET").body(Fed::of(Some(1), &["x"])), "content-length: 1\r\n\r\nx");
    check_sent(
        || Ask::new("POST").body(Fed::of(None, &["hello", "", "0123456789abcdef", ""])),
        "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n",
    );
    check_sent(|| Ask::new("POST").body(Fed::of(None, &[])), "transfer-encoding: chunked\r\n\r\n0\r\n\r\n");
}

#[test]
fn only_harmless_trailers_are_sent() {
    let ask = || {
        let (feed, body) = Fed::open(None);
        let mut fields = HeaderMap::new();
        for name in ["content-length", "x-consumer", "repr-digest", "host", "x-checksum-crc32"] {
            fields.insert(name, HeaderValue::from_static("1"));
        }
        feed.send(Ok(Frame::data(Bytes::from_static(b"x")))).unwrap();
        feed.send(Ok(Frame::trailers(fields))).unwrap();
        Ask::new("POST").body(body)
    };
    check_sent(ask, "transfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nrepr-digest: 1\r\nx-checksum-crc32: 1\r\n\r\n");
}

#[test]
fn a_failing_body_is_the_clients_fault() {
    let expected = "400 request-body: the request body failed | kept 0";
    World::run(async |world| {
        let server = Server::follow(vec![vec![Hear(0)], vec![Hear(0)], vec![Hear(0)]]).await;
        let ask = Ask::new("POST").body(Fed::of(Some(9), &["short"]));
        assert_eq!(world.ask(server.address, ask).await, expected);
        let ask = Ask::new("POST").body(Fed::of(Some(2), &["long"]));
        assert_eq!(world.ask(server.address, ask).await, expected);
        let (feed, body) = Fed::open(None);
        feed.send(Ok(Frame::data(Bytes::from_static(b"x")))).unwrap();
        feed.send(Err("the client is gone".into())).unwrap();
        assert_eq!(world.ask(server.address, Ask::new("POST").body(body)).await, expected);
    });
}

#[test]
fn a_slow_client_is_not_the_upstreams_fault() {
    World::run(async |world| {
        let server = Server::follow(vec![vec![Hear(0)]]).await;
        let (_feed, body) = Fed::open(None);
        let mut ask = Ask { request: BRIEF * 100, ..Ask::new("POST").body(body) };
        ask.timeouts.first_byte = BRIEF;
        ask.timeouts.idle = BRIEF;
        let expected = "504 request-timeout: the request took too long | kept 0";
        assert_eq!(world.ask(server.address, ask).await, expected);
    });
}

/// The origin answers first, and only then reads the body that the client has not begun to send.
#[test]
fn both_bodies_run_at_once() {
    World::run(async |world| {
        let said = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n";
        // the second time, it hears all up to the empty line after the last chunk
        let script = vec![Hear(0), Say(said), Hear(0), Say(b"1\r\nb\r\n0\r\n\r\n")];
        let server = Server::follow(vec![script]).await;
        let (feed, body) = Fed::open(None);
        let mut response = ResponseHead::default();
        let reply = world.send(server.address, Ask::new("POST").body(body), &mut response).await.unwrap();
        let Reply::Answer(body) = reply else { panic!("an upgrade") };
        assert_eq!(head(&response), "200 []");
        feed.send(Ok(Frame::data(Bytes::from_static(b"hello")))).unwrap();
        drop(feed);
        assert_eq!(read(body).await, "ab");
        assert_eq!(server.heard()[1], "5\r\nhello\r\n0\r\n\r\n");
        assert_eq!(world.upstreams.idle_connections(), 1);
    });
}

#[test]
fn an_early_end_gives_up_the_request_and_the_connection() {
    World::run(async |world| {
        let large = b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno";
        let server = Server::follow(vec![vec![Hear(0), Say(large)], vec![Hear(0), Say(large), Close]]).await;
        for _ in 0..2 {
            let (feed, body) = Fed::open(Some(1_000_000));
            let ask = Ask::new("POST").body(body);
            assert_eq!(world.ask(server.address, ask).await, "413 [content-length: 2] no | kept 0");
            assert!(feed.is_closed(), "the rest of the request is not read");
        }
    });
}

/// Sending fails at some point, and yet the answer that was there before is read.
#[test]
fn an_answer_is_seen_although_sending_fails() {
    World::run(async |world| {
        let script = vec![Hear(0), Say(b"HTTP/1.1 403 No\r\ncontent-length: 1\r\n\r\n"), Say(b"x"), Close];
        let mut server = Server::follow(vec![script]).await;
        let (feed, body) = Fed::open(None);
        let mut response = ResponseHead::default();
        let reply = world.send(server.address, Ask::new("POST").body(body), &mut response).await.unwrap();
        let Reply::Answer(body) = reply else { panic!("an upgrade") };
        server.ended().await;
        for _ in 0..100 {
            feed.send(Ok(Frame::data(Bytes::from_static(&[b'x'; 10_000])))).unwrap();
        }
        assert_eq!(head(&response), "403 [content-length: 1]");
        assert_eq!(read(body).await, "x");
    });
}

#[test]
fn a_reset_while_the_body_is_sent_is_no_answer() {
    World::run(async |world| {
        let server = Server::follow(vec![vec![Hear(10), Reset]]).await;
        let ask = Ask::new("POST").body(Fed::of(None, &["0123456789", "0123456789"]));
        let closed = "502 closed: the upstream closed the connection without an answer | kept 0";
        assert_eq!(world.ask(server.address, ask).await, closed);
    });
}
