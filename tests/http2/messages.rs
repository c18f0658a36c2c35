//! Requests and answers: what an HTTP/1 origin sees of them, and what the client gets.

use std::process::Command;

use http::HeaderMap;

use crate::before;
use crate::client::{Client, request, reset};
use crate::raw::{DATA, END_HEADERS, END_STREAM, ENDS, HEADERS, RST_STREAM, Raw, block, fields, frame};
use crate::support::client::{ask, get};
use crate::support::origin::Origin;

#[test]
fn a_request_is_forwarded_as_one_of_http1() {
    let origin = Origin::ok();
    let gateway = before(&origin, "");
    let client = Client::connect(gateway.http());
    let asked =
        request("GET", "/a/%7Eb?c=d", &[("x-a", "1"), ("cookie", "a=1"), ("cookie", "b=2"), ("te", "trailers")]);
    let answer = client.ask(asked).unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, "ok"));
    assert_eq!((answer.get("content-length"), answer.get("via")), (Some("2"), Some("1.1 gw")));
    assert!(answer.get("date").is_some());
    let seen = origin.seen();
    assert_eq!(seen[0].head[0], "GET /a/~b?c=d HTTP/1.1");
    assert_eq!(seen[0].all("host"), ["a.example"]);
    assert_eq!(seen[0].all("cookie"), ["a=1; b=2"]);
    assert_eq!((seen[0].all("x-a"), seen[0].all("te").len()), (vec!["1"], 0));
    assert_eq!(client.get("/fixed").text(), "fixed");
    assert_eq!(ask(gateway.http(), get("/fixed", "")).text(), "fixed");
}

#[test]
fn bodies_go_both_ways() {
    let origin = Origin::start(|peer| {
        while let Some(seen) = peer.request() {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", seen.body.len());
            peer.send(head).send(&seen.body);
        }
    });
    let gateway = before(&origin, "");
    let client = Client::connect(gateway.http());
    let body: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let length = body.len().to_string();
    for fields in [&[][..], &[("content-length", &*length)]] {
        let answer = client.post(request("POST", "/", fields), &body, HeaderMap::new()).unwrap();
        assert!(answer.body == body, "{} bytes", answer.body.len());
    }
    let seen = origin.seen();
    assert_eq!((seen[0].all("transfer-encoding"), seen[1].all("content-length")), (vec!["chunked"], vec![&*length]));
}

#[test]
fn many_requests_share_a_connection() {
    let origin = Origin::ok();
    let gateway = before(&origin, "");
    let client = Client::connect(gateway.http());
    let begun: Vec<_> = (0..80).map(|n| client.begin(request("GET", &format!("/{n}"), &[]), true).unwrap()).collect();
    for (answer, _) in begun {
        assert_eq!(client.answer(answer).unwrap().text(), "ok");
    }
    assert_eq!(origin.seen().len(), 80);
}

#[test]
fn answers_without_a_body_have_none() {
    let origin = Origin::start(|peer| {
        while let Some(seen) = peer.request() {
            peer.send(if seen.head[0].starts_with("HEAD") {
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
            } else if seen.head[0].contains("/304") {
                "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n"
            } else {
                "HTTP/1.1 204 No Content\r\n\r\n"
            });
        }
    });
    let gateway = before(&origin, "");
    let client = Client::connect(gateway.http());
    let head = client.ask(request("HEAD", "/", &[])).unwrap();
    assert_eq!((head.status, head.get("content-length"), head.body.len()), (200, Some("5"), 0));
    let fixed = client.ask(request("HEAD", "/fixed", &[])).unwrap();
    assert_eq!((fixed.status, fixed.get("content-length"), fixed.body.len()), (200, Some("5"), 0));
    for (path, status) in [("/204", 204), ("/304", 304)] {
        let answer = client.get(path);
        assert_eq!((answer.status, answer.get("content-length"), answer.body.len()), (status, None, 0));
    }
}

#[test]
fn trailers_pass() {
    let origin = Origin::start(|peer| {
        while peer.request().is_some() {
            peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\nSet-Cookie: a=b\r\n\r\n");
        }
    });
    let gateway = before(&origin, "");
    let mut trailers = HeaderMap::new();
    trailers.insert("content-digest", "x".parse().unwrap());
    trailers.insert("authorization", "x".parse().unwrap());
    let answer = Client::connect(gateway.http()).post(request("POST", "/", &[]), b"abc", trailers).unwrap();
    assert_eq!(answer.trailers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["x-sum"]);
    assert_eq!(origin.seen()[0].trailers, ["content-digest: x"]);
}

#[test]
fn an_answer_that_is_cut_short_is_seen_to_be() {
    let origin = Origin::start(|peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    });
    let gateway = before(&origin, "");
    let client = Client::connect(gateway.http());
    assert_eq!(reset(client.ask(request("GET", "/", &[]))), Some(h2::Reason::INTERNAL_ERROR));
    assert_eq!(client.get("/fixed").text(), "fixed");
}

#[test]
fn a_client_that_loses_interest_ends_its_request_only() {
    let origin = Origin::start(|peer| {
        if peer.request().is_some_and(|seen| seen.head[0].contains("/slow")) {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
            assert!(peer.rest().is_empty());
        }
    });
    let gateway = before(&origin, "");
    let client = Client::connect(gateway.http());
    let (answer, mut stream) = client.begin(request("GET", "/slow", &[]), true).unwrap();
    assert_eq!(client.run(answer).unwrap().status(), 200);
    stream.send_reset(h2::Reason::CANCEL);
    assert_eq!(client.get("/fixed").text(), "fixed");
    crate::support::wait_until("the origin's connection ends", || (origin.open() == 0).then_some(()));
    assert!(gateway.access.wait_for("/slow").contains("\"complete\":false"));
}

