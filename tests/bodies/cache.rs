//! `cache`: what is kept and what is not, for whom, how it is renewed, and what makes it go.

use std::sync::Mutex;
use std::sync::mpsc;

use crate::before;
use crate::support::client::{Answer, Client, ask, get, post};
use crate::support::origin::Origin;
use crate::support::{Gateway, wait_until};

/// An origin whose answers are numbered, with the fields that a script has for the path; a tag that it gets back still holds.
fn numbered(fields: impl Fn(&str) -> String + Send + Sync + 'static) -> Origin {
    let count = Mutex::new(0);
    Origin::start(move |peer| {
        while let Some(seen) = peer.request() {
            let path = seen.head[0].split(' ').nth(1).unwrap().to_owned();
            let number = {
                let mut count = count.lock().unwrap();
                *count += 1;
                *count
            };
            let (fields, body) = (fields(&path), format!("answer {number}"));
            let status = if path.contains("missing") { "404 Not Found" } else { "200 OK" };
            if seen.all("if-none-match").contains(&"\"tag\"") {
                peer.send(format!("HTTP/1.1 304 Not Modified\r\n{fields}X-Number: {number}\r\n\r\n"));
            } else {
                peer.send(format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {}\r\n\r\n{body}", body.len()));
            }
        }
    })
}

fn fresh(_: &str) -> String {
    "Cache-Control: max-age=600\r\n".into()
}

/// Fresh for a time that has passed when it comes.
fn stale(more: &str) -> impl Fn(&str) -> String + Send + Sync + use<> {
    let fields = format!("Cache-Control: max-age=50{more}\r\nAge: 100\r\n");
    move |_| fields.clone()
}

fn asked(gateway: &Gateway, path: &str, fields: &str) -> Answer {
    ask(gateway.http(), get(path, fields))
}

fn text(gateway: &Gateway, path: &str) -> String {
    asked(gateway, path, "").text()
}

#[test]
fn what_is_fresh_is_not_asked_for_again() {
    let origin = numbered(fresh);
    let gateway = before(&origin, "[{ cache: {} }]");
    let first = asked(&gateway, "/a", "");
    assert_eq!((first.text().as_str(), first.get("cache-status")), ("answer 1", Some("gw; fwd=uri-miss; stored")));
    let again = asked(&gateway, "/a", "");
    assert_eq!((again.text().as_str(), again.get("content-length")), ("answer 1", Some("8")));
    assert!(again.get("age").is_some() && again.get("cache-status").unwrap().starts_with("gw; hit; ttl="), "{again:?}");
    let head = Client::connect(gateway.http()).send("HEAD /a HTTP/1.1\r\nHost: a.example\r\n\r\n").head_answer();
    assert_eq!((head.status, head.get("content-length")), (200, Some("8")));
    assert_eq!(text(&gateway, "/a?b"), "answer 2");
    assert_eq!(text(&gateway, "/a?b"), "answer 2");
    let reload = asked(&gateway, "/a", "Cache-Control: no-cache\r\nPragma: no-cache\r\n");
    assert_eq!(reload.text(), "answer 1", "what a client says makes no work");
    assert_eq!(asked(&gateway, "/new", "Cache-Control: only-if-cached\r\n").status, 504);
    assert_eq!(origin.seen().len(), 2);
}

#[test]
fn what_is_for_one_is_not_kept_for_all() {
    let origin = numbered(|path| match path {
        "/private" => "Cache-Control: private, max-age=600\r\n".into(),
        "/no-store" => "Cache-Control: no-store\r\n".into(),
        "/cookie" => "Cache-Control: max-age=600\r\nSet-Cookie: a=b\r\n".into(),
        "/star" => "Cache-Control: max-age=600\r\nVary: *\r\n".into(),
        "/silent" => String::new(),
        path => fresh(path),
    });
    let gateway = before(&origin, "[{ cache: {} }]");
    for path in ["/private", "/no-store", "/cookie", "/star", "/silent"] {
        assert_ne!(text(&gateway, path), text(&gateway, path), "{path}");
    }
    let before_these = origin.seen().len();
    let mine = |gateway: &Gateway| asked(gateway, "/mine", "Authorization: Bearer 1\r\n");
    assert_ne!(mine(&gateway).text(), mine(&gateway).text());
    assert_eq!(mine(&gateway).get("cache-status"), Some("gw; fwd=bypass"));
    assert_eq!(origin.seen().len(), before_these + 3);
    let apart = before(&origin, "[{ cache: { key: { callers: apart } } }]");
    let one = mine(&apart).text();
    assert_eq!(mine(&apart).text(), one);
    assert_ne!(asked(&apart, "/mine", "Authorization: Bearer 2\r\n").text(), one);
    let together = before(&origin, "[{ cache: { key: { callers: together } } }]");
    assert_eq!(mine(&together).text(), asked(&together, "/mine", "Authorization: Bearer 2\r\n").text());
}

#[test]
fn answers_that_vary_are_kept_apart() {
    let origin = numbered(|_| "Cache-Control: max-age=600\r\nVary: X-Lang, Accept-Encoding\r\n".into());
    let gateway = before(&origin, "[{ cache: {} }]");
    let lang = |lang: &str| asked(&gateway, "/", &format!("X-Lang: {lang}\r\nAccept-Encoding: gzip, br\r\n"));
    assert_eq!((lang("en").text(), lang("fr").text()), ("answer 1".into(), "answer 2".into()));
    assert_eq!((lang("en").text(), lang("fr").text()), ("answer 1".into(), "answer 2".into()));
    assert_eq!(asked(&gateway, "/", "X-Lang: en\r\nAccept-Encoding: br,gzip\r\n").text(), "answer 1");
    assert_eq!(text(&gateway, "/"), "answer 3");
    assert_eq!(asked(&gateway, "/", "X-Lang: de\r\n").get("cache-status"), Some("gw; fwd=vary-miss; stored"));
}

#[test]
fn what_is_stale_is_asked_for_on_conditions() {
    let origin = numbered(|_| "Cache-Control: max-age=50\r\nAge: 100\r\nETag: \"tag\"\r\n".into());
    let gateway = before(&origin, "[{ cache: {} }]");
    assert_eq!(text(&gateway, "/"), "answer 1");
    let renewed = asked(&gateway, "/", "");
    assert_eq!((renewed.status, renewed.text().as_str(), renewed.get("x-number")), (200, "answer 1", Some("2")));
    assert_eq!(renewed.get("cache-status"), Some("gw; fwd=stale; fwd-status=304"));
    let client = asked(&gateway, "/", "If-None-Match: W/\"tag\"\r\n");
    assert_eq!((client.status, client.get("etag")), (304, Some("\"tag\"")));
    assert_eq!(asked(&gateway, "/", "If-None-Match: \"old\"\r\n").text(), "answer 1");
    assert!(origin.seen()[1..].iter().all(|seen| seen.all("if-none-match") == ["\"tag\""]));
}

#[test]
fn what_is_stale_is_given_while_it_is_renewed() {
    let origin = numbered(stale(", stale-while-revalidate=1000"));
    let gateway = before(
        &origin,
        "[{ responseHeaders: { set: { x-outer: \"1\" } } }, { cache: {} }, { requestHeaders: { set: { x-inner: \"1\" } } }]",
    );
    assert_eq!(text(&gateway, "/"), "answer 1");
    let given = asked(&gateway, "/", "");
    assert_eq!((given.text().as_str(), given.get("x-outer")), ("answer 1", Some("1")));
    assert!(given.get("cache-status").unwrap().starts_with("gw; hit; ttl=-"), "{given:?}");
    assert_eq!(origin.wait_for(2)[1].all("x-inner"), ["1"], "it goes through the plugins below");
    wait_until("the new answer is given", || (text(&gateway, "/") != "answer 1").then_some(()));
}

#[test]
fn what_is_stale_is_given_if_the_backend_fails() {
    let origin = Origin::start(|peer| {
        while let Some(seen) = peer.request() {
            match peer.number {
                1 => peer.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=50\r\nAge: 100\r\nContent-Length: 4\r\nConnection: close\r\n\r\ngood"),
                2 => peer.send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 3\r\n\r\nbad"),
                _ => return,
            };
            if peer.number == 1 || seen.head[0].contains("none") {
                return;
            }
        }
    });
    let gateway = before(&origin, "[{ cache: { staleIfError: 1h } }]");
    assert_eq!(text(&gateway, "/"), "good");
    for _ in 0..3 {
        let given = asked(&gateway, "/", "");
        assert_eq!((given.status, given.text().as_str()), (200, "good"), "{given:?}");
    }
    let strict = before(&origin, "[{ cache: {} }]");
    assert_eq!(asked(&strict, "/", "").status, 502);
}

#[test]
fn one_request_asks_for_all() {
    let (release, released) = mpsc::channel();
    let released = Mutex::new(released);
    let origin = Origin::start(move |peer| {
        while peer.request().is_some() {
            released.lock().unwrap().recv().unwrap();
            peer.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: 3\r\n\r\none");
        }
    });
    let gateway = before(&origin, "[{ cache: {} }]");
    let mut clients: Vec<Client> = (0..12).map(|_| Client::connect(gateway.http())).collect();
    for client in &mut clients {
        client.send(get("/", ""));
    }
    release.send(()).unwrap();
    for client in &mut clients {
        assert_eq!(client.answer().text(), "one");
    }
    assert_eq!(origin.seen().len(), 1);
}

#[test]
fn parts_are_given_from_what_is_whole() {
    let origin = numbered(|_| "Cache-Control: max-age=600\r\nETag: \"1\"\r\n".into());
    let gateway = before(&origin, "[{ cache: {} }]");
    assert_eq!(asked(&gateway, "/", "Range: bytes=0-1\r\n").get("cache-status"), Some("gw; fwd=uri-miss"));
    assert_eq!(text(&gateway, "/"), "answer 2");
    for (range, status, content_range, body) in [
        ("Range: bytes=0-1\r\n", 206, Some("bytes 0-1/8"), "an"),
        ("Range: bytes=-1\r\n", 206, Some("bytes 7-7/8"), "2"),
        ("Range: bytes=0-1\r\nIf-Range: \"1\"\r\n", 206, Some("bytes 0-1/8"), "an"),
        ("Range: bytes=0-1\r\nIf-Range: \"0\"\r\n", 200, None, "answer 2"),
        ("Range: bytes=0-1,3-4\r\n", 200, None, "answer 2"),
    ] {
        let part = asked(&gateway, "/", range);
        assert_eq!(
            (part.status, part.get("content-range"), part.text().as_str()),
            (status, content_range, body),
            "{range}"
        );
    }
    let behind = asked(&gateway, "/", "Range: bytes=90-\r\n");
    assert_eq!((behind.status, behind.get("content-range")), (416, Some("bytes */8")));
    assert_eq!(origin.seen().len(), 2);
}

#[test]
fn a_change_makes_what_was_kept_go() {
    let origin = numbered(fresh);
    let gateway = before(&origin, "[{ cache: {} }]");
    assert_eq!((text(&gateway, "/a"), text(&gateway, "/b")), ("answer 1".into(), "answer 2".into()));
    assert_eq!(ask(gateway.http(), post("/a", "x")).text(), "answer 3");
    assert_eq!((text(&gateway, "/a"), text(&gateway, "/b")), ("answer 4".into(), "answer 2".into()));
}

#[test]
fn the_manifest_has_the_last_word() {
    let origin = numbered(|path| match path {
        "/cookie" => "Set-Cookie: a=b\r\n".into(),
        _ => "Cache-Control: no-cache, no-store, max-age=0, must-revalidate\r\n".into(),
    });
    let gateway = before(
        &origin,
        "[{ cache: { ttl: 1h, statuses: [200], key: { ignoreQuery: [utm], headers: [x-tenant], ignoreHost: true } } }]",
    );
    assert_eq!((text(&gateway, "/a"), text(&gateway, "/a")), ("answer 1".into(), "answer 1".into()));
    assert_eq!(text(&gateway, "/a?utm=1"), "answer 1");
    assert_eq!(text(&gateway, "/a?utm=1&x=2"), "answer 2");
    assert_eq!(ask(gateway.http(), "GET /a HTTP/1.1\r\nHost: b.example\r\n\r\n").text(), "answer 1");
    assert_eq!(asked(&gateway, "/a", "X-Tenant: acme\r\n").text(), "answer 3");
    assert_ne!(text(&gateway, "/missing"), text(&gateway, "/missing"));
    assert_ne!(text(&gateway, "/cookie"), text(&gateway, "/cookie"));
    let silent = numbered(|_| String::new());
    let negative = before(&silent, "[{ cache: { negativeTtl: 1h } }]");
    assert_eq!(text(&negative, "/missing"), text(&negative, "/missing"));
}

#[test]
fn what_is_not_whole_or_too_large_is_not_kept() {
    let origin = Origin::start(|peer| {
        while let Some(seen) = peer.request() {
            if seen.head[0].contains("cut") {
                peer.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: 9\r\n\r\nhalf").finish();
                return;
            }
            peer.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n");
        }
    });
    let gateway = before(&origin, "[{ cache: { maxAnswer: 5B } }]");
    for path in ["/cut", "/large"] {
        asked(&gateway, path, "");
        let count = origin.seen().len();
        asked(&gateway, path, "");
        assert_eq!(origin.seen().len(), count + 1, "{path}");
    }
}

#[test]
fn an_edit_elsewhere_keeps_it_and_another_epoch_does_not() {
    let origin = numbered(fresh);
    let gateway = before(&origin, "[{ cache: {} }]");
    let manifests = std::fs::read_to_string(gateway.folder().join("gateway.yaml")).unwrap();
    assert_eq!(text(&gateway, "/"), "answer 1");
    let other = crate::support::route("other", "match: [{ path: /other }]\nplugins: [{ respond: { body: other } }]");
    gateway.write("gateway.yaml", &(manifests.clone() + &other));
    wait_until("the other route is there", || (text(&gateway, "/other") == "other").then_some(()));
    assert_eq!(text(&gateway, "/"), "answer 1");
    gateway.write("gateway.yaml", &manifests.replace("cache: {}", "cache: { epoch: 1 }"));
    wait_until("the cache is empty", || (text(&gateway, "/") != "answer 1").then_some(()));
}
