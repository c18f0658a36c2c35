//! Answers that break HTTP or could mean two things, and servers that fall silent or vanish.

use std::net::TcpListener;

use gw::pipeline::upstream::UpstreamProtocol;
use gw::proxy::upstream::{Address, AnswerLimits, Host, Target};

use crate::server::Server;
use crate::server::Step::{Close, Drip, FinishWriting, Hear, Reset, Say};
use crate::world::{Ask, BRIEF, World, check, check_answer, check_last_answer};

#[track_caller]
fn check_malformed(answer: &'static [u8], why: &str) {
    check_answer(answer, &format!("502 malformed: the upstream's answer is malformed: {why} | kept 0"));
}

#[test]
fn not_http() {
    for answer in [&b"<html>hello"[..], b"\r\nHTTP/1.1 200 OK\r\n\r\n", b"SSH-2.0-x\r\n", b"HTTP/2.0 200 OK\r\n\r\n"] {
        check_malformed(answer, "not HTTP/1");
    }
    check_malformed(b"HTTP/1.1 99 Low\r\n\r\n", "invalid status line");
    check_malformed(b"HTTP/1.1 1000 High\r\n\r\n", "invalid status line");
    check_malformed(b"HTTP/1.1  200 OK\r\n\r\n", "invalid status line");
    check_malformed(b"HTTP/1.1 200 O\x00K\r\n\r\n", "invalid status line");
    check_malformed(b"HTTP/1.1 099 Low\r\n\r\n", "status out of range");
    check_malformed(b"HTTP/1.1 600 High\r\n\r\n", "status out of range");
}

#[test]
fn invalid_fields() {
    check_malformed(b"HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n", "invalid field value");
    check_malformed(b"HTTP/1.1 200 OK\r\nx: a\rb\r\n\r\n", "invalid field value");
    check_malformed(b"HTTP/1.1 200 OK\r\nx: a\nb: c\r\n\r\n", "bare line feed in the head");
    check_malformed(b"HTTP/1.1 200 OK\nx: a\n\n", "bare line feed in the head");
    check_malformed(b"HTTP/1.1 200 OK\r\nx: a\r\n b\r\n\r\n", "invalid field name");
    check_malformed(b"HTTP/1.1 200 OK\r\nx : a\r\n\r\n", "invalid field name");
    check_malformed(b"HTTP/1.1 200 OK\r\n: a\r\n\r\n", "invalid field name");
    check_malformed(b"HTTP/1.1 200 OK\r\nx y\r\n\r\n", "invalid field name");
}

#[test]
fn ambiguous_lengths() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\ncontent-length: 0x1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\ncontent-length: 01\r\n\r\na",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1, 1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\ncontent-length: \r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551616\r\n\r\n",
    ] {
        check_malformed(answer, "invalid content-length");
    }
    let twice = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab";
    check_malformed(twice, "contradicting content-lengths");
}

#[test]
fn ambiguous_codings() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding:\r\n\r\n",
    ] {
        check_malformed(answer, "unknown transfer-encoding");
    }
    let both = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n";
    check_malformed(both, "both transfer-encoding and content-length");
    let old = b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    check_malformed(old, "transfer-encoding in HTTP/1.0");
}

