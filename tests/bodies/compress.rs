//! `compress`: which answers are coded, and how.

use gw::pipeline::coding::Coding;

use crate::support::client::{Client, ask, get};
use crate::support::origin::Origin;
use crate::support::{Gateway, Options, folder_with, gateway, route};
use crate::{before, decoded};

/// An origin that answers with the fields that the query says, and some text.
fn echo() -> Origin {
    Origin::start(|peer| {
        while let Some(seen) = peer.request() {
            let query = seen.head[0].split(['?', ' ']).nth(2).unwrap_or_default();
            let fields: String =
                query.split('&').filter(|one| one.contains('=')).map(|one| one.replace('=', ": ") + "\r\n").collect();
            let status = if fields.contains("Content-Range") { "206 Partial Content" } else { "200 OK" };
            let text = "twice told, ".repeat(200);
            peer.send(format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {}\r\n\r\n{text}", text.len()));
        }
    })
}

#[test]
fn the_client_and_the_answer_decide() {
    let origin = echo();
    let gateway = before(&origin, "[{ compress: {} }]");
    let mut client = Client::connect(gateway.http());
    for (accepted, fields, expected) in [
        ("gzip, deflate, br, zstd", "Content-Type=text/html;charset=utf-8", Some("zstd")),
        ("gzip, br;q=0.5", "Content-Type=application/problem+json", Some("gzip")),
        ("br", "Content-Type=image/svg+xml", Some("br")),
        ("deflate", "Content-Type=text/html", None),
        ("gzip;q=0", "Content-Type=text/html", None),
        ("gzip", "Content-Type=image/png", None),
        ("gzip", "", None),
        ("gzip", "Content-Type=text/event-stream", None),
        ("gzip", "Content-Type=text/html&Cache-Control=public,no-transform", None),
        ("gzip", "Content-Type=text/html&Content-Range=bytes%200-1/2", None),
    ] {
        let answer = client.send(get(&format!("/?{fields}"), &format!("Accept-Encoding: {accepted}\r\n"))).answer();
        assert_eq!(answer.get("content-encoding"), expected, "{accepted} {fields}");
        let text = match expected.and_then(|name| Coding::of(name.as_bytes())) {
            Some(coding) => decoded(coding, &answer.body),
            None => answer.text(),
        };
        assert_eq!(text, "twice told, ".repeat(200));
        let kind = fields.split(['=', '&']).nth(1).unwrap_or_default();
        let varies =
            ["text/html", "problem+json", "svg"].iter().any(|text| kind.contains(text)) && !fields.contains("&C");
        assert_eq!(answer.get("vary"), varies.then_some("accept-encoding"), "{accepted} {fields}");
    }
    let coded = client.send(get("/?Content-Type=text/html&Content-Encoding=br", "Accept-Encoding: gzip\r\n")).answer();
    assert_eq!((coded.get("content-encoding"), coded.text()), (Some("br"), "twice told, ".repeat(200)));
    let varying = client.send(get("/?Content-Type=text/html&Vary=Origin", "Accept-Encoding: gzip\r\n")).answer();
    assert_eq!(varying.all("vary"), ["Origin", "accept-encoding"]);
}

#[test]
fn what_is_small_stays_and_what_is_in_memory_has_a_length() {
    let site = |path: &str, body: &str| {
        route(
            &path[1..],
            &format!(
                "match: [{{ path: {path} }}]\nplugins: [{{ compress: {{}} }}, {{ respond: {{ body: \"{body}\" }} }}]"
            ),
        )
    };
    let gateway = Gateway::start(&(gateway("") + &site("/small", "small") + &site("/large", &"large ".repeat(500))));
    let small = ask(gateway.http(), get("/small", "Accept-Encoding: gzip\r\n"));
    assert_eq!((small.get("content-encoding"), small.get("vary"), small.text().as_str()), (None, None, "small"));
    let large = ask(gateway.http(), get("/large", "Accept-Encoding: gzip\r\n"));
    assert_eq!(large.get("content-length"), Some(&*large.body.len().to_string()));
    assert_eq!(decoded(Coding::Gzip, &large.body), "large ".repeat(500));
    let asked = "HEAD /large HTTP/1.1\r\nHost: a.example\r\nAccept-Encoding: gzip\r\n\r\n";
    let head = Client::connect(gateway.http()).send(asked).head_answer();
    assert_eq!((head.get("content-length"), head.get("content-encoding")), (large.get("content-length"), Some("gzip")));
}

#[test]
fn who_asks_with_the_weak_tag_is_told_that_it_still_holds() {
    let page = "<p>a page</p>\n".repeat(200);
    let manifests = gateway("")
        + "---\napiVersion: gw/v1\nkind: Backend\nmetadata: { name: files }\nspec: { folder: { path: files } }\n"
        + &route("all", "plugins: [{ compress: {} }]\nbackend: files");
    let folder = folder_with(&[("gateway.yaml", &manifests), ("files/page.html", &page)]);
    let gateway = Gateway::start_in(folder, &Options::default());
    let answer = ask(gateway.http(), get("/page.html", "Accept-Encoding: gzip\r\n"));
    let tag = answer.get("etag").unwrap().to_owned();
    assert!(tag.starts_with("W/\"") && decoded(Coding::Gzip, &answer.body) == page, "{answer:?}");
    let again = ask(gateway.http(), get("/page.html", &format!("Accept-Encoding: gzip\r\nIf-None-Match: {tag}\r\n")));
    assert_eq!((again.status, again.get("etag")), (304, Some(&*tag)));
}
