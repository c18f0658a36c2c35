//! Legal answers, and what of them goes on to the client.

use crate::server::Step::{Close, Drip, Hear, Say};
use crate::world::{check, check_answer, check_last_answer};

#[test]
fn lengths() {
    check_answer(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "200 [content-length: 5] hello | kept 1");
    check_answer(b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200 [content-length: 0]  | kept 1");
    check_answer(b"HTTP/1.1 599 \r\nContent-Length:\t3 \t\r\n\r\nabc", "599 [content-length: 3] abc | kept 1");
    check_answer(
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nok",
        "200 [content-length: 2] ok | kept 1",
    );
}

#[test]
fn pieces() {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx: y\r\n\r\nhello";
    check("GET", &[Hear(0), Drip(answer)], "200 [content-length: 5, x: y] hello | kept 1");
    let answer = b"HTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
        1\r\nh\r\n1\r\ne\r\n0003;a=b\r\nllo\r\n0\r\nx-sum: 1\r\n\r\n";
    check("GET", &[Hear(0), Drip(answer)], r#"200 [] hello+{"x-sum": "1"} | kept 1"#);
}

#[test]
fn chunks() {
    let ok = "200 [] hello | kept 1";
    check_answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", ok);
    check_answer(b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n2\r\nhe\r\n3;x\r\nllo\r\n00\r\n\r\n", ok);
    check_answer(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5 ;x=\"y\"\r\nhello\r\n0\r\n\r\n", ok);
    check_answer(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "200 []  | kept 1");
}

#[test]
fn trailers() {
    check_answer(
        b"HTTP/1.1 200 OK\r\ntrailer: grpc-status\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nGrpc-Status: 0\r\n\
          content-length: 9\r\nset-cookie: a=b\r\n\r\n",
        r#"200 [trailer: grpc-status] ok+{"grpc-status": "0"} | kept 1"#,
    );
    check_answer(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nhost: x\r\n\r\n",
        "200 [] ok | kept 1",
    );
}

#[test]
fn until_the_connection_closes() {
    check_last_answer(b"HTTP/1.1 200 OK\r\n\r\nhello", "200 [] hello | kept 0");
    check_last_answer(b"HTTP/1.0 200 OK\r\nx: y\r\n\r\nhello", "200 [x: y] hello | kept 0");
    check_last_answer(b"HTTP/1.1 200 OK\r\n\r\n", "200 []  | kept 0");
}

#[test]
fn whether_the_connection_is_kept() {
    let ok = b"HTTP/1.1 200 OK\r\nConnection: x, Close\r\ncontent-length: 2\r\n\r\nok";
    check_answer(ok, "200 [content-length: 2] ok | kept 0");
    let ok = b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok";
    check_answer(ok, "200 [content-length: 2] ok | kept 0");
    let ok = b"HTTP/1.0 200 OK\r\nconnection: Keep-Alive\r\ncontent-length: 2\r\n\r\nok";
    check_answer(ok, "200 [content-length: 2] ok | kept 1");
    // what comes after the answer belongs to nobody
    check_answer(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1", "200 [content-length: 2] ok | kept 0");
    check_answer(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n0\r\n\r\n",
        "200 [] ok | kept 0",
    );
}

#[test]
fn answers_without_a_body() {
    let head = &[Hear(0), Say(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")];
    check("HEAD", head, "200 [content-length: 5]  | kept 1");
    check("HEAD", &[Hear(0), Say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")], "200 []  | kept 1");
    check("HEAD", &[Hear(0), Say(b"HTTP/1.1 200 OK\r\n\r\n")], "200 []  | kept 1");
    check_answer(
        b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\netag: \"1\"\r\n\r\n",
        "304 [content-length: 5, etag: \"1\"]  | kept 1",
    );
    check_answer(b"HTTP/1.1 204 No Content\r\n\r\n", "204 []  | kept 1");
    check_answer(b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n", "204 []  | kept 1");
    check_answer(b"HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n", "204 []  | kept 0");
    check_answer(b"HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n", "204 []  | kept 0");
    check(
        "HEAD",
        &[Hear(0), Say(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")],
        "200 [content-length: 2]  | kept 0",
    );
}

#[test]
fn hop_by_hop_fields_stay_here() {
    check_answer(
        b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nConnection: keep-alive, X-HOP, content-length\r\n\
          Proxy-Connection: keep-alive\r\nTE: trailers\r\nTrailer: x\r\nUpgrade: h2c\r\nX-End: 1\r\nContent-Length: 2\r\n\r\nok",
        "200 [x-end: 1, content-length: 2] ok | kept 1",
    );
}

#[test]
fn interim_answers_are_skipped() {
    check_answer(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        "200 [content-length: 0]  | kept 1",
    );
}

#[test]
fn obsolete_but_harmless() {
    check_answer(
        b"HTTP/1.1 200 \xfcber\r\nx: \xe9t\xe9\r\nempty:\r\ncontent-length: 0\r\n\r\n",
        "200 [x: \u{fffd}t\u{fffd}, empty: , content-length: 0]  | kept 1",
    );
    check(
        "GET",
        &[Hear(0), Say(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"), Close],
        "200 [content-length: 2] ok | kept 1",
    );
}
