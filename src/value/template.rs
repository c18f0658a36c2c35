//! Texts with `${…}` references, which the request fills in: `dep${path.departement}`.
//!
//! This is the one reader of references. A reference is a name from a fixed list, never an expression.

use std::fmt;

use crate::value::did_you_mean::did_you_mean;
use crate::value::method::is_token;
use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// A text with references; `$${` stands for a literal `${`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Template {
    text: Box<str>,
    parts: Box<[Part]>,
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// Text as it is.
    Text(Box<str>),
    /// A value of the request.
    Reference(Reference),
}

/// A value that the request fills in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reference {
    /// `path.NAME`: a parameter of the matched path, as it stands in the normalised path.
    Path(Box<str>),
    /// `request.method`
    Method,
    /// `request.path`: the normalised path.
    RequestPath,
    /// `request.host`: in lower case, without the port.
    Host,
    /// `request.ip`: the client's address.
    Ip,
    /// `request.header.NAME`: the first value received.
    Header(Box<str>),
    /// `request.query.NAME`: the first value, decoded.
    Query(Box<str>),
    /// `request.cookie.NAME`: the first value.
    Cookie(Box<str>),
    /// `route.name`
    RouteName,
    /// `clientCertificate.subject`: that of the certificate that the client showed.
    CertificateSubject,
    /// `clientCertificate.san`: the first of its alternative names.
    CertificateSan,
    /// `consumer.…` or `identity.…`: what an `auth` found out about the caller.
    Caller(Fact),
}

/// A value of the caller.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fact {
    /// `consumer.id`: the id of its API key.
    ConsumerId,
    /// `consumer.name`: the name of its `ApiKey`.
    ConsumerName,
    /// `consumer.plan`: the name of its plan.
    ConsumerPlan,
    /// `consumer.label.NAME`: a label of its `ApiKey`.
    ConsumerLabel(Box<str>),
    /// `consumer.metadata.NAME`: what its `ApiKey` notes about it.
    ConsumerMetadata(Box<str>),
    /// `identity.subject`: what names it for good.
    Subject,
    /// `identity.name`: what people call it.
    Name,
    /// `identity.email`: its mail address.
    Email,
    /// `identity.claim.NAME`, or `identity.claim./POINTER` (RFC 6901) for a claim within another.
    Claim(Box<str>),
}

/// Makes a reference from the name in it.
type MakeReference = fn(&str) -> Reference;

/// The references that exist: their text, with `NAME` where a name follows, and how they are made from it.
const REFERENCES: &[(&str, MakeReference)] = &[
    ("path.NAME", |name| Reference::Path(name.into())),
    ("request.method", |_| Reference::Method),
    ("request.path", |_| Reference::RequestPath),
    ("request.host", |_| Reference::Host),
    ("request.ip", |_| Reference::Ip),
    ("request.header.NAME", |name| Reference::Header(name.to_ascii_lowercase().into())),
    ("request.query.NAME", |name| Reference::Query(name.into())),
    ("request.cookie.NAME", |name| Reference::Cookie(name.into())),
    ("route.name", |_| Reference::RouteName),
    ("clientCertificate.subject", |_| Reference::CertificateSubject),
    ("clientCertificate.san", |_| Reference::CertificateSan),
    ("consumer.id", |_| Reference::Caller(Fact::ConsumerId)),
    ("consumer.name", |_| Reference::Caller(Fact::ConsumerName)),
    ("consumer.plan", |_| Reference::Caller(Fact::ConsumerPlan)),
    ("consumer.label.NAME", |name| Reference::Caller(Fact::ConsumerLabel(name.into()))),
    ("consumer.metadata.NAME", |name| Reference::Caller(Fact::ConsumerMetadata(name.into()))),
    ("identity.subject", |_| Reference::Caller(Fact::Subject)),
    ("identity.name", |_| Reference::Caller(Fact::Name)),
    ("identity.email", |_| Reference::Caller(Fact::Email)),
    ("identity.claim.NAME", |name| Reference::Caller(Fact::Claim(name.into()))),
];

