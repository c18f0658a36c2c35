//! A site whose files are in memory: all that can be known of an answer beforehand is made when the table is.

use std::sync::Arc;
use std::time::SystemTime;

use ahash::AHashMap;
use bytes::Bytes;

use crate::backend::files::conditional::{Verdict, evaluate};
use crate::backend::files::listing;
use crate::backend::files::media::media_type;
use crate::backend::files::range::{Ranges, multipart, requested};
use crate::backend::files::request::{Asked, asked, redirect_to_folder, status};
use crate::backend::files::rules::{Rules, clean_name};
use crate::pipeline::assets::{Asset, Folder};
use crate::pipeline::coding::{Coding, accepted};
use crate::pipeline::exchange::{Content, Exchange, Step};

/// A site.
pub struct Site {
    files: Vec<File>,
    /// Every path that is answered with a file: its own, that of its folder, the one without its ending.
    paths: AHashMap<Box<str>, usize>,
    rules: Rules,
    /// Fields that every file is sent with.
    fields: Vec<(&'static str, Box<str>)>,
}

/// A file with what is said of it.
struct File {
    bytes: Bytes,
    etag: Box<str>,
    modified: Option<SystemTime>,
    last_modified: Option<Box<str>>,
    media_type: Box<str>,
    cache_control: Option<Box<str>>,
    /// The codings that it is there in, the one that makes it smallest first, and where.
    codings: Vec<Coding>,
    variants: Vec<usize>,
}

impl File {
    fn new(path: &str, asset: &Asset, rules: &Rules) -> Self {
        Self {
            bytes: asset.bytes.clone(),
            etag: format!("\"{}\"", &asset.sha256[..asset.sha256.len().min(32)]).into(),
            modified: asset.modified,
            last_modified: asset.modified.map(|time| httpdate::fmt_http_date(time).into()),
            media_type: media_type(path).into(),
            cache_control: rules.cache_control(path).map(Into::into),
            codings: Vec::new(),
            variants: Vec::new(),
        }
    }
}

impl Site {
    /// Serves these files.
    pub fn new(folder: &Arc<Folder>, rules: Rules) -> Self {
        let mut site = Self { files: Vec::new(), paths: AHashMap::new(), rules, fields: Vec::new() };
        for (path, asset) in &**folder {
            site.paths.insert(path.clone(), site.files.len());
            site.files.push(File::new(path, asset, &site.rules));
        }
        for path in folder.keys() {
            site.add_names(path);
        }
        if site.rules.listing {
            for (path, asset) in listing::pages(folder, &site.rules.index) {
                let page = File { media_type: media_type("x.html").into(), ..File::new(&path, &asset, &site.rules) };
                site.paths.insert(path.into(), site.files.len());
                site.files.push(page);
            }
        }
        site
    }

