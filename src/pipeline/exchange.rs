//! One request in flight, as plugins and backends see it.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::ops::Range;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::pipeline::body::{BodyChanges, Pieces, Transform};
use crate::pipeline::certificate::ClientCertificate;
use crate::pipeline::coding::{Coding, Decoder, Effort, Encoder, readable};
use crate::pipeline::head::{RequestHead, ResponseHead};
use crate::pipeline::notes::Notes;
use crate::pipeline::secrets::Secrets;
use crate::value::method::Method;
use crate::value::template::{Part, Reference, Template};
use crate::value::url::Scheme;

/// A request in flight. It lives in the connection's task and knows neither the connection nor the table.
pub struct Exchange<'t> {
    /// The request as it came, and the edits to what is sent upstream.
    pub request: &'t mut RequestHead,
    /// What is sent upstream in place of the request's path and query.
    pub upstream: UpstreamTarget,
    /// The answer: filled by the backend or by the plugin that answers.
    pub response: &'t mut ResponseHead,
    /// Who asks.
    pub client: Client,
    /// The certificate that it showed, and that was accepted.
    pub certificate: Option<&'t ClientCertificate>,
    /// The name of the route, as `namespace/name` unless the namespace is `default`.
    pub route: &'t str,
    /// The parameters of the matched path.
    pub params: Params<'t>,
    /// The secrets that plugins named.
    pub secrets: &'t Secrets,
    /// What plugins noted on the way in, for themselves on the way out.
    pub notes: Notes,
    /// On the way out: how long the body is, where the gateway made it itself and it is known.
    pub made: Option<u64>,
    /// What plugins do to the body of the answer on the way out, if they do anything.
    pub changes: Option<Box<BodyChanges>>,
}

/// Names of path parameters, and where their values stand in the request's path.
pub type Params<'t> = SmallVec<[(&'t str, Range<usize>); 4]>;

/// The path and query that are sent upstream, where they differ from the request's.
#[derive(Debug, Default)]
pub struct UpstreamTarget {
    /// The rewritten path; normalised.
    pub path: Option<String>,
}

/// The other end, decided once: from the socket, or from forwarding headers if the peer is a trusted proxy.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// Its address.
    pub ip: IpAddr,
    /// How it speaks to us, or to the trusted proxy in front of us.
    pub scheme: Scheme,
    /// Whether the peer of the connection is a trusted proxy.
    pub trusted: bool,
}

/// What a plugin wants to happen next.
pub enum Step {
    /// Go on with the next plugin, or the backend.
    Continue,
    /// `exchange.response` holds the head of the answer, and this its body: the way in ends here.
    Answer(Content),
    /// Wait, then do what the future's outcome says.
    Pending(Pending),
}

/// A wait that owns what it needs; its outcome is applied to the exchange.
pub type Pending = std::pin::Pin<Box<dyn Future<Output = Resume> + Send>>;

/// What to do with the exchange after a wait.
pub type Resume = Box<dyn FnOnce(&mut Exchange<'_>) -> Step + Send>;

/// The body of an answer that the gateway makes itself.
#[derive(Default)]
pub enum Content {
    /// None: an error gets the gateway's own page.
    #[default]
    Empty,
    /// Bytes in memory.
    Bytes(Bytes),
    /// What is made piece by piece.
    Stream(Box<dyn Pieces>),
}

impl Content {
    /// How long it is, if that is known.
    pub fn length(&self) -> Option<u64> {
        match self {
            Self::Empty => Some(0),
            Self::Bytes(bytes) => Some(bytes.len() as u64),
            Self::Stream(pieces) => pieces.length(),
        }
    }
}

/// Where a rendered template is put, which decides how its values are escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The value of a header field: control characters make it absent.
    Field,
    /// A URL: what is not from the path is percent-encoded (RFC 3986, 2.1).
    Url,
}

