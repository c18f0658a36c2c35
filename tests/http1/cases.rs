//! Requests in bytes, and what must come of each.

use crate::support::client::{Answer, Client};
use crate::support::origin::{Origin, Seen};
use crate::support::{Gateway, backend, gateway, in_lanes, route};

/// What must come of some bytes.
enum Want {
    /// The first answer is an error with this status, and the connection ends; the origin sees nothing.
    Refused(u16),
    /// The same, but the gateway may already have begun to forward: the origin never sees a whole request.
    Broken(u16),
    /// The connection ends without an answer; the origin sees nothing.
    Dropped,
    /// The gateway itself answers, and goes on; the origin sees nothing.
    Own(u16),
    /// The origin sees this request: its head without what the gateway says of the client, then its body.
    Seen(&'static str),
    /// The origin sees so many whole requests, each of which is answered.
    Served(usize),
}

use Want::{Broken, Dropped, Own, Refused, Seen as Sees, Served};

struct World {
    gateway: Gateway,
    origin: Origin,
}

impl World {
    fn new() -> Self {
        let origin = Origin::ok();
        let manifests =
            gateway("timeouts: { header: 300ms, idle: 150ms, message: 300ms }\naccessLog: { enabled: false }")
                + &backend("origin", origin.address, "")
                + &route("all", "backend: origin");
        Self { gateway: Gateway::start(&manifests), origin }
    }

    fn check(&self, name: &str, bytes: &[u8], want: &Want) -> Result<(), String> {
        self.origin.forget();
        let mut client = Client::connect(self.gateway.http());
        let answers: Vec<Answer> = client.send(bytes).answers();
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).filter(|status| *status >= 200).collect();
        let seen = self.origin.seen();
        let whole = seen.iter().filter(|seen| seen.complete).count();
        let good = match want {
            Refused(status) | Own(status) => statuses == [*status] && seen.is_empty(),
            Broken(status) => statuses == [*status] && whole == 0,
            Dropped => statuses.is_empty() && seen.is_empty(),
            Sees(expected) => statuses == [200] && seen.len() == 1 && shown(&seen[0]) == *expected,
            Served(count) => statuses == vec![200; *count] && whole == *count && seen.len() == *count,
        };
        if good {
            return Ok(());
        }
        let seen: Vec<String> =
            seen.iter().map(|seen| format!("    {} (whole: {})", shown(seen), seen.complete)).collect();
        Err(format!("{name}: {}\n  answers {statuses:?}\n  the origin saw\n{}", bytes.escape_ascii(), seen.join("\n")))
    }
}

/// A request in one line, without the fields that the gateway writes of its own, which are checked here instead.
fn shown(seen: &Seen) -> String {
    let ours = ["x-forwarded-for: 127.0.0.1", "x-forwarded-proto: http", "via: 1.1 gw"];
    let is_ours = |line: &str| {
        ours.contains(&line) || line.starts_with("x-request-id: ") || line.starts_with("x-forwarded-host: ")
    };
    let (mine, rest): (Vec<&String>, Vec<&String>) = seen.head.iter().partition(|line| is_ours(line));
    let mut parts: Vec<&str> = rest.into_iter().map(String::as_str).collect();
    if !(4..=5).contains(&mine.len())
        || ours.iter().any(|field| mine.iter().filter(|line| line.as_str() == *field).count() != 1)
    {
        parts.push("WRONG FORWARDING FIELDS");
    }
    let body = String::from_utf8_lossy(&seen.body);
    let trailers = seen.trailers.join("|");
    parts.extend([&*body, &*trailers].into_iter().filter(|part| !part.is_empty()));
    parts.join("|")
}

const HOST: &str = "Host: a.example\r\n";
const ROOT: &str = "GET / HTTP/1.1|host: a.example";

/// A whole `GET /` with more lines in its head.
fn with(lines: &str) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\n{HOST}{lines}\r\n").into()
}

/// A `GET` of a target.
fn target(target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\n{HOST}\r\n").into()
}

/// A `POST` with more lines in its head, then bytes.
fn post(lines: &str, rest: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\n{HOST}{lines}\r\n{rest}").into()
}

fn raw(bytes: &str) -> Vec<u8> {
    bytes.into()
}

