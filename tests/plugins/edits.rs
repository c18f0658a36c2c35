//! What is sent upstream otherwise than it came, and what browsers may keep.

use crate::support::client::{ask, get};
use crate::support::origin::{Origin, Seen};
use crate::support::{Gateway, backend, gateway, route};

fn start(origin: &Origin, plugin: &str) -> Gateway {
    let spec =
        format!("match: [{{ path: \"/{{tenant}}\" }}, {{ pathPrefix: /p }}]\nplugins: [{{ {plugin} }}]\nbackend: a");
    Gateway::start(
        &(gateway("trustedProxies: [127.0.0.0/8]") + &backend("a", origin.address, "") + &route("all", &spec)),
    )
}

/// What the server gets.
fn sent(origin: &Origin, plugin: &str, request: String) -> Seen {
    origin.forget();
    let running = start(origin, plugin);
    assert_eq!(ask(running.http(), request).text(), "ok");
    origin.seen().remove(0)
}

#[test]
fn queries_are_edited() {
    let a = Origin::ok();
    for (plugin, target, expected) in [
        ("query: { remove: [utm_source] }", "/x?a=1&utm_source=b&c=%20&utm%5Fsource=d", "/x?a=1&c=%20"),
        ("query: { remove: [a] }", "/x?a=1", "/x"),
        ("query: { keep: [a] }", "/x?b=1&a=2&a&c", "/x?a=2&a"),
        ("query: { set: { tenant: \"${path.tenant}\" } }", "/acme?tenant=evil&q=1", "/acme?q=1&tenant=acme"),
        ("query: { set: { q: \"a b&c\" }, add: { r: \"${request.header.x-none}\" } }", "/x", "/x?q=a%20b%26c"),
        ("query: { add: { a: \"2\" } }", "/x?a=1", "/x?a=1&a=2"),
    ] {
        let seen = sent(&a, plugin, get(target, ""));
        assert_eq!(seen.head[0], format!("GET {expected} HTTP/1.1"), "{plugin}");
    }
}

#[test]
fn the_upstream_is_told_what_it_is_to_know_of_who_asks() {
    let a = Origin::ok();
    let fields = "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Port: 1\r\nX-Real-IP: 6.6.6.6\r\n\
                  Forwarded: for=203.0.113.9\r\n";
    let names =
        ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-real-ip", "forwarded"];
    for (plugin, expected) in [
        ("xForwarded: {}", ["", "", "", "", "", ""]),
        ("xForwarded: { send: [for, port] }", ["203.0.113.9, 127.0.0.1", "", "", "80", "", ""]),
        (
            "xForwarded: { send: [proto, host, realIp, forwarded] }",
            ["", "http", "a.example", "", "203.0.113.9", "for=203.0.113.9, for=127.0.0.1;proto=http"],
        ),
    ] {
        let seen = sent(&a, plugin, get("/x", fields));
        assert_eq!(names.map(|name| seen.all(name).join("|")), expected, "{plugin}");
    }
}

#[test]
fn browsers_are_told_how_long_they_may_keep_answers() {
    let plain = Origin::answering("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nok");
    let own =
        Origin::answering("HTTP/1.1 200 OK\r\nExpires: 0\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nok");
    let error = Origin::answering("HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nok");
    let rules =
        "rules: [{ paths: [\"/p/**\"], maxAge: 365d, immutable: true }, { types: [text/html], revalidate: true }]";
    for (origin, path, more, expected) in [
        (&plain, "/p/x", "", Some("max-age=31536000, immutable")),
        (&plain, "/x", "", Some("no-cache")),
        (&own, "/x", "", None),
        (&own, "/x", ", replace: true", Some("no-cache")),
        (&error, "/p/x", "", None),
    ] {
        let running = start(origin, &format!("clientCache: {{ {rules}{more} }}"));
        let answer = ask(running.http(), get(path, ""));
        assert_eq!(answer.get("cache-control"), expected, "{path} {more}");
        assert_eq!(answer.get("expires").is_some(), origin.address == own.address && more.is_empty());
    }
}
