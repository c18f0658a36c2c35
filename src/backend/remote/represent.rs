//! What of a file elsewhere is sent (RFC 9110, 13 and 14), and how it is passed on.

use std::ops::Range;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use bytes::Bytes;
use http::HeaderMap;

use crate::backend::files::{Ranges, Verdict, evaluate, media_type, requested};
use crate::net::Download;
use crate::pipeline::body::{BrokenOff, Pieces};
use crate::pipeline::exchange::{Content, Exchange, Step};
use crate::pipeline::head::RequestHead;
use crate::value::method::Method;

/// Fields that are passed on as they are.
const PASSED: &[&str] = &["content-disposition", "content-encoding", "content-language", "expires"];

/// Media types that say nothing: stores give them to what was put there without one.
const UNKNOWN: &[&str] = &["application/octet-stream", "binary/octet-stream"];

/// Fields that ask for something under a condition.
const CONDITIONS: &[&str] = &["if-match", "if-modified-since", "if-none-match", "if-unmodified-since"];

/// What is known of a file.
pub(super) struct Metadata {
    /// Its entity tag.
    pub(super) etag: Option<String>,
    modified: Option<SystemTime>,
    last_modified: Option<String>,
    media_type: String,
    /// Its bytes.
    pub(super) length: Option<u64>,
    /// How long it may be kept.
    cache_control: Option<String>,
    passed: Vec<(&'static str, Vec<u8>)>,
}

impl Metadata {
    /// What an answer says of the file at a path; where the manifest says how long it may be kept, that counts.
    pub(super) fn of(headers: &HeaderMap, path: &str, cache_control: Option<String>) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let last_modified = text("last-modified");
        let known = text("content-type").filter(|known| !UNKNOWN.contains(&known.as_str()));
        Self {
            etag: text("etag"),
            modified: last_modified.as_deref().and_then(|date| httpdate::parse_http_date(date).ok()),
            last_modified,
            media_type: known.unwrap_or_else(|| media_type(path)),
            length: text("content-length").and_then(|length| length.parse().ok()),
            cache_control: cache_control.or_else(|| text("cache-control")),
            passed: PASSED.iter().filter_map(|name| Some((*name, headers.get(*name)?.as_bytes().to_vec()))).collect(),
        }
    }

    /// Says what is known of the file, whatever is sent of it.
    pub(super) fn tell(&self, exchange: &mut Exchange<'_>) {
        let said = [
            ("etag", self.etag.as_deref()),
            ("last-modified", self.last_modified.as_deref()),
            ("cache-control", self.cache_control.as_deref()),
            ("accept-ranges", Some("bytes")),
        ];
        for (name, value) in said {
            if let Some(value) = value {
                exchange.response.fields.set(name, value.as_bytes());
            }
        }
    }
}

/// What of a file is sent.
pub(super) enum Sent {
    /// All of it.
    Whole,
    /// A part.
    Part(Range<u64>),
    /// Nothing but a status.
    Nothing(u16),
}

/// Whether a file has to be known before it is asked for.
pub(super) fn is_conditional(request: &RequestHead) -> bool {
    let has = |name: &&str| request.fields.received(name).is_some();
    CONDITIONS.iter().any(has) || (request.method == Method::Get && has(&"range"))
}

/// Says of a file what is known of it, and decides what of it is sent.
pub(super) fn represent(metadata: &Metadata, exchange: &mut Exchange<'_>) -> Sent {
    let etag = metadata.etag.as_deref().unwrap_or_default();
    metadata.tell(exchange);
    match evaluate(exchange.request, etag, metadata.modified) {
        Verdict::Send => {}
        Verdict::NotModified => return Sent::Nothing(304),
        Verdict::Failed => return Sent::Nothing(412),
    }
    // without a strong tag nobody could tell that a part is one of the same file
    let length = metadata.length.filter(|_| etag.starts_with('"')).and_then(|length| usize::try_from(length).ok());
    let Some(length) = length else { return Sent::Whole };
    match requested(exchange.request, etag, metadata.last_modified.as_deref(), length) {
        // one answer of another server cannot be several parts
        Ranges::Whole | Ranges::Many(_) => Sent::Whole,
        Ranges::One(range) => Sent::Part(range.start as u64..range.end as u64),
        Ranges::Unsatisfiable => {
            exchange.response.fields.set("content-range", format!("bytes */{length}").as_bytes());
            Sent::Nothing(416)
        }
    }
}

/// Passes a file on, or what of it was asked for.
pub(super) fn send(status: u16, metadata: &Metadata, body: Download, exchange: &mut Exchange<'_>) -> Step {
    exchange.response.status = status;
    let fields = &mut exchange.response.fields;
    fields.set("content-type", metadata.media_type.as_bytes());
    for (name, value) in &metadata.passed {
        fields.set(name, value);
    }
    let length = if exchange.request.method == Method::Head { metadata.length } else { body.length() };
    Step::Answer(Content::Stream(Box::new(Passing { body, left: length })))
}

/// The content of a file on its way.
struct Passing {
    body: Download,
    /// How many bytes are still to come, if that is known.
    left: Option<u64>,
}

impl Pieces for Passing {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BrokenOff>>> {
        let piece = ready!(self.body.poll_bytes(cx)).map(|piece| piece.map_err(|_| BrokenOff("the origin broke off")));
        if let (Some(left), Some(Ok(bytes))) = (&mut self.left, &piece) {
            *left = left.saturating_sub(bytes.len() as u64);
        }
        Poll::Ready(piece)
    }

    fn length(&self) -> Option<u64> {
        self.left
    }
}
