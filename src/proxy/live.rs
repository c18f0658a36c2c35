//! The table that is live: one pointer, swapped whole. A request loads it once and lives with it until it ends.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use rustls::ClientConfig;

use crate::pipeline::backend::{Backend, Upstream};
use crate::pipeline::secrets::Secrets;
use crate::proxy::metrics::{Metrics, RouteMetrics};
use crate::proxy::upstream::{Address, Target, TlsTarget, client_config, system_roots};
use crate::table::RouteTable;
use crate::value::address::ListenAddress;
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
    /// The secrets that the table names.
    pub secrets: Secrets,
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
    /// The servers it ends at, ready to connect to.
    pub targets: Box<[LiveTarget]>,
    /// Whose turn it is among them, counted on and on, also over swaps.
    pub turn: Arc<AtomicU32>,
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
}

/// The pointer to the live generation.
#[derive(Clone)]
pub struct Live(Arc<ArcSwap<Generation>>);

/// What every generation is made with.
pub struct Surroundings {
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// Whose turn it is, by backend.
    turns: Mutex<HashMap<Box<str>, Arc<AtomicU32>>>,
    /// How upstreams prove who they are; read from the machine when the first one has to.
    tls: OnceLock<Arc<ClientConfig>>,
}

/// Why a table cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The name of an upstream cannot be one of a certificate.
    #[error("the name of an upstream cannot be verified: {0}")]
    Name(#[from] rustls::pki_types::InvalidDnsNameError),
    /// The settings of TLS are unusable.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

impl Surroundings {
    /// Surroundings with these counters.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, turns: Mutex::default(), tls: OnceLock::new() }
    }

    /// Whose turn it is at a backend.
    fn turn(&self, backend: &str) -> Arc<AtomicU32> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        match turns.get(backend) {
            Some(turn) => Arc::clone(turn),
            None => Arc::clone(turns.entry(backend.into()).or_default()),
        }
    }

    /// Forgets the turns of backends that no generation has.
    fn forget_unused(&self) {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
    }

    /// The settings for TLS to upstreams. Reading the machine's authorities takes a while, so only the first use does it.
    fn tls(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        if let Some(config) = self.tls.get() {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(client_config(system_roots())?);
        Ok(Arc::clone(self.tls.get_or_init(|| config)))
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

    /// Puts a generation in force, at once and for every request that begins from now on.
    pub fn swap(&self, next: Generation) {
        self.0.store(Arc::new(next));
    }

    /// The pointer itself, for a cache of a worker's own.
    pub fn pointer(&self) -> Arc<ArcSwap<Generation>> {
        Arc::clone(&self.0)
    }
}

impl Generation {
    /// Prepares a table to be put in force: everything that can fail has been done by then.
    ///
    /// # Errors
    /// If a target's name cannot be one of a certificate.
    pub fn prepare(
        number: u64,
        table: RouteTable,
        listeners: Box<[LiveListener]>,
        secrets: Secrets,
        around: &Surroundings,
    ) -> Result<Self, PrepareError> {
        let routes = table
            .routes
            .iter()
            .map(|route| {
                let targets = match route.end.as_ref().map(|end| &end.backend) {
                    Some(Backend::Upstream(upstream)) => live_targets(upstream, around)?,
                    Some(Backend::Local(_)) | None => Box::default(),
                };
                let backend = route.end.as_ref().map_or("", |end| &end.name);
                Ok(LiveRoute { metrics: around.metrics.route(&route.name), targets, turn: around.turn(backend) })
            })
            .collect::<Result<_, PrepareError>>()?;
        around.forget_unused();
        Ok(Self { number, since: SystemTime::now(), table, listeners, routes, secrets })
    }
}

fn live_targets(upstream: &Upstream, around: &Surroundings) -> Result<Box<[LiveTarget]>, PrepareError> {
    upstream
        .targets
        .iter()
        .map(|url| {
            let host = upstream.host.said_to(url);
            let authority = url.authority().into();
            Ok(LiveTarget { target: target(url, around)?, authority, host, url: url.to_string().into() })
        })
        .collect()
}

fn target(url: &TargetUrl, around: &Surroundings) -> Result<Target, PrepareError> {
    let address = match url.host.parse() {
        Ok(ip) => Address::Socket(SocketAddr::new(ip, url.port)),
        Err(_) => Address::Name(url.host.clone(), url.port),
    };
    let tls = match url.scheme {
        Scheme::Http => None,
        Scheme::Https => Some(Arc::new(TlsTarget {
            server_name: url.host.to_string().try_into()?,
            settings: [0; 32],
            config: around.tls()?,
        })),
    };
    Ok(Target { address, tls })
}
