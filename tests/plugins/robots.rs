//! What robots, finders of holes and browsers are told.

use crate::support::client::{ask, get};
use crate::support::origin::Origin;
use crate::support::{Gateway, backend, gateway, route};

#[test]
fn robots_are_told_to_stay_away_or_to_come() {
    let a = Origin::answering("HTTP/1.1 200 OK\r\nX-Robots-Tag: all\r\nContent-Length: 2\r\n\r\nok");
    let site = |name: &str, host: &str, plugin: &str| {
        route(name, &format!("hosts: [{host}]\nplugins: [{{ robots: {plugin} }}]\nbackend: a"))
    };
    let running = Gateway::start(
        &(gateway("")
            + &backend("a", a.address, "")
            + &site("away", "a.example", "{}")
            + &site("come", "b.example", "{ index: true, follow: true, archive: true }")
            + &site("own", "c.example", "{ index: true, follow: true, text: \"User-agent: *\\nDisallow: /x\\n\" }")
            + &site("left", "d.example", "{ answer: false }")),
    );
    let from = |host: &str, path: &str| {
        ask(running.http(), get(path, "").replace("Host: a.example", &format!("Host: {host}")))
    };
    for (host, text, tag) in [
        ("a.example", "User-agent: *\nDisallow: /\n", Some("noindex, nofollow, noarchive")),
        ("b.example", "User-agent: *\nAllow: /\n", Some("all")),
        ("c.example", "User-agent: *\nDisallow: /x\n", Some("noarchive")),
        ("d.example", "ok", Some("noindex, nofollow, noarchive")),
    ] {
        assert_eq!(from(host, "/robots.txt").text(), text, "{host}");
        assert_eq!(from(host, "/page").get("x-robots-tag"), tag, "{host}");
    }
    let answer = from("a.example", "/robots.txt");
    assert_eq!((answer.status, answer.get("content-type")), (200, Some("text/plain; charset=utf-8")));
}

#[test]
fn a_security_txt_is_served_and_its_end_is_warned_of() {
    let plugin = |expires: &str| {
        let contact = "contact: [\"mailto:security@a.example\"]";
        let more = format!(
            "plugins: [{{ securityTxt: {{ {contact}, expires: {expires} }} }}, {{ respond: {{ body: hello }} }}]"
        );
        gateway("") + &route("site", &more)
    };
    let running = Gateway::start(&plugin("2001-01-01"));
    running.log.wait_for("a security.txt has expired");
    let answer = ask(running.http(), get("/.well-known/security.txt", ""));
    assert_eq!(answer.text(), "Contact: mailto:security@a.example\nExpires: 2001-01-01T00:00:00Z\n");
    assert_eq!(answer.get("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(ask(running.http(), get("/", "")).text(), "hello");
}

#[test]
fn security_headers_are_sent_and_taken_away() {
    let above = "plugins:\n  - removeSecurityHeaders: {}\n  \
                 - securityHeaders: { preset: strict, contentSecurityPolicyReportOnly: \"default-src 'none'\", \
                 embedderPolicy: requireCorp, resourcePolicy: sameSite, openerPolicy: sameOriginAllowPopups }\n  \
                 - respond: { body: hello }\n";
    let both = gateway("")
        + &route("plain", &format!("match: [{{ path: /plain }}]\n{above}"))
        + &route(
            "strict",
            &format!("match: [{{ path: /strict }}]\n{}", above.replace("  - removeSecurityHeaders: {}\n", "")),
        );
    let running = Gateway::start(&both);
    let strict = ask(running.http(), get("/strict", ""));
    for (name, value) in [
        ("content-security-policy-report-only", "default-src 'none'"),
        ("cross-origin-embedder-policy", "require-corp"),
        ("cross-origin-resource-policy", "same-site"),
        ("cross-origin-opener-policy", "same-origin-allow-popups"),
        ("x-frame-options", "DENY"),
    ] {
        assert_eq!(strict.get(name), Some(value), "{name}");
    }
    let plain = ask(running.http(), get("/plain", ""));
    assert!(!plain.head.iter().any(|line| line.contains("policy") || line.starts_with("x-")), "{:?}", plain.head);
}
