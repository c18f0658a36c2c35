//! The data plane on one thread and without listeners, for tests of manifests: clients are pairs of sockets within the program,
//! and one server stands in for all that a table names.
//!
//! A request goes through all that it goes through in service, from its first byte to the last one of its answer. Only TLS, the
//! PROXY protocol and health checks are left out: who a client is and how it speaks is said, not shown.

use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::runtime::Runtime;
use tokio::task::{LocalSet, spawn_local};

use crate::pipeline::secrets::Secrets;
use crate::proxy::access_log::{AccessLog, Record, Records};
use crate::proxy::connection::serve_known;
use crate::proxy::core::Core;
use crate::proxy::listener::ListenerState;
use crate::proxy::live::{Generation, Live, LiveListener, PrepareError, Surroundings};
use crate::proxy::metrics::Metrics;
use crate::proxy::stream::Plain;
use crate::proxy::timer::TICK;
use crate::state::Node;
use crate::table::RouteTable;
use crate::table::settings::{AccessLog as LogSettings, Listener};
use crate::value::url::Scheme;

/// What the server that stands in for all others answers.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// The same where the body of the request is not read to its end.
const LAST_ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// A data plane that nobody outside of the program reaches.
pub struct Rehearsal {
    core: Rc<Core>,
    live: Live,
    around: Surroundings,
    records: Records,
    received: Received,
    local: LocalSet,
    // last: what runs in it goes first
    runtime: Runtime,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// No runtime, or no socket on loopback.
    #[error("the server that stands in for all others cannot be started: {0}")]
    Server(#[from] io::Error),
    /// The table cannot be made ready.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
}

/// Who sends a request.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// The listener that it comes in by, by its index in the table.
    pub listener: u16,
    /// The address of the client.
    pub ip: IpAddr,
    /// How the client speaks.
    pub scheme: Scheme,
}

/// What became of a request.
#[derive(Debug)]
pub struct Played {
    /// The answer, as the client reads it.
    pub answer: Vec<u8>,
    /// What the log says of it.
    pub record: Option<Box<Record>>,
    /// The head that the server got which stands in for all others.
    pub sent: Option<Vec<u8>>,
}

/// The heads that the server got.
type Received = Rc<RefCell<Vec<Vec<u8>>>>;

impl Rehearsal {
    /// Puts a table in force.
    ///
    /// # Errors
    /// If a socket on loopback cannot be had, or the table cannot be made ready.
    pub fn start(table: RouteTable, secrets: Secrets) -> Result<Self, RehearsalError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let local = LocalSet::new();
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let metrics = Arc::<Metrics>::default();
        let around = Surroundings::new(Arc::clone(&metrics), Arc::default(), Node::default())
            .with_stand_in(listener.local_addr()?);
        let live = Live::new(prepared(1, table, secrets, &around)?);
        let (log, records) = AccessLog::within(Arc::clone(&metrics));
        let core = Rc::new(Core::new(&live, metrics, log, around.epoch));
        let received = Received::default();
        local.spawn_local(serve_all(listener, Rc::clone(&received)));
        local.spawn_local(tick(Rc::clone(&core)));
        Ok(Self { core, live, around, records, received, local, runtime })
    }

    /// Puts another table in force.
    ///
    /// # Errors
    /// If it cannot be made ready; the one before stays.
    pub fn swap(&mut self, table: RouteTable, secrets: Secrets) -> Result<(), RehearsalError> {
        let number = self.live.load().number + 1;
        drop(self.live.swap(prepared(number, table, secrets, &self.around)?));
        Ok(())
    }

    /// Sends the bytes of a request. What chance decides, it decides the same for the same request.
    ///
    /// # Errors
    /// If the program has too many open files.
    pub fn play(&mut self, caller: Caller, request: &[u8]) -> io::Result<Played> {
        self.received.borrow_mut().clear();
        self.core.random.borrow_mut().seed(0);
        let core = Rc::clone(&self.core);
        let answer = self.local.block_on(&self.runtime, async move {
            let (mut ours, theirs) = UnixStream::pair()?;
            let listener = Rc::new(ListenerState::new(listener_id(caller.listener), false));
            let peer = SocketAddr::new(caller.ip, 0);
            let serving = serve_known(Plain::Unix(theirs), peer, caller.scheme, &core, &listener);
            let asking = async {
                ours.write_all(request).await?;
                ours.shutdown().await?;
                let mut answer = Vec::new();
                ours.read_to_end(&mut answer).await.map(|_| answer)
            };
            tokio::join!(serving, asking).1
        })?;
        let mut record = None;
        while let Some(next) = self.records.next() {
            record = Some(next);
        }
        let sent = self.received.borrow_mut().pop();
        Ok(Played { answer, record, sent })
    }
}

/// The number of a listener, from its index.
fn listener_id(index: u16) -> u64 {
    u64::from(index) + 1
}

/// Makes a table ready whose listeners speak plain HTTP/1 and whose requests are all logged.
fn prepared(
    number: u64,
    mut table: RouteTable,
    secrets: Secrets,
    around: &Surroundings,
) -> Result<Generation, PrepareError> {
    let settings = &mut table.settings;
    for listener in &mut settings.listeners {
        *listener = Listener { name: listener.name.clone(), address: listener.address.clone(), ..Listener::default() };
    }
    settings.access_log = LogSettings { enabled: true, ..settings.access_log };
    let bound = (0..).zip(&settings.listeners);
    let bound =
        bound.map(|(index, listener)| LiveListener { id: listener_id(index), address: listener.address.clone() });
    let bound = bound.collect();
    Generation::prepare(number, table, bound, secrets, around)
}

/// Lets deadlines pass.
async fn tick(core: Rc<Core>) {
    let mut ticks = tokio::time::interval(TICK);
    loop {
        ticks.tick().await;
        core.timers.tick();
        core.tunnels.tick();
    }
}

async fn serve_all(listener: TcpListener, received: Received) {
    while let Ok((stream, _)) = listener.accept().await {
        let received = Rc::clone(&received);
        spawn_local(async move {
            // whoever has gone away needs no answer
            let _ = serve_one(stream, &received).await;
        });
    }
}

/// Answers the requests of one connection, and keeps their heads.
async fn serve_one(mut stream: TcpStream, received: &Received) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = Vec::new();
    loop {
        let end = loop {
            match input.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                Some(at) => break at + 4,
                None if stream.read_buf(&mut input).await? == 0 => return Ok(()),
                None => {}
            }
        };
        let head: Vec<u8> = input.drain(..end).collect();
        let length = body_length(&head);
        received.borrow_mut().push(head);
        let Some(length) = length else {
            stream.write_all(LAST_ANSWER).await?;
            return stream.shutdown().await;
        };
        while input.len() < length {
            if stream.read_buf(&mut input).await? == 0 {
                return Ok(());
            }
        }
        input.drain(..length);
        stream.write_all(ANSWER).await?;
    }
}

/// The length of a request's body; `None` if only its end tells.
fn body_length(head: &[u8]) -> Option<usize> {
    let head = String::from_utf8_lossy(head);
    let field = |wanted: &str| head.lines().filter_map(|line| line.split_once(": ")).find(|(name, _)| *name == wanted);
    match (field("content-length"), field("transfer-encoding")) {
        (Some((_, length)), _) => length.parse().ok(),
        (None, Some(_)) => None,
        (None, None) => Some(0),
    }
}