impl Template {
    /// Its pieces in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Its references in order.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.parts.iter().filter_map(|part| match part {
            Part::Reference(reference) => Some(reference),
            Part::Text(_) => None,
        })
    }

    /// Its text, if it holds no reference.
    pub fn literal(&self) -> Option<&str> {
        match &*self.parts {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Scalar for Template {
    const FORMAT: &'static str = "gw-template";
    const DESCRIPTION: &'static str = "A text that may hold references such as `${path.id}`, `${request.header.x-tenant}`, \
        `${request.query.q}`, `${request.ip}`, `${consumer.name}`, `${identity.subject}`, `${clientCertificate.subject}` or `${route.name}`; \
        `$${` is a literal `${`.";
    const EXAMPLES: &'static [&'static str] = &["${request.header.x-tenant}", "tenant-${path.id}"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        if let Some(at) = text.find(|c: char| c.is_control()) {
            return Err(ScalarError::new("a line break or control character cannot stand here").range(at, at + 1));
        }
        let (mut parts, mut literal, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find("${") {
            let position = text.len() - rest.len() + at;
            if rest[..at].ends_with('$') {
                literal.push_str(&rest[..at - 1]);
                literal.push_str("${");
                rest = &rest[at + 2..];
                continue;
            }
            literal.push_str(&rest[..at]);
            let end = rest[at..].find('}').ok_or_else(|| {
                ScalarError::new("`${` without a closing `}`")
                    .help("write `$${` for a literal `${`")
                    .range(position, text.len())
            })?;
            let reference = reference(&rest[at + 2..at + end]).map_err(|e| e.range(position, position + end + 1))?;
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal).into()));
            }
            parts.push(Part::Reference(reference));
            rest = &rest[at + end + 1..];
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal.into()));
        }
        Ok(Self { text: text.into(), parts: parts.into() })
    }
}

scalar!(Template);

fn reference(text: &str) -> Result<Reference, ScalarError> {
    for (pattern, make) in REFERENCES {
        match pattern.strip_suffix("NAME") {
            None if text == *pattern => return Ok(make("")),
            Some(prefix) => {
                if let Some(name) = text.strip_prefix(prefix).filter(|name| is_name(name)) {
                    return Ok(make(name));
                }
            }
            None => {}
        }
    }
    let error = ScalarError::new(format!("there is no reference `${{{}}}`", text.escape_debug()));
    let names: Vec<&str> = REFERENCES.iter().map(|(pattern, _)| *pattern).collect();
    let (stem, name) = split_name(text);
    Err(match did_you_mean(&stem, names.iter().copied()) {
        Some(near) => error.help(format!("did you mean `${{{}}}`?", near.replace("NAME", name))),
        None => error.help(format!("there are: {}", names.join(", "))),
    })
}

/// Whether a text names something: a token, or a JSON pointer.
fn is_name(text: &str) -> bool {
    let in_pointer = |byte: u8| byte == b'/' || byte == b':' || is_token(byte);
    !text.is_empty() && text.bytes().all(if text.starts_with('/') { in_pointer } else { is_token })
}

/// `request.heder.x-a` as `request.heder.NAME` and `x-a`, so that it can be compared with the list.
fn split_name(text: &str) -> (String, &str) {
    let dots = if text.starts_with("path.") || text.matches('.').count() == 1 { 1 } else { 2 };
    match text.match_indices('.').nth(dots - 1) {
        Some((at, _)) if dots == 2 || text.starts_with("path.") => (format!("{}.NAME", &text[..at]), &text[at + 1..]),
        _ => (text.to_owned(), "NAME"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Part, Reference, Scalar, Template};

    #[test]
    fn reads_texts_and_references() {
        let template = Template::parse("a-${path.id}/${request.header.X-Y}$${z}").unwrap();
        let expected = [
            Part::Text("a-".into()),
            Part::Reference(Reference::Path("id".into())),
            Part::Text("/".into()),
            Part::Reference(Reference::Header("x-y".into())),
            Part::Text("${z}".into()),
        ];
        assert_eq!(template.parts(), expected);
        assert_eq!(Template::parse("plain").unwrap().literal(), Some("plain"));
    }

    #[test]
    fn unknown_references_are_errors_with_a_place() {
        let error = Template::parse("x ${request.heder.a}").unwrap_err();
        assert_eq!(error.range, Some((2, 20)));
        assert_eq!(error.help.as_deref(), Some("did you mean `${request.header.a}`?"));
        assert!(
            Template::parse("${path.}").is_err()
                && Template::parse("${request").is_err()
                && Template::parse("a\nb").is_err()
        );
        assert_eq!(Template::parse("${route.nam}").unwrap_err().help.as_deref(), Some("did you mean `${route.name}`?"));
    }
}
