//! Explains what a request gets: which route and why, what runs on its way, and what is sent upstream.
//!
//! It has no opinion of its own. The request goes through the code of the proxy: the checks at the door, the router, the guards
//! and plugins, the writing of the head. Only the server upstream is not asked.

mod candidates;
mod human;
mod request;
mod walk;

pub use human::human;
pub use request::{Asked, AskedError, listener_named};

use std::fmt;

use serde::Serialize;

use crate::compiler::Compiled;
use crate::deploy::explain::candidates::{Watcher, nearly};
use crate::deploy::explain::walk::walk;
use crate::diagnostic::{SourceMap, Span};
use crate::pipeline::auth::{Call, Finding, first_found};
use crate::pipeline::head::RequestHead;
use crate::pipeline::secrets::Secrets;
use crate::proxy::forwarded::client;
use crate::proxy::ingress::Refusal;
use crate::table::RouteTable;
use crate::table::router::{Asker, Outcome};
use crate::value::method::Method;
use crate::value::path::{PathError, normalise};

/// What a request gets.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The version of this form.
    pub format_version: u32,
    /// The listener that it came in by.
    pub listener: String,
    /// The request as the gateway sees it.
    pub request: Seen,
    /// The host pattern whose routes were tried, if any has this host: `*` is any host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosts: Option<String>,
    /// The alternatives that matched or nearly did, in the order of their precedence.
    pub candidates: Vec<Candidate>,
    /// What it gets.
    pub outcome: Verdict,
}

/// A request as the gateway sees it.
#[derive(Debug, Serialize)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// The method that it announces as a CORS preflight, if its route is found by that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announces: Option<String>,
    /// The host, in lower case and without port.
    pub host: String,
    /// The path, normalised.
    pub path: String,
    /// The query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
}

impl Seen {
    fn of(head: &RequestHead) -> Self {
        Self {
            method: head.method.to_string(),
            announces: None,
            host: head.host.clone(),
            path: head.path.clone(),
            query: head.query.clone(),
        }
    }
}

/// An alternative of a route's `match`, and what became of it.
#[derive(Debug, Serialize)]
pub struct Candidate {
    /// The route.
    pub route: String,
    /// The index of the alternative in the route's `match`.
    pub alternative: u32,
    /// Its path condition.
    pub path: String,
    /// Where it is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Whether it is the one.
    pub chosen: bool,
    /// Why it is the one, or why not.
    pub reason: String,
}

/// A place in a manifest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl Place {
    /// Where a span begins.
    pub fn of(sources: &SourceMap, span: Span) -> Self {
        let position = sources.position(span);
        let name = &sources.get(span.source).name;
        let file = name.strip_prefix("./").unwrap_or(name).to_owned();
        Self { file, line: position.line, column: position.column }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// What a request gets.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "type")]
pub enum Verdict {
    /// It is refused before any route is looked for.
    Refused {
        /// The status of the answer.
        status: u16,
        /// Why.
        reason: String,
    },
    /// No route has it.
    NotFound {
        /// The status of the answer.
        status: u16,
    },
    /// Only its method has no route.
    MethodNotAllowed {
        /// The status of the answer.
        status: u16,
        /// The methods that have one.
        allow: Vec<String>,
    },
    /// A route has it.
    Routed(Box<Routed>),
}

/// The way of a request through its route.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Routed {
    /// The route.
    pub route: String,
    /// What the parameters of its path took.
    pub parameters: serde_json::Map<String, serde_json::Value>,
    /// Its plugins, in the order in which they run.
    pub pipeline: Vec<PipelineStep>,
    /// The path that plugins have made for the backend.
    pub upstream_path: String,
    /// What is sent upstream; nothing if the gateway answers itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Sent>,
    /// The backend that it gets to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// The backends that share the requests of the route, if there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub split: Vec<Arm>,
    /// The backend that gets copies, and of how many requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirror: Option<String>,
    /// The answer, where the gateway gives it itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
}

/// A backend that gets a share of the requests.
#[derive(Debug, Serialize)]
pub struct Arm {
    /// Its name.
    pub backend: String,
    /// Its weight.
    pub weight: u32,
}

