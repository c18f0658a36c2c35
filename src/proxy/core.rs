//! What one worker has for itself: its upstream connections, buffers and deadlines. Nothing here is shared or locked.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use arc_swap::{ArcSwap, Cache};

use crate::pipeline::head::{RequestHead, ResponseHead};
use crate::proxy::access_log::AccessLog;
use crate::proxy::live::{Generation, Live};
use crate::proxy::metrics::Metrics;
use crate::proxy::mirror::Mirrors;
use crate::proxy::room::{Room, room};
use crate::proxy::timer::Timers;
use crate::proxy::upstream::Upstreams;

/// More heads than this are not kept for reuse.
const KEPT_HEADS: usize = 256;

/// More rooms than this are not kept either.
const KEPT_ROOMS: usize = 64;

/// The length of a date in a header field.
const DATE_BYTES: usize = 29;

/// The generation that a request lives with. A clone of the `Rc` writes to no cache line that another worker reads.
pub type Pinned = Rc<Arc<Generation>>;

/// One worker's own things.
pub struct Core {
    live: RefCell<Cache<Arc<ArcSwap<Generation>>, Arc<Generation>>>,
    current: RefCell<Pinned>,
    #[expect(clippy::vec_box, reason = "taking and giving back moves a pointer, not two heads")]
    heads: RefCell<Vec<Box<Heads>>>,
    rooms: RefCell<Vec<Box<dyn Room>>>,
    /// Random numbers, for nothing that must stay secret.
    pub random: RefCell<fastrand::Rng>,
    /// The date, and the second of the timers that it was made in.
    date: Cell<(u64, [u8; DATE_BYTES])>,
    /// The copies of requests that are on their way.
    pub mirrors: Mirrors,
    /// The client for upstreams.
    pub upstreams: Upstreams,
    /// The deadlines of connections and requests.
    pub timers: Timers,
    /// The deadlines of tunnels, which also look up when a table was swapped in.
    pub tunnels: Timers,
    /// The counters, shared by all workers.
    pub metrics: Arc<Metrics>,
    /// The log of requests.
    pub log: AccessLog,
    /// The connections of clients that this worker serves.
    pub connections: Cell<usize>,
}

/// The buffers of one request.
#[derive(Default)]
pub struct Heads {
    /// The request's head.
    pub request: RequestHead,
    /// The answer's head.
    pub response: ResponseHead,
    /// The head as it is sent upstream.
    pub outgoing: Vec<u8>,
}

impl Core {
    /// A worker's things, at the table that is live.
    /// Its clock begins at `epoch`.
    pub fn new(live: &Live, metrics: Arc<Metrics>, log: AccessLog, epoch: Instant) -> Self {
        let timers = Timers::since(epoch);
        Self {
            live: RefCell::new(Cache::new(live.pointer())),
            current: RefCell::new(Rc::new(live.load())),
            heads: RefCell::default(),
            rooms: RefCell::default(),
            random: RefCell::new(fastrand::Rng::new()),
            date: Cell::new((u64::MAX, [0; DATE_BYTES])),
            mirrors: Mirrors::default(),
            upstreams: Upstreams::new(&timers),
            tunnels: Timers::new(),
            timers,
            metrics,
            log,
            connections: Cell::new(0),
        }
    }

    /// The generation in force. A request asks once.
    pub fn generation(&self) -> Pinned {
        let mut live = self.live.borrow_mut();
        let newest = live.load();
        let mut current = self.current.borrow_mut();
        if !Arc::ptr_eq(newest, &current) {
            *current = Rc::new(Arc::clone(newest));
        }
        Rc::clone(&current)
    }

    /// Buffers for a request.
    pub fn heads(&self) -> Box<Heads> {
        self.heads.borrow_mut().pop().unwrap_or_default()
    }

    /// Takes the buffers of a request back.
    pub fn recycle(&self, mut heads: Box<Heads>) {
        let mut kept = self.heads.borrow_mut();
        if kept.len() < KEPT_HEADS {
            heads.request.clear();
            heads.response.status = 0;
            heads.response.fields.clear();
            heads.outgoing.clear();
            kept.push(heads);
        }
    }

    /// Room for the handling of a request.
    pub fn room(&self) -> Box<dyn Room> {
        self.rooms.borrow_mut().pop().unwrap_or_else(room)
    }

    /// Takes a room back, and ends what goes on in it.
    pub fn give_back(&self, mut room: Box<dyn Room>) {
        room.leave();
        let mut kept = self.rooms.borrow_mut();
        if kept.len() < KEPT_ROOMS {
            kept.push(room);
        }
    }

    /// The date as header fields say it (RFC 9110, 5.6.7); made anew about every second.
    pub fn date(&self) -> [u8; DATE_BYTES] {
        let now = self.timers.now() / 1000;
        let (made, text) = self.date.get();
        if made == now {
            return text;
        }
        let mut text = [b' '; DATE_BYTES];
        let written = httpdate::fmt_http_date(SystemTime::now());
        for (to, from) in text.iter_mut().zip(written.bytes()) {
            *to = from;
        }
        self.date.set((now, text));
        text
    }

    /// Random bits, not for secrets.
    pub fn random_bits(&self) -> u128 {
        self.random.borrow_mut().u128(..)
    }

    /// A new request id: 128 random bits in hex. Not a secret.
    pub fn request_id(&self) -> [u8; 32] {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let bits = self.random_bits().to_le_bytes();
        let mut id = [0; 32];
        for (digits, byte) in id.chunks_exact_mut(2).zip(bits) {
            digits[0] = HEX[usize::from(byte >> 4)];
            digits[1] = HEX[usize::from(byte & 15)];
        }
        id
    }
}
