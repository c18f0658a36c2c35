//! The connections of a worker to servers that speak HTTP/2, and the streams in use on each.
//!
//! A connection is made when all others are full; those who need it meanwhile wait for it, so that a burst makes one and not many.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use tokio::sync::Notify;
use tokio::task::spawn_local;

use crate::proxy::timer::Timers;
use crate::proxy::upstream::client::{AnswerLimits, Patience, StepTimeouts, open};
use crate::proxy::upstream::error::UpstreamError;
use crate::proxy::upstream::gate::{Counted, Gate, GateLimits};
use crate::proxy::upstream::http2::life::{Life, drive};
use crate::proxy::upstream::pool::Mark;
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
}

struct Session {
    send: SendRequest<Bytes>,
    life: Rc<Life>,
    /// When its last stream ended, in milliseconds of the worker's timers.
    idle_since: Cell<u64>,
    mark: Mark,
}

/// A stream in use, until it is dropped.
pub(super) struct Lease {
    session: Rc<Session>,
    group: Rc<Group>,
    timers: Timers,
    /// Whether the connection was there before.
    pub(super) reused: bool,
}

/// How a connection is had.
#[derive(Clone, Copy)]
pub(super) struct Wish<'a> {
    pub(super) target: &'a Target,
    pub(super) timeouts: StepTimeouts,
    pub(super) patience: Patience<'a>,
    pub(super) limits: AnswerLimits,
    pub(super) gate: Option<(&'a Arc<Gate>, GateLimits)>,
}

impl Sessions {
    /// No connections yet.
    pub(in crate::proxy::upstream) fn new(timers: Timers) -> Self {
        Self { groups: RefCell::default(), timers }
    }

    /// Closes connections that nobody uses, and forgets targets without any.
    pub(in crate::proxy::upstream) fn sweep(&self) {
        let now = self.timers.now();
        self.groups.borrow_mut().retain(|_, group| {
            group.sessions.borrow_mut().retain(|session| {
                let idle = u128::from(now.saturating_sub(session.idle_since.get()));
                !session.life.retired.get() && (session.life.streams.get() > 0 || idle < IDLE_AGE.as_millis())
            });
            !group.sessions.borrow().is_empty() || Rc::strong_count(group) > 1
        });
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
        let group = self.group(wish.target);
        if let Some(session) = group.free(wish.target) {
            return Ok(self.take(session, &group, true));
        }
        let waiting = match wish.gate {
            Some((gate, limits)) => Some(gate.wait(limits).ok_or(UpstreamError::PendingLimit)?),
            None => None,
        };
        desk.deadline.set(wish.timeouts.connect);
        loop {
            let mut changed = pin!(group.changed.notified());
            // from here on no change is missed
            changed.as_mut().enable();
            if let Some(session) = group.free(wish.target) {
                return Ok(self.take(session, &group, true));
            }
            if !group.connecting.get()
                && let Some(counted) = count(wish.gate)
            {
                drop(waiting);
                let session = self.connect(wish, desk, &group, counted).await?;
                return Ok(self.take(session, &group, false));
            }
            std::future::poll_fn(|cx| {
                if changed.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Ok(()));
                }
                if let Poll::Ready(error) = wish.patience.poll_over(cx) {
                    return Poll::Ready(Err(error));
                }
                let error =
                    if group.connecting.get() { UpstreamError::ConnectTimeout } else { UpstreamError::ConnectionLimit };
                desk.deadline.poll_expired(cx).map(|()| Err(error))
            })
            .await?;
        }
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
        let (stream, mark) = open(wish.target, counted, desk, wish.timeouts, wish.patience).await?;
        if wish.target.tls.is_some() && stream.alpn() != Some(b"h2") {
            return Err(UpstreamError::Malformed("not HTTP/2"));
        }
        let (send, connection) = builder(wish.limits).handshake(stream).await.map_err(|_| UpstreamError::Closed)?;
        let life = Rc::<Life>::default();
        let idle_since = Cell::new(self.timers.now());
        let session = Rc::new(Session { send, life: Rc::clone(&life), idle_since, mark });
        let (at, deadline) = (Rc::downgrade(group), self.timers.deadline());
        spawn_local(async move {
            drive(connection, &life, deadline).await;
            life.retired.set(true);
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

/// The place of a connection to be made; `None` if there are too many.
#[expect(clippy::option_option, reason = "whether there is a place, and whether it counts")]
fn count(gate: Option<(&Arc<Gate>, GateLimits)>) -> Option<Option<Counted>> {
    match gate {
        Some((gate, limits)) => gate.count(limits).map(Some),
        None => Some(None),
    }
}

impl Group {
    /// A connection with a stream to spare; those that have ended, or lead to where the target was before, are forgotten.
    fn free(&self, target: &Target) -> Option<Rc<Session>> {
        let (mut sessions, version) = (self.sessions.borrow_mut(), target.address.version());
        sessions.retain(|session| session.mark.version == version && !session.has_ended());
        sessions.iter().find(|session| session.life.streams.get() < session.send.current_max_send_streams()).cloned()
    }
}

impl Session {
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
