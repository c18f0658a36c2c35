//! A backend of one generation: its targets, ready to connect to, and the choice among them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use aws_lc_rs::digest;
use fastrand::Rng;

use crate::pipeline::exchange::Exchange;
use crate::pipeline::upstream::Upstream;
use crate::pipeline::upstream::balancing::{Balancing, StickyCookie};
use crate::proxy::balance::policy::{Candidate, Sight, Tier, WHOLE};
use crate::proxy::balance::state::{BackendState, TargetState};
use crate::proxy::upstream::Target;
use crate::value::url::Scheme;

/// Servers that give the same answers, with all that it takes to choose one.
pub struct LiveBackend {
    /// Its name, as `namespace/name` unless the namespace is `default`.
    pub name: Box<str>,
    /// What the manifest says.
    pub upstream: Arc<Upstream>,
    /// Its targets, in the order of the manifest.
    pub targets: Box<[LiveTarget]>,
    /// What is remembered of it.
    pub state: Arc<BackendState>,
    /// The targets by priority, the lowest number first.
    tiers: Box<[Tier]>,
}

/// A server, ready to connect to.
pub struct LiveTarget {
    /// Where and how.
    pub target: Target,
    /// Its own name and port.
    pub authority: Box<str>,
    /// What `Host` says to it; `None` for what the client sent.
    pub host: Option<Box<str>>,
    /// Its URL, for logs.
    pub url: Box<str>,
    /// What is remembered of it.
    pub state: Arc<TargetState>,
    /// What the cookie says that holds a caller to it.
    id: u64,
}

/// The targets that a request has tried already.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tried([u64; 4]);

impl Tried {
    /// Notes one.
    pub fn note(&mut self, target: u32) {
        if let Some(word) = self.0.get_mut(target as usize / 64) {
            *word |= 1 << (target % 64);
        }
    }

    fn has(&self, target: u32) -> bool {
        self.0.get(target as usize / 64).is_some_and(|word| word & (1 << (target % 64)) != 0)
    }

    fn is_empty(&self) -> bool {
        self.0 == [0; 4]
    }
}

impl LiveTarget {
    /// A target of a backend.
    pub fn new(
        backend: &str,
        target: Target,
        authority: Box<str>,
        host: Option<Box<str>>,
        url: Box<str>,
        state: Arc<TargetState>,
    ) -> Self {
        let id = opaque_id(backend, &url);
        Self { target, authority, host, url, state, id }
    }
}

/// A number that names a target and doesn't tell its address.
fn opaque_id(backend: &str, url: &str) -> u64 {
    let digest = digest::digest(&digest::SHA256, format!("{backend}\0{url}").as_bytes());
    digest.as_ref().iter().take(8).fold(0, |id, byte| id << 8 | u64::from(*byte))
}

impl LiveBackend {
    /// A backend with its targets, in the order of `upstream`.
    pub fn new(name: Box<str>, upstream: Arc<Upstream>, targets: Box<[LiveTarget]>, state: Arc<BackendState>) -> Self {
        let mut priorities: Vec<u32> = upstream.servers.iter().map(|server| server.priority).collect();
        priorities.sort_unstable();
        priorities.dedup();
        let tier = |priority| {
            let servers = (0..).zip(&upstream.servers).filter(|(_, server)| server.priority == priority);
            let candidates: Vec<Candidate<'_>> = servers
                .map(|(index, server)| {
                    let name = targets.get(index as usize).map_or("", |target| &*target.url);
                    Candidate { index, name, weight: server.weight }
                })
                .collect();
            Tier::new(&candidates, &upstream.balancing)
        };
        let tiers = priorities.into_iter().map(tier).collect();
        Self { name, upstream, targets, state, tiers }
    }

    /// Chooses the target of a request, one that it hasn't tried if there is any; `None` if no target is usable.
    pub fn choose(&self, exchange: &Exchange<'_>, tried: &Tried, random: &mut Rng) -> Option<u32> {
        if self.targets.len() == 1 {
            return Some(0);
        }
        let share = |_: u32| WHOLE;
        if !tried.is_empty() {
            let untried = |target| if tried.has(target) { 0 } else { share(target) };
            if let Some(target) = self.choose_by(exchange, untried, random) {
                return Some(target);
            }
        }
        self.choose_by(exchange, share, random)
    }

    fn choose_by(&self, exchange: &Exchange<'_>, share: impl Fn(u32) -> u32, random: &mut Rng) -> Option<u32> {
        let tier = self.tiers.iter().find(|tier| tier.members().iter().any(|target| share(*target) > 0))?;
        let active = |target: u32| self.targets[target as usize].state.active.load(Ordering::Relaxed);
        let sight = Sight { share, active };
        let turn = &self.state.turn;
        match &self.upstream.balancing {
            Balancing::RoundRobin => tier.in_turn(turn, &sight, random),
            Balancing::Random => tier.at_random(&sight, None, random),
            Balancing::LeastRequests => tier.less_busy(&sight, random),
            Balancing::Hash(part) => match part.hash(exchange) {
                Some(key) => tier.of_key(key, &sight),
                None => tier.in_turn(turn, &sight, random),
            },
            Balancing::Sticky(cookie) => {
                let named = self.named_by(cookie, exchange).filter(|target| (sight.share)(*target) > 0);
                named.or_else(|| tier.in_turn(turn, &sight, random))
            }
        }
    }

    /// The target that the request's cookie names.
    fn named_by(&self, cookie: &StickyCookie, exchange: &Exchange<'_>) -> Option<u32> {
        let id = exchange.request.cookies(&cookie.name).find_map(|value| u64::from_str_radix(value, 16).ok())?;
        (0..).zip(&self.targets).find(|(_, target)| target.id == id).map(|(index, _)| index)
    }

    /// Holds the caller to the target that answered, unless its cookie does already.
    pub fn stick(&self, target: u32, exchange: &mut Exchange<'_>) {
        let Balancing::Sticky(cookie) = &self.upstream.balancing else { return };
        if self.named_by(cookie, exchange) == Some(target) {
            return;
        }
        let age = cookie.max_age.map_or_else(String::new, |age| format!("; Max-Age={}", age.get().as_secs()));
        let secure = if exchange.client.scheme == Scheme::Https { "; Secure" } else { "" };
        let id = self.targets[target as usize].id;
        let text = format!("{}={id:016x}; Path={}{age}; HttpOnly; SameSite=Lax{secure}", cookie.name, cookie.path);
        exchange.response.fields.add("set-cookie", text.as_bytes());
    }
}
