//! The connections of a worker to servers that speak HTTP/2, and the streams in use on each.
//!
//! A connection is made when all others are full; those who need it meanwhile wait for it, so that a burst makes one and not many.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::task::spawn_local;

use crate::proxy::timer::Timers;
use crate::proxy::upstream::client::AnswerLimits;
use crate::proxy::upstream::error::UpstreamError;
use crate::proxy::upstream::gate::{Counted, Gate, GateLimits, Starved, Waiters};
use crate::proxy::upstream::http2::life::{Life, drive};
use crate::proxy::upstream::open::{Opening, open, wait};
use crate::proxy::upstream::pool::{Mark, Pools};
use crate::proxy::upstream::target::Target;
use crate::proxy::wire::Desk;

/// How long a connection stays without a stream before it is closed.
const IDLE_AGE: Duration = Duration::from_mins(1);

/// How much of one answer may be on its way, not yet taken by the client.
const STREAM_WINDOW: u32 = 256 * 1024;

/// The same for all answers of a connection: no more than their own windows allow, so that a slow client holds up no other one.
const CONNECTION_WINDOW: u32 = 1 << 30;

/// How much of one request is kept that the server does not take.
const SEND_BUFFER: usize = 64 * 1024;

/// The connections of one worker.
pub(in crate::proxy::upstream) struct Sessions {
    groups: RefCell<HashMap<Target, Rc<Group>, ahash::RandomState>>,
    /// Where a connection goes whose server turns out to have chosen HTTP/1.
    pools: Rc<Pools>,
    timers: Timers,
}

/// The connections to one target.
#[derive(Default)]
struct Group {
    sessions: RefCell<Vec<Rc<Session>>>,
    /// Whether one is being made.
    connecting: Cell<bool>,
    /// Told whenever a stream may have become free.
    changed: Notify,
    /// Those for whom there is no place to make one.
    waiters: Waiters,
}

struct Session {
    send: SendRequest<Bytes>,
    life: Rc<Life>,
    /// When its last stream ended, in milliseconds of the worker's timers.
    idle_since: Cell<u64>,
    mark: Mark,
}

/// A stream in use, until it is dropped.
pub(in crate::proxy::upstream) struct Lease {
    session: Rc<Session>,
    group: Rc<Group>,
    timers: Timers,
    /// Whether the connection was there before.
    pub(super) reused: bool,
}

/// How a connection is had.
#[derive(Clone, Copy)]
pub(super) struct Wish<'a> {
    pub(super) opening: Opening<'a>,
    pub(super) limits: AnswerLimits,
    pub(super) gate: Option<(&'a Arc<Gate>, GateLimits)>,
    /// Whether a tunnel is to be opened.
    pub(super) tunnel: bool,
}

impl Sessions {
    /// No connections yet.
    pub(in crate::proxy::upstream) fn new(timers: Timers, pools: Rc<Pools>) -> Self {
        Self { groups: RefCell::default(), pools, timers }
    }

    /// Closes connections that nobody uses, and forgets targets without any.
    pub(in crate::proxy::upstream) fn sweep(&self) {
        let now = self.timers.now();
        self.groups.borrow_mut().retain(|target, group| {
            group.give_up_one();
            let age = if target.is_orphaned() { Duration::ZERO } else { IDLE_AGE };
            group.sessions.borrow_mut().retain(|session| {
                let idle = u128::from(now.saturating_sub(session.idle_since.get()));
                !session.life.retired.get() && (session.is_used() || idle < age.as_millis())
            });
            !group.sessions.borrow().is_empty() || Rc::strong_count(group) > 1
        });
    }

    /// Closes connections that nobody uses and whose place somebody elsewhere waits for.
    fn make_room(&self) {
        for group in self.groups.borrow().values() {
            group.sessions.borrow_mut().retain(|session| session.is_used() || !session.is_wanted(group));
        }
    }

    fn group(&self, target: &Target) -> Rc<Group> {
        if let Some(group) = self.groups.borrow().get(target) {
            return Rc::clone(group);
        }
        let group = Rc::<Group>::default();
        self.groups.borrow_mut().insert(target.clone(), Rc::clone(&group));
        group
    }

