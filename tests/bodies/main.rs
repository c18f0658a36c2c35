//! Bodies of answers on their way to the client: what plugins change of them, and how they are framed then; what a cache keeps.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what fails here is a test")]
#![allow(dead_code, reason = "the client of HTTP/2 has more than is needed here")]

mod cache;
mod compress;
mod html;
#[path = "../http2/client.rs"]
mod http2;
mod rewrite;
#[path = "../support/mod.rs"]
mod support;
mod transforms;

use bytes::Bytes;
use gw::pipeline::body::{PIECE, Transform};
use gw::pipeline::coding::{Coding, Decoder, Effort, Encoder};

use crate::support::origin::Origin;
use crate::support::{Gateway, backend, gateway, route};

/// A gateway with plugins in front of an origin.
fn before(origin: &Origin, plugins: &str) -> Gateway {
    let both = gateway("").replacen("\"127.0.0.1:0\" }]", "\"127.0.0.1:0\", protocols: [http1, http2] }]", 1);
    let manifests = both + &backend("origin", origin.address, "");
    Gateway::start(&(manifests + &route("all", &format!("plugins: {plugins}\nbackend: origin"))))
}

/// What a decoder or an encoder makes of some bytes.
fn through(mut transform: impl Transform, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in bytes.chunks(PIECE).map(|piece| Some(Bytes::copy_from_slice(piece))).chain([None]) {
        let mut given = transform.take(piece).unwrap();
        while !given.is_empty() {
            out.extend_from_slice(&given);
            given = transform.more().unwrap();
        }
    }
    out
}

fn decoded(coding: Coding, bytes: &[u8]) -> String {
    String::from_utf8(through(Decoder::new(coding), bytes)).unwrap()
}

fn encoded(coding: Coding, text: &str) -> Vec<u8> {
    through(Encoder::new(coding, Effort::Balanced), text.as_bytes())
}

/// An answer with a length.
fn answer(fields: &str, body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    answer
}

/// An origin that answers every request with the same bytes.
fn origin(answer: Vec<u8>) -> Origin {
    Origin::start(move |peer| {
        while peer.request().is_some() {
            peer.send(&answer);
        }
    })
}
