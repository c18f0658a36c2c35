//! Requests that plugins let no further.

use crate::support::client::{Client, ask, get, post};
use crate::support::origin::{Origin, Seen};
use crate::support::{Gateway, backend, gateway, route};

/// A gateway with one plugin in front of a server.
fn start(origin: &Origin, plugin: &str) -> Gateway {
    let spec = format!("plugins: [{{ {plugin} }}]\nbackend: a");
    Gateway::start(&(gateway("trustedProxies: [127.0.0.1]") + &backend("a", origin.address, "") + &route("all", &spec)))
}

fn with_method(method: &str, path: &str) -> String {
    get(path, "").replacen("GET", method, 1)
}

#[test]
fn methods_are_let_through_or_not() {
    let a = Origin::ok();
    for (plugin, method, path, refused) in [
        ("methods: { allow: [GET, PUT] }", "PUT", "/", None),
        ("methods: { allow: [GET, PUT] }", "DELETE", "/", Some("GET, PUT")),
        ("methods: { allow: [GET, PUT], deny: [PUT] }", "PUT", "/", Some("GET")),
        ("methods: { deny: [DELETE] }", "DELETE", "/", Some("GET, HEAD, POST, PUT, PATCH, OPTIONS")),
        ("methods: { deny: [DELETE] }", "PATCH", "/", None),
        ("readOnly: {}", "OPTIONS", "/", None),
        ("readOnly: { except: [/search] }", "PUT", "/search", None),
        ("readOnly: { except: [/search] }", "PUT", "/search/x", Some("GET, HEAD, OPTIONS")),
    ] {
        let running = start(&a, plugin);
        let answer = ask(running.http(), with_method(method, path));
        assert_eq!(
            (answer.status, answer.get("allow")),
            (if refused.is_some() { 405 } else { 200 }, refused),
            "{plugin}"
        );
    }
}

#[test]
fn addresses_are_let_in_or_not() {
    let a = Origin::ok();
    let running = start(&a, "ipAccess: { allow: [10.0.0.0/8, \"2001:db8::/32\"], deny: [10.66.0.0/16] }");
    for (from, status) in
        [("10.1.2.3", 200), ("2001:db8::7", 200), ("10.66.0.1", 403), ("203.0.113.9", 403), ("::1", 403)]
    {
        let answer = ask(running.http(), get("/", &format!("X-Forwarded-For: {from}\r\n")));
        assert_eq!(answer.status, status, "{from}");
    }
    let denying = start(&a, "ipAccess: { deny: [127.0.0.0/8] }");
    let answer = ask(denying.http(), get("/", ""));
    assert_eq!((answer.status, answer.get("content-type")), (403, Some("application/problem+json")));
}

#[test]
fn http_1_0_is_refused() {
    let a = Origin::ok();
    let running = start(&a, "disableHttp10: {}");
    assert_eq!(ask(running.http(), "GET / HTTP/1.0\r\nHost: a.example\r\n\r\n").status, 505);
    assert_eq!(ask(running.http(), get("/", "")).text(), "ok");
}

#[test]
fn bodies_are_bounded_also_without_a_length() {
    let a = Origin::ok();
    let running = start(&a, "requestSize: { max: 1KiB }");
    assert_eq!(ask(running.http(), post("/", &"x".repeat(1024))).text(), "ok");
    assert_eq!(ask(running.http(), post("/", &"x".repeat(1025))).status, 413);
    let chunked = |length: usize| {
        let body = "x".repeat(length);
        format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n")
    };
    assert_eq!(ask(running.http(), chunked(1024)).text(), "ok");
    assert_eq!(ask(running.http(), chunked(1025)).status, 413);
}

#[test]
fn conditions_hold_or_the_request_is_refused() {
    let a = Origin::ok();
    let running = start(
        &a,
        "require: { headers: [{ name: X-Version, regex: \"[23]\" }], query: [{ name: debug, absent: true }], \
         cookies: [{ name: seen, present: true }], status: 422 }",
    );
    let right = "x-version: 2\r\nCookie: seen=1\r\n";
    for (path, fields, status) in [
        ("/", right, 200),
        ("/?debug=1", right, 422),
        ("/", "x-version: 4\r\nCookie: seen=1\r\n", 422),
        ("/", "x-version: 2\r\n", 422),
    ] {
        assert_eq!(ask(running.http(), get(path, fields)).status, status, "{path} {fields}");
    }
}

#[test]
fn bodies_are_what_a_schema_asks_for() {
    let a = Origin::ok();
    let schema = "{ type: object, required: [id], properties: { id: { type: integer } } }";
    let running = start(&a, &format!("requestValidation: {{ schema: {schema}, maxSize: 1KiB }}"));
    let with =
        |kind: &str, body: &str| post("/", body).replace("\r\n\r\n", &format!("\r\nContent-Type: {kind}\r\n\r\n"));
    let padded = format!("{{\"id\":7}}{}", " ".repeat(1024));
    for (kind, body, status) in [
        ("application/json", "{\"id\":7}", 200),
        ("application/vnd.api+json", "{\"id\":7}", 200),
        ("application/json", "{\"id\":\"s3cret\"}", 422),
        ("application/json", "{\"id\":", 400),
        ("application/json", "", 400),
        ("text/plain", "{\"id\":7}", 415),
        ("application/json", &padded, 413),
    ] {
        a.forget();
        let answer = ask(running.http(), with(kind, body));
        assert_eq!(answer.status, status, "{kind} {body}");
        assert_eq!(answer.get("content-type"), (status != 200).then_some("application/problem+json"));
        assert!(!answer.text().contains("s3cret") && (status != 422 || answer.text().contains("\"/id\"")));
        let seen: Vec<String> = a.seen().iter().map(Seen::text).collect();
        assert_eq!(
            seen,
            if status == 200 { vec![body.to_owned()] } else { vec![] },
            "a body that is right goes on as it came"
        );
    }
    assert_eq!(ask(running.http(), get("/", "")).text(), "ok");
    let chunked = "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n\
                   5\r\n{\"id\"\r\n3\r\n:7}\r\n0\r\nX-Checksum-A: 1\r\n\r\n";
    a.forget();
    assert_eq!(ask(running.http(), chunked).text(), "ok");
    let seen = a.seen().remove(0);
    let mut waiting = Client::connect(running.http());
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 8\r\n\r\n";
    assert_eq!(waiting.send(head).answer().status, 100);
    assert_eq!(waiting.send("{\"id\":7}").answer().text(), "ok");
    assert_eq!((seen.text().as_str(), seen.trailers.join("")), ("{\"id\":7}", "x-checksum-a: 1".to_owned()));
}
