//! A connection: its streams as they come, and everything that ends it.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Builder, SendResponse};
use h2::{Ping, PingPong, RecvStream};
use http::Request;
use tokio::task::spawn_local;

use crate::proxy::connection::Connection;
use crate::proxy::http2::meter::Meter;
use crate::proxy::http2::stream;
use crate::proxy::http2::wire::Wire;
use crate::proxy::stream::Stream;
use crate::proxy::timer::Deadline;
use crate::proxy::visit::Visit;
use crate::table::settings::Limits;
use crate::value::size::Size;

/// How long a client has to hear that a connection ends, once nothing is in flight on it.
const FAREWELL: Duration = Duration::from_secs(1);

/// What is kept of one answer that the client does not take: more than a window of most clients.
const SEND_BUFFER: usize = 64 * 1024;

/// What HTTP/2 adds to the size of each field of a list (RFC 9113, 6.5.2).
const FIELD_OVERHEAD: u64 = 32;

/// Serves the requests of a connection, of which `early` was read already, until it ends.
pub async fn serve(stream: Stream, early: Bytes, connection: &Rc<Connection>) {
    let core = &connection.core;
    let settings = core.generation();
    let settings = &settings.table.settings;
    let meter = Rc::new(Meter::new(settings.limits.http2.control_frames, &core.timers));
    let deadline = core.timers.deadline();
    deadline.set(settings.timeouts.header.get());
    let wire = Wire::new(stream, early, &meter);
    let mut shaking = pin!(builder(&settings.limits).handshake::<_, Bytes>(wire));
    let shaken = poll_fn(|cx| match shaking.as_mut().poll(cx) {
        Poll::Ready(shaken) => Poll::Ready(shaken.ok()),
        Poll::Pending => deadline.poll_expired(cx).map(|()| None),
    })
    .await;
    let Some(h2) = shaken else { return };
    drop(deadline);
    let mut session = Session::new(h2, meter, connection);
    poll_fn(|cx| session.poll(cx)).await;
}

fn builder(limits: &Limits) -> Builder {
    let window = |size: Size| u32::try_from(size.bytes()).unwrap_or(u32::MAX).min(i32::MAX.cast_unsigned());
    let list = limits.header_bytes.bytes() + limits.target_bytes.bytes() + FIELD_OVERHEAD * u64::from(limits.headers);
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(limits.http2.concurrent_streams)
        .initial_window_size(window(limits.http2.stream_window))
        .initial_connection_window_size(window(limits.http2.connection_window))
        .max_header_list_size(u32::try_from(list).unwrap_or(u32::MAX))
        .max_send_buffer_size(SEND_BUFFER)
        .enable_connect_protocol();
    builder
}

/// A connection that is served.
struct Session {
    h2: h2::server::Connection<Wire, Bytes>,
    meter: Rc<Meter>,
    flights: Rc<Flights>,
    pings: Option<PingPong>,
    /// When a client that says nothing is asked, or given up.
    ping: Deadline,
    /// How many bytes had come when it was set, and whether the client was asked then.
    silence: (u64, bool),
    /// When a head must be whole.
    head: Deadline,
    /// The head that it is set for.
    head_seen: Option<u64>,
    /// How many bytes of answers had gone when the connection was found idle.
    idle_since: u64,
    /// When the client has heard that the connection ends.
    farewell: Deadline,
}

/// The streams in flight on a connection.
struct Flights {
    connection: Rc<Connection>,
    count: Cell<usize>,
    /// When the connection ends, while there are none.
    idle: Deadline,
    /// Whether the client was told that it ends.
    leaving: Cell<bool>,
    /// Until when it may still begin streams then, on the clock of the timers: it may not have heard yet.
    last_call: Cell<u64>,
}

/// A stream in flight, until it is dropped.
struct Flight(Rc<Flights>);

impl Drop for Flight {
    fn drop(&mut self) {
        let flights = &self.0;
        flights.count.set(flights.count.get() - 1);
        if flights.count.get() == 0 {
            flights.idle.set(flights.patience());
        }
    }
}

impl Flights {
    fn begin(self: &Rc<Self>) -> Flight {
        self.count.set(self.count.get() + 1);
        self.idle.clear();
        Flight(Rc::clone(self))
    }