    /// The same with a field that every file is sent with.
    #[must_use]
    pub fn with_field(mut self, name: &'static str, value: &str) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// What else a file is called, and in which codings it is there.
    fn add_names(&mut self, path: &str) {
        let Some(at) = self.paths.get(path).copied() else { return };
        let folder = path.strip_suffix(self.rules.index.as_str());
        if let Some(folder) = folder.filter(|folder| folder.is_empty() || folder.ends_with('/')) {
            self.paths.insert(folder.into(), at);
        }
        if let Some(name) = clean_name(path).filter(|_| self.rules.clean_urls) {
            self.paths.entry(name.into()).or_insert(at);
        }
        for coding in Coding::ALL {
            if let Some(variant) = self.paths.get(format!("{path}{}", ending(coding)).as_str()) {
                self.files[at].codings.push(coding);
                self.files[at].variants.push(*variant);
            }
        }
    }

    /// Answers a request with a file, or says why not.
    pub fn answer(&self, exchange: &mut Exchange<'_>) -> Step {
        let path = match asked(exchange) {
            Ok(Asked::File(path)) => path,
            Ok(Asked::Hidden) => return self.not_found(exchange),
            Err(answer) => return answer,
        };
        let is_folder = path.is_empty() || path.ends_with('/');
        match self.paths.get(path.as_str()) {
            // what answers for a folder is asked for with a slash at the end, whatever a plugin made of the path
            Some(_) if is_folder && !exchange.request.path.ends_with('/') => redirect_to_folder(exchange),
            Some(file) => self.send(*file, exchange),
            None if !is_folder && self.paths.contains_key(format!("{path}/").as_str()) => redirect_to_folder(exchange),
            None => match self.rules.fallback_for(&path).and_then(|page| self.paths.get(page)) {
                Some(file) => self.send(*file, exchange),
                None => self.not_found(exchange),
            },
        }
    }

    fn not_found(&self, exchange: &mut Exchange<'_>) -> Step {
        let page = self.rules.not_found.as_deref().and_then(|page| self.paths.get(page));
        let Some(file) = page.and_then(|at| self.files.get(*at)) else { return status(exchange, 404) };
        exchange.response.status = 404;
        self.set_fields(exchange);
        exchange.response.fields.set("content-type", file.media_type.as_bytes());
        Step::Answer(Content::Bytes(file.bytes.clone()))
    }

    fn set_fields(&self, exchange: &mut Exchange<'_>) {
        for (name, value) in &self.fields {
            exchange.response.fields.set(name, value.as_bytes());
        }
    }

    fn send(&self, at: usize, exchange: &mut Exchange<'_>) -> Step {
        let named = &self.files[at];
        self.set_fields(exchange);
        let mut file = named;
        if !named.variants.is_empty() {
            exchange.response.varies_by("accept-encoding");
            let chosen = accepted(exchange.request.fields.received_all("accept-encoding"), &named.codings);
            let variants = named.codings.iter().zip(&named.variants);
            if let Some((coding, at)) = variants.into_iter().find(|(coding, _)| Some(**coding) == chosen) {
                exchange.response.fields.set("content-encoding", coding.name().as_bytes());
                file = &self.files[*at];
            }
        }
        if let Some(value) = &named.cache_control {
            exchange.response.fields.set("cache-control", value.as_bytes());
        }
        represent(file, &named.media_type, !std::ptr::eq(file, named), exchange)
    }
}

/// What the name of a file in a coding ends in.
fn ending(coding: Coding) -> &'static str {
    match coding {
        Coding::Br => ".br",
        Coding::Zstd => ".zst",
        Coding::Gzip => ".gz",
    }
}

/// Sends a file, or as much of it as is asked for; `coded` if it is a variant of the one that was asked for.
fn represent(file: &File, media_type: &str, coded: bool, exchange: &mut Exchange<'_>) -> Step {
    let fields = &mut exchange.response.fields;
    fields.set("etag", file.etag.as_bytes());
    fields.set("accept-ranges", b"bytes");
    if let Some(modified) = &file.last_modified {
        fields.set("last-modified", modified.as_bytes());
    }
    let unsent = match evaluate(exchange.request, &file.etag, file.modified) {
        Verdict::Send => None,
        Verdict::NotModified => Some(304),
        Verdict::Failed => Some(412),
    };
    if let Some(unsent) = unsent {
        exchange.response.fields.remove("content-encoding");
        return status(exchange, unsent);
    }
    let ranges = requested(exchange.request, &file.etag, file.last_modified.as_deref(), file.bytes.len());
    let fields = &mut exchange.response.fields;
    fields.set("content-type", media_type.as_bytes());
    let (code, body) = match ranges {
        Ranges::Whole => (200, file.bytes.clone()),
        // parts of what is coded are of no use by themselves, and `Content-Encoding` would speak of all of them together
        Ranges::Many(_) if coded => (200, file.bytes.clone()),
        Ranges::One(range) => {
            let shown = format!("bytes {}-{}/{}", range.start, range.end - 1, file.bytes.len());
            fields.set("content-range", shown.as_bytes());
            (206, file.bytes.slice(range))
        }
        Ranges::Many(ranges) => {
            let (boundary, body) = multipart(&file.bytes, &ranges, media_type, file.etag.trim_matches('"'));
            fields.set("content-type", format!("multipart/byteranges; boundary={boundary}").as_bytes());
            (206, Bytes::from(body))
        }
        Ranges::Unsatisfiable => {
            fields.remove("content-type");
            fields.remove("content-encoding");
            fields.set("content-range", format!("bytes */{}", file.bytes.len()).as_bytes());
            return status(exchange, 416);
        }
    };
    exchange.response.status = code;
    Step::Answer(Content::Bytes(body))
}
