//! One connection of a client: what all of its requests share, and how it ends.

use std::cell::OnceCell;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use socket2::SockRef;
use tokio::io::{AsyncRead as _, AsyncWrite as _, AsyncWriteExt as _, ReadBuf};

use crate::pipeline::certificate::ClientCertificate;
use crate::pipeline::upstream::ProxyVersion;
use crate::proxy::core::Core;
use crate::proxy::http1::{self, Served, Socket};
use crate::proxy::http2;
use crate::proxy::listener::ListenerState;
use crate::proxy::live::Generation;
use crate::proxy::preface;
use crate::proxy::stream::{Plain, Stream};
use crate::proxy::tls::{Failure, Handshake, TlsFacts, TlsListener, handshake};
use crate::proxy::visit::Visit;
use crate::proxy::wire::Input;
use crate::table::settings::{GatewayTimeouts, Protocol};
use crate::value::url::Scheme;

/// How long a connection that the gateway ends is read to its end, so that the client gets the last answer.
const LINGER: Duration = Duration::from_secs(1);

/// What all requests of a connection share.
pub struct Connection {
    /// The worker's things.
    pub core: Rc<Core>,
    /// The listener it came by.
    pub listener: Rc<ListenerState>,
    /// The other end.
    pub peer: IpAddr,
    /// Its port; 0 if it has none.
    pub peer_port: u16,
    /// Its text: every request upstream says it.
    pub peer_text: Box<str>,
    /// How the client speaks to us.
    pub scheme: Scheme,
    /// What is known of it if that is TLS.
    pub tls: Option<Box<TlsFacts>>,
    /// What servers are told of it, by the version of the PROXY protocol.
    prefaces: [OnceCell<Arc<[u8]>>; 2],
}

impl Connection {
    fn new(core: &Rc<Core>, listener: &Rc<ListenerState>, peer: SocketAddr) -> Self {
        core.connections.set(core.connections.get() + 1);
        core.metrics.accepted.fetch_add(1, Ordering::Relaxed);
        Self {
            core: Rc::clone(core),
            listener: Rc::clone(listener),
            peer: peer.ip(),
            peer_port: peer.port(),
            peer_text: peer.ip().to_string().into(),
            scheme: Scheme::Http,
            tls: None,
            prefaces: Default::default(),
        }
    }

    fn set_peer(&mut self, peer: SocketAddr) {
        self.peer_text = peer.ip().to_string().into();
        (self.peer, self.peer_port) = (peer.ip(), peer.port());
    }

    /// Whether the other end is a load balancer that says who connects to it.
    fn is_from_balancer(&self) -> bool {
        let generation = self.core.generation();
        let index = self.listener_index(&generation);
        let listener = index.and_then(|index| generation.table.settings.listeners.get(usize::from(index)));
        let balancers = listener.and_then(|listener| listener.proxy_protocol.as_ref());
        balancers.is_some_and(|balancers| balancers.from.iter().any(|network| network.contains(self.peer)))
    }

    /// How long the gateway waits, by the table in force.
    pub fn timeouts(&self) -> GatewayTimeouts {
        self.core.generation().table.settings.timeouts
    }

    /// Whether its listener lets a protocol be spoken in clear text.
    fn speaks_in_clear(&self, protocol: Protocol) -> bool {
        let generation = self.core.generation();
        let listener = self.listener_index(&generation).map(usize::from);
        let listener = listener.and_then(|index| generation.table.settings.listeners.get(index));
        listener.map_or(protocol == Protocol::Http1, |listener| listener.speaks_in_clear(protocol))
    }

    /// The TLS that its listener speaks, if it does.
    fn listener_tls(&self) -> Option<Arc<TlsListener>> {
        let generation = self.core.generation();
        let index = self.listener_index(&generation)?;
        generation.tls.listeners.get(usize::from(index))?.clone()
    }

    /// What a server is told that wants to know for whom a connection is made. It is the same for all requests, and who has a
    /// connection for it knows by it when the client is gone.
    pub fn preface(&self, version: ProxyVersion, generation: &Arc<Generation>) -> Arc<[u8]> {
        let preface = self.prefaces[version as usize].get_or_init(|| {
            let listener = self.listener_index(generation).unwrap_or_default();
            let here = generation.listeners.get(usize::from(listener)).and_then(|listener| listener.address.ip());
            // the ends of a connection are of one family; where ours is not known, the client's stands for it
            let client = SocketAddr::new(self.peer, self.peer_port);
            let here = here.filter(|here| here.is_ipv4() == client.is_ipv4()).unwrap_or(client);
            preface::write(version, Some((client, here))).into()
        });
        Arc::clone(preface)
    }

