//! What can go wrong with files that are elsewhere.

use std::net::TcpListener;

use crate::fixture::manifests;
use crate::support::bucket::Bucket;
use crate::support::client::{ask, get};
use crate::support::origin::Origin;
use crate::support::{Gateway, Options, folder_with};

fn elsewhere(address: impl std::fmt::Display, more: &str) -> Gateway {
    Gateway::start(&manifests(&format!("remoteAssets: {{ url: \"http://{address}\"{more} }}")))
}

#[test]
fn troubles_of_the_other_server_are_a_502() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(ask(elsewhere(nobody, "").http(), get("/a", "")).status, 502);
    for answer in [
        "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
        "junk\r\n\r\n",
    ] {
        let origin = Origin::start(move |peer| {
            while peer.request().is_some() {
                peer.send(answer);
            }
        });
        let gateway = elsewhere(origin.address, "");
        assert_eq!(ask(gateway.http(), get("/a", "")).status, 502, "{answer}");
    }
}

#[test]
fn an_answer_that_breaks_off_is_seen_to_be_cut() {
    let origin = Origin::start(|peer| {
        if peer.request().is_some() {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
        }
    });
    let answer = ask(elsewhere(origin.address, "").http(), get("/a", ""));
    assert!(answer.status == 200 && !answer.complete);
}

#[test]
fn nothing_of_the_client_is_passed_on() {
    let origin =
        Origin::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: a=b\r\nContent-Language: fr\r\n\r\nok");
    let gateway = elsewhere(format!("{}/files", origin.address), "");
    let fields = "Cookie: secret=1\r\nAuthorization: Bearer x\r\nReferer: http://x/\r\n";
    let answer = ask(gateway.http(), get("/a%20b.css?v=1", fields));
    assert_eq!((answer.get("set-cookie"), answer.get("content-language")), (None, Some("fr")));
    assert_eq!(answer.get("content-type"), Some("text/css; charset=utf-8"), "guessed where the other server says none");
    let seen = origin.wait_for(1).remove(0);
    assert_eq!(seen.head[0], "GET /files/a%20b.css HTTP/1.1");
    assert!(["cookie", "authorization", "referer"].iter().all(|name| seen.all(name).is_empty()), "{:?}", seen.head);
}

#[test]
fn what_is_not_there_is_asked_for_once() {
    let origin = Origin::answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    let gateway = elsewhere(origin.address, ", absentFor: 1h, notFound: 404.html");
    for _ in 0..3 {
        assert_eq!(ask(gateway.http(), get("/a", "")).status, 404);
    }
    let asked: Vec<String> = origin.seen().into_iter().map(|seen| seen.head[0].clone()).collect();
    assert_eq!(asked, ["GET /a HTTP/1.1", "HEAD /a/index.html HTTP/1.1", "GET /404.html HTTP/1.1"]);
}

#[test]
fn metadata_of_objects_is_passed_on() {
    let bucket = Bucket::start("media");
    let fields = "Content-Type: application/pdf\r\nCache-Control: max-age=60\r\nContent-Disposition: attachment\r\n";
    bucket.put("report", b"%PDF", fields);
    let backend = format!(
        "s3: {{ bucket: media, endpoint: \"http://{}\", \
         credentials: {{ accessKey: {{ env: KEY }}, secretKey: {{ env: KEY }} }} }}",
        bucket.address
    );
    let environment = vec![("KEY", "test".to_owned())];
    let folder = folder_with(&[("gateway.yaml", &manifests(&backend))]);
    let gateway = Gateway::start_in(folder, &Options { environment, ..Options::default() });
    let answer = ask(gateway.http(), get("/report", ""));
    assert_eq!((answer.status, answer.text().as_str()), (200, "%PDF"));
    let fields = ["content-type", "cache-control", "content-disposition"].map(|name| answer.get(name));
    assert_eq!(fields, [Some("application/pdf"), Some("max-age=60"), Some("attachment")]);
}
