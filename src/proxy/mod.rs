//! The data plane: listeners, connections, the life of a request, upstreams, and what can be seen of them.
//!
//! [`Proxy`] is its door: it starts the workers, puts tables in force, and drains.

pub mod access_log;
mod account;
mod answer;
mod background;
mod balance;
mod connection;
mod core;
mod error_page;
mod forward;
pub mod forwarded;
mod handler;
mod health;
pub mod http1;
pub mod ingress;
mod listener;
pub mod live;
pub mod metrics;
pub mod outgoing;
mod places;
mod request_body;
mod retry;
pub mod status;
mod stream;
pub mod timer;
mod tries;
mod tunnel;
pub mod upstream;
mod visit;
mod wire;
mod worker;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::pipeline::secrets::Secrets;
use crate::proxy::access_log::AccessLog;
use crate::proxy::core::Core;
use crate::proxy::listener::{Bound, bind, bind_beside};
use crate::proxy::live::{Generation, Live, LiveListener, PrepareError, Surroundings};
use crate::proxy::metrics::Metrics;
use crate::proxy::worker::{Command, Worker};
use crate::table::RouteTable;

/// Why a table was not put in force: nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum SwapError {
    /// A listener's address cannot be bound.
    #[error("listener `{name}` cannot listen on {address}: {error}")]
    Bind {
        /// The listener.
        name: String,
        /// The address.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// A thread cannot be started.
    #[error("a worker cannot be started: {0}")]
    Worker(io::Error),
    /// A target of an upstream cannot be made ready.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
}

/// A running data plane.
pub struct Proxy {
    live: Live,
    workers: Vec<Worker>,
    around: Surroundings,
    bound: Taken,
    next_listener: u64,
}

/// How a data plane is started.
pub struct Start {
    /// How many workers; one for each core is best.
    pub workers: usize,
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// The log of requests.
    pub log: AccessLog,
}

impl Proxy {
    /// Starts the data plane with a first table.
    ///
    /// # Errors
    /// If the table cannot be put in force or a worker cannot be started.
    pub fn start(table: RouteTable, secrets: Secrets, start: Start) -> Result<Self, SwapError> {
        let around = Surroundings::new(Arc::clone(&start.metrics));
        let mut bound = BTreeMap::new();
        let mut next_listener = 0;
        let (fresh, listeners) = bind_missing(&table, &bound, &mut next_listener, start.workers)?;
        let live = Live::new(Generation::prepare(1, table, listeners, secrets, &around)?);
        let workers = (0..start.workers.max(1))
            .map(|index| {
                let (live, metrics, log) = (live.clone(), Arc::clone(&start.metrics), start.log.clone());
                let epoch = around.epoch;
                Worker::start(index, move || Core::new(&live, metrics, log, epoch))
            })
            .collect::<io::Result<Vec<_>>>()
            .map_err(SwapError::Worker)?;
        open(fresh, &workers, &mut bound);
        Ok(Self { live, workers, around, bound, next_listener })
    }

    /// Puts a table in force: what can fail is done first, then one pointer is swapped.
    ///
    /// # Errors
    /// If something of it fails; the table in force stays, and so does everything else.
    pub fn swap(&mut self, table: RouteTable, secrets: Secrets) -> Result<u64, SwapError> {
        let number = self.live.load().number + 1;
        let (fresh, listeners) = bind_missing(&table, &self.bound, &mut self.next_listener, self.workers.len())?;
        let next = Generation::prepare(number, table, listeners.clone(), secrets, &self.around)?;
        self.live.swap(next);
        // only now: who connects to a new listener is to find its routes
        open(fresh, &self.workers, &mut self.bound);
        self.bound.retain(|_, bound| {
            let kept = listeners.contains(bound);
            if !kept {
                self.workers.iter().for_each(|worker| worker.tell(Command::Unlisten(bound.id)));
            }
            kept
        });
        self.workers.iter().for_each(|worker| worker.tell(Command::Swapped));
        Ok(number)
    }

    /// The pointer to the table in force.
    pub fn live(&self) -> Live {
        self.live.clone()
    }

    /// The listeners with the addresses that were taken for them.
    pub fn addresses(&self) -> Vec<(String, SocketAddr)> {
        let generation = self.live.load();
        let names = generation.table.settings.listeners.iter().map(|listener| listener.name.to_string());
        names.zip(generation.listeners.iter().map(|bound| bound.address)).collect()
    }

    /// Stops accepting, lets requests in flight end within the drain time, and ends.
    pub fn drain(self) {
        self.workers.iter().for_each(|worker| worker.tell(Command::Drain));
        self.workers.into_iter().for_each(Worker::join);
    }
}

/// A listener whose sockets are bound and that nobody accepts on yet.
struct Fresh {
    name: String,
    wanted: SocketAddr,
    id: u64,
    bound: Bound,
}

/// The sockets by the address that was wanted; any port may be wanted by several, so those are told apart by name.
type Taken = BTreeMap<(SocketAddr, Option<String>), LiveListener>;

fn key(name: &str, wanted: SocketAddr) -> (SocketAddr, Option<String>) {
    (wanted, (wanted.port() == 0).then(|| name.to_owned()))
}

/// Binds the listeners of a table that are not bound yet, and gives the sockets of each listener by its index in the table.
fn bind_missing(
    table: &RouteTable,
    taken: &Taken,
    next: &mut u64,
    workers: usize,
) -> Result<(Vec<Fresh>, Box<[LiveListener]>), SwapError> {
    let mut fresh = Vec::new();
    let mut listeners = Vec::new();
    for listener in &table.settings.listeners {
        let (name, wanted) = (listener.name.to_string(), listener.address.0);
        if let Some(bound) = taken.get(&key(&name, wanted)) {
            listeners.push(*bound);
            continue;
        }
        // an own socket may hold the port by an address that overlaps with the wanted one
        let beside = taken.values().any(|own| own.address.port() == wanted.port());
        let bind = if beside { bind_beside } else { bind };
        let bound =
            bind(wanted, workers).map_err(|error| SwapError::Bind { name: name.clone(), address: wanted, error })?;
        *next += 1;
        listeners.push(LiveListener { id: *next, address: bound.address });
        fresh.push(Fresh { name, wanted, id: *next, bound });
    }
    Ok((fresh, listeners.into()))
}

fn open(fresh: Vec<Fresh>, workers: &[Worker], taken: &mut Taken) {
    for listener in fresh {
        tracing::info!(listener = %listener.name, address = %listener.bound.address, "listening");
        let live = LiveListener { id: listener.id, address: listener.bound.address };
        taken.insert(key(&listener.name, listener.wanted), live);
        for (worker, socket) in workers.iter().zip(listener.bound.sockets) {
            worker.tell(Command::Listen { id: listener.id, socket });
        }
    }
}
