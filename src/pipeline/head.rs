//! The head of a message: a flat list of fields over one buffer, and the edits made to it.
//!
//! It is no hash map, and knows neither hyper nor a socket: `proxy` fills it from what it read, plugins read
//! and edit it, and `proxy` writes the outgoing head in one pass. Names are held in lower case (RFC 9110, 5.1).
//! What was received stays readable after an edit: conditions and `${…}` references see the message as it came.

use std::borrow::Cow;
use std::ops::Range;

use smallvec::SmallVec;

use crate::pipeline::version::Version;
use crate::value::method::Method;
use crate::value::percent;

/// The header fields of a message, with the edits of plugins.
///
/// All text lives in one buffer, as the lines that HTTP/1 sends; [`Fields::clear`] keeps it for the next message.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    text: Vec<u8>,
    entries: SmallVec<[Field; 24]>,
    received: usize,
}

/// Where name and value of a field stand, each as its start and its length.
#[derive(Clone, Copy, Debug)]
struct Field {
    name: (u32, u16),
    value: (u32, u32),
    dropped: bool,
    secret: bool,
}

/// What stands between the name of a field and its value.
const SEPARATOR: &[u8] = b": ";

/// What ends a line.
const LINE_END: &[u8] = b"\r\n";

impl Field {
    /// Its line, with its end.
    fn line(&self) -> Range<usize> {
        self.name.0 as usize..self.value.0 as usize + self.value.1 as usize + LINE_END.len()
    }
}

