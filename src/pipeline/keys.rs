//! API keys as an `Auth` looks them up; the index over them belongs to the table.

use std::net::IpAddr;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::pipeline::caller::Consumer;
use crate::pipeline::exchange::Exchange;
use crate::pipeline::plan::Plan;
use crate::value::host::HostPattern;
use crate::value::method::Method;
use crate::value::network::Network;
use crate::value::path::PathGlob;
use crate::value::sha256::Sha256;

/// All keys of one `Auth`.
pub trait Keys: Send + Sync {
    /// The key with this id.
    fn by_id(&self, id: &str) -> Option<&Key>;

    /// The key of which one token as a whole has this hash.
    fn by_token(&self, hash: &Sha256) -> Option<&Key>;

    /// Whether there are tokens that only their hash tells.
    fn has_tokens(&self) -> bool;

    /// The plans that keys are on, each once.
    fn plans(&self) -> Vec<Arc<Plan>>;
}

/// An API key as it is checked.
#[derive(Debug)]
pub struct Key {
    /// Who calls with it.
    pub consumer: Arc<Consumer>,
    /// The hashes of which one is its secret's, in the order written.
    pub secrets: SmallVec<[KeySecret; 1]>,
    /// From when on it is accepted, in seconds since 1970.
    pub not_before: Option<i64>,
    /// From when on it is refused.
    pub expires: Option<i64>,
    /// Whether it is accepted at all.
    pub enabled: bool,
    /// What it may call; `None` is all that its `Auth` guards.
    pub scope: Option<Box<Scope>>,
    /// How much it may call; `None` is as much as it likes.
    pub plan: Option<Arc<Plan>>,
}

/// The hash of a secret or of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySecret {
    /// The hash.
    pub sha256: Sha256,
    /// Whether it is of the whole token.
    pub whole: bool,
    /// The moment from which on it alone is valid, in seconds since 1970.
    pub alone_from: Option<i64>,
}

/// What a key may call: every part that is given allows it.
#[derive(Debug, Default)]
pub struct Scope {
    /// The routes; each list allows it. Sorted names.
    pub routes: Vec<Arc<[Box<str>]>>,
    /// Whether only methods that read are allowed.
    pub read_only: bool,
    /// What is allowed; nothing given allows all.
    pub allow: Restriction,
    /// What is refused; nothing given refuses nothing.
    pub deny: Option<Restriction>,
}

/// A set of calls: all parts that are given hold.
#[derive(Clone, Debug, Default)]
pub struct Restriction {
    /// The method is one of these.
    pub methods: Vec<Method>,
    /// The path matches one of these.
    pub paths: Vec<PathGlob>,
    /// The host matches one of these.
    pub hosts: Vec<HostPattern>,
    /// The client's address lies in one of these.
    pub networks: Vec<Network>,
}

impl Key {
    /// Whether it is accepted at a moment, in seconds since 1970.
    pub fn is_valid_at(&self, now: i64) -> bool {
        self.enabled && self.not_before.is_none_or(|from| from <= now) && self.expires.is_none_or(|until| now < until)
    }

    /// Whether a hash is accepted at a moment, and until when. All hashes are compared, each in constant time.
    pub fn accepts(&self, hash: &Sha256, whole: bool, now: i64) -> Option<Until> {
        let mut found = None;
        for (index, secret) in self.secrets.iter().enumerate() {
            if secret.sha256.equals(hash) && secret.whole == whole {
                found = Some(index);
            }
        }
        let successors = self.secrets.iter().skip(found? + 1).filter_map(|secret| secret.alone_from);
        let end = successors.min();
        end.is_none_or(|end| now < end).then_some(Until(end))
    }
}

/// Until when a secret is accepted, in seconds since 1970; `None` is for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Until(pub Option<i64>);

impl Scope {
    /// Whether a call of a route is within it.
    pub fn admits(&self, exchange: &Exchange<'_>) -> bool {
        let listed = |routes: &Arc<[Box<str>]>| routes.binary_search_by(|name| (**name).cmp(exchange.route)).is_ok();
        let reads = || matches!(exchange.request.method, Method::Get | Method::Head | Method::Options);
        self.routes.iter().all(listed)
            && (!self.read_only || reads())
            && self.allow.holds(exchange)
            && !self.deny.as_ref().is_some_and(|deny| deny.holds(exchange))
    }
}

impl Restriction {
    fn holds(&self, exchange: &Exchange<'_>) -> bool {
        let (request, ip): (_, IpAddr) = (&exchange.request, exchange.client.ip);
        (self.methods.is_empty() || self.methods.contains(&request.method))
            && (self.paths.is_empty() || self.paths.iter().any(|path| path.matches(&request.path)))
            && (self.hosts.is_empty() || self.hosts.iter().any(|host| host.matches(&request.host)))
            && (self.networks.is_empty() || self.networks.iter().any(|network| network.contains(ip)))
    }
}