    /// The certificate that the client showed.
    pub fn client_certificate(&self) -> Option<&ClientCertificate> {
        self.tls.as_ref()?.client.as_ref()
    }

    /// Whether a host is not to be reached by this connection, because other client certificates are asked for there.
    pub fn is_misdirected(&self, generation: &Generation, listener: u16, host: &str) -> bool {
        let tls = generation.tls.listeners.get(usize::from(listener)).and_then(Option::as_ref);
        tls.is_some_and(|tls| !tls.admits(host, self.tls.as_deref()))
    }

    /// Whether it ends after the request in flight: its listener is removed, or its client would be checked by other authorities
    /// or lists by now.
    pub fn ends_soon(&self) -> bool {
        self.listener.closing.get()
            || self.tls.as_deref().is_some_and(|tls| tls.client.is_some() && self.is_outdated(tls))
    }

    fn is_outdated(&self, held: &TlsFacts) -> bool {
        self.listener_tls().is_some_and(|tls| !tls.is_current(held))
    }

    /// The index of its listener in a table; `None` if the table doesn't have it any more.
    pub fn listener_index(&self, generation: &Arc<Generation>) -> Option<u16> {
        let position = generation.listeners.iter().position(|listener| listener.id == self.listener.id)?;
        u16::try_from(position).ok()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.core.connections.set(self.core.connections.get() - 1);
        self.core.metrics.places.give_back();
    }
}

/// Serves a connection, which has taken its place, until it ends. It counts from here on, not only once it is first polled.
pub fn serve(
    stream: Plain,
    peer: SocketAddr,
    core: &Rc<Core>,
    listener: &Rc<ListenerState>,
) -> impl Future<Output = ()> + use<> {
    stream.send_at_once();
    arrive(stream, Connection::new(core, listener, peer))
}

/// Serves a client within the program, of which it is known who it is and how it speaks.
pub async fn serve_known(
    stream: Plain,
    peer: SocketAddr,
    scheme: Scheme,
    core: &Rc<Core>,
    listener: &Rc<ListenerState>,
) {
    core.metrics.places.take(|| u64::MAX).await;
    let mut connection = Connection::new(core, listener, peer);
    connection.scheme = scheme;
    serve_clear(Stream::Plain(stream), Rc::new(connection)).await;
}

/// Learns who connects, then serves.
async fn arrive(mut stream: Plain, mut connection: Connection) {
    if connection.is_from_balancer() {
        // boxed: few connections need its memory, and none for long
        match Box::pin(announced(&mut stream, &connection)).await {
            Some(Ok(Some(client))) => connection.set_peer(client),
            Some(Ok(None)) => {}
            Some(Err(error)) => return tracing::debug!(%error, peer = %connection.peer, "a connection was refused"),
            None => return,
        }
    }
    match connection.listener_tls() {
        None => serve_clear(Stream::Plain(stream), Rc::new(connection)).await,
        // boxed: an idle connection holds no memory for its handshake
        Some(tls) => {
            let Some(stream) = Box::pin(secure(stream, &tls, &mut connection)).await else { return };
            serve_tls(stream, Rc::new(connection)).await;
        }
    }
}

/// What a client hears that speaks HTTP where TLS is spoken.
const NOT_TLS: &str = "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: 53\r\nconnection: close\r\n\r\n\
    this port speaks HTTPS: use a URL with https:// here\n";

/// Makes a TLS connection of a plain one; `None` if that fails.
async fn secure(stream: Plain, tls: &Arc<TlsListener>, connection: &mut Connection) -> Option<Stream> {
    let deadline = connection.core.timers.deadline();
    deadline.set(connection.timeouts().header.get());
    let counters = &connection.core.metrics.tls;
    let challenges = connection.core.generation().challenges.clone();
    let failure = match handshake(stream, tls, challenges.as_deref(), &deadline).await {
        Handshake::Done(stream, facts) => {
            counters.count(stream.get_ref().1);
            connection.scheme = Scheme::Https;
            connection.tls = Some(facts);
            return Some(Stream::Tls(Box::new((*stream).into())));
        }
        Handshake::PlainText(mut stream) => {
            if stream.write_all(NOT_TLS.as_bytes()).await.is_ok() {
                linger(Stream::Plain(stream), connection).await;
            }
            Failure::PlainText
        }
        Handshake::Proved => return None,
        Handshake::Failed(failure) => failure,
    };
    counters.fail(failure);
    tracing::debug!(reason = failure.reason(), peer = %connection.peer, "a handshake failed");
    None
}