impl Fields {
    /// Forgets all fields, and keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.entries.clear();
        self.received = 0;
    }

    /// Adds a field as it was received; its name is stored in lower case. Only before any edit.
    pub fn receive(&mut self, name: &[u8], value: &[u8]) {
        let start = self.text.len();
        self.receive_lower(name, value);
        self.text[start..start + name.len()].make_ascii_lowercase();
    }

    /// Adds a field as it was received, from its whole line `Name: value` with its end; the name has so many bytes. The same as
    /// [`Fields::receive`], in one piece. Only before any edit.
    pub fn receive_line(&mut self, line: &[u8], name: usize) {
        debug_assert_eq!(self.received, self.entries.len(), "received after an edit");
        let start = self.text.len();
        self.text.extend_from_slice(line);
        self.text[start..start + name].make_ascii_lowercase();
        let value = name + SEPARATOR.len();
        self.note(start, name, line.len().saturating_sub(value + LINE_END.len()));
        self.received = self.entries.len();
    }

    /// Adds a field as it was received, with a name that is in lower case already. Only before any edit.
    pub fn receive_lower(&mut self, name: &[u8], value: &[u8]) {
        debug_assert_eq!(self.received, self.entries.len(), "received after an edit");
        self.push(name, value);
        self.received = self.entries.len();
    }

    /// The first received value of a field; the name is in lower case. Edits don't change it.
    pub fn received(&self, name: &str) -> Option<&[u8]> {
        self.received_fields().find(|(n, _)| *n == name.as_bytes()).map(|(_, value)| value)
    }

    /// All received values of a field, in order. Edits don't change them.
    pub fn received_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.entries[..self.received]
            .iter()
            .filter(move |field| self.name(field) == name.as_bytes())
            .map(|field| self.value(field))
    }

    /// All received fields, in order, as name and value. Edits don't change them.
    pub fn received_fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.entries[..self.received].iter().map(|field| (self.name(field), self.value(field)))
    }

    /// The first value of a field as it will be sent.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(n, _)| *n == name.as_bytes()).map(|(_, value)| value)
    }

    /// All values of a field as they will be sent, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.iter().filter(move |(n, _)| *n == name.as_bytes()).map(|(_, value)| value)
    }

    /// All fields as they will be sent, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.entries.iter().filter(|field| !field.dropped).map(|field| (self.name(field), self.value(field)))
    }

    /// The buffer that [`Fields::ranges`] points into.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Where name and value of each field stand that will be sent, in order.
    pub fn ranges(&self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
        self.entries.iter().filter(|field| !field.dropped).map(|field| {
            let (name, value) = (field.name.0 as usize, field.value.0 as usize);
            (name..name + usize::from(field.name.1), value..value + field.value.1 as usize)
        })
    }

    /// Writes the fields that were received and not dropped since, each as a line of HTTP/1, if `goes_on` says so of its name.
    pub fn write_kept(&self, goes_on: impl FnMut(&[u8]) -> bool, out: &mut Vec<u8>) {
        self.write_lines(&self.entries[..self.received], goes_on, out);
    }

    /// Writes the fields that were set or added since, each as a line, if `goes_on` says so of its name.
    pub fn write_edits(&self, goes_on: impl FnMut(&[u8]) -> bool, out: &mut Vec<u8>) {
        self.write_lines(&self.entries[self.received..], goes_on, out);
    }

    /// Writes all fields as they will be sent, each as a line, if `goes_on` says so of its name.
    pub fn write(&self, goes_on: impl FnMut(&[u8]) -> bool, out: &mut Vec<u8>) {
        self.write_lines(&self.entries, goes_on, out);
    }

    /// Lines that stand one behind another are copied as one piece.
    fn write_lines(&self, fields: &[Field], mut goes_on: impl FnMut(&[u8]) -> bool, out: &mut Vec<u8>) {
        let mut piece = 0..0;
        for field in fields {
            let line = field.line();
            if field.dropped || !goes_on(self.name(field)) {
                continue;
            }
            if line.start == piece.end {
                piece.end = line.end;
            } else {
                out.extend_from_slice(&self.text[piece]);
                piece = line;
            }
        }
        out.extend_from_slice(&self.text[piece]);
    }

    /// How many fields there are at most.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Replaces all values of a field by one; its name is in lower case. A value that no field can hold leaves none.
    pub fn set(&mut self, name: &str, value: &[u8]) {
        self.remove(name);
        self.add(name, value);
    }

    /// Replaces all values of a field by a secret, which is sent and never shown.
    pub fn set_secret(&mut self, name: &str, value: &[u8]) {
        let before = self.entries.len();
        self.set(name, value);
        self.entries[before..].iter_mut().for_each(|field| field.secret = true);
    }

    /// Adds one more value of a field; its name is in lower case. A value that no field can hold is not added.
    pub fn add(&mut self, name: &str, value: &[u8]) {
        if value.iter().all(|byte| *byte == b'\t' || !byte.is_ascii_control()) {
            self.push(name.as_bytes(), value);
        }
    }

    /// Removes a field with all its values, also where its name has underscores for dashes: many servers see no difference,
    /// so what a plugin sets could be forged by it.
    pub fn remove(&mut self, name: &str) {
        self.remove_where(|n, _| is_same_to_cgi(n, name.as_bytes()));
    }

    /// All fields as they may be shown, in order: `None` for the value of a secret.
    pub fn shown(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        let value = |field| Some(self.value(field));
        self.entries
            .iter()
            .filter(|field| !field.dropped)
            .map(move |field| (self.name(field), if field.secret { None } else { value(field) }))
    }

    /// Removes the fields for which a condition on name and value holds.
    pub fn remove_where(&mut self, condition: impl Fn(&[u8], &[u8]) -> bool) {
        for i in 0..self.entries.len() {
            let field = self.entries[i];
            if !field.dropped && condition(self.name(&field), self.value(&field)) {
                self.entries[i].dropped = true;
            }
        }
    }

    fn push(&mut self, name: &[u8], value: &[u8]) {
        let start = self.text.len();
        self.text.reserve(name.len() + value.len() + SEPARATOR.len() + LINE_END.len());
        self.text.extend_from_slice(name);
        self.text.extend_from_slice(SEPARATOR);
        self.text.extend_from_slice(value);
        self.text.extend_from_slice(LINE_END);
        self.note(start, name.len(), value.len());
    }

    /// Notes the field whose line begins at `start`.
    fn note(&mut self, start: usize, name: usize, value: usize) {
        self.entries.push(Field {
            name: (narrow(start), u16::try_from(name).unwrap_or(u16::MAX)),
            value: (narrow(start + name + SEPARATOR.len()), narrow(value)),
            dropped: false,
            secret: false,
        });
    }

    fn name(&self, field: &Field) -> &[u8] {
        &self.text[field.name.0 as usize..][..usize::from(field.name.1)]
    }

    fn value(&self, field: &Field) -> &[u8] {
        &self.text[field.value.0 as usize..][..field.value.1 as usize]
    }
}