    /// A stream on a connection to a target.
    pub(super) async fn lease(&self, wish: Wish<'_>, desk: &Desk) -> Result<Lease, UpstreamError> {
        let Opening { target, timeouts, .. } = wish.opening;
        let group = self.group(target);
        if let Some(session) = group.free(target) {
            return Ok(self.take(session, &group, true));
        }
        let _pending = match wish.gate {
            Some((gate, limits)) => Some(gate.wait(limits).ok_or(UpstreamError::PendingLimit)?),
            None => None,
        };
        desk.deadline.set(timeouts.connect);
        let mut starved = None;
        loop {
            let mut changed = pin!(group.changed.notified());
            // from here on no change is missed
            changed.as_mut().enable();
            if let Some(session) = group.free(target) {
                return Ok(self.take(session, &group, true));
            }
            if target.chose_http1() {
                return Err(UpstreamError::NoHttp2);
            }
            if group.connecting.get() {
                starved = None;
                wait(wish.opening, desk, || UpstreamError::ConnectTimeout, |cx| changed.as_mut().poll(cx)).await?;
                continue;
            }
            match count(wish.gate) {
                Ok(counted) => {
                    drop(starved);
                    let session = self.connect(wish, desk, &group, counted).await?;
                    return Ok(self.take(session, &group, false));
                }
                Err(gate) => {
                    let starved = starved.get_or_insert_with(|| group.waiters.starve(gate));
                    if group.waiters.is_first() {
                        self.make_room();
                    }
                    self.starve(wish.opening, desk, starved, changed).await?;
                }
            }
        }
    }

    /// Waits until there may be a stream or a place.
    async fn starve(
        &self,
        opening: Opening<'_>,
        desk: &Desk,
        starved: &Starved<'_>,
        mut changed: Pin<&mut Notified<'_>>,
    ) -> Result<(), UpstreamError> {
        let (mut freed, tick) = (pin!(starved.freed()), self.timers.deadline());
        // of those who are told one may not look: all do now and then
        tick.set(Duration::ZERO);
        let told = |cx: &mut Context<'_>| {
            let told = changed.as_mut().poll(cx).is_ready() || freed.as_mut().poll(cx).is_ready();
            if told { Poll::Ready(()) } else { tick.poll_expired(cx) }
        };
        wait(opening, desk, || UpstreamError::ConnectionLimit, told).await
    }

    fn take(&self, session: Rc<Session>, group: &Rc<Group>, reused: bool) -> Lease {
        let streams = &session.life.streams;
        streams.set(streams.get() + 1);
        Lease { session, group: Rc::clone(group), timers: self.timers.clone(), reused }
    }

    async fn connect(
        &self,
        wish: Wish<'_>,
        desk: &Desk,
        group: &Rc<Group>,
        counted: Option<Counted>,
    ) -> Result<Rc<Session>, UpstreamError> {
        let _connecting = Connecting::begin(group);
        let (stream, mark) = open(wish.opening, counted, desk).await?;
        let target = wish.opening.target;
        if target.tls.is_some() && stream.alpn() != Some(b"h2") {
            target.note_http1(true);
            if let Some(old) = target.over_http1() {
                self.pools.of(&old).put(stream, mark);
            }
            return Err(UpstreamError::NoHttp2);
        }
        let (send, mut connection) = builder(wish.limits).handshake(stream).await.map_err(|_| UpstreamError::Closed)?;
        let life = Rc::new(Life::new(connection.ping_pong()));
        let idle_since = Cell::new(self.timers.now());
        let session = Rc::new(Session { send, life: Rc::clone(&life), idle_since, mark });
        let (at, deadline) = (Rc::downgrade(group), self.timers.deadline());
        spawn_local(async move {
            drive(connection, &life, deadline).await;
            life.retired.set(true);
            life.told.notify_waiters();
            if let Some(group) = at.upgrade() {
                group.changed.notify_waiters();
            }
        });
        group.sessions.borrow_mut().push(Rc::clone(&session));
        Ok(session)
    }
}

