//! Servers upstream that speak HTTP/2: what they are sent, how connections are shared, and what becomes of their faults.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::thread;

use bytes::Bytes;
use h2::Reason;
use h2::server::Builder;
use http::{HeaderMap, Response};

use crate::client::{Client, request};
use crate::origin::{Http2Origin, Then, answer};
use crate::raw::{DATA, ENDS, GOAWAY, HEADERS, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame};
use crate::support::client::{ask, get, post};
use crate::support::origin::Origin;
use crate::support::{Gateway, Options, backend, folder_with, wait_until};
use crate::{both, route};

pub fn before(address: SocketAddr, more: &str) -> Gateway {
    let manifests =
        both("") + &backend("origin", address, &format!(", protocol: http2{more}")) + &route("all", "backend: origin");
    let options = Options { environment: vec![("GW_WORKERS", "1".into())], ..Options::default() };
    Gateway::start_in(folder_with(&[("gateway.yaml", &manifests)]), &options)
}

#[test]
fn requests_of_both_versions_share_a_connection() {
    let origin = Http2Origin::start(Builder::new(), |_, respond| {
        let (status, fields) = (200, [("x-a", "1"), ("content-length", "2")]);
        answer(respond, status, &fields, b"ok")
    });
    let gateway = before(origin.address, "");
    let client = Client::connect(gateway.http());
    let asked = client.ask(request("GET", "/a?b=c", &[("x-b", "2"), ("te", "trailers")])).unwrap();
    assert_eq!((asked.status, asked.text().as_str(), asked.get("x-a")), (200, "ok", Some("1")));
    let old = ask(gateway.http(), get("/", "Connection: x-c\r\nX-C: 3\r\n"));
    assert_eq!((old.status, old.text().as_str(), old.get("content-length")), (200, "ok", Some("2")));
    assert_eq!(ask(gateway.http(), post("/", "abc")).status, 200);
    assert_eq!(
        ask(gateway.http(), "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n")
            .status,
        200
    );
    let head = client.ask(request("HEAD", "/", &[])).unwrap();
    assert_eq!((head.status, head.get("content-length")), (200, Some("2")));
    let seen = origin.seen();
    assert_eq!(seen[0].head.uri, "http://a.example/a?b=c");
    assert_eq!(
        (seen[0].get("x-b"), seen[0].get("te"), seen[0].get("x-forwarded-for")),
        (Some("2"), Some("trailers"), Some("127.0.0.1"))
    );
    assert!(seen[1].get("x-c").is_none() && seen[1].get("connection").is_none() && seen[1].get("host").is_none());
    assert_eq!((seen[2].get("content-length"), &seen[2].body[..]), (Some("3"), &b"abc"[..]));
    assert_eq!((seen[3].get("content-length"), &seen[3].body[..]), (None, &b"a"[..]));
    assert_eq!(origin.connections(), 1);
}