/// Whether two names are the same once dashes are underscores, as they are in the variables of CGI (RFC 3875, 4.1.18).
fn is_same_to_cgi(a: &[u8], b: &[u8]) -> bool {
    let fold = |byte: u8| if byte == b'_' { b'-' } else { byte };
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| fold(*a) == fold(*b))
}

/// Heads are bounded far below 4 GiB by the limits of the listener and of the upstream client.
fn narrow(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// The head of a request: as it came, normalised, and as it will be sent upstream.
#[derive(Clone, Debug, Default)]
pub struct RequestHead {
    /// The version of HTTP that it came by.
    pub version: Version,
    /// The method.
    pub method: Method,
    /// The host it was sent to: lower case, without port and trailing dot.
    pub host: String,
    /// The authority as it came, with its port: what a `Host` that is kept says.
    pub authority: String,
    /// The path, normalised: what is matched, and what is sent upstream unless a plugin rewrites it.
    pub path: String,
    /// The query without its `?`, as it came; `None` where there was no `?`.
    pub query: Option<String>,
    /// The header fields.
    pub fields: Fields,
}

impl RequestHead {
    /// Forgets the message, and keeps the memory.
    pub fn clear(&mut self) {
        self.version = Version::default();
        self.method = Method::default();
        self.host.clear();
        self.authority.clear();
        self.path.clear();
        self.query = None;
        self.fields.clear();
    }

    /// The values of a query parameter, percent-decoded, `+` as a space (WHATWG URL, application/x-www-form-urlencoded).
    pub fn query_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Cow<'a, str>> {
        let query = self.query.as_deref().unwrap_or_default();
        pairs(query, '&').filter(move |(key, _)| decode(key) == name).map(|(_, value)| decode(value))
    }

    /// The values of a cookie (RFC 6265, 5.4), as they came.
    pub fn cookies<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields
            .received_all("cookie")
            .filter_map(|value| std::str::from_utf8(value).ok())
            .flat_map(|value| pairs(value, ';'))
            .filter(move |(key, _)| key.trim() == name)
            .map(|(_, value)| value.trim().trim_matches('"'))
    }
}

impl RequestHead {
    /// Leaves a cookie out of what is sent upstream, with all its values.
    pub fn remove_cookie(&mut self, name: &str) {
        let values = self.fields.iter().filter(|(field, _)| *field == b"cookie").map(|(_, value)| value);
        let texts: Vec<String> = values.map(|value| String::from_utf8_lossy(value).into_owned()).collect();
        let is_kept = |pair: &&str| pair.split('=').next().is_none_or(|key| key.trim() != name);
        let kept: Vec<&str> = texts
            .iter()
            .flat_map(|text| text.split(';'))
            .filter(is_kept)
            .map(str::trim)
            .filter(|p| !p.is_empty())
            .collect();
        self.fields.remove("cookie");
        if !kept.is_empty() {
            self.fields.add("cookie", kept.join("; ").as_bytes());
        }
    }
}

/// A query without a parameter; what is left stays as it came.
pub fn without_parameter(query: &str, name: &str) -> String {
    let is_kept = |pair: &&str| decode(pair.split_once('=').map_or(pair, |(key, _)| key)) != name;
    query.split('&').filter(is_kept).collect::<Vec<_>>().join("&")
}

/// The head of an answer.
#[derive(Debug, Default)]
pub struct ResponseHead {
    /// The status, 200 to 599 (informational ones never reach a plugin).
    pub status: u16,
    /// The header fields.
    pub fields: Fields,
}

/// The elements of all values of a field that is a list (RFC 9110, 5.6.1); quoted commas are not thought of.
pub fn elements<'a>(values: impl Iterator<Item = &'a [u8]>) -> impl Iterator<Item = &'a [u8]> {
    values.flat_map(|value| value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii).filter(|one| !one.is_empty())
}

/// What says something of the very bytes of a body (RFC 9110, 8.6 and 14.3, RFC 9530, RFC 3230, RFC 1864).
const OF_THE_BYTES: [&str; 6] =
    ["accept-ranges", "content-digest", "content-length", "content-md5", "digest", "repr-digest"];

