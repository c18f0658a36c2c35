//! What a way of authenticating is: it looks for its credential in a request and says who calls.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::diagnostic::Code;
use crate::pipeline::caller::Caller;
use crate::pipeline::certificate::ClientCertificate;
use crate::pipeline::exchange::{Client, Exchange, Step};
use crate::pipeline::head::RequestHead;
use crate::pipeline::keys::Keys;
use crate::pipeline::plugin::{Part, Problem};
use crate::pipeline::ready::{Ready, ReadyError};
use crate::pipeline::secrets::Secrets;
use crate::value::name::Name;
use crate::value::secret::Secret;

/// An `Auth` of a table: every route that names it shares it.
pub struct Auth {
    /// Its name, as `namespace/name` unless the namespace is `default`.
    pub name: Arc<str>,
    /// How it authenticates.
    pub way: Box<dyn Authenticator>,
    /// The secrets that it names.
    pub secrets: BTreeSet<Secret>,
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The `Auth`s of a table, by namespace and name.
pub type Auths = BTreeMap<(Name, Name), Arc<Auth>>;

/// A way of authenticating.
pub trait Authenticator: Send + Sync {
    /// Before the table is put in force, as [`Plugin::ready`](crate::pipeline::plugin::Plugin::ready).
    ///
    /// # Errors
    /// If it could not work: the table is not put in force then.
    fn ready(&self, ready: &Ready<'_>) -> Result<(), ReadyError> {
        let _ = ready;
        Ok(())
    }

    /// Looks for the credential, and checks it if it is there. It knows nothing of the route.
    fn authenticate(&self, call: &Call<'_>) -> Finding;

    /// Whether a caller that it accepted may make this call of this route.
    ///
    /// # Errors
    /// If not.
    fn authorize(&self, caller: &Caller, exchange: &Exchange<'_>) -> Result<(), Refusal> {
        let _ = (caller, exchange);
        Ok(())
    }

    /// Counts a call that it authorized, where calls are counted.
    fn count(&self, caller: &Caller, exchange: &mut Exchange<'_>) -> Step {
        let _ = (caller, exchange);
        Step::Continue
    }

    /// The keys that it knows callers by, if it does.
    fn keys(&self) -> Option<&dyn Keys> {
        None
    }

    /// What it says to a request without its credential (RFC 9110, 11.6.1), if it can be said in a field.
    fn challenge(&self) -> Option<String>;

    /// The fields that it alone gives upstreams: what a client sends under their names is removed.
    fn fields(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Where it looks for which credentials: two of one `anyOf` must not claim the same.
    fn claims(&self) -> Vec<Claim>;
}

/// What is known of a request before its route is.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The request as it came.
    pub request: &'a RequestHead,
    /// The other end.
    pub client: Client,
    /// The certificate that it showed.
    pub certificate: Option<&'a ClientCertificate>,
    /// The secrets that the table names.
    pub secrets: &'a Secrets,
}

impl<'a> Call<'a> {
    /// What is known of a request in flight.
    pub fn of(exchange: &'a Exchange<'_>) -> Self {
        Self {
            request: exchange.request,
            client: exchange.client,
            certificate: exchange.certificate,
            secrets: exchange.secrets,
        }
    }
}

/// What the first `Auth` found whose credential a request has.
pub fn first_found(auths: &[Arc<Auth>], call: &Call<'_>) -> Option<(Arc<str>, Finding)> {
    auths.iter().find_map(|auth| match auth.way.authenticate(call) {
        Finding::Absent => None,
        found => Some((Arc::clone(&auth.name), found)),
    })
}

/// What became of a credential.
pub enum Finding {
    /// It is not there.
    Absent,
    /// It is right.
    Accepted(Accepted),
    /// It is there, and not right.
    Refused(Refusal),
    /// Somebody has to be asked.
    Pending(Pin<Box<dyn Future<Output = Finding> + Send>>),
}

/// A caller that is let in, and what that changes.
#[derive(Debug, Default)]
pub struct Accepted {
    /// Who it is.
    pub caller: Caller,
    /// Where its credential stood: the upstream doesn't see it.
    pub hide: Vec<Place>,
    /// Fields that the upstream gets.
    pub request_fields: Vec<(String, Vec<u8>)>,
    /// Fields that the client gets with the answer.
    pub response_fields: Vec<(String, Vec<u8>)>,
}

/// Why a caller is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the answer: 401, 403, 429 where it was tried too often, 503 where somebody could not be asked, or a redirect.
    pub status: u16,
    /// What `WWW-Authenticate` says, with a 401.
    pub challenge: Option<String>,
    /// When asking again makes sense, in seconds.
    pub retry_after: Option<u32>,
    /// What else the client is told.
    pub fields: Vec<(String, Vec<u8>)>,
}

impl Refusal {
    /// With a status alone.
    pub fn of(status: u16) -> Self {
        Self { status, challenge: None, retry_after: None, fields: Vec::new() }
    }

