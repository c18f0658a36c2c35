//! What a request gets, and what of it is different from what it gets from another table.

use std::collections::BTreeSet;
use std::fmt;

use crate::pipeline::certificate::ClientCertificate;
use crate::table::RouteTable;
use crate::table::router::{Asker, NoTrace, Outcome as Found, Rule};
use crate::table::space::decide::{Asked, End};
use crate::table::space::hosts::{Front, Sites, front};
use crate::table::space::meaning::{Facet, differing_steps, facets, plugins, running};
use crate::table::space::methods::MethodSet;
use crate::table::space::request::Request;

/// What a request gets.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// A route.
    Routed(Routed),
    /// 404: no route.
    NotFound,
    /// 405: only the method is wrong, these are right.
    MethodNotAllowed(MethodSet),
    /// 403: another client certificate is asked for.
    Forbidden,
    /// The handshake fails: a client certificate is asked for, and there is none.
    Refused,
    /// Nobody listens.
    NotListening,
}

/// A route that a request gets.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Routed {
    /// The route's name.
    pub route: Box<str>,
    /// The names of the backends that it leads to.
    pub backends: Vec<Box<str>>,
    /// How the caller proved who it is.
    pub authentication: Authentication,
}

/// How a caller proves who it is before it is let in; the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Authentication {
    /// Not at all: anybody may call.
    None,
    /// By a credential that an `auth` asks for.
    Credential,
    /// By a certificate.
    ClientCertificate,
    /// By both.
    Both,
}

impl Outcome {
    /// What deciding requests ended in, behind a listener that asks for something itself.
    pub(super) fn of(sites: &Sites<'_>, end: &End, asked: Asked) -> Self {
        match end {
            End::Found(place) => Self::Routed(Routed::new(sites.table, sites.rules[*place as usize], asked)),
            End::NotAllowed(methods) => Self::MethodNotAllowed(methods.clone()),
            End::Forbidden => Self::Forbidden,
            End::NotFound => Self::NotFound,
            End::Refused => Self::Refused,
            End::NotListening => Self::NotListening,
        }
    }
}

impl Authentication {
    /// What a rule asks for, behind a listener that asks for something itself. An `auth` that runs for some requests only does not count.
    pub(super) fn of(asked: Asked, rule: &Rule) -> Self {
        let is_asked = asked == Asked::Required || rule.conditions.certificate.is_some();
        match (rule.auth.is_some(), is_asked) {
            (false, false) => Self::None,
            (true, false) => Self::Credential,
            (false, true) => Self::ClientCertificate,
            (true, true) => Self::Both,
        }
    }

    /// Whether a client certificate is asked for.
    pub fn asks_certificate(self) -> bool {
        matches!(self, Self::ClientCertificate | Self::Both)
    }
}

impl Routed {
    /// What a rule of a table leads to.
    pub(super) fn new(table: &RouteTable, rule: &Rule, asked: Asked) -> Self {
        let route = &table.routes[rule.route as usize];
        Self {
            route: route.name.clone(),
            backends: route.ends.iter().map(|end| end.name.clone()).collect(),
            authentication: Authentication::of(asked, rule),
        }
    }
}

/// What one request gets.
pub struct Observed<'t> {
    /// What it gets.
    pub outcome: Outcome,
    /// The rule that it meets, and its index.
    pub(super) rule: Option<&'t Rule>,
    pub(super) index: Option<u32>,
    pub(super) front: Front,
}

/// What a request gets from a table.
pub fn observe<'t>(table: &'t RouteTable, request: &Request) -> Observed<'t> {
    let mut listeners = table.settings.listeners.iter().zip(0..);
    let listener = listeners.find(|(listener, _)| listener.name.as_str() == request.listener).map(|(_, index)| index);
    let front = front(table, listener, &request.head.host);
    let certificate = seen(front, request);
    let nothing = |outcome| Observed { outcome, rule: None, index: None, front };
    let Some(listener) = listener else { return nothing(Outcome::NotListening) };
    if front.asked == Asked::Required && certificate.is_none() {
        return nothing(Outcome::Refused);
    }
    let asker = Asker { method: &request.head.method, certificate, caller: None };
    match table.find(asker, listener, &request.head, &mut NoTrace) {
        Found::Found(hit) | Found::AsksCaller(hit) => {
            let rule = &table.router.rules()[hit.rule as usize];
            let outcome = Outcome::Routed(Routed::new(table, rule, front.asked));
            Observed { outcome, rule: Some(rule), index: Some(hit.rule), front }
        }
        Found::MethodNotAllowed(methods) => nothing(Outcome::MethodNotAllowed(MethodSet::of(&methods))),
        Found::Forbidden => nothing(Outcome::Forbidden),
        Found::NotFound => nothing(Outcome::NotFound),
    }
}

/// The certificate of a request's client, if it is asked for one.
pub(super) fn seen(front: Front, request: &Request) -> Option<&ClientCertificate> {
    match front.asked {
        Asked::Nothing | Asked::Never => None,
        Asked::Optional | Asked::Required => request.certificate.as_ref(),
    }
}

/// What two tables do differently with a request: empty if nothing.
pub fn differences(old: &RouteTable, new: &RouteTable, request: &Request) -> BTreeSet<Facet> {
    let (before, after) = (observe(old, request), observe(new, request));
    let (Some(old_rule), Some(new_rule)) = (before.rule, after.rule) else {
        return if before.outcome == after.outcome { BTreeSet::new() } else { BTreeSet::from([Facet::Status]) };
    };
    let old_route = &old.routes[old_rule.route as usize];
    let new_route = &new.routes[new_rule.route as usize];
    let mut found = facets((old_route, old_rule), (new_route, new_rule));
    found.extend(front_facets((before.front, old_rule), (after.front, new_rule)));
    let (old_steps, new_steps) = differing_steps(old_route, new_route);
    let old_steps = running(old_steps, request, seen(before.front, request));
    let new_steps = running(new_steps, request, seen(after.front, request));
    found.extend(plugins(&old_steps, &new_steps));
    found
}

/// What listeners do differently for requests that meet two rules.
pub(super) fn front_facets((a, old): (Front, &Rule), (b, new): (Front, &Rule)) -> impl Iterator<Item = Facet> {
    let authentication = Authentication::of(a.asked, old) != Authentication::of(b.asked, new);
    let differs = [(authentication, Facet::Authentication), (a.secure != b.secure, Facet::Tls)];
    differs.into_iter().filter(|(differs, _)| *differs).map(|(_, facet)| facet)
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Routed(routed) => routed.fmt(f),
            Self::NotFound => f.write_str("404"),
            Self::MethodNotAllowed(methods) => write!(f, "405, allowed {methods}"),
            Self::Forbidden => f.write_str("403, another caller is asked for"),
            Self::Refused => f.write_str("no connection without a client certificate"),
            Self::NotListening => f.write_str("nobody listens"),
        }
    }
}

impl fmt::Display for Routed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "route {}", self.route)?;
        if !self.backends.is_empty() {
            write!(f, " to {}", self.backends.join(", "))?;
        }
        match self.authentication {
            Authentication::None => f.write_str(", public"),
            Authentication::Credential => f.write_str(", with a credential"),
            Authentication::ClientCertificate => f.write_str(", with a client certificate"),
            Authentication::Both => f.write_str(", with a client certificate and a credential"),
        }
    }
}