impl ResponseHead {
    /// Says that the answer depends on a field of the request, whose name is in lower case.
    pub fn varies_by(&mut self, name: &str) {
        let said = |one: &[u8]| one == b"*" || one.eq_ignore_ascii_case(name.as_bytes());
        if !elements(self.fields.all("vary")).any(said) {
            self.fields.add("vary", name.as_bytes());
        }
    }

    /// Whether `Cache-Control` says `no-transform`: nobody on the way may change the body (RFC 9111, 5.2.2.6).
    pub fn is_sealed(&self) -> bool {
        elements(self.fields.all("cache-control")).any(|one| one.eq_ignore_ascii_case(b"no-transform"))
    }

    /// Takes back what is said of the very bytes of the body, for they are about to be changed: a strong entity tag becomes a weak
    /// one (RFC 9110, 8.8.1).
    pub fn body_changes(&mut self) {
        for name in OF_THE_BYTES {
            self.fields.remove(name);
        }
        if let Some(tag) = self.fields.get("etag").filter(|tag| !tag.starts_with(b"W/")) {
            let weak = [b"W/", tag].concat();
            self.fields.set("etag", &weak);
        }
    }
}

fn pairs(text: &str, separator: char) -> impl Iterator<Item = (&str, &str)> {
    text.split(separator).filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Decodes a part of a query: `+` is a space there.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|b| b == b'%' || b == b'+') {
        return text.into();
    }
    let spaced = text.replace('+', " ");
    String::from_utf8_lossy(&percent::decode(spaced.as_bytes())).into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::{Fields, RequestHead};

    #[test]
    fn what_is_set_cannot_be_forged_split_or_shown() {
        let mut fields = Fields::default();
        fields.receive(b"X_User", b"mallory");
        fields.set("x-user", b"alice");
        assert_eq!(fields.iter().collect::<Vec<_>>(), [(&b"x-user"[..], &b"alice"[..])]);
        fields.set("x-user", b"alice\r\nx-admin: 1");
        assert!(fields.is_empty());
        fields.set_secret("x-token", b"s3cret");
        assert_eq!(fields.get("x-token"), Some(&b"s3cret"[..]));
        assert_eq!(fields.shown().collect::<Vec<_>>(), [(&b"x-token"[..], None)]);
    }

    #[test]
    fn edits_leave_what_was_received() {
        let mut fields = Fields::default();
        fields.receive(b"X-Tenant", b"acme");
        fields.receive(b"accept", b"*/*");
        fields.set("x-tenant", b"other");
        fields.add("x-more", b"1");
        fields.remove("accept");
        assert_eq!(fields.received("x-tenant"), Some(&b"acme"[..]));
        assert_eq!(fields.get("x-tenant"), Some(&b"other"[..]));
        let sent: Vec<_> = fields.iter().collect();
        assert_eq!(sent, [(&b"x-tenant"[..], &b"other"[..]), (b"x-more", b"1")]);
    }

    #[test]
    fn a_credential_goes_and_the_rest_stays_as_it_came() {
        for (query, left) in
            [("a=1&key=x&b=%20", "a=1&b=%20"), ("key", ""), ("k%65y=1&key=2&&z", "&z"), ("keys=1", "keys=1")]
        {
            assert_eq!(super::without_parameter(query, "key"), left);
        }
        let mut head = RequestHead::default();
        head.fields.receive(b"cookie", b"a=1; key=x");
        head.fields.receive(b"cookie", b"key=y; b=2");
        head.remove_cookie("key");
        assert_eq!(head.fields.iter().collect::<Vec<_>>(), [(&b"cookie"[..], &b"a=1; b=2"[..])]);
        head.remove_cookie("a");
        head.remove_cookie("b");
        assert!(head.fields.is_empty());
    }

    #[test]
    fn query_and_cookies_are_read() {
        let mut head = RequestHead { query: Some("a=1&b=x%20y&a=2+3&c".into()), ..RequestHead::default() };
        head.fields.receive(b"cookie", b"beta=1; name=\"v\"");
        assert_eq!(head.query_values("a").collect::<Vec<_>>(), ["1", "2 3"]);
        assert_eq!(head.query_values("b").collect::<Vec<_>>(), ["x y"]);
        assert_eq!(head.query_values("c").collect::<Vec<_>>(), [""]);
        assert_eq!(head.cookies("name").collect::<Vec<_>>(), ["v"]);
    }
}