#[test]
fn invalid_chunks() {
    for (chunks, why) in [
        (&b"-1\r\n"[..], "invalid chunk size"),
        (b"0x5\r\nhello\r\n", "invalid chunk size"),
        (b" 5\r\nhello\r\n", "invalid chunk size"),
        (b"5 \r\nhello\r\n", "invalid chunk size"),
        (b"\r\nhello\r\n", "invalid chunk size"),
        (b"5 hello\r\n", "invalid chunk size"),
        (b"5;a\rb\r\nhello\r\n", "invalid chunk size"),
        (b"10000000000000000\r\nhello", "invalid chunk size"),
        (b"5\nhello\r\n", "bare line feed in a chunk size"),
        (b"5\r\nhello!\r\n", "chunk is longer than its size"),
        (b"5\r\nhello\n0\r\n\r\n", "chunk is longer than its size"),
        (b"0\r\nx: y\n\r\n\r\n", "invalid trailers"),
        (b"0\r\nx y\r\n\r\n", "invalid trailers"),
    ] {
        let answer = [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", chunks].concat().leak();
        let said = if chunks.starts_with(b"5\r\n") { "hello" } else { "" };
        let expected = format!("200 [] {said}!malformed: the upstream's answer is malformed: {why} | kept 0");
        check_answer(answer, &expected);
    }
}

#[test]
fn endless_chunk_parts() {
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let parts = [
        (b"1;".iter().chain([b'x'; 5000].iter()).copied().collect::<Vec<_>>(), "", "chunk size line is too long"),
        ([b"1;", &[b'x'; 2100][..], b"\r\na\r\n"].concat().repeat(2), "a", "chunk size line is too long"),
        ([b"0\r\nx: ", &[b'x'; 9000][..]].concat(), "", "trailers are too large"),
    ];
    for (part, said, why) in parts {
        let expected = format!("200 [] {said}!malformed: the upstream's answer is malformed: {why} | kept 0");
        check_answer([head, &part[..]].concat().leak(), &expected);
    }
}

#[test]
fn heads_without_end() {
    let large = [b"HTTP/1.1 200 OK\r\nx: ", &b"x".repeat(70_000)[..], b"\r\n\r\n"].concat().leak();
    let expected = "502 head-too-large: the head of the upstream's answer is too large | kept 0";
    check_answer(large, expected);
    check_answer(&large[..66_000], expected);
    check_answer([b"HTTP/1.1 200 OK\r\n", &b"x: y\r\n".repeat(101)[..], b"\r\n"].concat().leak(), expected);
    World::run(async |world| {
        let script = vec![Hear(0), Drip(b"HTTP/1.1 200 OK\r\nx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy")];
        let server = Server::follow(vec![script]).await;
        let ask = Ask { limits: AnswerLimits { head_bytes: 40, fields: 9 }, ..Ask::new("GET") };
        assert_eq!(world.ask(server.address, ask).await, expected);
    });
}

#[test]
fn interim_answers() {
    check_malformed(b"HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n", "unsolicited 101");
    check_malformed(b"HTTP/1.1 100 Continue\r\n\r\n".repeat(20).leak(), "endless interim answers");
    check_last_answer(
        b"HTTP/1.1 100 Continue\r\n\r\n",
        "502 malformed: the upstream's answer is malformed: the head ends early | kept 0",
    );
}

#[test]
fn answers_cut_short() {
    let early = "502 malformed: the upstream's answer is malformed: the head ends early | kept 0";
    check_last_answer(b"HTTP/1.1 200 OK\r\ncontent-le", early);
    check("GET", &[Hear(0), Say(b"HTTP/1.1 2"), FinishWriting], early);
    let cut = "!truncated: the upstream's answer is cut short | kept 0";
    let length = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello";
    check_last_answer(length, &format!("200 [content-length: 9] hello{cut}"));
    check("GET", &[Hear(0), Say(length), FinishWriting], &format!("200 [content-length: 9] hello{cut}"));
    for chunks in
        [&b"9\r\nhello"[..], b"5\r\nhello", b"5\r\nhello\r\n", b"5\r\nhello\r\n0\r\n", b"5\r\nhello\r\n0\r\nx:"]
    {
        let answer = [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", chunks].concat().leak();
        check_last_answer(answer, &format!("200 [] hello{cut}"));
    }
}

#[test]
fn no_answer() {
    let closed = "502 closed: the upstream closed the connection without an answer | kept 0";
    check("GET", &[Close], closed);
    check("GET", &[Hear(0), Close], closed);
    check("GET", &[Hear(0), Reset], closed);
    check("GET", &[Hear(0), FinishWriting], closed);
}

#[test]
fn no_connection() {
    World::run(async |world| {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let refused = "502 refused: the upstream refuses connections | kept 0";
        assert_eq!(world.ask(free, Ask::new("GET")).await, refused);
        let target = Target {
            address: Address::Name(Host::new("127.0.0.1", free.port()).into()),
            tls: None,
            preface: None,
            protocol: UpstreamProtocol::Http1,
        };
        assert_eq!(world.ask_target(&target, Ask::new("GET")).await, refused);
        let target = Target {
            address: Address::Name(Host::new("no name", 80).into()),
            tls: None,
            preface: None,
            protocol: UpstreamProtocol::Http1,
        };
        let unknown = "502 resolve: the name of the upstream cannot be resolved | kept 0";
        assert_eq!(world.ask_target(&target, Ask::new("GET")).await, unknown);
    });
}

#[test]
fn silence() {
    World::run(async |world| {
        let silent = Server::follow(vec![vec![Hear(0)], vec![Hear(0), Say(b"HTTP/1.1 200")], vec![Hear(0)]]).await;
        let brief = |ask: &mut Ask| ask.timeouts.first_byte = BRIEF;
        for _ in 0..2 {
            let mut ask = Ask::new("GET");
            brief(&mut ask);
            let expected = "504 first-byte-timeout: the upstream did not begin to answer in time | kept 0";
            assert_eq!(world.ask(silent.address, ask).await, expected);
        }
        let ask = Ask { request: BRIEF, ..Ask::new("GET") };
        let expected = "504 request-timeout: the request took too long | kept 0";
        assert_eq!(world.ask(silent.address, ask).await, expected);
    });
}

#[test]
fn silence_within_the_body() {
    World::run(async |world| {
        let half = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello";
        let server = Server::follow(vec![vec![Hear(0), Say(half)]]).await;
        let mut ask = Ask::new("GET");
        ask.timeouts.idle = BRIEF;
        let expected = "200 [content-length: 9] hello!idle-timeout: the upstream fell silent | kept 0";
        assert_eq!(world.ask(server.address, ask).await, expected);
    });
}
