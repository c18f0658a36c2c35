//! The same requests get the same answers, wherever the files are (RFC 9110, 13 and 14).

use std::net::SocketAddr;

use crate::fixture::{Place, blob};
use crate::support::client::{Answer, Client, ask, get};

/// A request and what it gets.
struct Case {
    path: &'static str,
    /// Lines; `ETAG` and `DATE` stand for those of the blob.
    fields: &'static str,
    status: u16,
    /// What a field of the answer is.
    has: (&'static str, &'static str),
}

const fn case(path: &'static str, fields: &'static str, status: u16, has: (&'static str, &'static str)) -> Case {
    Case { path, fields, status, has }
}

const HTML: (&str, &str) = ("content-type", "text/html");
const BLOB: (&str, &str) = ("content-length", "100000");
const TAGGED: (&str, &str) = ("etag", "ETAG");
const MISSING: (&str, &str) = ("content-length", "25");

const CASES: &[Case] = &[
    case("/", "", 200, HTML),
    case("/index.html", "", 200, HTML),
    case("/sub/", "", 200, ("content-length", "3")),
    case("/sub", "", 308, ("location", "/sub/")),
    case("/sub?x=1", "", 308, ("location", "/sub/?x=1")),
    case("/about", "", 200, ("content-length", "18")),
    case("/sp%20ace.txt", "", 200, ("content-length", "5")),
    case("/empty.txt", "", 200, ("content-length", "0")),
    case("/x.svg", "", 200, ("content-type", "image/svg+xml")),
    case("/x.svg", "", 200, ("x-content-type-options", "nosniff")),
    case("/blob.bin", "", 200, ("cache-control", "public, max-age=3600")),
    case("/blob.bin", "", 200, ("accept-ranges", "bytes")),
    case("/.well-known/test", "", 200, ("content-length", "5")),
    // what is not there, or not to be seen
    case("/nope", "", 404, MISSING),
    case("/nope", "", 404, HTML),
    case("/blob.bin/", "", 404, MISSING),
    case("/.hidden", "", 404, MISSING),
    case("/.git/config", "", 404, MISSING),
    case("/sub/../.git/config", "", 404, MISSING),
    case("/%2e%2e/%2e%2e/etc/passwd", "", 400, ("content-type", "application/problem+json")),
    case("/..%2f..%2fetc%2fpasswd", "", 400, ("content-type", "application/problem+json")),
    case("/index.html%00.png", "", 400, ("content-type", "application/problem+json")),
    // conditions, in their order of precedence
    case("/blob.bin", "If-None-Match: ETAG", 304, TAGGED),
    case("/blob.bin", "If-None-Match: W/ETAG", 304, TAGGED),
    case("/blob.bin", "If-None-Match: \"a\", ETAG", 304, TAGGED),
    case("/blob.bin", "If-None-Match: *", 304, TAGGED),
    case("/blob.bin", "If-None-Match: \"other\"", 200, BLOB),
    case("/blob.bin", "If-None-Match: \"other\"\r\nIf-Modified-Since: DATE", 200, BLOB),
    case("/blob.bin", "If-Modified-Since: DATE", 304, TAGGED),
    case("/blob.bin", "If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT", 200, BLOB),
    case("/blob.bin", "If-Match: ETAG", 200, BLOB),
    case("/blob.bin", "If-Match: *", 200, BLOB),
    case("/blob.bin", "If-Match: W/ETAG", 412, TAGGED),
    case("/blob.bin", "If-Match: \"other\"", 412, TAGGED),
    case("/blob.bin", "If-Unmodified-Since: Sat, 01 Jan 2000 00:00:00 GMT", 412, TAGGED),
    case("/blob.bin", "If-Match: ETAG\r\nIf-Unmodified-Since: Sat, 01 Jan 2000 00:00:00 GMT", 200, BLOB),
    // ranges
    case("/blob.bin", "Range: bytes=0-9", 206, ("content-range", "bytes 0-9/100000")),
    case("/blob.bin", "Range: bytes=99990-", 206, ("content-range", "bytes 99990-99999/100000")),
    case("/blob.bin", "Range: bytes=-10", 206, ("content-range", "bytes 99990-99999/100000")),
    case("/blob.bin", "Range: bytes=99990-200000", 206, ("content-range", "bytes 99990-99999/100000")),
    case("/blob.bin", "Range: bytes=100000-", 416, ("content-range", "bytes */100000")),
    case("/blob.bin", "Range: bytes=-0", 416, ("content-range", "bytes */100000")),
    case("/blob.bin", "Range: lines=0-5", 200, BLOB),
    case("/blob.bin", "Range: bytes=5-2", 200, BLOB),
    case("/blob.bin", "Range: bytes=0-99999999999999999999999", 206, ("content-range", "bytes 0-99999/100000")),
    case("/blob.bin", "Range: bytes=0-9\r\nIf-Range: ETAG", 206, ("content-range", "bytes 0-9/100000")),
    case("/blob.bin", "Range: bytes=0-9\r\nIf-Range: DATE", 206, ("content-range", "bytes 0-9/100000")),
    case("/blob.bin", "Range: bytes=0-9\r\nIf-Range: \"other\"", 200, BLOB),
    case("/blob.bin", "Range: bytes=0-9\r\nIf-Range: W/ETAG", 200, BLOB),
    case("/blob.bin", "Range: bytes=0-9\r\nIf-None-Match: ETAG", 304, TAGGED),
];

