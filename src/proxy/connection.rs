//! One connection of a client: hyper reads and writes HTTP/1.1 on it, and its deadlines end it when it is silent.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;

use crate::proxy::core::Core;
use crate::proxy::handler::handle;
use crate::proxy::listener::ListenerState;
use crate::proxy::live::Generation;
use crate::proxy::timer::Deadline;
use crate::proxy::tunnel::PendingTunnel;
use crate::table::settings::Limits;

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
    /// Its text: every request upstream says it.
    pub peer_text: Box<str>,
    /// The deadline of the request in flight.
    pub request: Deadline,
    /// The other end of a tunnel that the answer on its way opens.
    pub tunnel: Cell<Option<PendingTunnel>>,
    phase: Cell<Phase>,
    /// Whether the end of the connection is the end of an answer, as for HTTP/1.0: one that is cut short needs a reset.
    pub close_delimited: Cell<bool>,
    /// Whether nothing more comes from the client, or nothing more is waited for.
    ended: Cell<bool>,
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
    /// A request is in flight, or a tunnel open: others watch the time.
    Busy,
}

impl Connection {
    fn new(core: &Rc<Core>, listener: &Rc<ListenerState>, peer: IpAddr) -> Self {
        let deadline = || core.timers.deadline();
        core.connections.set(core.connections.get() + 1);
        core.metrics.connections.fetch_add(1, Ordering::Relaxed);
        core.metrics.accepted.fetch_add(1, Ordering::Relaxed);
        let connection = Self {
            core: Rc::clone(core),
            listener: Rc::clone(listener),
            peer,
            peer_text: peer.to_string().into(),
            request: deadline(),
            tunnel: Cell::new(None),
            phase: Cell::new(Phase::Idle),
            close_delimited: Cell::new(false),
            ended: Cell::new(false),
            reading: deadline(),
            writing: deadline(),
        };
        let generation = core.generation();
        connection.reading.set(generation.table.settings.timeouts.header.get());
        connection
    }

    /// A request's head has come: from here on the request has its own deadline.
    pub fn request_began(&self) {
        self.phase.set(Phase::Busy);
        self.reading.clear();
    }

    /// The answer has ended; the next request may come.
    pub fn request_ended(&self, generation: &Generation) {
        self.phase.set(Phase::Idle);
        self.request.clear();
        self.reading.set(generation.table.settings.timeouts.idle.get());
    }

    /// The connection has become a tunnel, which has its own deadline.
    fn became_tunnel(&self) {
        self.phase.set(Phase::Busy);
        self.reading.clear();
        self.request.clear();
    }

    fn first_bytes(&self) {
        if self.phase.replace(Phase::Head) == Phase::Idle {
            self.reading.set(self.core.generation().table.settings.timeouts.header.get());
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.core.connections.set(self.core.connections.get() - 1);
        self.core.metrics.connections.fetch_sub(1, Ordering::Relaxed);
        self.core.freed.notify_one();
    }
}

/// Serves a connection until it ends. It counts from here on, not only once it is first polled.
pub fn serve(
    stream: TcpStream,
    peer: IpAddr,
    core: &Rc<Core>,
    listener: &Rc<ListenerState>,
) -> impl Future<Output = ()> + use<> {
    let _ = stream.set_nodelay(true);
    run(stream, Rc::new(Connection::new(core, listener, peer)))
}

async fn run(stream: TcpStream, connection: Rc<Connection>) {
    let (core, listener) = (&connection.core, &connection.listener);
    let limits = core.generation().table.settings.limits;
    let io = TokioIo::new(Watched { stream, connection: Rc::clone(&connection) });
    let requests = Rc::clone(&connection);
    let service = service_fn(move |request| {
        let connection = Rc::clone(&requests);
        // boxed: an idle connection then holds no memory for a request
        Box::pin(async move { Ok::<_, Infallible>(handle(connection, request).await) })
    });
    let mut serving = builder(&limits).serve_connection(io, service);
    let ending = core.timers.deadline();
    let mut told = false;
    // An error is the client's going away, or its breaking HTTP, which hyper has answered.
    let served = poll_fn(|cx| {
        if !told && listener.closing.get() {
            told = true;
            Pin::new(&mut serving).graceful_shutdown();
            ending.set(core.generation().table.settings.timeouts.drain.get());
        }
        match serving.poll_without_shutdown(cx) {
            Poll::Ready(Ok(())) => Poll::Ready(Served::Whole),
            // hyper calls it the user's: the answer's body failed
            Poll::Ready(Err(error)) if error.is_user() => Poll::Ready(Served::CutShort),
            Poll::Ready(Err(_)) => Poll::Ready(Served::Refused),
            Poll::Pending => ending.poll_expired(cx).map(|()| Served::CutShort),
        }
    })
    .await;
    let parts = serving.into_parts();
    let watched = parts.io.into_inner();
    match connection.tunnel.take().filter(|_| served == Served::Whole) {
        Some(tunnel) => {
            connection.became_tunnel();
            tunnel.join(watched, parts.read_buf, &connection).await;
        }
        None if served == Served::CutShort && connection.close_delimited.get() => {
            let _ = SockRef::from(&watched.stream).set_linger(Some(Duration::ZERO));
        }
        None => linger(watched.stream, &connection).await,
    }
}

/// How the requests of a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Served {
    /// Well.
    Whole,
    /// With a message that broke HTTP, or with the client's going away.
    Refused,
    /// With an answer that could not be sent to its end.
    CutShort,
}

