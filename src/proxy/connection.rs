//! One connection of a client: HTTP/1.1 is spoken on it, and its deadlines end it when it is silent.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;

use crate::proxy::core::{Core, Pinned};
use crate::proxy::http1::{self, Served, Socket};
use crate::proxy::listener::ListenerState;
use crate::proxy::live::Generation;
use crate::proxy::timer::Deadline;
use crate::proxy::tunnel::PendingTunnel;

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
    /// Whether a request was answered on it.
    has_served: Cell<bool>,
    /// When the first bytes of that request came, on the clock of the timers.
    began: Cell<u64>,
    /// The route of that request, and the generation that decided.
    flight: RefCell<Option<Flight>>,
    /// The other end of a tunnel that the answer on its way opens.
    pub tunnel: Cell<Option<PendingTunnel>>,
    phase: Cell<Phase>,
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

/// A request on its way, and whether a table still has its route.
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

impl Connection {
    fn new(core: &Rc<Core>, listener: &Rc<ListenerState>, peer: IpAddr) -> Self {
        let deadline = || core.timers.deadline();
        core.connections.set(core.connections.get() + 1);
        core.metrics.accepted.fetch_add(1, Ordering::Relaxed);
        let connection = Self {
            core: Rc::clone(core),
            listener: Rc::clone(listener),
            peer,
            peer_text: peer.to_string().into(),
            request: deadline(),
            has_served: Cell::new(false),
            began: Cell::new(0),
            flight: RefCell::new(None),
            tunnel: Cell::new(None),
            phase: Cell::new(Phase::Idle),
            reading: deadline(),
            writing: deadline(),
        };
        let generation = core.generation();
        connection.reading.set(generation.table.settings.timeouts.header.get());
        connection
    }

    /// The request in flight has a route, which says how long it may take from its first byte on.
    pub fn took_route(&self, generation: &Pinned, route: u32) {
        let timeout = generation.table.routes[route as usize].timeouts.request;
        self.request.set_since(self.began.get(), timeout);
        *self.flight.borrow_mut() = Some(Flight { generation: Rc::clone(generation), route, looked: 0, routed: true });
    }

    /// Whether the route of the request in flight is in no table any more.
    fn is_unrouted(&self) -> bool {
        let mut flight = self.flight.borrow_mut();
        flight.as_mut().is_some_and(|flight| !flight.is_routed(&self.core))
    }

    /// A request's head has come: from here on the request has its own deadline.
    pub fn request_began(&self) {
        self.phase.set(Phase::Busy);
        self.reading.clear();
    }

    /// The answer has ended; the next request may come.
    pub fn request_ended(&self, generation: &Generation) {
        self.phase.set(Phase::Idle);
        self.has_served.set(true);
        self.flight.borrow_mut().take();
        self.request.clear();
        self.reading.set(generation.table.settings.timeouts.idle.get());
    }

    /// The connection has become a tunnel, which has its own deadline.
    fn became_tunnel(&self) {
        self.phase.set(Phase::Busy);
        self.reading.clear();
        self.request.clear();
    }

    /// The first bytes of a head have come.
    pub fn first_bytes(&self) {
        if self.phase.get() == Phase::Idle {
            self.phase.set(Phase::Head);
            self.began.set(self.core.timers.now());
            self.reading.set(self.core.generation().table.settings.timeouts.header.get());
        }
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
    let socket = Rc::new(Socket::new(stream, core.upstreams.buffers()));
    // one of those that look up when a table was swapped in
    let ending = core.tunnels.deadline();
    let served = {
        let mut serving = pin!(http1::serve(&socket, &connection));
        poll_fn(|cx| match serving.as_mut().poll(cx) {
            Poll::Ready(served) => Poll::Ready(served),
            Poll::Pending => {
                match listener.closing.get() || connection.is_unrouted() {
                    false => ending.clear(),
                    true if !ending.is_set() => ending.set(core.generation().table.settings.timeouts.drain.get()),
                    true => {}
                }
                ending.poll_expired(cx).map(|()| Served::CutShort { visible: false })
            }
        })
        .await
    };
    let Some(socket) = Rc::into_inner(socket) else { return };
    let ended = socket.has_ended();
    let (stream, early) = socket.into_parts();
    match (served, connection.tunnel.take()) {
        (Served::Tunnel, Some(tunnel)) => {
            connection.became_tunnel();
            tunnel.join(stream, early, &connection).await;
        }
        // the end of the connection would look like the end of the answer
        (Served::CutShort { visible: false }, _) => {
            let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        }
        (Served::Closed | Served::CutShort { .. }, _) if !ended => linger(stream, &connection).await,
        _ => {}
    }
}

/// Lets the client read what was said last. A socket that is closed while bytes of the client are on their way would be reset,
/// and the answer lost with it (RFC 9112, 9.6).
async fn linger(mut stream: TcpStream, connection: &Connection) {
    if connection.listener.closing.get() || stream.shutdown().await.is_err() {
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

impl Connection {
    /// Whether the connection is to end before its next request. One that is new has been accepted, and gets its answer.
    pub fn is_leaving(&self) -> bool {
        self.listener.closing.get() && self.has_served.get()
    }

    /// Whether a head that drips in has taken too long.
    pub fn is_late(&self, cx: &mut Context<'_>) -> bool {
        self.phase.get() == Phase::Head && self.reading.poll_expired(cx).is_ready()
    }

    /// Ready once what is waited for takes too long.
    pub fn poll_late(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.reading.poll_expired(cx)
    }

    /// Watches how long the client takes to take bytes.
    pub fn watch_writing(&self, written: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.writing.clear();
            return written;
        }
        if !self.writing.is_set() {
            self.writing.set(self.core.generation().table.settings.timeouts.message.get());
        }
        self.writing.poll_expired(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    /// The index of its listener in a table; `None` if the table doesn't have it any more.
    pub fn listener_index(&self, generation: &Arc<Generation>) -> Option<u16> {
        let position = generation.listeners.iter().position(|listener| listener.id == self.listener.id)?;
        u16::try_from(position).ok()
    }
}
