//! What servers do, byte by byte, and what the client gets.

use crate::support::client::{Answer, Client, get, post};
use crate::support::origin::{Origin, Peer};
use crate::support::{Gateway, backend, gateway, in_lanes, route};

/// What a server does with its first connection.
#[derive(Clone, Copy)]
enum Does {
    /// Closes the connection at once, before it reads anything.
    Closes,
    /// Resets the connection at once.
    Resets,
    /// Reads the request, and closes.
    ReadsAndCloses,
    /// Reads the request, and resets.
    ReadsAndResets,
    /// Reads the request, sends these bytes, and waits.
    Says(&'static str),
    /// Reads the request, sends these bytes, and closes.
    SaysAndCloses(&'static str),
    /// Reads the request, sends these bytes, and resets.
    SaysAndResets(&'static str),
    /// Sends these bytes one by one.
    Drips(&'static str),
    /// Sends these bytes before it has read anything.
    SaysAtOnce(&'static str),
    /// Sends bytes again and again, without end.
    Repeats(&'static str, &'static str),
}

/// What the client gets.
enum Gets {
    /// An answer of the gateway with this status.
    Error(u16),
    /// A whole answer with this status and body, from a connection that must not be used again.
    Whole(u16, &'static str),
    /// A whole answer, from a connection that may be used again.
    Reusable(u16, &'static str),
    /// An answer that is visibly cut short.
    CutShort,
}

use Does::{
    Closes, Drips, ReadsAndCloses, ReadsAndResets, Repeats, Resets, Says, SaysAndCloses, SaysAndResets, SaysAtOnce,
};
use Gets::{CutShort, Error, Reusable, Whole};

impl Does {
    fn act(&self, peer: &mut Peer) {
        match self {
            Closes => return,
            Resets => return peer.reset(),
            SaysAtOnce(bytes) => {
                peer.send(bytes);
                peer.request();
                peer.rest();
                return;
            }
            _ => {}
        }
        if peer.request().is_none() {
            return;
        }
        match self {
            Says(bytes) => {
                peer.send(bytes);
            }
            SaysAndCloses(bytes) => {
                peer.send(bytes);
                return;
            }
            SaysAndResets(bytes) => {
                peer.send(bytes);
                return peer.reset();
            }
            Drips(bytes) => bytes.as_bytes().iter().for_each(|byte| {
                peer.send([*byte]);
            }),
            Repeats(start, bytes) => {
                peer.send(start);
                for _ in 0..100_000 {
                    peer.send(bytes);
                }
            }
            ReadsAndResets => return peer.reset(),
            _ => return,
        }
        peer.rest();
    }
}

struct Case {
    name: &'static str,
    does: Does,
    gets: Gets,
}

fn case(name: &'static str, does: Does, gets: Gets) -> Case {
    Case { name, does, gets }
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A server that does its worst on its first connection, and answers well on all others, behind a gateway of its own.
fn check(case: &Case, request: &str) -> Result<(), String> {
    let Case { name, does, gets } = case;
    let does = *does;
    let origin = Origin::start(move |peer| {
        if peer.number == 1 {
            return does.act(peer);
        }
        while peer.request().is_some() {
            peer.send(OK);
        }
    });
    let times = ", timeouts: { connect: 300ms, firstByte: 300ms, idle: 300ms }";
    let manifests = gateway("") + &backend("origin", origin.address, times) + &route("all", "backend: origin");
    let gateway = Gateway::start(&manifests);
    let mut client = Client::connect(gateway.http());
    let answer = client.send(request).try_answer(request.starts_with("HEAD")).unwrap_or_default();
    let good = match gets {
        Error(status) => {
            let page = request.starts_with("HEAD") || answer.get("content-type") == Some("application/problem+json");
            answer.status == *status && answer.complete && page
        }
        Whole(status, body) | Reusable(status, body) => {
            answer.status == *status && answer.complete && answer.text() == *body
        }
        CutShort => answer.status == 200 && !answer.complete,
    };
    let first: Vec<_> = origin.seen().into_iter().filter(|seen| seen.connection == 1).collect();
    if !good || first.len() > 1 || (request.starts_with("POST") && origin.connections() > 1) {
        return Err(format!("{name} ({}): {answer:?}, {} connections, {first:?}", &request[..4], origin.connections()));
    }
    if matches!(gets, Reusable(..)) {
        return Ok(());
    }
    let next = Client::connect(gateway.http()).send(get("/", "")).answer();
    let reached = origin.connections() == 2 && next.text() == "ok";
    if reached {
        Ok(())
    } else {
        Err(format!("{name} ({}), the next one: {next:?}, {} connections", &request[..4], origin.connections()))
    }
}

fn run(cases: &[Case]) {
    let requests = [get("/", ""), post("/", "abc")];
    let all: Vec<(&Case, &String)> =
        cases.iter().flat_map(|case| requests.iter().map(move |request| (case, request))).collect();
    in_lanes(4, &all, || (), |(), (case, request)| check(case, request));
}

#[test]
fn connections_that_end() {
    run(&[
        case("closes at once", Closes, Error(502)),
        case("resets at once", Resets, Error(502)),
        case("closes without an answer", ReadsAndCloses, Error(502)),
        case("resets without an answer", ReadsAndResets, Error(502)),
        case("says nothing", Says(""), Error(504)),
        case("closes within the status line", SaysAndCloses("HTTP/1.1 20"), Error(502)),
        case("closes within the fields", SaysAndCloses("HTTP/1.1 200 OK\r\nContent-Le"), Error(502)),
        case("closes before the empty line", SaysAndCloses("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"), Error(502)),
        case("falls silent within the status line", Says("HTTP/1.1 20"), Error(504)),
        case("falls silent within the fields", Says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"), Error(504)),
        case("resets within the fields", SaysAndResets("HTTP/1.1 200 OK\r\nX: "), Error(502)),
        case(
            "closes within a body with a length",
            SaysAndCloses("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok"),
            CutShort,
        ),
        case(
            "closes before a body with a length",
            SaysAndCloses("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"),
            CutShort,
        ),
        case(
            "closes within a chunk",
            SaysAndCloses("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
            CutShort,
        ),
        case(
            "closes between chunks",
            SaysAndCloses("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"),
            CutShort,
        ),
        case(
            "closes within the last chunk",
            SaysAndCloses("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n"),
            CutShort,
        ),
        case(
            "closes within a chunk size",
            SaysAndCloses("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2"),
            CutShort,
        ),
        case("falls silent within a body", Says("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok"), CutShort),
        case(
            "falls silent within a chunk",
            Says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
            CutShort,
        ),
        case("falls silent in a body until the end", Says("HTTP/1.1 200 OK\r\n\r\nok"), CutShort),
        case("resets within a body", SaysAndResets("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok"), CutShort),
        case("resets within a body until the end", SaysAndResets("HTTP/1.1 200 OK\r\n\r\nok"), CutShort),
        case("ends a body by closing", SaysAndCloses("HTTP/1.1 200 OK\r\n\r\nok"), Whole(200, "ok")),
        case("ends a body by closing in HTTP/1.0", SaysAndCloses("HTTP/1.0 200 OK\r\n\r\nok"), Whole(200, "ok")),
        case(
            "says that it closes",
            Says("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"),
            Whole(200, "ok"),
        ),
        case(
            "HTTP/1.0 does not say that it keeps",
            Says("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),
            Whole(200, "ok"),
        ),
    ]);
}

/// A client of HTTP/1.0 knows the end of an answer by that of the connection: it must not look like one.
#[test]
fn an_old_client_sees_a_reset() {
    let origin =
        Origin::start(|peer| SaysAndCloses("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab").act(peer));
    let gateway =
        Gateway::start(&(gateway("") + &backend("origin", origin.address, "") + &route("all", "backend: origin")));
    let mut client = Client::connect(gateway.http());
    client.send("GET / HTTP/1.0\r\nHost: a.example\r\n\r\n");
    let mut rest = Vec::new();
    assert!(std::io::Read::read_to_end(&mut client.stream, &mut rest).is_err());
}

#[test]
fn heads_that_are_none() {
    let long: &'static str = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "a".repeat(1 << 17)).leak();
    let many: &'static str = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: a\r\n".repeat(300)).leak();
    run(&[
        case("garbage", Says("garbage\r\n\r\n"), Error(502)),
        case("garbage without an end", Says("garbage"), Error(502)),
        case("HTTP/0.9", SaysAndCloses("<html>hello</html>"), Error(502)),
        case("HTTP/2", Says("HTTP/2 200 OK\r\n\r\n"), Error(502)),
        case("HTTP/1.2", Says("HTTP/1.2 200 OK\r\n\r\n"), Error(502)),
        case("TLS", Says("\x15\x03\x01\x00\x02\x02\x28"), Error(502)),
        case("a blank line first", Says("\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), Error(502)),
        case("status 99", Says("HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n"), Error(502)),
        case("status 099", Says("HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n"), Error(502)),
        case("status 600", Says("HTTP/1.1 600 High\r\nContent-Length: 0\r\n\r\n"), Error(502)),
        case("status 1000", Says("HTTP/1.1 1000 High\r\nContent-Length: 0\r\n\r\n"), Error(502)),
        case("status abc", Says("HTTP/1.1 abc What\r\nContent-Length: 0\r\n\r\n"), Error(502)),
        case("no status", Says("HTTP/1.1\r\nContent-Length: 0\r\n\r\n"), Error(502)),
        case("a NUL in a value", Says("HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n"), Error(502)),
        case(
            "a carriage return in a value",
            Says("HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n"),
            Error(502),
        ),
        case("bare line feeds", Says("HTTP/1.1 200 OK\nContent-Length: 2\n\nok"), Error(502)),
        case("a space before a colon", Says("HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok"), Error(502)),
        case("an empty name", Says("HTTP/1.1 200 OK\r\n: a\r\nContent-Length: 0\r\n\r\n"), Error(502)),
        case("a line without a colon", Says("HTTP/1.1 200 OK\r\nX\r\nContent-Length: 0\r\n\r\n"), Error(502)),
        case("a folded line", Says("HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n"), Error(502)),
        case("too large a head", Says(long), Error(502)),
        case("too many fields", Says(many), Error(502)),
        case(
            "a head without end",
            Repeats("HTTP/1.1 200 OK\r\nX: ", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
            Error(502),
        ),
        case(
            "fields without end",
            Repeats("HTTP/1.1 200 OK\r\n", "X: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"),
            Error(502),
        ),
    ]);
}

#[test]
fn lengths_that_are_none() {
    run(&[
        case(
            "two lengths that disagree",
            Says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok"),
            Error(502),
        ),
        case("a list of lengths", Says("HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok"), Error(502)),
        case("a negative length", Says("HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok"), Error(502)),
        case("a length with a sign", Says("HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok"), Error(502)),
        case("an empty length", Says("HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\nok"), Error(502)),
        case(
            "a length beyond 64 bits",
            Says("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551618\r\n\r\nok"),
            Error(502),
        ),
        case("a length in letters", Says("HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok"), Error(502)),
        case(
            "a length and chunks",
            Says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            Error(502),
        ),
        case("an unknown coding", Says("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok"), Error(502)),
        case(
            "several codings",
            Says("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
            Error(502),
        ),
        case(
            "chunked twice",
            Says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            Error(502),
        ),
        case("chunks in HTTP/1.0", Says("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), Error(502)),
        case(
            "a chunk size that is none",
            Says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\nxyz\r\n"),
            CutShort,
        ),
        case(
            "a chunk size beyond 64 bits",
            Says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n11111111111111111\r\n"),
            CutShort,
        ),
        case(
            "a chunk that is longer than its size",
            Says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n"),
            CutShort,
        ),
        case(
            "a chunk size with a bare line feed",
            Says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n2\nab\r\n0\r\n\r\n"),
            CutShort,
        ),
        case(
            "extensions without end",
            Repeats("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n2;", "aaaaaaaaaaaaaaaaaaaaaaaa"),
            CutShort,
        ),
        case(
            "trailers without end",
            Repeats(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n",
                "x: aaaaaaaaaaaaaaaaaaaaaaa\r\n",
            ),
            CutShort,
        ),
        case(
            "more than its length",
            Says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"),
            Whole(200, "ok"),
        ),
        case(
            "more than its chunks",
            Says(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
            ),
            Whole(200, "ok"),
        ),
        case("a 204 with a body", Says("HTTP/1.1 204 None\r\nContent-Length: 4\r\n\r\nevil"), Whole(204, "")),
        case(
            "a 204 with chunks",
            Says("HTTP/1.1 204 None\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n"),
            Whole(204, ""),
        ),
        case(
            "an answer before the request",
            SaysAtOnce(
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
            ),
            Whole(200, "ok"),
        ),
    ]);
}

#[test]
fn interim_answers() {
    run(&[
        case(
            "100",
            Says("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
            Reusable(200, "ok"),
        ),
        case(
            "102",
            Says("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
            Reusable(200, "ok"),
        ),
        case(
            "103",
            Says("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
            Reusable(200, "ok"),
        ),
        case("interim answers without end", Repeats("", "HTTP/1.1 100 Continue\r\n\r\n"), Error(502)),
        case("an interim answer and silence", Says("HTTP/1.1 100 Continue\r\n\r\n"), Error(504)),
        case("an interim answer and the end", SaysAndCloses("HTTP/1.1 100 Continue\r\n\r\n"), Error(502)),
        case(
            "a 101 that nobody asked for",
            Says("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nevil"),
            Error(502),
        ),
    ]);
}

#[test]
fn legal_answers() {
    run(&[
        case("one byte at a time", Drips(OK), Reusable(200, "ok")),
        case(
            "chunks of a byte",
            Drips("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1;x=y\r\nb\r\n0\r\nx: y\r\n\r\n"),
            Reusable(200, "ab"),
        ),
        case("no reason", Says("HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok"), Reusable(200, "ok")),
        case("no body", Says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), Reusable(200, "")),
        case("a strange status", Says("HTTP/1.1 599 What\r\nContent-Length: 2\r\n\r\nok"), Reusable(599, "ok")),
        case("an error of its own", Says("HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops"), Reusable(500, "oops")),
        case("an error without a body", Says("HTTP/1.1 404 None\r\nContent-Length: 0\r\n\r\n"), Reusable(404, "")),
        case("a 304", Says("HTTP/1.1 304 Same\r\nContent-Length: 9\r\nETag: \"a\"\r\n\r\n"), Reusable(304, "")),
        case(
            "lengths that agree",
            Says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok"),
            Reusable(200, "ok"),
        ),
        case(
            "a refused body",
            SaysAtOnce("HTTP/1.1 413 Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno"),
            Whole(413, "no"),
        ),
    ]);
}

#[test]
fn answers_to_head_have_no_body() {
    for says in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
    ] {
        check(&case("without a body", Says(says), Reusable(200, "")), "HEAD / HTTP/1.1\r\nHost: a.example\r\n\r\n")
            .unwrap();
    }
    let body = Says("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    check(&case("with a body", body, Whole(200, "")), "HEAD / HTTP/1.1\r\nHost: a.example\r\n\r\n").unwrap();
}

#[test]
fn servers_that_cannot_be_reached() {
    // 192.0.2.0/24 is never routed, so a system may also say at once that it is unreachable
    for (url, statuses) in
        [("http://127.0.0.1:1", &[502][..]), ("http://nothing.invalid", &[502]), ("http://192.0.2.1:81", &[502, 504])]
    {
        let text = format!(
            "---\napiVersion: gw/v1\nkind: Backend\nmetadata: {{ name: origin }}\nspec:\n  http: {{ targets: [{{ url: \"{url}\" }}], timeouts: {{ connect: 300ms }} }}\n"
        );
        let gateway = Gateway::start(&(gateway("") + &text + &route("all", "backend: origin")));
        let answer: Answer = Client::connect(gateway.http()).send(get("/", "")).answer();
        assert!(statuses.contains(&answer.status), "{url}: {answer:?}");
        assert!(!answer.text().contains("192.0.2") && !answer.text().contains("invalid"), "{answer:?}");
    }
}
