//! The data plane: listeners, connections, the life of a request, upstreams, and what can be seen of them.
//!
//! [`Proxy`] is its door: it starts the workers, puts tables in force, and drains.

mod accept;
pub mod access_log;
mod account;
pub mod activation;
mod answer;
mod balance;
mod caller;
pub mod challenges;
mod changed;
mod collect;
mod connection;
mod core;
mod duplex;
mod end;
mod ends;
mod error_page;
mod forward;
pub mod forwarded;
mod grpc;
mod handler;
pub mod handover;
mod health;
pub mod http1;
mod http2;
pub mod ingress;
pub mod listener;
pub mod live;
pub mod metrics;
mod mirror;
pub mod outgoing;
mod pieces;
mod places;
mod preface;
pub mod rehearsal;
mod renewal;
mod request_body;
mod resolve;
mod retry;
mod room;
pub mod sockets;
pub mod status;
mod steps;
mod stream;
pub mod timer;
pub mod tls;
mod tries;
mod tunnel;
pub mod upstream;
mod visit;
mod websocket;
mod wire;
mod worker;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use crate::pipeline::secrets::Secrets;
use crate::proxy::access_log::AccessLog;
use crate::proxy::core::Core;
use crate::proxy::listener::{Socket, bind, bind_beside, spread};
use crate::proxy::live::{Generation, Live, LiveListener, PrepareError, Surroundings};
use crate::proxy::metrics::Metrics;
use crate::proxy::sockets::{Owner, Sockets};
use crate::proxy::tls::{Expiry, Issued};
use crate::proxy::worker::{Command, Worker};
use crate::state::Node;
use crate::table::RouteTable;
use crate::value::address::ListenAddress;

/// Why a table was not put in force: nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum SwapError {
    /// A listener's address cannot be bound.
    #[error("listener `{name}` cannot listen on {address}: {error}")]
    Bind {
        /// The listener.
        name: String,
        /// The address.
        address: ListenAddress,
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
    sockets: Arc<Sockets>,
    bound: Taken,
    next_listener: u64,
    expiry: Expiry,
    /// The generations before the one in force that requests may still live with. They are dropped here: taking a large table
    /// apart would make the clients of a worker wait.
    retired: Vec<Arc<Generation>>,
}

/// How a data plane is started.
pub struct Start {
    /// How many workers; one for each core is best.
    pub workers: usize,
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// The log of requests.
    pub log: AccessLog,
    /// The sockets that the program was given, and where those that are open are told.
    pub sockets: Arc<Sockets>,
    /// What authorities have issued.
    pub issued: Arc<Issued>,
    /// Where the node keeps what it counts.
    pub counts: Node,
}

impl Proxy {
    /// Starts the data plane with a first table.
    ///
    /// # Errors
    /// If the table cannot be put in force or a worker cannot be started.
    pub fn start(table: RouteTable, secrets: Secrets, start: Start) -> Result<Self, SwapError> {
        let around = Surroundings::new(Arc::clone(&start.metrics), start.issued, start.counts);
        let mut bound = Taken::new();
        let mut next_listener = 0;
        let count = start.workers.max(1);
        let (fresh, listeners) = bind_missing(&table, &bound, &mut next_listener, count, &start.sockets)?;
        let live = Live::new(Generation::prepare(1, table, listeners, secrets, &around)?);
        let workers = (0..count)
            .map(|index| {
                let (live, metrics, log) = (live.clone(), Arc::clone(&start.metrics), start.log.clone());
                let epoch = around.epoch;
                Worker::start(index, move || Core::new(&live, metrics, log, epoch))
            })
            .collect::<io::Result<Vec<_>>>()
            .map_err(SwapError::Worker)?;
        open(fresh, &workers, &mut bound);
        let (sockets, expiry, retired) = (start.sockets, Expiry::default(), Vec::new());
        let proxy = Self { live, workers, around, sockets, bound, next_listener, expiry, retired };
        proxy.tell_open();
        Ok(proxy)
    }

    /// Puts a table in force: what can fail is done first, then one pointer is swapped.
    ///
    /// # Errors
    /// If something of it fails; the table in force stays, and so does everything else.
    pub fn swap(&mut self, table: RouteTable, secrets: Secrets) -> Result<u64, SwapError> {
        let number = self.live.load().number + 1;
        let (fresh, listeners) =
            bind_missing(&table, &self.bound, &mut self.next_listener, self.workers.len(), &self.sockets)?;
        let next = Generation::prepare(number, table, listeners.clone(), secrets, &self.around)?;
        self.retired.push(self.live.swap(next));
        // only now: who connects to a new listener is to find its routes
        open(fresh, &self.workers, &mut self.bound);
        let removed: Vec<Bound> =
            self.bound.extract_if(.., |_, bound| !listeners.contains(&bound.live)).map(|(_, bound)| bound).collect();
        self.tell_open();
        for bound in removed {
            self.close(bound);
        }
        self.workers.iter().for_each(|worker| worker.tell(Command::Swapped));
        Ok(number)
    }

    /// Has nobody accept on a listener any more. The workers' sockets are the last ones: each empties its queue and closes it.
    fn close(&self, bound: Bound) {
        bound.leave();
        let id = bound.live.id;
        drop(bound);
        self.workers.iter().for_each(|worker| worker.tell(Command::Unlisten(id)));
    }

