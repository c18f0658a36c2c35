//! Memory for the handling of one request after another.
//!
//! What a request is handled by is a future of a few kilobytes: too much for a connection to hold while it is idle, and dear to
//! allocate for each request. So a worker keeps the rooms that are empty.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::proxy::core::Heads;
use crate::proxy::handler::{Answer, Arrival, handle};
use crate::proxy::visit::Visit;

/// Room for the handling of a request.
pub trait Room {
    /// Begins to handle a request.
    fn enter(&mut self, visit: Rc<Visit>, heads: Box<Heads>, arrival: Arrival);

    /// Goes on with it; never ready while nobody has entered.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Answer>;

    /// Ends it, wherever it is.
    fn leave(&mut self);
}

/// A room that nobody has entered.
pub fn room() -> Box<dyn Room> {
    of(handle)
}

fn of<M, F>(make: M) -> Box<dyn Room>
where
    M: Fn(Rc<Visit>, Box<Heads>, Arrival) -> F + 'static,
    F: Future<Output = Answer> + 'static,
{
    Box::new(Handling { make, future: Box::pin(None) })
}

struct Handling<M, F> {
    make: M,
    future: Pin<Box<Option<F>>>,
}

impl<M, F> Room for Handling<M, F>
where
    M: Fn(Rc<Visit>, Box<Heads>, Arrival) -> F,
    F: Future<Output = Answer>,
{
    fn enter(&mut self, visit: Rc<Visit>, heads: Box<Heads>, arrival: Arrival) {
        let future = (self.make)(visit, heads, arrival);
        self.future.as_mut().set(Some(future));
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Answer> {
        self.future.as_mut().as_pin_mut().map_or(Poll::Pending, |future| future.poll(cx))
    }

    fn leave(&mut self) {
        self.future.as_mut().set(None);
    }
}
