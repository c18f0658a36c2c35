//! An answer that is kept: when it is the one that is asked for, how it is given, and how the backend renews it.

use std::ops::Range;
use std::time::SystemTime;

use bytes::Bytes;

use crate::pipeline::exchange::{Content, Exchange};
use crate::pipeline::head::{Fields, elements};
use crate::plugins::cache::freshness::{Times, date};
use crate::value::method::Method;

/// An answer that is kept.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) status: u16,
    pub(super) fields: Vec<Pair>,
    pub(super) body: Bytes,
    /// The fields of the request that it depends on, with what they said.
    pub(super) vary: Box<[Pair]>,
    pub(super) times: Times,
}

/// The name of a field, and its value.
pub(super) type Pair = (Box<str>, Box<[u8]>);

/// Fields that are not kept: they belong to a connection, to the framing, or to one answer.
const NOT_KEPT: [&[u8]; 13] = [
    b"age",
    b"cache-status",
    b"connection",
    b"content-length",
    b"keep-alive",
    b"proxy-authenticate",
    b"proxy-authentication-info",
    b"proxy-authorization",
    b"proxy-connection",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
];

/// Fields that speak of the very bytes that are kept: an answer that they still hold changes none of them.
const OF_THE_BODY: [&str; 4] = ["content-encoding", "content-md5", "content-range", "etag"];

impl Entry {
    /// An answer as it came, still without its body, to a request with these fields.
    pub(super) fn of(status: u16, answer: &Fields, asked: &Fields, times: Times, now: SystemTime) -> Self {
        let mut fields = kept(answer);
        if answer.get("date").is_none() {
            fields.push(("date".into(), httpdate::fmt_http_date(now).into_bytes().into()));
        }
        let names = elements(answer.all("vary")).map(|name| String::from_utf8_lossy(name).to_ascii_lowercase());
        let vary = names.map(|name| (name.as_str().into(), normal(&name, asked))).collect();
        Self { status, fields, body: Bytes::new(), vary, times }
    }

    /// The same, as an answer of status 304 says that it still holds.
    pub(super) fn renewed(&self, answer: &Fields) -> Self {
        let mut fields = self.fields.clone();
        let said = kept(answer);
        let is_new = |name: &str| !OF_THE_BODY.contains(&name) && said.iter().any(|(other, _)| **other == *name);
        fields.retain(|(name, _)| !is_new(name));
        fields.extend(said.iter().filter(|(name, _)| is_new(name)).cloned());
        Self { fields, ..self.clone() }
    }

    /// Its fields as those of a message.
    pub(super) fn head(&self) -> Fields {
        let mut fields = Fields::default();
        for (name, value) in &self.fields {
            fields.add(name, value);
        }
        fields
    }

    /// The value of a field.
    pub(super) fn get(&self, name: &str) -> Option<&[u8]> {
        self.fields.iter().find(|(n, _)| **n == *name).map(|(_, value)| &**value)
    }

    /// Whether it answers a request with these fields, as far as it depends on them.
    pub(super) fn answers(&self, asked: &Fields) -> bool {
        self.vary.iter().all(|(name, value)| normal(name, asked) == *value)
    }

    /// About how much memory it takes.
    pub(super) fn weight(&self) -> usize {
        let pairs = self.fields.iter().map(|(name, value)| name.len() + value.len());
        let varying = self.vary.iter().map(|(name, value)| name.len() + value.len());
        self.body.len() + pairs.chain(varying).map(|length| length + 32).sum::<usize>() + 256
    }

    /// Has a request ask whether it still holds; whether it could.
    pub(super) fn ask_on_conditions(&self, request: &mut Fields) -> bool {
        let (tag, modified) = (self.get("etag"), self.get("last-modified"));
        if let Some(tag) = tag {
            request.set("if-none-match", tag);
        }
        if let Some(modified) = modified {
            request.set("if-modified-since", modified);
        }
        tag.is_some() || modified.is_some()
    }

    /// Gives it as the answer to a request that had these fields: whole, a part of it, or that the client's own still holds.
    pub(super) fn give(&self, exchange: &mut Exchange<'_>, asked: &Fields, now: SystemTime, status: &str) -> Content {
        let response = &mut *exchange.response;
        response.status = self.status;
        response.fields.clear();
        for (name, value) in &self.fields {
            response.fields.add(name, value);
        }
        response.fields.set("age", self.times.age(now).to_string().as_bytes());
        response.fields.add("cache-status", status.as_bytes());
        if self.status != 200 || !matches!(exchange.request.method, Method::Get | Method::Head) {
            return Content::Bytes(self.body.clone());
        }
        if self.still_holds(asked) {
            response.status = 304;
            response.fields.remove("content-type");
            response.fields.remove("content-encoding");
            return Content::Empty;
        }
        let length = self.body.len();
        match self.range(&exchange.request.method, asked) {
            None => Content::Bytes(self.body.clone()),
            Some(range) if range.is_empty() => {
                response.status = 416;
                response.fields.set("content-range", format!("bytes */{length}").as_bytes());
                Content::Empty
            }
            Some(range) => {
                response.status = 206;
                let said = format!("bytes {}-{}/{length}", range.start, range.end - 1);
                response.fields.set("content-range", said.as_bytes());
                Content::Bytes(self.body.slice(range))
            }
        }
    }

