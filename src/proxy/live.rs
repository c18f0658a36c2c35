//! The table that is live: one pointer, swapped whole. A request loads it once and lives with it until it ends.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use arc_swap::ArcSwap;

use crate::pipeline::backend::Backend;
use crate::pipeline::background::Background;
use crate::pipeline::limits::Limiter;
use crate::pipeline::limits::store::StoreFailure;
use crate::pipeline::ready::{Ready, ReadyError};
use crate::pipeline::secrets::Secrets;
use crate::pipeline::state::StatePool;
use crate::pipeline::upstream::{Upstream, UpstreamProtocol};
use crate::proxy::balance::{LiveBackend, LiveTarget, Reached, States};
use crate::proxy::challenges::Challenges;
use crate::proxy::metrics::{Metrics, RouteMetrics};
use crate::proxy::preface;
use crate::proxy::resolve::Names;
use crate::proxy::tls::{Issued, ListenerCache, MaterialError, TlsSetup, UpstreamCache, UpstreamConfig};
use crate::proxy::upstream::{Address, Target, TlsTarget};
use crate::state::{Counts, Node};
use crate::table::RouteTable;
use crate::value::address::ListenAddress;
use crate::value::host::HostName;
use crate::value::url::{Scheme, TargetUrl};

/// A table in force, with what the proxy needs beside it.
pub struct Generation {
    /// Its number: 1 for the first table, one more for each that was swapped in.
    pub number: u64,
    /// When it was made ready to be put in force.
    pub since: SystemTime,
    /// The table.
    pub table: RouteTable,
    /// The sockets of its listeners, by the index of the listener in the table.
    pub listeners: Box<[LiveListener]>,
    /// What belongs to each route, by the same index.
    pub routes: Box<[LiveRoute]>,
    /// When the clock began that all workers share.
    epoch: Instant,
    /// The backends that ask servers, each once, by name.
    pub backends: Box<[LiveBackend]>,
    /// How its listeners speak TLS.
    pub tls: TlsSetup,
    /// What an authority may ask, if certificates are ordered.
    pub challenges: Option<Arc<Challenges>>,
    /// The secrets that the table names.
    pub secrets: Secrets,
    /// The counts of its limits.
    pub limiter: Arc<Limiter>,
}

/// A listener's sockets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveListener {
    /// Their number: another one for each time an address is bound.
    pub id: u64,
    /// The address, with the port that was taken for port 0.
    pub address: ListenAddress,
}

impl LiveListener {
    /// Its port, if it is on the network.
    pub fn port(&self) -> Option<u16> {
        self.address.ip().map(|address| address.port())
    }
}

/// What the proxy needs beside a compiled route.
pub struct LiveRoute {
    /// Its counters, which outlive the table.
    pub metrics: Arc<RouteMetrics>,
    /// Where its requests go, as indices into [`Generation::backends`]; `None` for an end where no server is asked.
    pub ends: Box<[Option<u32>]>,
    /// Where copies of them go.
    pub mirror: Option<u32>,
}

/// The pointer to the live generation.
#[derive(Clone)]
pub struct Live(Arc<ArcSwap<Generation>>);

/// What every generation is made with.
pub struct Surroundings {
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// When the clock began that all workers share.
    pub epoch: Instant,
    /// What is remembered of backends.
    states: States,
    /// The names of targets.
    names: Names,
    /// What goes on beside requests.
    background: Background,
    /// What plugins and backends remember.
    pool: StatePool,
    /// The counts of limits.
    pub counts: Counts,
    /// How TLS is spoken with upstreams.
    upstreams: UpstreamCache,
    /// What listeners with TLS are made of.
    listeners: ListenerCache,
    /// What authorities have issued.
    issued: Arc<Issued>,
    /// The server that stands in for all others.
    stand_in: Option<SocketAddr>,
}

