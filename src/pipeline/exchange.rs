//! One request in flight, as plugins and backends see it.

use std::any::Any;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::pipeline::auth::Finding;
use crate::pipeline::body::{BodyChanges, Pieces};
use crate::pipeline::caller::Caller;
use crate::pipeline::certificate::ClientCertificate;
use crate::pipeline::forwarding::Forwarding;
use crate::pipeline::head::{RequestHead, ResponseHead, without_parameter};
use crate::pipeline::limits::announce::Announced;
use crate::pipeline::notes::Notes;
use crate::pipeline::secrets::Secrets;
use crate::pipeline::trace::TraceId;
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
    /// Who proved to be whom: nobody, until an `auth` has run.
    pub caller: Caller,
    /// Fields that the `auth`s of the route add to the answer.
    pub answer_fields: Vec<(String, Vec<u8>)>,
    /// What was found of a credential before the route was chosen, and by which `Auth`.
    pub verified: Option<(Arc<str>, Finding)>,
    /// The name of the route, as `namespace/name` unless the namespace is `default`.
    pub route: &'t str,
    /// The parameters of the matched path.
    pub params: Params<'t>,
    /// The secrets that plugins named.
    pub secrets: &'t Secrets,
    /// The most bytes of its body, where that is less than the gateway's limit.
    pub body_at_most: Option<u64>,
    /// Its body, once a plugin has asked for it.
    pub body: Option<Bytes>,
    /// The trace that it is part of.
    pub trace: Option<TraceId>,
    /// What the answer says of limits.
    pub announced: Announced,
    /// What is kept until the answer has ended.
    pub kept: Kept,
    /// What plugins noted on the way in, for themselves on the way out.
    pub notes: Notes,
    /// On the way out: how long the body is, where the gateway made it itself and it is known.
    pub made: Option<u64>,
    /// What plugins do to the body of the answer on the way out, if they do anything.
    pub changes: Option<Box<BodyChanges>>,
    /// What the plugin that answers wants to have asked once more, while the client has its answer.
    pub renewal: Option<Box<Renewal>>,
}

/// A request that nobody waits for: it goes through the plugins below the one that made it, to the backend, and back to that one.
pub struct Renewal {
    /// The request.
    pub request: RequestHead,
    /// What the plugin notes of it for its way out.
    pub notes: Notes,
}

/// What is dropped once the last byte of the answer is on its way, or the client has gone away.
pub type Kept = SmallVec<[Box<dyn Any + Send>; 0]>;

/// Names of path parameters, and where their values stand in the request's path.
pub type Params<'t> = SmallVec<[(&'t str, Range<usize>); 4]>;

/// What is sent upstream otherwise than it came.
#[derive(Clone, Debug, Default)]
pub struct UpstreamTarget {
    /// The rewritten path; normalised.
    pub path: Option<String>,
    /// The query.
    pub query: UpstreamQuery,
    /// The fields that say who asks and how, where a plugin chooses them.
    pub forwarding: Option<Forwarding>,
}

/// The query that is sent upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum UpstreamQuery {
    /// The request's.
    #[default]
    Received,
    /// Another one; an empty one is none.
    Changed(String),
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

    /// The query that is sent upstream, without its `?`.
    pub fn upstream_query(&self) -> Option<&str> {
        match &self.upstream.query {
            UpstreamQuery::Received => self.request.query.as_deref(),
            UpstreamQuery::Changed(query) => Some(&**query).filter(|query| !query.is_empty()),
        }
    }

    /// Leaves a parameter out of the query that is sent upstream, with all its values.
    pub fn remove_query_parameter(&mut self, name: &str) {
        let Some(query) = self.upstream_query() else { return };
        self.upstream.query = UpstreamQuery::Changed(without_parameter(query, name));
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
            Reference::Caller(fact) => escape(&self.caller.fact(fact)?, place, out)?,
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