type Case = (&'static str, Vec<u8>, Want);

#[test]
fn framing() {
    const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n";
    let cases: Vec<Case> = vec![
        ("two lengths that disagree", post("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd"), Refused(400)),
        ("a list of lengths", post("Content-Length: 3, 3\r\n", "abc"), Refused(400)),
        ("a length with a plus", post("Content-Length: +3\r\n", "abc"), Refused(400)),
        ("a negative length", post("Content-Length: -3\r\n", "abc"), Refused(400)),
        ("an empty length", post("Content-Length:\r\n", "abc"), Refused(400)),
        ("a length of spaces", post("Content-Length:   \r\n", "abc"), Refused(400)),
        ("a hexadecimal length", post("Content-Length: 0x3\r\n", "abc"), Refused(400)),
        ("a length with a leading zero", post("Content-Length: 03\r\n", "abc"), Refused(400)),
        ("a length with a space inside", post("Content-Length: 1 1\r\n", "abc"), Refused(400)),
        ("a length with a fraction", post("Content-Length: 3.0\r\n", "abc"), Refused(400)),
        ("a length beyond 64 bits", post("Content-Length: 18446744073709551619\r\n", "abc"), Refused(400)),
        ("a length of 64 bits", post("Content-Length: 18446744073709551615\r\n", "abc"), Refused(413)),
        ("a length beyond the limit", post("Content-Length: 99999999\r\n", "abc"), Refused(413)),
        ("a length in letters", post("Content-Length: three\r\n", "abc"), Refused(400)),
        ("a length whose name has a space behind it", post("Content-Length : 3\r\n", "abc"), Refused(400)),
        ("a length whose name has a tab behind it", post("Content-Length\t: 3\r\n", "abc"), Refused(400)),
        ("an unknown coding", post("Transfer-Encoding: gzip\r\n", "abc"), Refused(400)),
        ("chunked, then another coding", post("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n"), Refused(400)),
        ("another coding, then chunked", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), Refused(400)),
        ("chunked twice in a list", post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"), Refused(400)),
        (
            "chunked twice in two fields",
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
            Refused(400),
        ),
        (
            "identity and chunked",
            post("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
            Refused(400),
        ),
        (
            "chunked, then identity",
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"),
            Refused(400),
        ),
        ("an empty coding", post("Transfer-Encoding:\r\n", "0\r\n\r\n"), Refused(400)),
        ("an empty coding and chunked", post("Transfer-Encoding: ,chunked\r\n", "0\r\n\r\n"), Refused(400)),
        ("xchunked", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), Refused(400)),
        ("chunked in quotes", post("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n"), Refused(400)),
        ("chunked with a parameter", post("Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n"), Refused(400)),
        ("chunked behind a vertical tab", post("Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n"), Refused(400)),
        ("a coding with a space before its colon", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), Refused(400)),
        ("a coding in a folded line", post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"), Refused(400)),
        ("a coding in HTTP/1.0", raw(&format!("POST / HTTP/1.0\r\n{HOST}{CHUNKED}\r\n0\r\n\r\n")), Refused(400)),
        (
            "a coding with an underscore is no coding",
            post("Transfer_Encoding: chunked\r\n", ""),
            Sees("POST / HTTP/1.1|host: a.example|content-length: 0"),
        ),
        ("a chunk size in letters", post(CHUNKED, "xyz\r\nabc\r\n0\r\n\r\n"), Refused(400)),
        ("an empty chunk size", post(CHUNKED, "\r\nabc\r\n0\r\n\r\n"), Refused(400)),
        ("a chunk size with a sign", post(CHUNKED, "+3\r\nabc\r\n0\r\n\r\n"), Refused(400)),
        ("a negative chunk size", post(CHUNKED, "-3\r\nabc\r\n0\r\n\r\n"), Refused(400)),
        ("a chunk size with a prefix", post(CHUNKED, "0x3\r\nabc\r\n0\r\n\r\n"), Refused(400)),
        ("a chunk size beyond 64 bits", post(CHUNKED, "10000000000000003\r\nabc\r\n0\r\n\r\n"), Refused(400)),
        ("a chunk size with a bare line feed", post(CHUNKED, "3\nabc\r\n0\r\n\r\n"), Refused(400)),
        ("a chunk size with a bare carriage return", post(CHUNKED, "3\rabc\r\n0\r\n\r\n"), Refused(400)),
        ("an extension with a bare line feed", post(CHUNKED, "3;a\nabc\r\n0\r\n\r\n"), Refused(400)),
        (
            "an extension of 64 KiB",
            post(CHUNKED, &format!("3;{}\r\nabc\r\n0\r\n\r\n", "a".repeat(1 << 16))),
            Refused(400),
        ),
        ("a chunk that is longer than its size", post(CHUNKED, "3\r\nabcd\r\n0\r\n\r\n"), Broken(400)),
        ("a chunk that is shorter than its size", post(CHUNKED, "5\r\nabc\r\n0\r\n\r\n"), Broken(400)),
        ("a second chunk without a size", post(CHUNKED, "3\r\nabc\r\n;\r\n0\r\n\r\n"), Broken(400)),
        ("chunks that never end", post(CHUNKED, "3\r\nabc\r\n"), Broken(408)),
        ("a body that never comes", post("Content-Length: 3\r\n", "ab"), Broken(408)),
        (
            "chunks",
            post(CHUNKED, "3\r\nabc\r\n0\r\n\r\n"),
            Sees("POST / HTTP/1.1|host: a.example|transfer-encoding: chunked|abc"),
        ),
        (
            "chunks with sizes in all spellings",
            post(CHUNKED, "0003\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"),
            Sees("POST / HTTP/1.1|host: a.example|transfer-encoding: chunked|abc0123456789"),
        ),
        (
            "a short extension is dropped",
            post(CHUNKED, "3;name=value\r\nabc\r\n0\r\n\r\n"),
            Sees("POST / HTTP/1.1|host: a.example|transfer-encoding: chunked|abc"),
        ),
        ("no chunk", post(CHUNKED, "0\r\n\r\n"), Sees("POST / HTTP/1.1|host: a.example|content-length: 0")),
        (
            "a coding in capitals",
            post("TRANSFER-ENCODING: CHUNKED\r\n", "3\r\nabc\r\n0\r\n\r\n"),
            Sees("POST / HTTP/1.1|host: a.example|transfer-encoding: chunked|abc"),
        ),
        (
            "a length",
            post("Content-Length: 3\r\n", "abc"),
            Sees("POST / HTTP/1.1|host: a.example|content-length: 3|abc"),
        ),
        ("no length", post("", ""), Sees("POST / HTTP/1.1|host: a.example|content-length: 0")),
        (
            "a length of zero",
            post("Content-Length: 0\r\n", ""),
            Sees("POST / HTTP/1.1|host: a.example|content-length: 0"),
        ),
        (
            "a GET with a body",
            raw("GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n\r\nabc"),
            Sees("GET / HTTP/1.1|host: a.example|content-length: 3|abc"),
        ),
        (
            "what stands behind a body is another request",
            post("Content-Length: 3\r\n", &format!("abc{smuggled}")),
            Served(2),
        ),
        ("what stands behind chunks is another request", post(CHUNKED, &format!("0\r\n\r\n{smuggled}")), Served(2)),
        (
            "a length that another field is named after",
            post("X-Content-Length: 3\r\n", ""),
            Sees("POST / HTTP/1.1|host: a.example|x-content-length: 3|content-length: 0"),
        ),
        (
            "a length that is nominated away",
            post("Connection: content-length\r\nContent-Length: 3\r\n", "abc"),
            Sees("POST / HTTP/1.1|host: a.example|content-length: 3|abc"),
        ),
    ];
    run(&cases);
}

#[test]
fn what_could_be_read_in_two_ways() {
    let smuggled = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n";
    let cases: Vec<Case> = vec![
        ("a length and chunks", post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", smuggled), Refused(400)),
        ("chunks and a length", post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", smuggled), Refused(400)),
        ("two lengths that agree", post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), Refused(400)),
        ("bare line feeds", raw("GET / HTTP/1.1\nHost: a.example\n\n"), Refused(400)),
        ("one bare line feed", raw("GET / HTTP/1.1\r\nHost: a.example\nX-A: b\r\n\r\n"), Refused(400)),
        ("a fragment", target("/a#b"), Refused(400)),
        ("a fragment in the query", target("/a?b#c"), Refused(400)),
    ];
    run(&cases);
}

#[test]
fn heads() {
    let many = "x: y\r\n".repeat(200);
    let cases: Vec<Case> = vec![
        ("a folded line", with("X-A: b\r\n c\r\n"), Refused(400)),
        ("a folded line with a tab", with("X-A: b\r\n\tc\r\n"), Refused(400)),
        ("a fold before any field", raw("GET / HTTP/1.1\r\n Host: a.example\r\n\r\n"), Refused(400)),
        ("a space before the colon", with("X-A : b\r\n"), Refused(400)),
        ("an empty name", with(": b\r\n"), Refused(400)),
        ("a line without a colon", with("X-A\r\n"), Refused(400)),
        ("a name with a space", with("X A: b\r\n"), Refused(400)),
        ("a name with a control", with("X\x01A: b\r\n"), Refused(400)),
        ("a name with a slash", with("X/A: b\r\n"), Refused(400)),
        ("a name with a parenthesis", with("X(A): b\r\n"), Refused(400)),
        ("a name outside ASCII", with("X-É: b\r\n"), Refused(400)),
        ("a NUL in a value", with("X-A: b\0c\r\n"), Refused(400)),
        ("a NUL in a name", with("X-\0A: b\r\n"), Refused(400)),
        ("a bare carriage return in a value", with("X-A: b\rX-B: c\r\n"), Refused(400)),
        ("a control in a value", with("X-A: b\x01c\r\n"), Refused(400)),
        ("a DEL in a value", with("X-A: b\x7fc\r\n"), Refused(400)),
        ("a vertical tab in a value", with("X-A: b\x0bc\r\n"), Refused(400)),
        ("a tab in a value", with("X-A: b\tc\r\n"), Sees("GET / HTTP/1.1|host: a.example|x-a: b\tc")),
        ("spaces around a value", with("X-A:   b c  \r\n"), Sees("GET / HTTP/1.1|host: a.example|x-a: b c")),
        ("a value outside ASCII", with("X-A: é\r\n"), Sees("GET / HTTP/1.1|host: a.example|x-a: é")),
        ("an empty value", with("X-A:\r\n"), Sees("GET / HTTP/1.1|host: a.example|x-a: ")),
        (
            "all characters of a token",
            with("x!#$%&'*+-.^`|~9: b\r\n"),
            Sees("GET / HTTP/1.1|host: a.example|x!#$%&'*+-.^`|~9: b"),
        ),
        (
            "several fields of a name",
            with("X-A: b\r\nX-A: c\r\n"),
            Sees("GET / HTTP/1.1|host: a.example|x-a: b|x-a: c"),
        ),
        ("a name of 1,000 bytes", with(&format!("{}: b\r\n", "x".repeat(1000))), Served(1)),
        ("a name that ends in content-length", with(&format!("{}Content-Length: 5\r\n", "x".repeat(1000))), Served(1)),
        ("too many fields", with(&many), Refused(431)),
        ("too many bytes", with(&format!("X-A: {}\r\n", "b".repeat(40 << 10))), Refused(431)),
        ("too many bytes in a name", with(&format!("{}: b\r\n", "x".repeat(40 << 10))), Refused(431)),
        ("bytes without end", with(&format!("X-A: {}", "b".repeat(1 << 20))), Refused(431)),
        ("a head that never ends", raw("GET / HTTP/1.1\r\nHost: a.example\r\nX-A: b\r\n"), Dropped),
        ("a blank line first", raw("\r\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n"), Sees(ROOT)),
        ("blank lines first", raw("\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n"), Sees(ROOT)),
        ("an expectation that nobody knows", post("Expect: 200-ok\r\nContent-Length: 3\r\n", "abc"), Refused(417)),
        ("several expectations", post("Expect: 100-continue, x\r\nContent-Length: 3\r\n", "abc"), Refused(417)),
        (
            "HTTP/2 in clear text",
            with("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"),
            Refused(400),
        ),
        ("HTTP/2 in clear text among others", with("Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n"), Refused(400)),
        (
            "an upgrade with a body is not heard",
            post("Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n", "abc"),
            Sees("POST / HTTP/1.1|host: a.example|content-length: 3|abc"),
        ),
        (
            "an upgrade in HTTP/1.0 is not heard",
            raw("GET / HTTP/1.0\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
            Sees(ROOT),
        ),
        ("an upgrade that nobody asked for", with("Upgrade: websocket\r\n"), Sees(ROOT)),
    ];
    run(&cases);
}

#[test]
fn request_lines() {
    let long = format!("/{}", "a".repeat(9 << 10));
    let cases: Vec<Case> = vec![
        ("HTTP/0.9", raw("GET /\r\n\r\n"), Refused(400)),
        ("HTTP/2.0", raw("GET / HTTP/2.0\r\nHost: a.example\r\n\r\n"), Refused(505)),
        ("HTTP/1.2", raw("GET / HTTP/1.2\r\nHost: a.example\r\n\r\n"), Refused(505)),
        ("http/1.1", raw("GET / http/1.1\r\nHost: a.example\r\n\r\n"), Refused(400)),
        ("HTTP/1.10", raw("GET / HTTP/1.10\r\nHost: a.example\r\n\r\n"), Refused(400)),
        ("the preface of HTTP/2", raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Refused(505)),
        ("TLS", raw("\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n"), Refused(400)),
        ("no method", raw(" / HTTP/1.1\r\nHost: a.example\r\n\r\n"), Refused(400)),
        ("no target", raw("GET HTTP/1.1\r\nHost: a.example\r\n\r\n"), Refused(400)),
        ("two targets", raw("GET / /b HTTP/1.1\r\nHost: a.example\r\n\r\n"), Refused(400)),
        ("a method with a NUL", raw("G\0ET / HTTP/1.1\r\nHost: a.example\r\n\r\n"), Refused(400)),
        ("a method with a parenthesis", raw("G(ET / HTTP/1.1\r\nHost: a.example\r\n\r\n"), Refused(400)),
        (
            "a method in lower case is another one",
            raw("get / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Sees("get / HTTP/1.1|host: a.example"),
        ),
        (
            "a method of one's own",
            raw("M-SEARCH / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Sees("M-SEARCH / HTTP/1.1|host: a.example"),
        ),
        ("CONNECT", raw("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n"), Refused(405)),
        ("CONNECT with a path", raw("CONNECT / HTTP/1.1\r\nHost: a.example\r\n\r\n"), Refused(405)),
        ("TRACE", raw("TRACE / HTTP/1.1\r\nHost: a.example\r\n\r\n"), Refused(405)),
        ("a long target", target(&long), Refused(414)),
        ("a long query", target(&format!("/?{}", "a".repeat(9 << 10))), Refused(414)),
        ("a target of 70 KiB", target(&format!("/{}", "a".repeat(70 << 10))), Refused(414)),
        ("a target that is none", target("a/b"), Refused(400)),
        ("a target of stars", target("*"), Refused(400)),
        ("OPTIONS of the server", raw("OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n"), Own(204)),
        (
            "OPTIONS of a path",
            raw("OPTIONS / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Sees("OPTIONS / HTTP/1.1|host: a.example"),
        ),
        ("a user in the target", target("http://user@a.example/"), Refused(400)),
        ("another scheme", target("ftp://a.example/"), Refused(400)),
        ("a file", target("file:///etc/passwd"), Refused(400)),
        ("an absolute target", target("http://a.example/b?c"), Sees("GET /b?c HTTP/1.1|host: a.example")),
        ("an absolute target without a path", target("http://a.example"), Sees(ROOT)),
        ("an absolute target in capitals", target("HTTP://A.EXAMPLE/"), Sees(ROOT)),
        ("an absolute target of another host", target("http://b.example/"), Refused(400)),
        ("an absolute target of another port", target("http://a.example:81/"), Refused(400)),
        ("a space in a path", target("/a b"), Refused(400)),
        ("a line feed in a path", target("/a\nb"), Refused(400)),
        ("a control in a path", target("/a\x01b"), Refused(400)),
        ("a NUL in a path", target("/a\0b"), Refused(400)),
        ("a control in a query", target("/?a\x01b"), Refused(400)),
        ("HTTP/1.0", raw("GET / HTTP/1.0\r\nHost: a.example\r\n\r\n"), Sees(ROOT)),
    ];
    run(&cases);
}

#[test]
fn hosts() {
    let host = |lines: &str| raw(&format!("GET / HTTP/1.1\r\n{lines}\r\n"));
    let cases: Vec<Case> = vec![
        ("none", host(""), Refused(400)),
        ("an empty one", host("Host:\r\n"), Refused(400)),
        ("two", host("Host: a.example\r\nHost: a.example\r\n"), Refused(400)),
        ("two that disagree", host("Host: a.example\r\nHost: b.example\r\n"), Refused(400)),
        ("a list", host("Host: a.example, b.example\r\n"), Refused(400)),
        ("with a space", host("Host: a.example b\r\n"), Refused(400)),
        ("with a user", host("Host: user@a.example\r\n"), Refused(400)),
        ("with a path", host("Host: a.example/b\r\n"), Refused(400)),
        ("with a backslash", host("Host: a.example\\b\r\n"), Refused(400)),
        ("with a query", host("Host: a.example?b\r\n"), Refused(400)),
        ("with a scheme", host("Host: http://a.example\r\n"), Refused(400)),
        ("with a port that is none", host("Host: a.example:http\r\n"), Refused(400)),
        ("with a port beyond 65535", host("Host: a.example:99999\r\n"), Refused(400)),
        ("with two ports", host("Host: a.example:80:81\r\n"), Refused(400)),
        ("with an empty label", host("Host: a..example\r\n"), Refused(400)),
        ("with an escape", host("Host: a%2eexample\r\n"), Refused(400)),
        ("with a quote", host("Host: \"a.example\"\r\n"), Refused(400)),
        ("outside ASCII", host("Host: é.example\r\n"), Refused(400)),
        ("with half a bracket", host("Host: [::1\r\n"), Refused(400)),
        ("with brackets around a name", host("Host: [a.example]\r\n"), Refused(400)),
        ("too long", host(&format!("Host: {}a.example\r\n", "a.".repeat(130))), Refused(400)),
        ("in a field whose name has a space", host("Host : a.example\r\n"), Refused(400)),
        ("with a port", host("Host: a.example:8080\r\n"), Sees("GET / HTTP/1.1|host: a.example:8080")),
        ("in capitals", host("HOST: A.Example\r\n"), Sees("GET / HTTP/1.1|host: A.Example")),
        ("with a dot at the end", host("Host: a.example.\r\n"), Sees("GET / HTTP/1.1|host: a.example.")),
        ("with an underscore", host("Host: a_b.example\r\n"), Sees("GET / HTTP/1.1|host: a_b.example")),
        ("an address", host("Host: 127.0.0.1\r\n"), Sees("GET / HTTP/1.1|host: 127.0.0.1")),
        ("an address of IPv6", host("Host: [::1]:80\r\n"), Sees("GET / HTTP/1.1|host: [::1]:80")),
        (
            "another name with an underscore",
            with("X_Host: b.example\r\n"),
            Sees("GET / HTTP/1.1|host: a.example|x_host: b.example"),
        ),
    ];
    run(&cases);
}

#[test]
fn paths() {
    let cases: Vec<Case> = vec![
        ("dots above the root", target("/../a"), Refused(400)),
        ("escaped dots above the root", target("/%2e%2e/a"), Refused(400)),
        ("an escaped slash", target("/a%2fb"), Refused(400)),
        ("an escaped slash in capitals", target("/a%2Fb"), Refused(400)),
        ("an escaped backslash", target("/a%5cb"), Refused(400)),
        ("a backslash", target("/a\\b"), Refused(400)),
        ("an escaped NUL", target("/a%00b"), Refused(400)),
        ("an escaped line feed", target("/a%0ab"), Refused(400)),
        ("an overlong slash", target("/a%c0%afb"), Refused(400)),
        ("an overlong dot", target("/%c0%ae%c0%ae/a"), Refused(400)),
        ("no UTF-8", target("/a%ffb"), Refused(400)),
        ("a dot segment with a parameter", target("/a/..;/b"), Refused(400)),
        ("dots escaped twice", target("/%252e%252e/a"), Refused(400)),
        ("a slash escaped twice", target("/a%252fb"), Refused(400)),
        ("a NUL escaped twice", target("/a%2500b"), Refused(400)),
        ("half an escape", target("/a%2"), Refused(400)),
        ("an escape that is none", target("/a%zzb"), Refused(400)),
        ("a lone percent", target("/100%"), Refused(400)),
        ("dot segments", target("/a/./b/../c"), Sees("GET /a/c HTTP/1.1|host: a.example")),
        ("escaped dot segments", target("/a/%2e/b/%2E%2e/c"), Sees("GET /a/c HTTP/1.1|host: a.example")),
        ("a last dot segment", target("/a/b/.."), Sees("GET /a/ HTTP/1.1|host: a.example")),
        ("slashes", target("//a///b//"), Sees("GET /a/b/ HTTP/1.1|host: a.example")),
        (
            "a path that looks like an authority",
            target("//b.example/a"),
            Sees("GET /b.example/a HTTP/1.1|host: a.example"),
        ),
        ("escapes of unreserved characters", target("/%61%2D%7e"), Sees("GET /a-~ HTTP/1.1|host: a.example")),
        ("escapes in lower case", target("/%c3%a9"), Sees("GET /%C3%A9 HTTP/1.1|host: a.example")),
        ("an escaped question mark", target("/a%3fb"), Sees("GET /a%3Fb HTTP/1.1|host: a.example")),
        ("parameters", target("/a;b=c/d"), Sees("GET /a;b=c/d HTTP/1.1|host: a.example")),
        (
            "a query is left as it is",
            target("/a?b=%2f..%2f&c=//&%zz"),
            Sees("GET /a?b=%2f..%2f&c=//&%zz HTTP/1.1|host: a.example"),
        ),
        ("an empty query", target("/a?"), Sees("GET /a? HTTP/1.1|host: a.example")),
        ("a query with a question mark", target("/a?b?c"), Sees("GET /a?b?c HTTP/1.1|host: a.example")),
    ];
    run(&cases);
}

#[test]
fn hop_by_hop() {
    let cases: Vec<Case> = vec![
        (
            "the connection's own",
            with("Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nConnection: keep-alive\r\n"),
            Sees(ROOT),
        ),
        (
            "what Connection names",
            with("Connection: x-a, X-B\r\nX-A: 1\r\nx-b: 2\r\nX-C: 3\r\n"),
            Sees("GET / HTTP/1.1|host: a.example|x-c: 3"),
        ),
        (
            "what several Connections name",
            with("Connection: x-a\r\nConnection: x-b\r\nX-A: 1\r\nX-B: 2\r\n"),
            Sees(ROOT),
        ),
        (
            "nobody strips what the gateway says",
            with(
                "Connection: close, x-forwarded-for, x-forwarded-proto, x-forwarded-host, x-request-id, via, host\r\n",
            ),
            Sees(ROOT),
        ),
        ("httpoxy", with("Proxy: http://evil.example\r\n"), Sees(ROOT)),
        ("credentials for a proxy", with("Proxy-Authorization: Basic eA==\r\n"), Sees(ROOT)),
        ("codings that a hop accepts", with("TE: gzip\r\n"), Sees(ROOT)),
        ("trailers that a hop accepts", with("TE: trailers\r\nConnection: te\r\n"), Sees(ROOT)),
        ("settings of HTTP/2", with("HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"), Sees(ROOT)),
        (
            "where somebody says he comes from",
            with(
                "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: b.example\r\nX-Forwarded-Port: 443\r\nX-Forwarded-Prefix: /admin\r\nX-Real-IP: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\n",
            ),
            Sees(ROOT),
        ),
        (
            "the same with underscores",
            with("X_Forwarded_For: 1.2.3.4\r\nX-Forwarded_Proto: https\r\nX_Real_IP: 1.2.3.4\r\n"),
            Sees(ROOT),
        ),
        (
            "other aliases of the same",
            with(
                "X-Client-IP: 1.2.3.4\r\nTrue-Client-IP: 1.2.3.4\r\nX-Cluster-Client-IP: 1.2.3.4\r\nX-Original-URL: /admin\r\nX-Rewrite-URL: /admin\r\nX-Original-Host: b.example\r\nX-Forwarded-Server: b.example\r\nX-Forwarded-Scheme: https\r\nX-Forwarded-Ssl: on\r\nX-Forwarded-By: x\r\nX-Host: b.example\r\n",
            ),
            Sees("GET / HTTP/1.1|host: a.example|x-host: b.example"),
        ),
        ("a request id of one's own", with("X-Request-Id: abc\r\n"), Sees(ROOT)),
        (
            "an expectation",
            post("Expect: 100-continue\r\nContent-Length: 3\r\n", "abc"),
            Sees("POST / HTTP/1.1|host: a.example|content-length: 3|abc"),
        ),
    ];
    run(&cases);
}

fn run(cases: &[Case]) {
    in_lanes(4, cases, World::new, |world, (name, bytes, want)| world.check(name, bytes, want));
}