/// Why a table cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The name of an upstream cannot be one of a certificate.
    #[error("the name of an upstream cannot be verified: {0}")]
    Name(#[from] rustls::pki_types::InvalidDnsNameError),
    /// What goes on beside requests cannot be started.
    #[error("a thread cannot be started: {0}")]
    Thread(#[from] io::Error),
    /// The counts of limits cannot be kept.
    #[error("the counts of limits cannot be kept: {0}")]
    Counts(String),
    /// A plugin or a backend cannot be made ready.
    #[error(transparent)]
    Ready(#[from] ReadyError),
    /// The settings of TLS are unusable.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// A certificate, or something else that a listener needs for TLS, is unusable.
    #[error(transparent)]
    Material(#[from] MaterialError),
}

impl Surroundings {
    /// Surroundings with these counters, with what authorities have issued, and with counts that are kept as the node says.
    pub fn new(metrics: Arc<Metrics>, issued: Arc<Issued>, counts: Node) -> Self {
        Self {
            metrics,
            epoch: Instant::now(),
            states: States::default(),
            names: Names::default(),
            background: Background::default(),
            pool: StatePool::default(),
            counts: Counts::new(counts),
            upstreams: UpstreamCache::default(),
            listeners: ListenerCache::default(),
            issued,
            stand_in: None,
        }
    }

    /// The same with one server that stands in for all others: it is asked in plain HTTP/1, and never whether it is well.
    #[must_use]
    pub fn with_stand_in(self, address: SocketAddr) -> Self {
        Self { stand_in: Some(address), ..self }
    }
}

impl Live {
    /// Starts with a first generation.
    pub fn new(first: Generation) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(first)))
    }

    /// The generation in force.
    pub fn load(&self) -> Arc<Generation> {
        self.0.load_full()
    }

    /// Puts a generation in force, at once and for every request that begins from now on; the one before it is given back.
    pub fn swap(&self, next: Generation) -> Arc<Generation> {
        self.0.swap(Arc::new(next))
    }

    /// The pointer itself, for a cache of a worker's own.
    pub fn pointer(&self) -> Arc<ArcSwap<Generation>> {
        Arc::clone(&self.0)
    }
}

impl Generation {
    /// The moment on the clock that all workers share, in milliseconds.
    pub fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Prepares a table to be put in force: everything that can fail has been done by then.
    ///
    /// # Errors
    /// If a target's name cannot be one of a certificate, or a listener's TLS cannot be set up.
    pub fn prepare(
        number: u64,
        table: RouteTable,
        listeners: Box<[LiveListener]>,
        secrets: Secrets,
        around: &Surroundings,
    ) -> Result<Self, PrepareError> {
        let mut backends = live_backends(&table, &secrets, around)?;
        let routes = table.routes.iter().map(|route| LiveRoute {
            metrics: around.metrics.route(&route.name),
            ends: route.ends.iter().map(|end| position(&backends, &end.name)).collect(),
            mirror: route.mirror.as_ref().and_then(|mirror| position(&backends, &mirror.end.name)),
        });
        let routes = routes.collect();
        let tls = TlsSetup::prepare(&table, &secrets, &around.listeners, &around.issued)?;
        let challenges = table.ordered().next().map(|_| Arc::clone(&around.issued.challenges));
        around.listeners.forget_unused();
        around.issued.forget_unused();
        around.upstreams.forget_unused();
        // last, for nothing that is asked is to outlive a table that cannot be made ready
        backends.iter_mut().try_for_each(|backend| backend.watch(&around.background, around.epoch))?;
        around.pool.forget_unused();
        let limiter = around.counts.limiter(&table.settings.state, &secrets, &around.background);
        let limiter = limiter.map_err(|StoreFailure(why)| PrepareError::Counts(why))?;
        make_ready(&table, &secrets, &limiter, around)?;
        let epoch = around.epoch;
        let since = SystemTime::now();
        Ok(Self { number, since, table, listeners, routes, epoch, backends, tls, challenges, secrets, limiter })
    }
}