fn builder(limits: AnswerLimits) -> Builder {
    let mut builder = Builder::new();
    builder
        .enable_push(false)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .max_send_buffer_size(SEND_BUFFER);
    builder
}

/// The place of a connection to be made, if they are counted.
///
/// # Errors
/// If there are too many.
fn count(gate: Option<(&Arc<Gate>, GateLimits)>) -> Result<Option<Counted>, &Arc<Gate>> {
    let Some((gate, limits)) = gate else { return Ok(None) };
    gate.count(limits).map(Some).ok_or(gate)
}

impl Group {
    /// A connection with a stream to spare; those that have ended, or lead to where the target was before, are forgotten.
    fn free(&self, target: &Target) -> Option<Rc<Session>> {
        let (mut sessions, version) = (self.sessions.borrow_mut(), target.address.version());
        sessions.retain(|session| session.mark.version == version && !session.has_ended());
        sessions.iter().find(|session| session.life.streams.get() < session.send.current_max_send_streams()).cloned()
    }
}

impl Group {
    /// Has the least used connection get no more requests if somebody elsewhere, maybe another worker, waits for its place.
    fn give_up_one(&self) {
        let sessions = self.sessions.borrow();
        let wanted = sessions.iter().filter(|session| session.is_wanted(self));
        if let Some(session) = wanted.min_by_key(|session| session.life.streams.get()) {
            session.life.retired.set(true);
        }
    }
}

impl Session {
    fn is_used(&self) -> bool {
        self.life.streams.get() > 0
    }

    /// Whether somebody waits for its place who cannot have a stream of it.
    fn is_wanted(&self, group: &Group) -> bool {
        self.mark.counted.as_ref().is_some_and(|counted| counted.is_wanted_beside(&group.waiters))
    }

    /// Whether it takes no more requests: its server has said so, or it is gone.
    fn has_ended(&self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        self.life.retired.get() || matches!(self.send.clone().poll_ready(&mut cx), Poll::Ready(Err(_)))
    }
}

impl Lease {
    /// What a request is sent with.
    pub(super) fn sender(&self) -> SendRequest<Bytes> {
        self.session.send.clone()
    }

    /// Has the connection get no more requests: its server does not answer as it should.
    pub(super) fn retire(&self) {
        self.session.life.retired.set(true);
    }

    /// A part of an answer has come.
    pub(super) fn answered(&self) {
        self.session.life.answered();
    }

    /// Whether the server opens tunnels (RFC 8441), which it has said once anything is heard of it.
    ///
    /// # Errors
    /// If nothing is heard in time.
    pub(super) async fn opens_tunnels(&self, opening: Opening<'_>, desk: &Desk) -> Result<bool, UpstreamError> {
        let life = &self.session.life;
        desk.deadline.set(opening.timeouts.connect);
        while life.heard() == 0 {
            let mut told = pin!(life.told.notified());
            told.as_mut().enable();
            life.ask();
            wait(opening, desk, || UpstreamError::ConnectTimeout, |cx| told.as_mut().poll(cx)).await?;
            if life.retired.get() {
                return Err(UpstreamError::Closed);
            }
        }
        Ok(self.session.send.is_extended_connect_protocol_enabled())
    }

    /// How often something was heard on the connection.
    pub(super) fn heard(&self) -> u64 {
        self.session.life.heard()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let streams = &self.session.life.streams;
        streams.set(streams.get() - 1);
        self.session.idle_since.set(self.timers.now());
        if !self.session.is_used() && self.session.is_wanted(&self.group) {
            self.group.sessions.borrow_mut().retain(|session| !Rc::ptr_eq(session, &self.session));
        }
        self.group.changed.notify_waiters();
    }
}

/// A connection that is being made, until it is made or has failed.
struct Connecting<'a>(&'a Group);

impl<'a> Connecting<'a> {
    fn begin(group: &'a Group) -> Self {
        group.connecting.set(true);
        Self(group)
    }
}

impl Drop for Connecting<'_> {
    fn drop(&mut self) {
        self.0.connecting.set(false);
        self.0.changed.notify_waiters();
    }
}
