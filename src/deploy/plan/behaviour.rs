//! What a plan says of requests: which get something else, by classes of which no request is in two, with an example of each.

use serde::{Deserialize, Serialize};

use crate::deploy::plan::{Action, ObjectChange};
use crate::table::RouteTable;
use crate::table::space::{self, Class, Facet, Outcome, Risk, Routed};

/// What requests get that they did not get before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Behaviour {
    /// What changes, the gravest first.
    pub changes: Vec<RequestChange>,
    /// Requests of which it was not found out whether they get the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unproved: Vec<Requests>,
    /// Whether the `Gateway` changes too: its listeners, limits and whom it believes decide what becomes of a request before a route
    /// does, and no class says it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gateway: bool,
}

/// Requests for which the same changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestChange {
    /// What it means.
    pub risk: Risk,
    /// What the requests got.
    pub old: String,
    /// What they get.
    pub new: String,
    /// What of it differs, such as `backend` or `plugin cors`.
    pub differs: Vec<String>,
    /// What of it matters for security, by the objects that change, such as `whom it trusts upstream`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub security: Vec<String>,
    /// The requests; none is in two of these.
    pub requests: Vec<Requests>,
}

/// A class of requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Requests {
    /// Which, such as `GET https://shop.example/orders/**`; it says so if there only may be such a request.
    pub which: String,
    /// Whether there surely is one.
    pub certain: bool,
    /// One of them, which was sent through both tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness: Option<String>,
}

impl Behaviour {
    /// What another table does differently, whose objects changed so.
    pub fn between(old: &RouteTable, new: &RouteTable, objects: &[ObjectChange]) -> Self {
        let difference = space::compare(old, new);
        let change = |change: space::Change| RequestChange {
            risk: change.risk,
            old: change.old.to_string(),
            new: change.new.to_string(),
            differs: change.facets.iter().map(word).collect(),
            security: security(&change, objects),
            requests: change.classes.iter().map(Requests::of).collect(),
        };
        let mut changes: Vec<RequestChange> = difference.changes.into_iter().map(change).collect();
        changes.sort_by_key(|change| !change.is_security());
        let unproved = difference.unproved.iter().map(Requests::of).collect();
        Self { changes, unproved, gateway: objects.iter().any(|object| object.kind == "Gateway") }
    }

    /// What changes, in numbers.
    pub fn line(&self) -> String {
        let count = |wanted: &dyn Fn(Risk) -> bool| -> usize {
            self.changes.iter().filter(|change| wanted(change.risk)).map(|change| change.requests.len()).sum()
        };
        let classes = count(&|risk| risk != Risk::Renamed);
        let public = count(&|risk| risk == Risk::BecomesPublic);
        let unreachable = count(&|risk| risk == Risk::BecomesUnreachable);
        let open = match self.unproved.len() {
            0 => String::new(),
            open => format!(" Of {} it is not known.", counted_classes(open)),
        };
        if classes > 0 {
            let change = if classes == 1 { "changes" } else { "change" };
            return format!(
                "Behaviour: {} {change}, {public} {} public, {unreachable} {} unreachable.{open}",
                counted_classes(classes),
                become_(public),
                become_(unreachable),
            );
        }
        match (self.changes.is_empty(), open.is_empty()) {
            (_, true) if self.gateway => {
                "Behaviour: every request that gets to a route gets what it got: this is proved. Of which \
                do, the change of the `Gateway` decides."
                    .to_owned()
            }
            (true, true) => "Behaviour: every request gets what it got: this is proved.".to_owned(),
            (false, true) => {
                "Behaviour: every request gets what it got, by routes of other names: this is proved.".to_owned()
            }
            (_, false) => format!("Behaviour: no request is known to change.{open}"),
        }
    }
}

fn become_(count: usize) -> &'static str {
    if count == 1 { "becomes" } else { "become" }
}

fn counted_classes(count: usize) -> String {
    format!("{count} request {}", if count == 1 { "class" } else { "classes" })
}

impl Requests {
    fn of(class: &Class) -> Self {
        let witness = class.witness.as_ref().map(ToString::to_string);
        Self { which: class.to_string(), certain: class.certain, witness }
    }
}

impl RequestChange {
    /// Whether it matters for security.
    pub fn is_security(&self) -> bool {
        let is_grave = matches!(self.risk, Risk::BecomesPublic | Risk::Authentication | Risk::LosesTls | Risk::NewHost);
        is_grave || !self.security.is_empty()
    }

    /// What it means, in words.
    pub fn meaning(&self) -> &'static str {
        match self.risk {
            Risk::BecomesPublic => "becomes public",
            Risk::Authentication => "callers prove in another way who they are",
            Risk::LosesTls => "is spoken in clear text from now on",
            Risk::NewHost => "a new host is answered",
            Risk::BecomesUnreachable => "becomes unreachable",
            Risk::BecomesReachable => "becomes reachable",
            Risk::Rerouted => "gets another route",
            Risk::Altered => "the route does something else",
            Risk::Status => "gets another status",
            Risk::Renamed => "the route has another name",
        }
    }
}

/// What matters for security of a route that goes on to do something else: what is marked so in it and in its backends.
fn security(change: &space::Change, objects: &[ObjectChange]) -> Vec<String> {
    let (Risk::Altered, Outcome::Routed(Routed { route, backends, .. })) = (change.risk, &change.new) else {
        return Vec::new();
    };
    let backends = backends.iter().filter(|_| change.facets.contains(&Facet::Backend));
    let own = change.facets.iter().any(|facet| *facet != Facet::Backend).then_some(route);
    let own = own.map(|name| address("Route", name)).into_iter();
    let addresses: Vec<String> = own.chain(backends.map(|name| address("Backend", name))).collect();
    let changed = objects.iter().filter(|object| object.action != Action::Add && addresses.contains(&object.address));
    let mut found: Vec<String> = changed.flat_map(|object| object.security.iter().cloned()).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// The address of an object that a table knows by its name.
fn address(kind: &str, name: &str) -> String {
    let (namespace, name) = name.split_once('/').unwrap_or(("default", name));
    format!("{namespace}/{kind}/{name}")
}

/// What differs, in a word.
fn word(facet: &Facet) -> String {
    match facet {
        Facet::Plugin(id) => return format!("plugin {id}"),
        Facet::Route => "route",
        Facet::Status => "status",
        Facet::Authentication => "authentication",
        Facet::Tls => "TLS",
        Facet::UpstreamTls => "TLS upstream",
        Facet::Parameters => "path parameters",
        Facet::Backend => "backend",
        Facet::Split => "split",
        Facet::Mirror => "mirror",
        Facet::Timeouts => "timeouts",
        Facet::Retries => "retries",
    }
    .to_owned()
}