/// Lets the client read what was said last. A socket that is closed while bytes of the client are on their way would be reset,
/// and the answer lost with it (RFC 9112, 9.6).
async fn linger(mut stream: TcpStream, connection: &Connection) {
    if connection.ended.get() || connection.listener.closing.get() || stream.shutdown().await.is_err() {
        return;
    }
    let deadline = &connection.reading;
    deadline.set(LINGER);
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

fn builder(limits: &Limits) -> http1::Builder {
    let head = usize::try_from(limits.header_bytes.bytes() + limits.target_bytes.bytes()).unwrap_or(usize::MAX);
    let mut builder = http1::Builder::new();
    // Sizes are ours to judge, so that what is said of them is, too; hyper only bounds what is held at all.
    builder.max_headers(usize::from(limits.headers)).max_buf_size(head.max(256 << 10));
    builder
}

/// The socket of a connection, watched by its deadlines.
struct Watched {
    stream: TcpStream,
    connection: Rc<Connection>,
}

impl AsyncRead for Watched {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        let before = buffer.filled().len();
        match Pin::new(&mut me.stream).poll_read(cx, buffer) {
            Poll::Pending => me.connection.reading.poll_expired(cx).map(|()| Err(me.connection.late())),
            Poll::Ready(result) => {
                if buffer.filled().len() == before {
                    me.connection.ended.set(true);
                } else if me.connection.phase.get() == Phase::Idle {
                    me.connection.first_bytes();
                }
                // A head that drips in never lets the socket run dry of deadlines.
                if me.connection.phase.get() == Phase::Head && me.connection.reading.poll_expired(cx).is_ready() {
                    return Poll::Ready(Err(me.connection.late()));
                }
                Poll::Ready(result)
            }
        }
    }
}

impl AsyncWrite for Watched {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let me = self.get_mut();
        let written = Pin::new(&mut me.stream).poll_write(cx, bytes);
        me.connection.watch_writing(written, cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let me = self.get_mut();
        let written = Pin::new(&mut me.stream).poll_write_vectored(cx, slices);
        me.connection.watch_writing(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.get_mut().stream).poll_shutdown(cx))?;
        Poll::Ready(Ok(()))
    }
}

impl Connection {
    fn watch_writing(&self, written: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.writing.clear();
            return written;
        }
        if !self.writing.is_set() {
            self.writing.set(self.core.generation().table.settings.timeouts.message.get());
        }
        self.writing.poll_expired(cx).map(|()| Err(self.late()))
    }

    /// The client took too long: nothing more is waited for.
    fn late(&self) -> io::Error {
        self.ended.set(true);
        io::ErrorKind::TimedOut.into()
    }

    /// The index of its listener in a table; `None` if the table doesn't have it any more.
    pub fn listener_index(&self, generation: &Arc<Generation>) -> Option<u16> {
        let position = generation.listeners.iter().position(|listener| listener.id == self.listener.id)?;
        u16::try_from(position).ok()
    }
}