#[test]
fn trailers_and_long_bodies_go_both_ways() {
    let origin = Http2Origin::start(Builder::new(), |seen, respond| {
        let mut stream = respond.send_response(Response::new(()), false).unwrap();
        stream.send_data(seen.body.clone().into(), false).unwrap();
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", "0".parse().unwrap());
        trailers.insert("set-cookie", "a=b".parse().unwrap());
        stream.send_trailers(trailers).unwrap();
        Then::Answered
    });
    let gateway = before(origin.address, "");
    let client = Client::connect(gateway.http());
    let body: Vec<u8> = (0..2_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    trailers.insert("x-user", "mallory".parse().unwrap());
    let answer = client.post(request("POST", "/", &[]), &body, trailers).unwrap();
    assert!(answer.body == body, "{} bytes", answer.body.len());
    assert_eq!(answer.trailers.keys().collect::<Vec<_>>(), ["grpc-status"]);
    assert_eq!(origin.seen()[0].trailers.keys().collect::<Vec<_>>(), ["grpc-status"]);
}

#[test]
fn more_streams_than_a_server_takes_make_more_connections() {
    let mut builder = Builder::new();
    builder.max_concurrent_streams(2);
    let origin = Http2Origin::start(builder, |_, respond| answer(respond, 200, &[], b"ok"));
    let gateway = before(origin.address, "");
    let client = Client::connect(gateway.http());
    // from here on the server's settings are known
    assert_eq!(client.get("/").text(), "ok");
    for _ in 0..5 {
        let begun: Vec<_> = (0..40).map(|_| client.begin(request("POST", "/", &[]), true).unwrap()).collect();
        for (answer, _) in begun {
            assert_eq!(client.answer(answer).unwrap().text(), "ok");
        }
    }
    assert!((2..=40).contains(&origin.connections()), "{} connections", origin.connections());
}

/// A server that answers each request on a connection of its own, with these frames on the first one.
fn raw(first: Vec<u8>) -> Origin {
    Origin::start(move |peer| {
        peer.exactly(24);
        peer.send(frame(SETTINGS, 0, 0, b""));
        while let Some(head) = peer.exactly(9) {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            peer.exactly(length as usize);
            if head[3] == HEADERS {
                // the status 200, and nothing else
                let answer = frame(HEADERS, ENDS, 1, &[0x88]);
                peer.send(if peer.number == 1 { &first } else { &answer });
                peer.rest();
                return;
            }
        }
    })
}

#[test]
fn what_was_not_seen_is_sent_again_and_nothing_else() {
    let go_away = |last, code| frame(GOAWAY, 0, 0, &[0, 0, 0, last, 0, 0, 0, code]);
    for (name, first, status, connections) in [
        ("going away before it", go_away(0, 0), 200, 2),
        ("failing before it", go_away(0, 2), 200, 2),
        ("reset", frame(RST_STREAM, 0, 1, &[0, 0, 0, 2]), 502, 1),
    ] {
        let origin = raw(first);
        let gateway = before(origin.address, "");
        let answer = Client::connect(gateway.http()).ask(request("POST", "/", &[])).unwrap();
        assert_eq!((answer.status, origin.connections()), (status, connections), "{name}");
    }
}

#[test]
fn a_refused_request_keeps_its_body() {
    // it is refused before a window for its body opens; a first one makes sure that the settings are known
    let origin = Origin::start(|peer| {
        peer.exactly(24);
        peer.send(frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]));
        while let Some(head) = peer.exactly(9) {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            peer.exactly(length as usize);
            let answer = match (head[3], head[8]) {
                (HEADERS, 1) => frame(HEADERS, ENDS, 1, &[0x88]),
                (HEADERS, 3) => frame(RST_STREAM, 0, 3, &[0, 0, 0, 7]),
                (HEADERS, 5) => frame(WINDOW_UPDATE, 0, 5, &[0, 0, 0, 9]),
                (DATA, 5) if length == 3 => frame(HEADERS, ENDS, 5, &[0x88]),
                _ => continue,
            };
            peer.send(answer);
        }
    });
    let gateway = before(origin.address, "");
    let client = Client::connect(gateway.http());
    assert_eq!(client.get("/").status, 200);
    let answer = client.post(request("POST", "/", &[("content-length", "3")]), b"abc", HeaderMap::new());
    assert_eq!(answer.unwrap().status, 200);
}

#[test]
fn what_is_refused_is_sent_again() {
    let origin = Http2Origin::start(Builder::new(), |seen, respond| {
        if seen.number < 3 {
            respond.send_reset(Reason::REFUSED_STREAM);
            return Then::Answered;
        }
        answer(respond, 200, &[], b"ok")
    });
    let gateway = before(origin.address, "");
    let client = Client::connect(gateway.http());
    assert_eq!(client.ask(request("POST", "/", &[])).unwrap().text(), "ok");
    assert_eq!((origin.seen().len(), origin.connections()), (3, 1));
}

#[test]
fn faults_have_their_status() {
    let origin = Http2Origin::start(Builder::new(), |seen, respond| {
        match seen.head.uri.path() {
            "/reset" => respond.send_reset(Reason::INTERNAL_ERROR),
            "/silent" => return Then::Never,
            "/short" => return answer(respond, 200, &[("content-length", "5")], b"ok"),
            "/long" => return answer(respond, 200, &[("content-length", "1")], b"ok"),
            "/cut" => {
                let mut stream = respond.send_response(Response::new(()), false).unwrap();
                stream.send_data(Bytes::from_static(b"half"), false).unwrap();
                stream.send_reset(Reason::INTERNAL_ERROR);
            }
            "/wide" => {
                let wide = "x".repeat(70_000);
                return answer(respond, 200, &[("x-a", &wide)], b"ok");
            }
            _ => return answer(respond, 200, &[], b"ok"),
        }
        Then::Answered
    });
    let gateway = before(origin.address, ", timeouts: { firstByte: 400ms }");
    let client = Client::connect(gateway.http());
    assert_eq!(client.ask(request("POST", "/reset", &[])).unwrap().status, 502);
    assert_eq!(client.ask(request("POST", "/wide", &[])).unwrap().status, 502);
    assert_eq!(client.get("/silent").status, 504);
    for path in ["/short", "/long", "/cut"] {
        let asked = client.ask(request("GET", path, &[]));
        assert!(asked.is_err() || asked.as_ref().unwrap().status == 502, "{path}: {asked:?}");
        let old = ask(gateway.http(), get(path, ""));
        assert!(old.status == 502 || !old.complete, "{path}: {old:?}");
    }
    assert_eq!(client.get("/").text(), "ok");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(Client::connect(before(nobody, "").http()).get("/").status, 502);
    // a server that speaks HTTP/1 only
    let old = Origin::ok();
    assert_eq!(Client::connect(before(old.address, "").http()).get("/").status, 502);
}

