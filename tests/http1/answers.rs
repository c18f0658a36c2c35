//! What a client is told: errors, fixed answers, redirects, what plugins do to them, and what of an origin's answer goes on.

use crate::support::client::{Answer, Client, ask, get};
use crate::support::origin::Origin;
use crate::support::{Gateway, backend, gateway, route};

fn world(origin: &Origin) -> Gateway {
    let site = |name: &str, host: &str, rest: &str| route(name, &format!("hosts: [{host}]\n{rest}"));
    Gateway::start(
        &(gateway("")
            + &backend("origin", origin.address, "")
            + &backend("gone", "127.0.0.1:1".parse().unwrap(), "")
            + &route("all", "match: [{ pathPrefix: /all }]\nbackend: origin")
            + &route("read", "match: [{ path: /read, methods: [GET, HEAD] }]\nbackend: origin")
            + &route("write", "match: [{ path: /read, methods: [PUT] }]\nbackend: origin")
            + &route(
                "fixed",
                "match: [{ path: /fixed }]\nplugins:\n- responseHeaders: { set: { x-outer: \"1\" } }\n- respond: { status: 418, body: \"teapot\\n\", headers: { x-inner: \"2\" }, contentType: text/tea }",
            )
            + &route("empty", "match: [{ path: /empty }]\nplugins: [{ respond: { status: 204 } }]")
            + &route(
                "refused",
                "match: [{ path: /refused }]\nplugins:\n- responseHeaders: { set: { x-outer: \"1\" } }\n- respond: { status: 403 }",
            )
            + &route(
                "moved",
                "match: [{ path: \"/moved/{id}\" }]\nplugins: [{ redirect: { to: \"https://new.example/${path.id}\", status: 308, keepQuery: true } }]",
            )
            + &route(
                "gone",
                "match: [{ path: /gone }]\nplugins:\n- responseHeaders: { set: { x-outer: \"1\" } }\nbackend: gone",
            )
            + &route(
                "sometimes",
                "match: [{ pathPrefix: /when }]\nplugins:\n- respond: { body: held }\n  when: { paths: [\"/when/a/**\"], methods: [GET] }\n- responseHeaders: { set: { x-when: \"1\" } }\n  when: { headers: [{ name: x-a, present: true }] }\nbackend: origin",
            )
            + &site("host", "one.example", "plugins: [{ respond: { body: one } }]")
            + &site("hosts", "\"*.example\"", "plugins: [{ respond: { body: any } }]")),
    )
}

fn check(answer: &Answer, status: u16, fields: &[(&str, Option<&str>)], body: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    for (name, value) in fields {
        assert_eq!(answer.get(name), *value, "{name} of {answer:?}");
    }
    assert!(answer.complete && answer.text() == body, "{answer:?}");
}

#[test]
fn errors_are_problems_for_programs_and_pages_for_people() {
    let gateway = world(&Origin::ok());
    for (accept, media_type, start) in [
        ("", "application/problem+json", "{\"title\":\"Not Found\",\"status\":404,"),
        ("Accept: */*\r\n", "application/problem+json", "{"),
        ("Accept: application/json, text/html\r\n", "application/problem+json", "{"),
        ("Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n", "text/html; charset=utf-8", "<!doctype html>"),
    ] {
        let answer = ask(gateway.http(), format!("GET /none HTTP/1.1\r\nHost: 127.0.0.1\r\n{accept}\r\n"));
        assert_eq!((answer.status, answer.get("content-type")), (404, Some(media_type)));
        assert!(answer.text().starts_with(start) && !answer.text().contains("127.0.0.1"), "{}", answer.text());
    }
}

