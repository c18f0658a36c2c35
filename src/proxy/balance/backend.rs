//! A backend of one generation: its targets, ready to connect to, and the choice among them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use aws_lc_rs::digest;
use fastrand::Rng;

use crate::pipeline::background::Background;
use crate::pipeline::exchange::Exchange;
use crate::pipeline::upstream::balancing::{Balancing, StickyCookie};
use crate::pipeline::upstream::{HostHeader, Upstream};
use crate::proxy::balance::policy::{Candidate, Sight, Tier, WHOLE};
use crate::proxy::balance::standing::Health;
use crate::proxy::balance::state::{BackendState, TargetState};
use crate::proxy::health::{Asked, Parties, Watch, unwatch, watch};
use crate::proxy::resolve::Lookups;
use crate::proxy::upstream::{Gate, GateLimits, Target};
use crate::value::url::{Scheme, TargetUrl};

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
    /// What looks its name up, if it has one.
    _lookups: Option<Arc<Lookups>>,
    /// The health check that asks it, while a table has it.
    watch: Option<Arc<Watch>>,
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

/// How a target is reached.
pub struct Reached {
    /// Where and how.
    pub target: Target,
    /// What looks its name up, if it has one.
    pub lookups: Option<Arc<Lookups>>,
}

impl LiveTarget {
    /// A target of a backend.
    pub fn new(backend: &str, url: &TargetUrl, host: &HostHeader, reached: Reached, state: Arc<TargetState>) -> Self {
        let text = url.to_string();
        Self {
            target: reached.target,
            authority: url.authority().into(),
            host: host.said_to(url),
            id: opaque_id(backend, &text),
            url: text.into(),
            state,
            _lookups: reached.lookups,
            watch: None,
        }
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

    /// Has its targets be asked whether they are well, if the manifest says so.
    ///
    /// # Errors
    /// If no task can be started for it.
    pub fn watch(&mut self, background: &Background, epoch: Instant) -> io::Result<()> {
        let Some(check) = &self.upstream.health_check else {
            self.targets.iter().for_each(|target| unwatch(&target.state));
            return Ok(());
        };
        for target in &mut self.targets {
            let host = target.host.as_ref().unwrap_or(&target.authority).clone();
            let asked = Asked { target: target.target.clone(), host, check: check.clone() };
            let parties =
                Parties { backend: &self.name, url: &target.url, of_backend: &self.state, of_target: &target.state };
            target.watch = Some(watch(&parties, asked, background, epoch)?);
        }
        Ok(())
    }

    /// How many connections it may have, if there is a limit.
    pub fn gate(&self) -> Option<(&Arc<Gate>, GateLimits)> {
        let limits = self.upstream.breaker.as_ref()?;
        if limits.max_connections.is_none() && limits.max_pending.is_none() {
            return None;
        }
        let [connections, pending] = [limits.max_connections, limits.max_pending].map(|most| most.unwrap_or(u32::MAX));
        Some((&self.state.gate, GateLimits { connections, pending }))
    }

    /// Chooses the target of a request at a moment, one that it hasn't tried if there is any; `None` if no target is usable.
    pub fn choose(&self, exchange: &Exchange<'_>, tried: &Tried, now: u64, random: &mut Rng) -> Option<u32> {
        let troubled = self.state.is_troubled(|| (0..).zip(&self.targets).any(|(i, _)| self.share(i, now) < WHOLE));
        if troubled || !tried.is_empty() {
            return self.choose_with_care(exchange, tried, now, random);
        }
        let tier = self.tiers.first()?;
        if self.targets.len() == 1 { Some(0) } else { self.choose_in(tier, exchange, |_| WHOLE, random) }
    }

    /// The same, where not every target is as good as any other.
    fn choose_with_care(&self, exchange: &Exchange<'_>, tried: &Tried, now: u64, random: &mut Rng) -> Option<u32> {
        let usable = |tier: &&Tier| tier.members().iter().any(|target| self.share(*target, now) > 0);
        let untried = |target: u32, share: u32| if tried.has(target) { 0 } else { share };
        for tier in self.tiers.iter().filter(usable) {
            let panics = self.panics(tier, now);
            let share = |target| if panics { WHOLE } else { self.share(target, now) };
            let chosen = self.choose_in(tier, exchange, |target| untried(target, share(target)), random);
            if chosen.is_some() {
                return chosen;
            }
        }
        let last = self.tiers.iter().find(usable);
        let tier = last.or_else(|| self.tiers.first().filter(|_| self.upstream.panic_below.is_some()))?;
        let panics = self.panics(tier, now);
        let share = |target| if panics { WHOLE } else { self.share(target, now) };
        self.choose_in(tier, exchange, share, random)
    }

    /// Whether so few targets of a tier are usable that all of them are used.
    fn panics(&self, tier: &Tier, now: u64) -> bool {
        let Some(least) = self.upstream.panic_below else { return false };
        let usable = tier.members().iter().filter(|target| self.share(**target, now) > 0).count();
        usable * 100 < least as usize * tier.members().len()
    }

    /// The share of its weight that a target gets now.
    fn share(&self, target: u32, now: u64) -> u32 {
        let Some(standing) = self.targets.get(target as usize).map(|target| &target.state.standing) else { return 0 };
        // a check of an older table may still run
        let checked = self.upstream.health_check.is_some();
        if checked && standing.health() == Health::Unhealthy {
            0
        } else {
            standing.share(now, self.upstream.slow_start)
        }
    }

    fn choose_in(
        &self,
        tier: &Tier,
        exchange: &Exchange<'_>,
        share: impl Fn(u32) -> u32,
        random: &mut Rng,
    ) -> Option<u32> {
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
                let holds = |target: &u32| tier.members().contains(target) && (sight.share)(*target) > 0;
                let named = self.named_by(cookie, exchange).filter(holds);
                named.or_else(|| tier.in_turn(turn, &sight, random))
            }
        }
    }

    /// The target that the request's cookie names.
    fn named_by(&self, cookie: &StickyCookie, exchange: &Exchange<'_>) -> Option<u32> {
        let id =
            exchange.request.cookies(cookie.name.as_str()).find_map(|value| u64::from_str_radix(value, 16).ok())?;
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