    /// Whether what the client has is this (RFC 9111, 4.3.2).
    fn still_holds(&self, asked: &Fields) -> bool {
        if asked.get("if-none-match").is_some() {
            let weak = |tag: &[u8]| tag.strip_prefix(b"W/").unwrap_or(tag).to_vec();
            let own = self.get("etag").map(weak);
            return elements(asked.all("if-none-match")).any(|tag| tag == b"*" || Some(weak(tag)) == own);
        }
        let head = self.head();
        let changed = date(&head, "last-modified").or_else(|| date(&head, "date"));
        date(asked, "if-modified-since").zip(changed).is_some_and(|(then, changed)| changed <= then)
    }

    /// The part that is asked for; an empty one if there is none such. Of several parts all of it is given (RFC 9110, 14.2).
    fn range(&self, method: &Method, asked: &Fields) -> Option<Range<usize>> {
        let value = asked.get("range").filter(|_| *method == Method::Get)?;
        if let Some(condition) = asked.get("if-range") {
            let strong = self.get("etag").filter(|tag| !tag.starts_with(b"W/"));
            if Some(condition) != strong && Some(condition) != self.get("last-modified") {
                return None;
            }
        }
        let spec = std::str::from_utf8(value).ok()?.strip_prefix("bytes=")?.trim();
        part(spec, self.body.len())
    }
}

/// One range of so many bytes; empty if it lies behind the end, `None` if it is malformed or several.
fn part(spec: &str, length: usize) -> Option<Range<usize>> {
    let (first, last) = spec.split_once('-')?;
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().unwrap_or(usize::MAX))
    };
    if first.is_empty() {
        return Some(length.saturating_sub(number(last)?)..length);
    }
    let first = number(first)?;
    let last = if last.is_empty() { usize::MAX } else { number(last).filter(|last| first <= *last)? };
    Some(first.min(length)..last.saturating_add(1).min(length))
}

/// The fields of an answer that are kept.
fn kept(answer: &Fields) -> Vec<Pair> {
    let named = |name: &[u8]| elements(answer.all("connection")).any(|one| one.eq_ignore_ascii_case(name));
    let fields = answer.iter().filter(|(name, _)| !NOT_KEPT.contains(name) && !named(name));
    fields.filter_map(|(name, value)| Some((std::str::from_utf8(name).ok()?.into(), value.into()))).collect()
}

/// What a request says in a field, without differences that mean nothing: blanks, lines, and for what a client accepts case and order.
fn normal(name: &str, asked: &Fields) -> Box<[u8]> {
    if !name.starts_with("accept") {
        return elements(asked.all(name)).collect::<Vec<_>>().join(&b", "[..]).into();
    }
    let mut all: Vec<Vec<u8>> = elements(asked.all(name)).map(<[u8]>::to_ascii_lowercase).collect();
    for one in &mut all {
        one.retain(|byte| !byte.is_ascii_whitespace());
    }
    all.sort();
    all.join(&b", "[..]).into()
}

#[cfg(test)]
mod tests {
    use super::{normal, part};
    use crate::pipeline::head::Fields;

    #[test]
    fn parts_of_a_body_of_10_bytes() {
        for (spec, expected) in [
            ("0-1", Some(0..2)),
            ("5-", Some(5..10)),
            ("-3", Some(7..10)),
            ("-30", Some(0..10)),
            ("8-80", Some(8..10)),
            ("10-", Some(10..10)),
            ("-0", Some(10..10)),
            ("3-2", None),
            ("0-1,3-4", None),
            ("-", None),
            ("x-1", None),
        ] {
            assert_eq!(part(spec, 10), expected, "{spec}");
        }
    }

    #[test]
    fn differences_that_mean_nothing_are_none() {
        let said = |name: &str, values: &[&str]| {
            let mut fields = Fields::default();
            for value in values {
                fields.receive(name.as_bytes(), value.as_bytes());
            }
            normal(name, &fields)
        };
        assert_eq!(said("foo", &["1, 2"]), said("foo", &["1 ,2"]));
        assert_eq!(said("foo", &["1", "2"]), said("foo", &["1,2"]));
        assert_ne!(said("foo", &["1,2"]), said("foo", &["2,1"]));
        assert_eq!(said("accept-language", &["en, De;q=0.5"]), said("accept-language", &["de; q=0.5,en"]));
        assert_ne!(said("foo", &[]), said("foo", &["1"]));
    }
}