/// Who connects to the load balancer in front; `None` if it doesn't say so in time.
async fn announced(stream: &mut Plain, connection: &Connection) -> Option<io::Result<Option<SocketAddr>>> {
    let deadline = connection.core.timers.deadline();
    deadline.set(connection.core.generation().table.settings.timeouts.header.get());
    let mut reading = pin!(preface::read(stream));
    poll_fn(|cx| match reading.as_mut().poll(cx) {
        Poll::Ready(read) => Poll::Ready(Some(read)),
        Poll::Pending => deadline.poll_expired(cx).map(|()| None),
    })
    .await
}

/// Serves a connection in clear text by the protocol that its first bytes are of, where the listener leaves a choice.
async fn serve_clear(mut stream: Stream, connection: Rc<Connection>) {
    let mut input = connection.core.upstreams.buffers().input();
    let http2 = connection.speaks_in_clear(Protocol::Http2);
    if http2 && connection.speaks_in_clear(Protocol::Http1) {
        match http2::opens_http2(&mut stream, &mut input, &connection).await {
            Some(true) => {}
            Some(false) => return serve_http1(stream, input, connection).await,
            None => return,
        }
    }
    if !http2 {
        return serve_http1(stream, input, connection).await;
    }
    // boxed: a connection of HTTP/1 then holds no memory for it
    Box::pin(http2::serve(stream, input.bytes.split().freeze(), &connection)).await;
}

/// Serves a connection by the protocol that was agreed on in its handshake.
async fn serve_tls(stream: Stream, connection: Rc<Connection>) {
    if connection.tls.as_ref().is_some_and(|tls| tls.http2) {
        // boxed: a connection of HTTP/1 then holds no memory for it
        return Box::pin(http2::serve(stream, Bytes::new(), &connection)).await;
    }
    let input = connection.core.upstreams.buffers().input();
    serve_http1(stream, input, connection).await;
}

async fn serve_http1(stream: Stream, input: Input, connection: Rc<Connection>) {
    let visit = Rc::new(Visit::new(&connection));
    let socket = Rc::new(Socket::new(stream, input));
    let served = {
        let mut serving = pin!(http1::serve(&socket, &visit));
        poll_fn(|cx| match serving.as_mut().poll(cx) {
            Poll::Ready(served) => Poll::Ready(served),
            Poll::Pending => visit.poll_outlived(cx).map(|()| Served::CutShort { visible: false }),
        })
        .await
    };
    let Some(socket) = Rc::into_inner(socket) else { return };
    let ended = socket.has_ended();
    let (mut stream, early) = socket.into_parts();
    match (served, visit.tunnel.take()) {
        // boxed, as is what follows: an idle connection holds no memory for how it will end
        (Served::Tunnel, Some(tunnel)) => Box::pin(tunnel.join(stream, early, &connection)).await,
        // the end of the connection would look like the end of the answer
        (Served::CutShort { visible: false }, _) => {
            let _ = SockRef::from(stream.carrier()).set_linger(Some(Duration::ZERO));
        }
        (Served::Closed | Served::CutShort { .. }, _) if !ended => Box::pin(linger(stream, &connection)).await,
        _ => stream.say_end(),
    }
}

/// Lets the client read what was said last. A socket that is closed while bytes of the client are on their way would be reset,
/// and the answer lost with it (RFC 9112, 9.6).
async fn linger(mut stream: Stream, connection: &Connection) {
    if connection.listener.closing.get() {
        return;
    }
    let deadline = connection.core.timers.deadline();
    deadline.set(LINGER);
    let said = poll_fn(|cx| match Pin::new(&mut stream).poll_shutdown(cx) {
        Poll::Ready(said) => Poll::Ready(said.is_ok()),
        Poll::Pending => deadline.poll_expired(cx).map(|()| false),
    });
    if !said.await {
        return;
    }
    let mut rest = [0; 4096];
    poll_fn(|cx| {
        loop {
            let mut buffer = ReadBuf::new(&mut rest);
            match Pin::new(&mut stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() && deadline.poll_expired(cx).is_pending() => {}
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return deadline.poll_expired(cx),
            }
        }
    })
    .await;
}
