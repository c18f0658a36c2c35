//! Which of a route's ends a request gets to, and whether another backend gets a copy of it.

use crate::pipeline::exchange::Exchange;
use crate::pipeline::split::{Point, part};
use crate::proxy::account::Account;
use crate::proxy::live::LiveRoute;
use crate::proxy::mirror::{Copy, Mirrored};
use crate::proxy::visit::Visit;
use crate::table::route::CompiledRoute;

/// The end that a request gets to.
pub struct Chosen {
    /// Its index among the route's.
    pub index: usize,
    /// The value of the cookie that keeps its caller there, if it has none.
    pub cookie: Option<u64>,
}

/// Chooses the end of a request; `None` if the route has none.
pub fn choose(route: &CompiledRoute, exchange: &Exchange<'_>, visit: &Visit) -> Option<Chosen> {
    if let [_only] = &*route.ends {
        return Some(Chosen { index: 0, cookie: None });
    }
    let random = &mut visit.connection.core.random.borrow_mut();
    let point = match &route.split_by {
        Some(by) => by.point(exchange, random),
        None => Point { at: random.u64(..), cookie: None },
    };
    let index = part(route.ends.iter().map(|end| end.weight), point.at)?;
    visit.may_take(route.ends[index].timeouts.request);
    Some(Chosen { index, cookie: point.cookie })
}

/// Copies a request for the backend that mirrors its route, if it is one of those that are copied.
pub fn copy(
    route: &CompiledRoute,
    live: &LiveRoute,
    exchange: &Exchange<'_>,
    visit: &Visit,
    account: &Account,
    id: &[u8],
) -> Option<Copy> {
    let (mirror, backend) = (route.mirror.as_ref()?, live.mirror?);
    let connection = &visit.connection;
    if connection.core.random.borrow_mut().u32(..100) >= mirror.percent {
        return None;
    }
    let (core, generation, peer) = (&connection.core, &account.generation, &*connection.peer_text);
    Copy::of(exchange, &Mirrored { core, generation, backend, waits: mirror.end.timeouts, peer, id })
}
