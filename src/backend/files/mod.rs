//! The file server that every backend with files shares: index files, conditional and range requests (RFC 9110, 13 and 14).

mod conditional;
mod range;

use std::sync::Arc;

use bytes::Bytes;

use crate::backend::files::conditional::{Verdict, evaluate};
use crate::backend::files::range::{Ranges, multipart, requested};
use crate::pipeline::assets::{Asset, Folder};
use crate::pipeline::exchange::{Content, Exchange, Step};
use crate::value::method::Method;
use crate::value::percent;

/// Serves the files of a folder.
pub struct FileServer {
    files: Arc<Folder>,
    settings: Settings,
}

/// How a folder is served.
pub struct Settings {
    /// The file that answers for a folder.
    pub index: String,
    /// The file that is the body of a 404.
    pub not_found: Option<String>,
}

impl FileServer {
    /// Serves these files.
    pub fn new(files: Arc<Folder>, settings: Settings) -> Self {
        Self { files, settings }
    }

    /// Answers a request with a file, or says why not.
    pub fn answer(&self, exchange: &mut Exchange<'_>) -> Step {
        exchange.response.fields.set("x-content-type-options", b"nosniff");
        if !matches!(exchange.request.method, Method::Get | Method::Head) {
            exchange.response.fields.set("allow", b"GET, HEAD");
            return status(exchange, 405);
        }
        let Some(path) = decode(exchange.upstream_path()) else { return status(exchange, 400) };
        let path = path.trim_start_matches('/');
        match self.find(path) {
            Some((name, asset)) => send(exchange, name, asset),
            None if self.is_folder(path) => to_folder(exchange),
            None => self.not_found(exchange),
        }
    }

    fn find(&self, path: &str) -> Option<(&str, &Asset)> {
        let key = match path {
            "" => self.settings.index.clone(),
            _ if path.ends_with('/') => format!("{path}{}", self.settings.index),
            _ => path.to_owned(),
        };
        self.files.get_key_value(key.as_str()).map(|(name, asset)| (&**name, asset))
    }

    /// Whether a path without its slash is a folder with an index.
    fn is_folder(&self, path: &str) -> bool {
        !path.is_empty() && self.files.contains_key(format!("{path}/{}", self.settings.index).as_str())
    }

    fn not_found(&self, exchange: &mut Exchange<'_>) -> Step {
        let page = self.settings.not_found.as_deref().and_then(|name| self.files.get_key_value(name));
        let Some((name, asset)) = page else { return status(exchange, 404) };
        exchange.response.status = 404;
        exchange.response.fields.set("content-type", media_type(name).as_bytes());
        Step::Answer(Content::Bytes(asset.bytes.clone()))
    }
}

/// An answer whose body the gateway's own error page fills in.
fn status(exchange: &mut Exchange<'_>, status: u16) -> Step {
    exchange.response.status = status;
    Step::Answer(Content::Empty)
}

/// Sends a browser from `/docs` to `/docs/`, so that relative links work. The path is the client's own, not a rewritten one.
fn to_folder(exchange: &mut Exchange<'_>) -> Step {
    let query = exchange.request.query.as_deref().map(|query| format!("?{query}")).unwrap_or_default();
    let location = format!("{}/{query}", exchange.request.path);
    exchange.response.fields.set("location", location.as_bytes());
    status(exchange, 308)
}

fn send(exchange: &mut Exchange<'_>, name: &str, asset: &Asset) -> Step {
    let etag = format!("\"{}\"", &asset.sha256[..asset.sha256.len().min(32)]);
    let modified = asset.modified.map(httpdate::fmt_http_date);
    let fields = &mut exchange.response.fields;
    fields.set("etag", etag.as_bytes());
    fields.set("accept-ranges", b"bytes");
    if let Some(modified) = &modified {
        fields.set("last-modified", modified.as_bytes());
    }
    match evaluate(exchange.request, &etag, asset.modified) {
        Verdict::NotModified => return status(exchange, 304),
        Verdict::Failed => return status(exchange, 412),
        Verdict::Send => {}
    }
    let media_type = media_type(name);
    let ranges = requested(exchange.request, &etag, modified.as_deref(), asset.bytes.len());
    let fields = &mut exchange.response.fields;
    fields.set("content-type", media_type.as_bytes());
    match ranges {
        Ranges::Whole => {
            exchange.response.status = 200;
            Step::Answer(Content::Bytes(asset.bytes.clone()))
        }
        Ranges::One(range) => {
            fields.set(
                "content-range",
                format!("bytes {}-{}/{}", range.start, range.end - 1, asset.bytes.len()).as_bytes(),
            );
            exchange.response.status = 206;
            Step::Answer(Content::Bytes(asset.bytes.slice(range)))
        }
        Ranges::Many(ranges) => {
            let (boundary, body) = multipart(&asset.bytes, &ranges, &media_type, &asset.sha256);
            fields.set("content-type", format!("multipart/byteranges; boundary={boundary}").as_bytes());
            exchange.response.status = 206;
            Step::Answer(Content::Bytes(Bytes::from(body)))
        }
        Ranges::Unsatisfiable => {
            fields.remove("content-type");
            fields.set("content-range", format!("bytes */{}", asset.bytes.len()).as_bytes());
            status(exchange, 416)
        }
    }
}

/// The media type of a file by its ending, with the charset where it is text.
fn media_type(name: &str) -> String {
    let guess = mime_guess::from_path(name).first_or_octet_stream();
    let text = guess.type_() == mime_guess::mime::TEXT
        || matches!(guess.essence_str(), "application/javascript" | "application/json" | "image/svg+xml");
    if text { format!("{}; charset=utf-8", guess.essence_str()) } else { guess.essence_str().to_owned() }
}

/// The name of the file that a normalised path means; `None` if none can be called so: not UTF-8, or a NUL.
fn decode(path: &str) -> Option<String> {
    let bytes = percent::decode(path.as_bytes()).into_owned();
    String::from_utf8(bytes).ok().filter(|path| !path.contains('\0'))
}
