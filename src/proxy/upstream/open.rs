//! A connection for a request: made within the time for it, and where its backend may have only so many, once there is a place.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::proxy::stream::Stream;
use crate::proxy::upstream::client::{Patience, StepTimeouts};
use crate::proxy::upstream::connect::connect;
use crate::proxy::upstream::error::UpstreamError;
use crate::proxy::upstream::gate::{Counted, Gate, GateLimits};
use crate::proxy::upstream::pool::{Mark, Pool, Pools};
use crate::proxy::upstream::target::Target;
use crate::proxy::wire::Desk;

/// What a connection is for, and how long it may take.
#[derive(Clone, Copy)]
pub(super) struct Opening<'a> {
    pub(super) target: &'a Target,
    pub(super) timeouts: StepTimeouts,
    pub(super) patience: Patience<'a>,
}

/// Connects.
pub(super) async fn open(
    opening: Opening<'_>,
    counted: Option<Counted>,
    desk: &Desk,
) -> Result<(Stream, Mark), UpstreamError> {
    let Opening { target, timeouts, patience } = opening;
    let mark = Mark { counted, version: target.address.version() };
    desk.deadline.set(timeouts.connect);
    // boxed: a handshake's state would make every request's future larger
    let mut connecting = Box::pin(connect(target));
    let stream = poll_fn(|cx| {
        if let Poll::Ready(result) = connecting.as_mut().poll(cx) {
            return Poll::Ready(result);
        }
        if let Poll::Ready(error) = patience.poll_over(cx) {
            return Poll::Ready(Err(error));
        }
        desk.deadline.poll_expired(cx).map(|()| Err(UpstreamError::ConnectTimeout))
    })
    .await?;
    Ok((stream, mark))
}

/// Connects to a backend that may have only so many connections, or waits until one is free.
pub(super) async fn open_at(
    (gate, limits): (&Arc<Gate>, GateLimits),
    opening: Opening<'_>,
    (pools, pool): (&Pools, &Pool),
    is_quiet: fn(&mut Stream) -> bool,
    desk: &Desk,
) -> Result<(Stream, Mark), UpstreamError> {
    let Some(_pending) = gate.wait(limits) else { return Err(UpstreamError::PendingLimit) };
    if let Some(counted) = gate.count(limits) {
        return open(opening, Some(counted), desk).await;
    }
    desk.deadline.set(opening.timeouts.connect);
    let starved = pool.waiters.starve(gate);
    if pool.waiters.is_first() {
        pools.make_room();
    }
    let tick = pool.deadline();
    let counted = loop {
        let (mut freed, mut kept) = (pin!(starved.freed()), pin!(starved.kept()));
        // from here on nothing is missed
        freed.as_mut().enable();
        kept.as_mut().enable();
        if let Some(counted) = gate.count(limits) {
            break counted;
        }
        if let Some(free) = pool.take(is_quiet) {
            return Ok(free);
        }
        // of those who are told one may not look: all do now and then
        tick.set(Duration::ZERO);
        let told = |cx: &mut Context<'_>| {
            let told = freed.as_mut().poll(cx).is_ready() || kept.as_mut().poll(cx).is_ready();
            if told { Poll::Ready(()) } else { tick.poll_expired(cx) }
        };
        wait(opening, desk, || UpstreamError::ConnectionLimit, told).await?;
    };
    drop(starved);
    open(opening, Some(counted), desk).await
}

/// Waits until something is told, or it is too late to connect.
pub(super) async fn wait(
    opening: Opening<'_>,
    desk: &Desk,
    late: fn() -> UpstreamError,
    mut told: impl FnMut(&mut Context<'_>) -> Poll<()>,
) -> Result<(), UpstreamError> {
    poll_fn(|cx| {
        if told(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        if let Poll::Ready(error) = opening.patience.poll_over(cx) {
            return Poll::Ready(Err(error));
        }
        desk.deadline.poll_expired(cx).map(|()| Err(late()))
    })
    .await
}
