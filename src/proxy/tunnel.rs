//! Upgraded connections, such as WebSockets (RFC 9110, 7.8): bytes both ways until both sides end, the tunnel is silent for too
//! long, or its route is removed.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use hyper::header::{HeaderMap, UPGRADE};
use hyper::http::Extensions;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use crate::pipeline::exchange::Exchange;
use crate::proxy::connection::Connection;
use crate::proxy::live::Generation;
use crate::proxy::upstream::Tunnel;
use crate::table::route::CompiledRoute;

/// What a client asks for with `Upgrade`.
pub struct Upgrade {
    /// The protocols it names.
    pub protocol: Box<[u8]>,
    on: OnUpgrade,
}

impl Upgrade {
    /// What a request asks for, if it asks.
    pub fn of(mut extensions: Extensions, headers: &HeaderMap) -> Option<Self> {
        let protocol = headers.get(UPGRADE)?.as_bytes().into();
        Some(Self { protocol, on: extensions.remove::<OnUpgrade>()? })
    }

    /// Joins client and upstream, in a task that outlives the request.
    pub fn join(self, tunnel: Tunnel, connection: &Rc<Connection>, generation: &Arc<Generation>, route: &CompiledRoute, exchange: &mut Exchange<'_>) {
        let protocol = exchange.response.fields.get("upgrade").unwrap_or(&self.protocol).to_vec();
        exchange.response.fields.set("connection", b"upgrade");
        exchange.response.fields.set("upgrade", &protocol);
        let connection = Rc::clone(connection);
        let (name, idle, number) = (route.name.clone(), route.timeouts.upgraded, generation.number);
        tokio::task::spawn_local(async move {
            let Ok(client) = self.on.await else { return };
            connection.became_tunnel();
            connection.core.metrics.tunnels.fetch_add(1, Ordering::Relaxed);
            let joined = tunnel.join(TokioIo::new(client), idle);
            while_routed(joined, &connection, &name, number).await;
            connection.core.metrics.tunnels.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

/// Runs a tunnel; once its route or its listener is gone it has the drain time left.
async fn while_routed(tunnel: impl Future, connection: &Connection, route: &str, mut seen: u64) {
    let mut tunnel = pin!(tunnel);
    let ending = connection.core.tunnels.deadline();
    let mut told = false;
    poll_fn(|cx| {
        let generation = connection.core.generation();
        if generation.number != seen {
            seen = generation.number;
            let routed = generation.table.routes.iter().any(|known| *known.name == *route);
            match routed {
                false if !told => ending.set(generation.table.settings.timeouts.drain.get()),
                true if told && !connection.listener.closing.get() => ending.clear(),
                _ => {}
            }
            told = !routed;
        }
        if !told && connection.listener.closing.get() {
            told = true;
            ending.set(generation.table.settings.timeouts.drain.get());
        }
        if tunnel.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        ending.poll_expired(cx)
    })
    .await;
}
