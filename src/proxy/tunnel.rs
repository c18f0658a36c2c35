//! Upgraded connections, such as `WebSockets` (RFC 9110, 7.8): bytes both ways until both sides end, the tunnel is silent for too
//! long, or its route is removed.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::pipeline::head::{Fields, ResponseHead};
use crate::proxy::balance::Busy;
use crate::proxy::connection::Connection;
use crate::proxy::http1::Version;
use crate::proxy::upstream::Tunnel;
use crate::proxy::websocket;

/// What a client asks for with `Upgrade`, or with an extended `CONNECT` of HTTP/2.
pub struct Upgrade {
    /// The protocols it names.
    protocol: Box<[u8]>,
    /// What the server answers to the key that the gateway sent in place of the client, which HTTP/2 has none for.
    accepts: Option<Vec<u8>>,
}

impl Upgrade {
    /// What a request asks for, if it asks on its connection's behalf.
    ///
    /// With a body it is left unheard, as RFC 9110 allows: the body and what follows it could be read in two ways.
    pub fn of(fields: &Fields, version: Version, has_body: bool) -> Option<Self> {
        let protocol = fields.received("upgrade")?;
        let asks = fields
            .received_all("connection")
            .flat_map(|value| value.split(|byte| *byte == b','))
            .any(|option| option.trim_ascii().eq_ignore_ascii_case(b"upgrade"));
        (asks && version == Version::Http11 && !has_body).then(|| Self { protocol: protocol.into(), accepts: None })
    }

    /// A WebSocket that is opened over HTTP/2 (RFC 8441); what the server needs to know of it is put into the fields.
    pub fn websocket(random: u128, fields: &mut Fields) -> Self {
        let key = websocket::key(random);
        fields.receive_lower(b"sec-websocket-key", &key);
        Self { protocol: b"websocket"[..].into(), accepts: Some(websocket::accept(&key)) }
    }

    /// The protocols it names.
    pub fn protocol(&self) -> &[u8] {
        &self.protocol
    }

    /// Says in the answer which protocol it is; whether the server has understood what is asked.
    pub fn accept(&self, response: &mut ResponseHead) -> bool {
        let fields = &mut response.fields;
        let Some(accepts) = &self.accepts else {
            let protocol = fields.get("upgrade").unwrap_or(&self.protocol).to_vec();
            fields.set("connection", b"upgrade");
            fields.set("upgrade", &protocol);
            return true;
        };
        let understood = fields.get("sec-websocket-accept") == Some(&accepts[..])
            && fields.get("upgrade").is_some_and(|protocol| protocol.eq_ignore_ascii_case(&self.protocol));
        for name in ["sec-websocket-accept", "upgrade"] {
            fields.remove(name);
        }
        response.status = 200;
        understood
    }
}

/// The upstream's side of a tunnel, until the client has its 101.
pub struct PendingTunnel {
    upstream: Tunnel,
    route: Box<str>,
    idle: Duration,
    generation: u64,
    _busy: Busy,
}

impl PendingTunnel {
    /// The tunnel of a request that a generation routed, to a server that is busy with it.
    pub fn new(upstream: Tunnel, route: &str, idle: Duration, generation: u64, busy: Busy) -> Self {
        Self { upstream, route: route.into(), idle, generation, _busy: busy }
    }

    /// Joins client and upstream until one of them, or the gateway, ends it.
    pub async fn join(self, client: impl AsyncRead + AsyncWrite + Unpin, early: Bytes, connection: &Connection) {
        let open = &connection.core.metrics.tunnels;
        open.fetch_add(1, Ordering::Relaxed);
        let joined = self.upstream.join(Early { early, stream: client }, self.idle);
        while_routed(joined, connection, &self.route, self.generation).await;
        open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs a tunnel; once its route or its listener is gone, or its client would be checked by others, it has the drain time left.
async fn while_routed(tunnel: impl Future, connection: &Connection, route: &str, mut seen: u64) {
    let mut tunnel = pin!(tunnel);
    let ending = connection.core.tunnels.deadline();
    let mut routed = true;
    poll_fn(|cx| {
        let generation = connection.core.generation();
        if generation.number != seen {
            seen = generation.number;
            routed = generation.table.routes.iter().any(|known| *known.name == *route);
        }
        match routed && !connection.ends_soon() {
            true => ending.clear(),
            false if !ending.is_set() => ending.set(generation.table.settings.timeouts.drain.get()),
            false => {}
        }
        if tunnel.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        ending.poll_expired(cx)
    })
    .await;
}

/// A stream with bytes that were read from it too early.
struct Early<S> {
    early: Bytes,
    stream: S,
}

impl<S: AsyncRead + Unpin> AsyncRead for Early<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.early.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let length = self.early.len().min(buffer.remaining());
        buffer.put_slice(&self.early[..length]);
        self.early.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Early<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
