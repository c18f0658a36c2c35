//! What only files in memory have: variants in codings, lists of folders, pages of applications.

use std::fs;

use crate::fixture::manifests;
use crate::support::client::{ask, get};
use crate::support::{Gateway, Options, folder_with};

fn start(files: &[(&str, &str)], backend: &str) -> Gateway {
    let folder = folder_with(&[("gateway.yaml", &manifests(backend))]);
    for (path, content) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    Gateway::start_in(folder, &Options::default())
}

#[test]
fn a_file_is_sent_in_a_coding_that_it_is_there_in() {
    let files =
        [("site/app.js", "plain"), ("site/app.js.br", "small"), ("site/app.js.gz", "middle"), ("site/x.css", "x")];
    let gateway = start(&files, "folder: { path: site }");
    for (accepted, coding, body) in [
        ("", None, "plain"),
        ("Accept-Encoding: gzip\r\n", Some("gzip"), "middle"),
        ("Accept-Encoding: gzip, br;q=0.9\r\n", Some("gzip"), "middle"),
        ("Accept-Encoding: br, gzip\r\n", Some("br"), "small"),
        ("Accept-Encoding: br;q=0\r\n", None, "plain"),
        ("Accept-Encoding: zstd\r\n", None, "plain"),
    ] {
        let answer = ask(gateway.http(), get("/app.js", accepted));
        assert_eq!((answer.get("content-encoding"), answer.text().as_str()), (coding, body), "{accepted}");
        assert_eq!(answer.get("content-type"), Some("text/javascript; charset=utf-8"));
        assert_eq!(answer.get("vary"), Some("accept-encoding"));
    }
    let coded = ask(gateway.http(), get("/app.js", "Accept-Encoding: br\r\n"));
    let plain = ask(gateway.http(), get("/app.js", ""));
    assert_ne!(coded.get("etag"), plain.get("etag"), "a tag is of one form of a file");
    let known = format!("Accept-Encoding: br\r\nIf-None-Match: {}\r\n", coded.get("etag").unwrap());
    let unchanged = ask(gateway.http(), get("/app.js", &known));
    assert_eq!(
        (unchanged.status, unchanged.get("vary"), unchanged.get("content-encoding")),
        (304, Some("accept-encoding"), None)
    );
    assert_eq!(ask(gateway.http(), get("/x.css", "Accept-Encoding: br\r\n")).get("vary"), None);
}

#[test]
fn a_folder_without_an_index_is_listed_if_that_is_wanted() {
    let files = [("site/a&b.txt", "x"), ("site/docs/index.html", "docs"), ("site/.hidden", "x")];
    let gateway = start(&files, "folder: { path: site, listing: true }");
    let list = ask(gateway.http(), get("/", ""));
    assert_eq!((list.status, list.get("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(
        list.text().contains("<a href=\"a%26b.txt\">a&amp;b.txt</a>") && list.text().contains("<a href=\"docs/\">")
    );
    assert!(!list.text().contains("hidden"));
    assert_eq!(ask(gateway.http(), get("/docs/", "")).text(), "docs");
    let gateway = start(&files, "folder: { path: site }");
    assert_eq!(ask(gateway.http(), get("/", "")).status, 404);
}

#[test]
fn paths_of_an_application_are_answered_by_its_page() {
    let files = [("site/index.html", "app"), ("site/app.js", "js")];
    let gateway = start(&files, "folder: { path: site, fallback: index.html }");
    for (path, status, body) in [("/orders/7", 200, "app"), ("/app.js", 200, "js"), ("/orders.js", 404, "")] {
        let answer = ask(gateway.http(), get(path, ""));
        assert_eq!(answer.status, status, "{path}");
        assert!(body.is_empty() || answer.text() == body, "{path}");
    }
}