#[test]
fn what_is_malformed_is_reset_and_seen_by_nobody() {
    let origin = Origin::ok();
    let gateway = before(&origin, "");
    let whole = |fields: &[(&str, &str)]| vec![frame(HEADERS, ENDS, 1, &block(fields))];
    let with = |name, value| whole(&fields("GET", "/", &[(name, value)]));
    let body = |length, data: &[u8]| {
        vec![
            frame(HEADERS, END_HEADERS, 1, &block(&fields("POST", "/", &[("content-length", length)]))),
            frame(DATA, END_STREAM, 1, data),
        ]
    };
    for (name, frames) in [
        ("connection", with("connection", "close")),
        ("keep-alive", with("keep-alive", "5")),
        ("proxy-connection", with("proxy-connection", "close")),
        ("transfer-encoding", with("transfer-encoding", "chunked")),
        ("upgrade", with("upgrade", "websocket")),
        ("te", with("te", "gzip")),
        ("another host", with("host", "b.example")),
        ("upper case", with("X-A", "b")),
        ("space in a name", with("x a", "b")),
        ("space before a value", with("x-a", " b")),
        ("line feed", with("x-a", "b\nc")),
        ("carriage return", with("x-a", "b\rc")),
        ("nul", with("x-a", "b\0c")),
        ("unknown pseudo-field", with(":x", "b")),
        ("status", with(":status", "200")),
        ("method twice", with(":method", "GET")),
        ("path twice", with(":path", "/b")),
        ("pseudo-field last", whole(&[&[("x", "y")][..], &fields("GET", "/", &[])].concat())),
        ("no method", whole(&fields("GET", "/", &[])[1..])),
        ("no path", whole(&[(":method", "GET"), (":scheme", "http"), (":authority", "a.example")])),
        ("empty path", whole(&fields("GET", "", &[]))),
        ("no host", whole(&fields("GET", "/", &[])[..3])),
        ("connect", whole(&[(":method", "CONNECT")])),
        ("two lengths", whole(&fields("POST", "/", &[("content-length", "0"), ("content-length", "0")]))),
        ("signed length", body("+3", b"abc")),
        ("length without body", whole(&fields("POST", "/", &[("content-length", "3")]))),
        ("too little", body("9", b"abc")),
        ("too much", body("2", b"abc")),
    ] {
        let mut client = Raw::connect(gateway.http());
        assert!(client.send(frames.concat()));
        let refused =
            std::iter::from_fn(|| client.frame()).find(|frame| matches!(frame.kind, RST_STREAM | HEADERS | 7));
        assert!(refused.as_ref().is_some_and(|frame| frame.kind != HEADERS), "{name}: {refused:?}");
        assert_eq!(origin.seen(), [], "{name}");
    }
}

#[test]
fn what_is_refused_has_its_status() {
    let origin = Origin::ok();
    let gateway = before(&origin, "limits: { bodyBytes: 1KiB, targetBytes: 256B, headers: 20, headerBytes: 2KiB }");
    let client = Client::connect(gateway.http());
    let (long, large) = ("a".repeat(300), "a".repeat(2500));
    for (asked, status) in [
        (request("TRACE", "/", &[]), 405),
        (request("GET", "/%2f", &[]), 400),
        (request("GET", &format!("/{long}"), &[]), 414),
        (request("GET", "/", &[("x-a", &large)]), 431),
        (request("GET", "/", &[("x-a", "b"); 21]), 431),
        (request("POST", "/", &[("content-length", "2000")]), 413),
        (request("GET", "/", &[("expect", "tea")]), 417),
    ] {
        let name = format!("{asked:?}");
        let (answer, _stream) = client.begin(asked, !name.contains("POST")).unwrap();
        assert_eq!(client.answer(answer).unwrap().status, status, "{name}");
    }
    let answer = client.post(request("POST", "/", &[]), &[b'x'; 2000], HeaderMap::new()).unwrap();
    assert_eq!(answer.status, 413);
    assert!(origin.seen().iter().all(|seen| !seen.complete));
    assert_eq!(client.ask(request("OPTIONS", "/fixed", &[])).unwrap().status, 200);
}

#[test]
fn curl_and_h2load_are_served() {
    let origin = Origin::ok();
    let gateway = before(&origin, "");
    let url = format!("http://{}/x", gateway.http());
    let curl = |more: &[&str]| {
        let output = Command::new("curl").args(["-sS", "--max-time", "20"]).args(more).arg(&url).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let write = "%{http_version} %{http_code}";
    assert_eq!(curl(&["--http2-prior-knowledge", "-w", write]), "ok2 200");
    assert_eq!(curl(&["--http2-prior-knowledge", "-w", write, "-d", "abc"]), "ok2 200");
    assert_eq!(curl(&["-w", write]), "ok1.1 200");
    // `Upgrade: h2c`
    assert!(curl(&["--http2", "-w", write]).ends_with("1.1 400"));
    let load = Command::new("h2load").args(["-n2000", "-c4", "-m20", &url]).output().unwrap();
    let said = String::from_utf8_lossy(&load.stdout).into_owned();
    assert!(said.contains("2000 succeeded, 0 failed, 0 errored"), "{said}");
}