fn field<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.get(name).unwrap_or_default()
}

fn failures(place: &Place) -> Vec<String> {
    let address = place.gateway.http();
    let plain = ask(address, get("/blob.bin", ""));
    let (etag, date) = (field(&plain, "etag").to_owned(), field(&plain, "last-modified").to_owned());
    assert!(etag.starts_with('"') && !date.is_empty() && plain.body == blob(), "{}: {:?}", place.name, plain.head);
    let filled = |text: &str| text.replace("ETAG", &etag).replace("DATE", &date);
    let mut failures = Vec::new();
    for case in CASES {
        let fields = if case.fields.is_empty() { String::new() } else { filled(case.fields) + "\r\n" };
        let answer = ask(address, get(case.path, &fields));
        let (name, value) = case.has;
        let as_wanted = answer.status == case.status && field(&answer, name).starts_with(&filled(value));
        let no_body = case.status == 304 && answer.body.is_empty();
        if !as_wanted || !answer.complete || !(no_body || case.status != 304) {
            failures.push(format!("{} {} {:?}: {:?}", place.name, case.path, case.fields, answer.head));
        }
    }
    failures
}

#[test]
fn the_same_requests_get_the_same_answers() {
    let places = Place::all();
    let failures: Vec<String> = places.iter().flat_map(failures).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    for place in &places {
        let address = place.gateway.http();
        head_is_get_without_a_body(place.name, address);
        parts_are_parts(place.name, address);
        others_than_reading_are_refused(place.name, address);
    }
}

fn head_is_get_without_a_body(name: &str, address: SocketAddr) {
    for (path, status) in [("/blob.bin", 200), ("/about", 200), ("/nope", 404)] {
        let get = ask(address, get(path, ""));
        let request = format!("HEAD {path} HTTP/1.1\r\nHost: a.example\r\nRange: bytes=0-9\r\n\r\n");
        let head = Client::connect(address).send(request).head_answer();
        assert_eq!((head.status, get.status), (status, status), "{name} {path}");
        for field in ["content-length", "content-type", "etag", "last-modified", "cache-control"] {
            assert_eq!(head.get(field), get.get(field), "{name} {path} {field}");
        }
    }
}

fn parts_are_parts(name: &str, address: SocketAddr) {
    let part = ask(address, get("/blob.bin", "Range: bytes=500-599\r\n"));
    assert_eq!((part.status, part.body.as_slice()), (206, &blob()[500..600]), "{name}");
    let several = ask(address, get("/blob.bin", "Range: bytes=0-9,20-29\r\n"));
    let whole = several.status == 200 && several.body == blob();
    let parts = several.status == 206 && field(&several, "content-type").starts_with("multipart/byteranges; boundary=");
    assert!(whole || parts, "{name} {:?}", several.head);
    let many = format!("Range: bytes={}\r\n", vec!["0-"; 1000].join(","));
    let many = ask(address, get("/blob.bin", &many));
    assert!(many.body.len() <= 120_000, "{name} {}", many.body.len());
}

fn others_than_reading_are_refused(name: &str, address: SocketAddr) {
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        let request = format!("{method} /blob.bin HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\n\r\nx");
        let answer = ask(address, request);
        assert_eq!((answer.status, field(&answer, "allow")), (405, "GET, HEAD"), "{name} {method}");
    }
}