/// A plugin, and what it does with the request.
#[derive(Debug, Serialize)]
pub struct PipelineStep {
    /// Its id in the route.
    pub id: String,
    /// Its type.
    pub plugin: &'static str,
    /// What it does.
    pub does: Does,
}

/// What a plugin does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Does {
    /// It runs, and the request goes on.
    Runs,
    /// It answers.
    Answers,
    /// It asks something over the network, which is not done here: the request is taken to go on.
    Asks,
    /// Its `when` does not hold.
    Skips,
    /// A plugin above it answers.
    NotReached,
}

/// What is sent upstream.
#[derive(Debug, Serialize)]
pub struct Sent {
    /// The servers that take turns.
    pub targets: Vec<String>,
    /// The head, a line each; what differs from request to request is left out.
    pub head: Vec<String>,
}

/// An answer of the gateway itself.
#[derive(Debug, Serialize)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The header fields.
    pub headers: Vec<(String, String)>,
}

/// Explains a request to a compiled table.
///
/// # Errors
/// If what is asked is no request, or names a listener that doesn't exist.
pub fn explain(compiled: &Compiled, table: &RouteTable, asked: &Asked) -> Result<Explanation, AskedError> {
    let listener = asked.listener(&table.settings)?;
    let mut head = RequestHead::default();
    let received = asked.receive(&table.settings.limits, &mut head);
    let mut explanation = Explanation {
        format_version: 1,
        listener: table.settings.listeners[usize::from(listener)].name.to_string(),
        request: Seen::of(&head),
        hosts: None,
        candidates: Vec::new(),
        outcome: Verdict::NotFound { status: 404 },
    };
    if let Err(refusal) = received {
        asked.path().clone_into(&mut explanation.request.path);
        explanation.outcome = refused(refusal, asked.path());
        return Ok(explanation);
    }
    let mut watcher = Watcher::default();
    let from = client(asked.ip, asked.scheme, &table.settings.trusted_proxies, &head.fields);
    let secrets = Secrets::named_only(&table.secrets);
    let outcome = find(
        table,
        listener,
        &Call { request: &head, client: from, certificate: None, secrets: &secrets },
        &mut watcher,
    );
    let asker = Asker { method: &head.method, certificate: None, caller: None };
    explanation.request.announces = table.announced_method(asker, listener, &head).map(|method| method.to_string());
    explanation.hosts = watcher.hosts();
    explanation.candidates = nearly(compiled, table, listener, &head, &watcher);
    explanation.outcome = match outcome {
        Outcome::NotFound => Verdict::NotFound { status: 404 },
        Outcome::MethodNotAllowed(methods) => {
            Verdict::MethodNotAllowed { status: 405, allow: methods.iter().map(Method::to_string).collect() }
        }
        Outcome::Forbidden => Verdict::Refused { status: 403, reason: "another caller is asked for".to_owned() },
        Outcome::Found(hit) | Outcome::AsksCaller(hit) => {
            let route = &table.routes[hit.route as usize];
            Verdict::Routed(Box::new(walk(route, &hit, &mut head, from, &secrets)))
        }
    };
    Ok(explanation)
}

/// Finds the rule of a request; where who calls decides, by the credential that it has.
fn find<'t>(table: &'t RouteTable, listener: u16, call: &Call<'_>, watcher: &mut Watcher) -> Outcome<'t> {
    let nobody = Asker { method: &call.request.method, certificate: None, caller: None };
    let outcome = table.find(nobody, listener, call.request, watcher);
    let Outcome::AsksCaller(hit) = &outcome else { return outcome };
    let Some((auths, names)) = table.routes[hit.route as usize].guarding() else { return outcome };
    let Some((_, Finding::Accepted(accepted))) = first_found(auths, call) else { return outcome };
    *watcher = Watcher::default();
    let caller = Some((names, &accepted.caller));
    table.find(Asker { caller, ..nobody }, listener, call.request, watcher)
}

/// A refusal tells a client little; here is more of the cause.
fn refused(refusal: Refusal, path: &str) -> Verdict {
    let cause: Option<PathError> = match refusal {
        Refusal::Target => normalise(path.as_bytes(), &mut String::new()).err(),
        _ => None,
    };
    let reason = cause.map_or_else(|| refusal.to_string(), |cause| format!("{refusal}: {cause}"));
    Verdict::Refused { status: refusal.status(), reason }
}