#[test]
fn methods_that_no_route_has_are_named() {
    let gateway = world(&Origin::ok());
    let post = "POST /read HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n";
    let answer = ask(gateway.http(), post);
    assert_eq!((answer.status, answer.get("allow")), (405, Some("GET, HEAD, PUT")));
    for method in ["CONNECT", "TRACE"] {
        let answer = ask(gateway.http(), format!("{method} /read HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
        assert!(answer.status == 405 && answer.get("allow").is_some(), "{answer:?}");
    }
    let options = ask(gateway.http(), "OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    assert!(
        options.status == 204 && options.get("allow").is_some() && options.get("content-length").is_none(),
        "{options:?}"
    );
}

#[test]
fn fixed_answers_and_redirects() {
    let gateway = world(&Origin::ok());
    let ask = |path: &str| ask(gateway.http(), format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
    check(
        &ask("/fixed"),
        418,
        &[
            ("x-outer", Some("1")),
            ("x-inner", Some("2")),
            ("content-type", Some("text/tea")),
            ("content-length", Some("7")),
        ],
        "teapot\n",
    );
    check(&ask("/empty"), 204, &[("content-length", None), ("transfer-encoding", None)], "");
    check(&ask("/moved/a%20b?q=1"), 308, &[("location", Some("https://new.example/a%20b?q=1"))], "");
    let refused = ask("/refused");
    assert_eq!(
        (refused.status, refused.get("x-outer"), refused.get("content-type")),
        (403, Some("1"), Some("application/problem+json"))
    );
    let gone = ask("/gone");
    assert_eq!(
        (gone.status, gone.get("x-outer"), gone.get("content-type")),
        (502, Some("1"), Some("application/problem+json"))
    );
    assert!(!gone.text().contains("127.0.0.1") && gone.complete);
}

#[test]
fn conditions_are_decided_on_the_request() {
    let gateway = world(&Origin::ok());
    let ask =
        |line: &str, fields: &str| ask(gateway.http(), format!("{line} HTTP/1.1\r\nHost: 127.0.0.1\r\n{fields}\r\n"));
    assert_eq!(ask("GET /when/a/b", "").text(), "held");
    assert_eq!(ask("GET /when/./x/../a", "").text(), "held");
    assert_eq!(ask("PUT /when/a", "").text(), "ok");
    check(&ask("GET /when/b", "X-A: 1\r\n"), 200, &[("x-when", Some("1"))], "ok");
    check(&ask("GET /when/b", ""), 200, &[("x-when", None)], "ok");
}

#[test]
fn hosts_choose_routes() {
    let gateway = world(&Origin::ok());
    let ask = |host: &str| ask(gateway.http(), format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    for (host, body) in [
        ("one.example", "one"),
        ("ONE.example:8080", "one"),
        ("one.example.", "one"),
        ("two.example", "any"),
        ("a.b.example", "any"),
    ] {
        assert_eq!(ask(host).text(), body, "{host}");
    }
    assert_eq!(ask("example").status, 404);
}

#[test]
fn heads_say_what_the_body_would_be() {
    let origin = Origin::start(|peer| {
        while let Some(seen) = peer.request() {
            let body = if seen.head[0].starts_with("HEAD") { "" } else { "hello" };
            peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"a\"\r\n\r\n{body}"));
        }
    });
    let gateway = world(&origin);
    let mut client = Client::connect(gateway.http());
    for path in ["/all", "/fixed", "/none", "/refused", "/gone"] {
        let head = client.send(format!("HEAD {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")).head_answer();
        let full = client.send(format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")).answer();
        assert_eq!((head.status, head.get("content-length")), (full.status, full.get("content-length")), "{path}");
    }
    assert_eq!(origin.connections(), 1);
}

#[test]
fn nothing_of_an_origins_connection_goes_on() {
    let origin = Origin::answering(
        "HTTP/1.1 200 Fine\r\nConnection: keep-alive, x-hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nProxy-Connection: x\r\nUpgrade: h2c\r\n\
         X-A: 1\r\nX-A: 2\r\nVia: 1.1 cache\r\nServer: origin\r\nTransfer-Encoding: chunked\r\nTrailer: content-digest, x-b\r\n\r\n\
         3\r\nabc\r\n0\r\nContent-Digest: x\r\nSet-Cookie: a=b\r\n\r\n",
    );
    let gateway = world(&origin);
    let answer = ask(gateway.http(), "GET /all HTTP/1.1\r\nHost: 127.0.0.1\r\nTE: trailers\r\n\r\n");
    check(
        &answer,
        200,
        &[
            ("keep-alive", None),
            ("x-hop", None),
            ("proxy-connection", None),
            ("upgrade", None),
            ("server", Some("origin")),
        ],
        "abc",
    );
    assert_eq!(answer.all("x-a"), ["1", "2"]);
    assert_eq!(answer.all("via").join(", "), "1.1 cache, 1.1 gw");
    assert_eq!(answer.trailers, ["content-digest: x"]);
}

#[test]
fn an_old_client_gets_what_it_understands() {
    let origin = Origin::answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    let gateway = world(&origin);
    let mut client = Client::connect(gateway.http());
    let answer = client.send("GET /all HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").answer();
    check(&answer, 200, &[("transfer-encoding", None)], "abc");
    assert!(client.is_closed());
}

#[test]
fn connections_are_kept_unless_somebody_closes() {
    let gateway = world(&Origin::ok());
    let mut client = Client::connect(gateway.http());
    for _ in 0..3 {
        assert_eq!(client.send(get("/none", "")).answer().text(), "any");
        assert_eq!(client.send("GET /all HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").answer().text(), "ok");
    }
    let last = client.send("GET /all HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").answer();
    assert_eq!(last.get("connection"), Some("close"));
    assert!(client.is_closed());
}