    /// The credential is wrong.
    pub fn wrong(challenge: impl Into<String>) -> Self {
        Self { challenge: Some(challenge.into()), ..Self::of(401) }
    }

    /// The caller is known, and may not do this.
    pub fn forbidden() -> Self {
        Self::of(403)
    }

    /// It was tried too often: nothing is tried for so many seconds.
    pub fn too_often(retry_after: u32) -> Self {
        Self { retry_after: Some(retry_after), ..Self::of(429) }
    }

    /// Somebody could not be asked: nobody is let in.
    pub fn unavailable(retry_after: u32) -> Self {
        Self { retry_after: Some(retry_after), ..Self::of(503) }
    }
}

/// Where a credential stands in a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// A header field; its name in lower case.
    Header(Box<str>),
    /// A parameter of the query.
    Query(Box<str>),
    /// A cookie.
    Cookie(Box<str>),
    /// The certificate of the connection.
    Certificate,
    /// Nowhere in particular: all requests are asked about.
    Anywhere,
}

/// A credential that an `Auth` takes for its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Where.
    pub place: Place,
    /// The scheme in `Authorization`, in lower case; empty elsewhere.
    pub scheme: &'static str,
    /// Of which shape.
    pub shape: Shape,
}

/// The shape of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `gw_…`
    Key,
    /// Three parts in base64url, with dots between.
    Jwt,
    /// Any text.
    Any,
}

impl Claim {
    /// Whether it takes a credential that may be another one's, which is asked later.
    pub fn meets(&self, other: &Self) -> bool {
        if self.place == Place::Anywhere {
            return true;
        }
        let same_place = self.place == other.place && self.scheme == other.scheme;
        same_place && (self.shape == other.shape || self.shape == Shape::Any || other.shape == Shape::Any)
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Header(name) if self.scheme.is_empty() => write!(f, "the header field `{name}`"),
            Place::Header(name) => write!(f, "`{}` in the header field `{name}`", self.scheme),
            Place::Query(name) => write!(f, "the query parameter `{name}`"),
            Place::Cookie(name) => write!(f, "the cookie `{name}`"),
            Place::Certificate => f.write_str("the client's certificate"),
            Place::Anywhere => f.write_str("every request"),
        }
    }
}

/// A type of `Auth`, as the table in `auth/mod.rs` lists it.
pub trait AuthType {
    /// What stands under its name in a manifest.
    type Config: DeserializeOwned + Serialize + JsonSchema + Clone + fmt::Debug;

    /// Where its config names one of several ways.
    fn choices(config: &Self::Config) -> Vec<Choice> {
        let _ = config;
        Vec::new()
    }

    /// The codes of the problems that its compile step finds.
    const CODES: &'static [&'static Code] = &[];

    /// Makes the way of authenticating; `None` after a problem was reported.
    fn compile(config: &Self::Config, context: &mut AuthContext<'_>) -> Option<Box<dyn Authenticator>>;
}

/// A place in a config that names one of several ways: exactly one, which no schema without branches can say.
#[derive(Debug)]
pub struct Choice {
    /// A JSON pointer from the config.
    pub pointer: String,
    /// What is named there.
    pub named: Vec<&'static str>,
    /// What could be.
    pub of: &'static [&'static str],
    /// What is chosen, up to "one of several", such as "a place is".
    pub what: &'static str,
}

/// What an `Auth`'s compile step is given, and where it reports problems.
pub struct AuthContext<'a> {
    /// Its name, as `namespace/name` unless the namespace is `default`.
    pub name: &'a Arc<str>,
    /// The API keys that name it.
    pub keys: &'a Arc<dyn Keys>,
    /// The secrets that it names: they are resolved before the table is put in force.
    pub secrets: BTreeSet<Secret>,
    /// The problems found, in order.
    pub problems: Vec<Problem>,
}

impl AuthContext<'_> {
    /// Reports a problem at a place of the config, a JSON pointer.
    pub fn report(
        &mut self,
        code: &'static Code,
        pointer: impl Into<String>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let (pointer, message, help) = (pointer.into(), message.into(), Some(help.into()));
        self.problems.push(Problem { code, pointer, message, help, part: Part::Value });
    }
}