    /// Tells which sockets are open, so that they can be given on.
    fn tell_open(&self) {
        let names = self.addresses();
        let open = self.bound.values().filter_map(|bound| {
            let (name, _) = names.iter().find(|(_, address)| *address == bound.live.address)?;
            Some((name.clone(), Arc::clone(&bound.sockets)))
        });
        self.sockets.set_open(Owner::Proxy, open.collect());
    }

    /// The pointer to the table in force.
    pub fn live(&self) -> Live {
        self.live.clone()
    }

    /// The listeners with the addresses that were taken for them.
    pub fn addresses(&self) -> Vec<(String, ListenAddress)> {
        let generation = self.live.load();
        let names = generation.table.settings.listeners.iter().map(|listener| listener.name.to_string());
        names.zip(generation.listeners.iter().map(|bound| bound.address.clone())).collect()
    }

    /// Says in the log which certificates expire soon, and lets go of tables that no request lives with any more; to be called
    /// every few seconds.
    pub fn tend(&mut self) {
        self.expiry.look(&self.live.load().tls.certificates);
        self.retired.retain(|generation| Arc::strong_count(generation) > 1);
    }

    /// Stops accepting, lets requests in flight end within the drain time, and ends.
    pub fn drain(self) {
        self.sockets.set_open(Owner::Proxy, Vec::new());
        self.bound.values().for_each(Bound::leave);
        self.end(|| Command::Drain);
    }

    /// The same once another program accepts on the sockets: its connections go on there, and paths of sockets stay.
    pub fn hand_over(self) {
        self.around.counts.give_up();
        self.end(|| Command::HandOver);
    }

    fn end(self, command: impl Fn() -> Command) {
        drop(self.bound);
        self.workers.iter().for_each(|worker| worker.tell(command()));
        self.workers.into_iter().for_each(Worker::join);
    }
}

/// A listener whose sockets are bound and that nobody accepts on yet.
struct Fresh {
    name: String,
    wanted: ListenAddress,
    bound: Bound,
    /// The sockets of each worker.
    own: Vec<Vec<Socket>>,
}

/// A listener's sockets, kept so that they can be given on.
struct Bound {
    live: LiveListener,
    sockets: Arc<[Socket]>,
    /// Whether a service manager keeps them open, too.
    lasts: bool,
}

impl Bound {
    /// Binds a listener, or takes the sockets that the program was given for it.
    fn new(
        id: u64,
        name: &str,
        wanted: &ListenAddress,
        taken: &Taken,
        workers: usize,
        sockets: &Sockets,
    ) -> io::Result<Self> {
        let given = sockets.take(name, wanted);
        let lasts = given.iter().any(|one| one.lasting);
        let sockets = if !given.is_empty() {
            spread(given.into_iter().map(|one| one.socket).collect(), workers)?
        } else if let Some(ip) = wanted.ip()
            && taken.values().any(|own| own.live.port() == Some(ip.port()))
        {
            // an own socket may hold the port by an address that overlaps with the wanted one
            bind_beside(ip, workers)?.into_iter().map(Socket::Tcp).collect()
        } else {
            bind(wanted, workers)?
        };
        let live = LiveListener { id, address: sockets[0].address()? };
        Ok(Self { live, sockets: sockets.into(), lasts })
    }

    /// The sockets that each worker accepts on.
    fn spread(&self, workers: usize) -> io::Result<Vec<Vec<Socket>>> {
        let own = |index| self.sockets.iter().skip(index).step_by(workers).map(Socket::try_clone).collect();
        (0..workers).map(own).collect()
    }

    /// Takes the path of a socket away that nobody will accept on.
    fn leave(&self) {
        if let ListenAddress::Unix(path) = &self.live.address
            && !self.lasts
        {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// The sockets by the address that was wanted; any port may be wanted by several, so those are told apart by name.
type Taken = BTreeMap<(ListenAddress, Option<String>), Bound>;

fn key(name: &str, wanted: &ListenAddress) -> (ListenAddress, Option<String>) {
    (wanted.clone(), wanted.is_any_port().then(|| name.to_owned()))
}

/// Binds the listeners of a table that are not bound yet, and gives the sockets of each listener by its index in the table.
fn bind_missing(
    table: &RouteTable,
    taken: &Taken,
    next: &mut u64,
    workers: usize,
    sockets: &Sockets,
) -> Result<(Vec<Fresh>, Box<[LiveListener]>), SwapError> {
    let mut fresh = Vec::new();
    let mut listeners = Vec::new();
    for listener in &table.settings.listeners {
        let (name, wanted) = (listener.name.to_string(), &listener.address);
        if let Some(bound) = taken.get(&key(&name, wanted)) {
            listeners.push(bound.live.clone());
            continue;
        }
        *next += 1;
        let bound = Bound::new(*next, &name, wanted, taken, workers, sockets);
        let bound = bound.and_then(|bound| Ok((bound.spread(workers)?, bound)));
        let (own, bound) =
            bound.map_err(|error| SwapError::Bind { name: name.clone(), address: wanted.clone(), error })?;
        listeners.push(bound.live.clone());
        fresh.push(Fresh { name, wanted: wanted.clone(), bound, own });
    }
    Ok((fresh, listeners.into()))
}

fn open(fresh: Vec<Fresh>, workers: &[Worker], taken: &mut Taken) {
    for Fresh { name, wanted, bound, own } in fresh {
        let LiveListener { id, address } = &bound.live;
        tracing::info!(listener = %name, %address, "listening");
        for (worker, sockets) in workers.iter().zip(own) {
            worker.tell(Command::Listen { id: *id, sockets, lasts: bound.lasts });
        }
        taken.insert(key(&name, &wanted), bound);
    }
}
