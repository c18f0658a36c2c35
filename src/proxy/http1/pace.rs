//! How long a client may take: for a head, between two requests, to take bytes.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::proxy::connection::Connection;
use crate::proxy::timer::Deadline;
use crate::proxy::visit::Visit;

/// The deadlines of a connection, and what is waited for on it.
pub(super) struct Pace {
    /// The requests of the connection, one after another.
    pub(super) visit: Rc<Visit>,
    phase: Cell<Phase>,
    /// Whether a request was answered on it.
    has_served: Cell<bool>,
    /// When the next bytes must have come.
    reading: Deadline,
    /// When the client must have taken bytes.
    writing: Deadline,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Between two requests.
    Idle,
    /// Within a head.
    Head,
    /// A request is in flight: others watch the time.
    Busy,
}

impl Pace {
    /// The pace of a new connection: its first head must come in time.
    pub(super) fn new(visit: &Rc<Visit>) -> Self {
        let core = &visit.connection.core;
        let pace = Self {
            visit: Rc::clone(visit),
            phase: Cell::new(Phase::Idle),
            has_served: Cell::new(false),
            reading: core.timers.deadline(),
            writing: core.timers.deadline(),
        };
        pace.reading.set(core.generation().table.settings.timeouts.header.get());
        pace
    }

    /// The connection.
    pub(super) fn connection(&self) -> &Rc<Connection> {
        &self.visit.connection
    }

    /// The first bytes of a head have come.
    pub(super) fn first_bytes(&self) {
        if self.phase.get() == Phase::Idle {
            self.phase.set(Phase::Head);
            self.visit.begins();
            self.reading.set(self.connection().core.generation().table.settings.timeouts.header.get());
        }
    }

    /// A head has come: from here on the request has its own deadline.
    pub(super) fn request_began(&self) {
        self.phase.set(Phase::Busy);
        self.reading.clear();
    }

    /// The answer has ended; the next request may come.
    pub(super) fn request_ended(&self) {
        self.phase.set(Phase::Idle);
        self.has_served.set(true);
        self.visit.ended();
        self.reading.set(self.connection().core.generation().table.settings.timeouts.idle.get());
    }

    /// Whether the connection is to end before its next request. One that is new has been accepted, and gets its answer.
    pub(super) fn is_leaving(&self) -> bool {
        self.has_served.get() && self.connection().ends_soon()
    }

    /// Whether a head that drips in has taken too long.
    pub(super) fn is_late(&self, cx: &mut Context<'_>) -> bool {
        self.phase.get() == Phase::Head && self.reading.poll_expired(cx).is_ready()
    }

    /// Ready once what is waited for takes too long.
    pub(super) fn poll_late(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.reading.poll_expired(cx)
    }

    /// Watches how long the client takes to take bytes.
    pub(super) fn watch_writing<T>(&self, written: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.writing.clear();
            return written;
        }
        if !self.writing.is_set() {
            self.writing.set(self.connection().core.generation().table.settings.timeouts.message.get());
        }
        self.writing.poll_expired(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}
