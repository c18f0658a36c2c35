//! ZIP archives: swapped as a whole, fetched, in a release.

use std::fs;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use gw::pipeline::assets::Asset;

use crate::authority::Authority;
use crate::fixture::{manifests, zip};
use crate::nginx::Nginx;
use crate::support::client::{ask, get};
use crate::support::{Gateway, Options, folder_with, wait_until};

fn archive(text: &str) -> Vec<u8> {
    zip(&[("index.html", text.as_bytes().to_vec()), ("copy.html", text.as_bytes().to_vec())])
}

#[test]
fn an_archive_is_replaced_as_a_whole_under_load() {
    let folder = folder_with(&[("gateway.yaml", &manifests("zip: { file: site.zip }"))]);
    fs::write(folder.join("site.zip"), archive("one")).unwrap();
    let gateway = Gateway::start_in(folder, &Options::default());
    let (address, done) = (gateway.http(), AtomicBool::new(false));
    thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut answers = Vec::new();
            while !done.load(Ordering::Relaxed) {
                answers.push(ask(address, get("/", "")));
            }
            answers
        });
        for text in ["two", "three", "four"] {
            fs::write(gateway.folder().join(".new"), archive(text)).unwrap();
            fs::rename(gateway.folder().join(".new"), gateway.folder().join("site.zip")).unwrap();
            wait_until("the new archive answers", || {
                (ask(address, get("/copy.html", "")).text() == text).then_some(())
            });
        }
        fs::write(gateway.folder().join("site.zip"), b"no archive").unwrap();
        gateway.log.wait_for("GW3110");
        done.store(true, Ordering::Relaxed);
        let answers = load.join().unwrap();
        assert!(answers.iter().all(|answer| answer.status == 200 && answer.complete && answer.body.len() >= 3));
    });
    assert_eq!(ask(address, get("/", "")).text(), "four", "a damaged archive changes nothing");
}

/// The manifest of an archive that is fetched.
fn fetched(server: &str, name: &str, archive: &[u8]) -> String {
    let sha256 = Asset::new(archive.to_vec().into(), None).sha256;
    manifests(&format!("zip: {{ download: {{ url: \"https://{server}/files/{name}\", sha256: {sha256} }} }}"))
}

#[test]
fn an_archive_is_fetched_and_the_one_before_answers_meanwhile() {
    let authority = Authority::new("sites");
    let server = Nginx::start(Some(&authority.issue(&["localhost"])));
    let at = format!("localhost:{}", server.address.port());
    let (one, two) = (archive("one"), archive("two"));
    fs::write(server.files().join("one.zip"), &one).unwrap();
    let folder =
        folder_with(&[("gateway.yaml", &fetched(&at, "one.zip", &one)), ("authority/ca.pem", &authority.pem())]);
    let trusted = folder.join("authority/ca.pem").display().to_string();
    let gateway =
        Gateway::start_in(folder, &Options { environment: vec![("SSL_CERT_FILE", trusted)], ..Options::default() });
    let text = || ask(gateway.http(), get("/", "")).text();
    gateway.log.wait_for("the archive is there");
    assert_eq!(text(), "one");
    // another one than was meant is not served, and neither is what is not there yet
    fs::write(server.files().join("two.zip"), &one).unwrap();
    gateway.write("gateway.yaml", &fetched(&at, "two.zip", &two));
    gateway.log.wait_for("it is another one: its SHA-256 is");
    assert_eq!(text(), "one");
    fs::write(server.files().join("two.zip"), &two).unwrap();
    gateway.log.wait_for_nth("the archive is there", 2);
    assert_eq!(text(), "two");
}

#[test]
fn what_is_to_be_fetched_and_is_not_there_yet_is_a_503() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gateway = Gateway::start(&fetched(&nobody.to_string(), "site.zip", &archive("one")));
    gateway.log.wait_for("the archive cannot be fetched, trying again");
    let answer = ask(gateway.http(), get("/", ""));
    assert_eq!((answer.status, answer.get("retry-after")), (503, Some("5")));
}