#[test]
fn a_client_that_goes_ends_its_stream_upstream() {
    let origin = Http2Origin::start(Builder::new(), |seen, respond| {
        if seen.head.uri.path() == "/slow" {
            let mut stream = respond.send_response(Response::new(()), false).unwrap();
            stream.send_data(Bytes::from_static(b"half"), false).unwrap();
            // it waits until it is reset
            tokio::task::spawn_local(async move {
                std::future::poll_fn(|cx| stream.poll_reset(cx)).await.unwrap();
            });
            return Then::Answered;
        }
        answer(respond, 200, &[], b"ok")
    });
    let gateway = before(origin.address, "");
    let client = Client::connect(gateway.http());
    let (slow, mut stream) = client.begin(request("GET", "/slow", &[]), true).unwrap();
    drop(client.run(slow).unwrap());
    stream.send_reset(Reason::CANCEL);
    assert_eq!(client.get("/").text(), "ok");
    assert_eq!(origin.connections(), 1);
    assert!(gateway.access.wait_for("/slow").contains("\"complete\":false"));
}

#[test]
fn an_idle_connection_that_ends_is_made_anew() {
    let origin = Http2Origin::start(Builder::new(), |seen, respond| {
        answer(respond, 200, &[], b"ok");
        if seen.number == 1 { Then::GoAway } else { Then::Answered }
    });
    let gateway = before(origin.address, "");
    let client = Client::connect(gateway.http());
    for _ in 0..20 {
        let answer = client.ask(request("GET", "/", &[]));
        assert!(answer.is_ok_and(|answer| answer.status == 200 || answer.status == 502));
    }
    assert_eq!(client.get("/").text(), "ok");
    assert_eq!(origin.connections(), 2);
}

#[test]
fn a_health_check_speaks_it_too() {
    let origin = Http2Origin::start(Builder::new(), |seen, respond| {
        let status = if seen.head.uri.path() == "/healthz" && seen.number > 2 { 200 } else { 503 };
        answer(respond, status, &[], b"")
    });
    let gateway = before(origin.address, ", healthCheck: { path: /healthz, interval: 1s }");
    let client = Client::connect(gateway.http());
    wait_until("the target is found well", || (client.get("/").text().contains("\"status\":503")).then_some(()));
    wait_until("requests reach it", || {
        client.get("/reached");
        origin.seen().iter().any(|seen| seen.head.uri.path() == "/reached").then_some(())
    });
    assert!(origin.seen().iter().any(|seen| seen.get("user-agent") == Some("gw-health-check")));
}

/// A program that is ended with its value.
struct Node(Child);

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn node_is_served() {
    const SCRIPT: &str = r"
        const server = require('http2').createServer((request, response) => {
            let length = 0;
            request.on('data', data => length += data.length);
            request.on('end', () => response.end(`${request.httpVersion} ${request.method} ${length}`));
        });
        server.listen(0, '127.0.0.1', () => console.log(server.address().port));
        process.stdin.on('end', () => process.exit()).resume();
    ";
    let mut node =
        Node(Command::new("node").args(["-e", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(node.0.stdout.take().unwrap()), &mut line).unwrap();
    let gateway = before(([127, 0, 0, 1], line.trim().parse().unwrap()).into(), "");
    let address = gateway.http();
    let lanes: Vec<_> = (0..4)
        .map(|_| {
            thread::spawn(move || {
                let client = Client::connect(address);
                for length in [0, 1, 100_000] {
                    let answer = client.post(request("PUT", "/", &[]), &vec![b'x'; length], HeaderMap::new()).unwrap();
                    assert_eq!(answer.text(), format!("2.0 PUT {length}"));
                }
            })
        })
        .collect();
    for lane in lanes {
        lane.join().unwrap();
    }
    wait_until("a client of HTTP/1 is served, too", || {
        (ask(address, get("/", "")).text() == "2.0 GET 0").then_some(())
    });
}