    /// Notes that the client is told that the connection ends; whether this is the first time.
    fn leaves(&self) -> bool {
        let first = !self.leaving.replace(true);
        if first {
            let farewell = u64::try_from(FAREWELL.as_millis()).unwrap_or(u64::MAX);
            self.last_call.set(self.connection.core.timers.now().saturating_add(farewell));
        }
        first
    }

    /// How long the connection stays without a stream.
    fn patience(&self) -> Duration {
        if self.leaving.get() { FAREWELL } else { self.connection.timeouts().idle.get() }
    }
}

impl Session {
    fn new(mut h2: h2::server::Connection<Wire, Bytes>, meter: Rc<Meter>, connection: &Rc<Connection>) -> Self {
        let timers = &connection.core.timers;
        let idle = timers.deadline();
        idle.set(connection.timeouts().idle.get());
        let ping = timers.deadline();
        ping.set(connection.timeouts().ping.get());
        Self {
            pings: h2.ping_pong(),
            h2,
            meter,
            flights: Rc::new(Flights {
                connection: Rc::clone(connection),
                count: Cell::new(0),
                idle,
                leaving: Cell::new(false),
                last_call: Cell::new(u64::MAX),
            }),
            ping,
            silence: (0, false),
            head: timers.deadline(),
            head_seen: None,
            idle_since: 0,
            farewell: timers.deadline(),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match self.h2.poll_accept(cx) {
                Poll::Ready(Some(Ok((request, respond)))) => self.begin(request, respond),
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending if self.leave() => {}
                Poll::Pending => return self.poll_late(cx),
            }
        }
    }

    fn begin(&self, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
        if self.flights.last_call.get() < self.flights.connection.core.timers.now() {
            // a client that heeds no farewell must not keep the connection for ever
            return respond.send_reset(h2::Reason::REFUSED_STREAM);
        }
        let flight = self.flights.begin();
        let visit = Rc::new(Visit::new(&self.flights.connection));
        spawn_local(async move {
            stream::serve(request, respond, visit).await;
            drop(flight);
        });
    }

    /// Tells the client that the connection ends, if it does; whether there was something to tell.
    fn leave(&mut self) -> bool {
        let flights = &self.flights;
        if let Some(fault) = self.meter.fault()
            && !self.farewell.is_set()
        {
            self.farewell.set(FAREWELL);
            self.h2.abrupt_shutdown(fault);
            return true;
        }
        let leaves = flights.connection.ends_soon() && flights.leaves();
        if leaves {
            self.h2.graceful_shutdown();
            if flights.count.get() == 0 {
                flights.idle.set(FAREWELL);
            }
        }
        leaves
    }

    /// Ready once something has taken too long.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let late = self.farewell.poll_expired(cx).is_ready()
            || self.poll_head(cx).is_ready()
            || self.poll_idle(cx).is_ready()
            || self.poll_silent(cx).is_ready();
        if late { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Ready once a head drips in for too long.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let head = self.meter.head.get();
        if head != self.head_seen {
            self.head_seen = head;
            match head {
                Some(_) => self.head.set(self.flights.connection.timeouts().header.get()),
                None => self.head.clear(),
            }
        }
        self.head.poll_expired(cx)
    }

    /// Ready once there was no request for too long, and the client had time to hear of it.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let flights = &self.flights;
        while flights.idle.poll_expired(cx).is_ready() {
            let sent = self.meter.sent.get();
            if std::mem::replace(&mut self.idle_since, sent) == sent {
                if !flights.leaves() {
                    return Poll::Ready(());
                }
                self.h2.graceful_shutdown();
                // it is said with the next poll
                cx.waker().wake_by_ref();
            }
            flights.idle.set(flights.patience());
        }
        Poll::Pending
    }

    /// Ready once the client was silent for too long while requests were in flight, and did not answer when asked.
    fn poll_silent(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.ping.poll_expired(cx).is_ready() {
            let received = self.meter.received.get();
            let (before, asked) = self.silence;
            let silent = before == received && self.flights.count.get() > 0;
            if silent && asked {
                return Poll::Ready(());
            }
            if silent && let Some(pings) = &mut self.pings {
                let _ = pings.poll_pong(cx);
                let _ = pings.send_ping(Ping::opaque());
                cx.waker().wake_by_ref();
            }
            self.silence = (received, silent);
            self.ping.set(self.flights.connection.timeouts().ping.get());
        }
        Poll::Pending
    }
}