impl Exchange<'_> {
    /// The path that is sent upstream.
    pub fn upstream_path(&self) -> &str {
        self.upstream.path.as_deref().unwrap_or(&self.request.path)
    }

    /// On the way out: lets the body of the answer, as it is so far, go through something. An answer without a body has none that
    /// could. Where the transform does not keep the length, the fields that speak of the very bytes go.
    pub fn transform(&mut self, transform: impl Transform + 'static) {
        if !transform.keeps_length() {
            self.response.body_changes();
            self.made = None;
        }
        self.changes.get_or_insert_default().transforms.push(Box::new(transform));
    }

    /// The same with what the body says, where that is coded: it is read, and coded again as it was.
    pub fn transform_content(&mut self, coding: Option<Coding>, transform: impl Transform + 'static) {
        let Some(coding) = coding else { return self.transform(transform) };
        self.transform(Decoder::new(coding));
        self.transform(transform);
        self.transform(Encoder::new(coding, Effort::Balanced));
    }

    /// On the way in: asks for no coding of the answer's body but those that can be read here.
    pub fn ask_for_readable(&mut self) {
        let fields = &mut self.request.fields;
        if fields.get("accept-encoding").is_some() {
            let readable = readable(fields.all("accept-encoding"));
            fields.set("accept-encoding", &readable);
        }
    }

    /// On the way out: puts another body in the place of the answer's, with all that plugins did to that.
    pub fn answer_instead(&mut self, content: Content) {
        self.made = content.length();
        self.changes = Some(Box::new(BodyChanges { instead: Some(content), ..BodyChanges::default() }));
    }

    /// On the way out: how long the body is, as far as that is known.
    pub fn body_length(&self) -> Option<u64> {
        let said = || std::str::from_utf8(self.response.fields.get("content-length")?).ok()?.parse().ok();
        self.made.or_else(said)
    }

    /// On the way out: whether the answer has a body to speak of (RFC 9110, 6.4.1).
    pub fn has_body(&self) -> bool {
        self.request.method != Method::Head && !matches!(self.response.status, 100..=199 | 204 | 304)
    }

    /// The value of a path parameter.
    pub fn param(&self, name: &str) -> Option<&str> {
        let (_, range) = self.params.iter().find(|(n, _)| *n == name)?;
        self.request.path.get(range.clone())
    }

    /// Fills a template in; `None` if one of its values is missing or cannot stand in that place.
    pub fn render(&self, template: &Template, place: Place) -> Option<String> {
        let mut out = String::new();
        for part in template.parts() {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Reference(reference) => self.write(reference, place, &mut out)?,
            }
        }
        Some(out)
    }

    fn write(&self, reference: &Reference, place: Place, out: &mut String) -> Option<()> {
        let request = &self.request;
        match reference {
            Reference::Path(name) => out.push_str(self.param(name)?),
            Reference::RequestPath => out.push_str(&request.path),
            Reference::Method => out.push_str(request.method.as_str()),
            Reference::Host => out.push_str(Some(&request.host).filter(|host| !host.is_empty())?),
            Reference::Ip => write!(out, "{}", self.client.ip).ok()?,
            Reference::RouteName => out.push_str(self.route),
            Reference::CertificateSubject => escape(&self.certificate?.subject, place, out)?,
            Reference::CertificateSan => escape(self.certificate?.names.first()?, place, out)?,
            Reference::Header(name) => escape(std::str::from_utf8(request.fields.received(name)?).ok()?, place, out)?,
            Reference::Query(name) => escape(&request.query_values(name).next()?, place, out)?,
            Reference::Cookie(name) => escape(request.cookies(name).next()?, place, out)?,
        }
        Some(())
    }
}

fn escape(value: &str, place: Place, out: &mut String) -> Option<()> {
    match place {
        Place::Field if value.chars().any(char::is_control) => return None,
        Place::Field => out.push_str(value),
        Place::Url => {
            for byte in value.bytes() {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    out.push(char::from(byte));
                } else {
                    write!(out, "%{byte:02X}").ok()?;
                }
            }
        }
    }
    Some(())
}
