//! One request after another on a connection, or one stream of it: its deadline, its route while it lasts, and the tunnel that
//! its answer opens.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::proxy::connection::Connection;
use crate::proxy::core::{Core, Pinned};
use crate::proxy::timer::Deadline;
use crate::proxy::tunnel::PendingTunnel;

/// What a request in flight has for itself.
pub struct Visit {
    /// The connection that it came by.
    pub connection: Rc<Connection>,
    /// When the head of its answer must be there.
    pub deadline: Deadline,
    /// The other end of a tunnel that the answer on its way opens.
    pub tunnel: Cell<Option<PendingTunnel>>,
    /// How long the client waits for the head of the answer, if it has said so.
    pub patience: Cell<Option<Duration>>,
    /// When its first bytes came, on the clock of the timers.
    began: Cell<u64>,
    flight: RefCell<Option<Flight>>,
    /// When it is cut off, once its listener or its route is gone; one of those that look up when a table was swapped in.
    ending: Deadline,
}

/// A request that has a route, and whether a table still has it.
struct Flight {
    generation: Pinned,
    route: u32,
    /// The newest generation that was looked at.
    looked: u64,
    routed: bool,
}

impl Flight {
    fn is_routed(&mut self, core: &Core) -> bool {
        let newest = core.generation();
        if newest.number != self.generation.number && newest.number != self.looked {
            let name = &self.generation.table.routes[self.route as usize].name;
            self.looked = newest.number;
            self.routed = newest.table.routes.iter().any(|route| route.name == *name);
        }
        self.routed
    }
}

impl Visit {
    /// A place for requests of a connection; the first one begins now.
    pub fn new(connection: &Rc<Connection>) -> Self {
        let core = &connection.core;
        Self {
            connection: Rc::clone(connection),
            deadline: core.timers.deadline(),
            tunnel: Cell::new(None),
            patience: Cell::new(None),
            began: Cell::new(core.timers.now()),
            flight: RefCell::new(None),
            ending: core.tunnels.deadline(),
        }
    }

    /// The first bytes of a request have come.
    pub fn begins(&self) {
        self.began.set(self.connection.core.timers.now());
    }

    /// The request in flight has a route, which says how long it may take from its first byte on.
    pub fn took_route(&self, generation: &Pinned, route: u32) {
        self.may_take(generation.table.routes[route as usize].request);
        *self.flight.borrow_mut() = Some(Flight { generation: Rc::clone(generation), route, looked: 0, routed: true });
    }

    /// The request in flight may take so long from its first byte on, or as long as its client waits, if that is less.
    pub fn may_take(&self, time: Duration) {
        let time = self.patience.get().map_or(time, |patience| patience.min(time));
        self.deadline.set_since(self.began.get(), time);
    }

    /// The answer has ended.
    pub fn ended(&self) {
        self.flight.borrow_mut().take();
        self.deadline.clear();
    }

    /// Ready once it has outlived its listener, or its request its route, by the drain time.
    pub fn poll_outlived(&self, cx: &mut Context<'_>) -> Poll<()> {
        let Connection { core, listener, .. } = &*self.connection;
        match listener.closing.get() || self.is_unrouted() {
            false => self.ending.clear(),
            true if !self.ending.is_set() => self.ending.set(core.generation().table.settings.timeouts.drain.get()),
            true => {}
        }
        self.ending.poll_expired(cx)
    }

    /// Whether the route of the request in flight is in no table any more.
    fn is_unrouted(&self) -> bool {
        let mut flight = self.flight.borrow_mut();
        flight.as_mut().is_some_and(|flight| !flight.is_routed(&self.connection.core))
    }
}
