//! `bodyRewrite`: texts are replaced, whatever their coding, in answers that are not too large.

use gw::pipeline::coding::Coding;

use crate::support::client::{ask, get};
use crate::{answer, before, decoded, encoded, origin};

const REWRITE: &str = "[{ bodyRewrite: { maxSize: 1KiB, replace: [{ text: inner, with: outer }, { regex: \"v([0-9])\", with: \"V$1\" }] } }]";

#[test]
fn texts_are_replaced_in_their_coding() {
    let text = "{ \"from\": \"inner v1 inner\" }";
    for coding in [None, Some(Coding::Gzip), Some(Coding::Zstd)] {
        let body = coding.map_or_else(|| text.as_bytes().to_vec(), |coding| encoded(coding, text));
        let encoding = coding.map(|coding| format!("Content-Encoding: {}\r\n", coding.name())).unwrap_or_default();
        let origin = origin(answer(&format!("Content-Type: application/json\r\n{encoding}"), &body));
        let gateway = before(&origin, REWRITE);
        let got = ask(gateway.http(), get("/", "Accept-Encoding: gzip, zstd\r\n"));
        let got = coding.map_or_else(|| got.text(), |coding| decoded(coding, &got.body));
        assert_eq!(got, "{ \"from\": \"outer V1 outer\" }", "{coding:?}");
    }
}

#[test]
fn what_is_large_or_no_text_passes_unchanged() {
    let large = "inner ".repeat(500);
    for (fields, body) in [("Content-Type: text/plain\r\n", &*large), ("Content-Type: image/png\r\n", "inner")] {
        let origin = origin(answer(fields, body.as_bytes()));
        let gateway = before(&origin, REWRITE);
        let got = ask(gateway.http(), get("/", ""));
        assert_eq!((got.get("content-length"), got.text()), (Some(&*body.len().to_string()), body.to_owned()));
    }
}