/// Makes plugins and the ends without a server ready.
fn make_ready(
    table: &RouteTable,
    secrets: &Secrets,
    limiter: &Arc<Limiter>,
    around: &Surroundings,
) -> Result<(), ReadyError> {
    let ready = |owner: &str, make: &dyn Fn(&Ready<'_>) -> Result<(), ReadyError>| {
        make(&Ready { pool: &around.pool, secrets, background: &around.background, limiter, owner })
    };
    for auth in &table.auths {
        ready(&full_name(&auth.name), &|ready| auth.way.ready(ready))?;
    }
    for route in &table.routes {
        let name = full_name(&route.name);
        for step in &route.pipeline {
            ready(&format!("{name}/{}", step.id), &|ready| step.plugin.ready(ready))?;
        }
        for end in &route.ends {
            if let Backend::Local(local) = &end.backend {
                ready(&full_name(&end.name), &|ready| local.ready(ready))?;
            }
        }
    }
    Ok(())
}

/// A name with its namespace, which the names in tables leave out where it is `default`.
fn full_name(name: &str) -> String {
    if name.contains('/') { name.to_owned() } else { format!("default/{name}") }
}

/// The backends of a table that ask servers, sorted by name.
fn live_backends(
    table: &RouteTable,
    secrets: &Secrets,
    around: &Surroundings,
) -> Result<Box<[LiveBackend]>, PrepareError> {
    let mut named: BTreeMap<&str, &Arc<Upstream>> = BTreeMap::new();
    let mirrors = table.routes.iter().filter_map(|route| Some(&route.mirror.as_ref()?.end));
    for end in table.routes.iter().flat_map(|route| &route.ends).chain(mirrors) {
        if let Backend::Upstream(upstream) = &end.backend {
            named.insert(&end.name, upstream);
        }
    }
    named.into_iter().map(|(name, upstream)| live_backend(name, upstream, secrets, around)).collect()
}

fn position(backends: &[LiveBackend], name: &str) -> Option<u32> {
    backends.binary_search_by(|backend| (*backend.name).cmp(name)).ok().and_then(|at| u32::try_from(at).ok())
}

fn live_backend(
    name: &str,
    upstream: &Arc<Upstream>,
    secrets: &Secrets,
    around: &Surroundings,
) -> Result<LiveBackend, PrepareError> {
    let state = around.states.backend(name);
    let targets = upstream.servers.iter().map(|server| {
        let remembered = state.target(&server.url.to_string());
        let reached = reached(&server.url, upstream, secrets, around)?;
        Ok(LiveTarget::new(name, &server.url, &upstream.host, reached, remembered))
    });
    let targets = targets.collect::<Result<_, PrepareError>>()?;
    let upstream = match around.stand_in {
        None => Arc::clone(upstream),
        Some(_) => Arc::new(Upstream { health_check: None, announce: None, ..Upstream::clone(upstream) }),
    };
    Ok(LiveBackend::new(name.into(), upstream, targets, state))
}

fn reached(
    url: &TargetUrl,
    upstream: &Upstream,
    secrets: &Secrets,
    around: &Surroundings,
) -> Result<Reached, PrepareError> {
    if let Some(address) = around.stand_in {
        let address = Address::Socket(address);
        let target = Target { address, tls: None, preface: None, protocol: UpstreamProtocol::Http1 };
        return Ok(Reached { target, lookups: None });
    }
    let (address, lookups) = if let Ok(ip) = url.host.parse::<IpAddr>() {
        (Address::Socket(SocketAddr::new(ip, url.port)), None)
    } else {
        let lookups = around.names.look_up(&url.host, url.port, upstream.resolve_every, &around.background)?;
        (Address::Name(Arc::clone(lookups.host())), Some(lookups))
    };
    let tls = match url.scheme {
        Scheme::Http => None,
        Scheme::Https => {
            let UpstreamConfig { digest, config } = around.upstreams.of(&upstream.tls, secrets)?;
            let name = upstream.tls.server_name.as_ref().map_or(&*url.host, HostName::as_str);
            let server_name = name.trim_matches(['[', ']']).to_owned().try_into()?;
            Some(Arc::new(TlsTarget { server_name, settings: digest, config, choice: None }))
        }
    };
    let preface = upstream.announce.map(|version| preface::write(version, None).into());
    let target = Target { address, tls, preface, protocol: UpstreamProtocol::Http1 };
    let target = match upstream.protocol {
        UpstreamProtocol::Http1 => target,
        UpstreamProtocol::Http2 => target.over_http2(),
        UpstreamProtocol::Auto => target.choosing(),
    };
    Ok(Reached { target, lookups })
}
