//! `htmlPatch`: pages are written into, whatever their coding, and nothing else is.

use gw::pipeline::coding::Coding;

use crate::support::client::{Client, get};
use crate::{answer, before, decoded, encoded, origin};

const PATCH: &str = "[{ htmlPatch: { appendHead: \"<link x>\", appendBody: \"<b>é</b>\" } }]";

#[test]
fn a_page_is_written_into_in_its_coding() {
    let page = format!("<!doctype html><head></head><body>{}</body>", "much text ".repeat(50_000));
    let expected = page.replace("</head>", "<link x></head>").replace("</body>", "<b>é</b></body>");
    for coding in [None, Some(Coding::Gzip), Some(Coding::Br), Some(Coding::Zstd)] {
        let body = coding.map_or_else(|| page.clone().into_bytes(), |coding| encoded(coding, &page));
        let encoding = coding.map(|coding| format!("Content-Encoding: {}\r\n", coding.name())).unwrap_or_default();
        let fields = format!(
            "Content-Type: text/html\r\n{encoding}ETag: \"1\"\r\nLast-Modified: Sun, 01 Nov 2020 00:00:00 GMT\r\n"
        );
        let origin = origin(answer(&fields, &body));
        let gateway = before(&origin, PATCH);
        let mut client = Client::connect(gateway.http());
        let asked = "Accept: text/html\r\nAccept-Encoding: gzip, deflate, br\r\nIf-None-Match: \"1\"\r\n";
        let answer = client.send(get("/", asked)).answer();
        assert_eq!((answer.get("etag"), answer.get("last-modified"), answer.get("content-length")), (None, None, None));
        assert_eq!(answer.get("content-encoding"), coding.map(Coding::name));
        let text = coding.map_or_else(|| answer.text(), |coding| decoded(coding, &answer.body));
        assert!(text == expected, "{coding:?}: {}", &text[text.len().saturating_sub(60)..]);
        let seen = &origin.seen()[0];
        assert_eq!((seen.all("accept-encoding"), seen.all("if-none-match").len()), (vec!["gzip, br"], 0));
    }
}

#[test]
fn what_is_no_page_stays_as_it_is() {
    let page = "<html><body>x</body></html>";
    for (fields, body) in [
        ("Content-Type: application/json\r\n", page),
        ("Content-Type: text/html\r\n", "<li>part</li>"),
        ("Content-Type: text/html; charset=utf-16\r\n", page),
        ("Content-Type: text/html\r\nContent-Encoding: compress\r\n", page),
        ("Content-Type: text/html\r\nContent-Encoding: gzip, br\r\n", page),
        ("Content-Type: text/html\r\nCache-Control: no-transform\r\n", page),
    ] {
        let origin = origin(answer(fields, body.as_bytes()));
        let gateway = before(&origin, PATCH);
        assert_eq!(Client::connect(gateway.http()).send(get("/", "")).answer().text(), body, "{fields}");
    }
}

#[test]
fn other_charsets_get_references() {
    let origin = origin(answer("Content-Type: text/html; charset=iso-8859-1\r\n", b"<html><body>\xe9</body>"));
    let gateway = before(&origin, PATCH);
    let answer = Client::connect(gateway.http()).send(get("/", "")).answer();
    assert_eq!(answer.body, b"<html><link x><body>\xe9<b>&#233;</b></body>");
}
