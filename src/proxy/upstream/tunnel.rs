//! A connection after a 101, or a stream that stands for one: bytes both ways, until both sides have ended or neither says anything for too long.
//!
//! What ends on one side is ended on the other, and the other way goes on (TCP's half-close). A silent tunnel
//! holds no buffer.

use std::future::poll_fn;
use std::io;
use std::mem;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use crate::proxy::duplex::Duplex;
use crate::proxy::stream::Stream;
use crate::proxy::upstream::http2::Lease;
use crate::proxy::upstream::pool::Mark;
use crate::proxy::wire::{Buffers, Desk, Size};

/// The upstream's side of a tunnel, with what it said already.
pub struct Tunnel {
    far: Far,
    desk: Desk,
}

/// What leads to the server, with its place among the connections of its backend.
enum Far {
    Connection(Stream, Mark),
    /// A stream of a connection of HTTP/2.
    Stream(Box<(Duplex, Lease)>),
}

/// One direction of a tunnel.
#[derive(Default)]
struct Pump {
    /// What was read and not yet written; without memory while there is nothing.
    buffer: BytesMut,
    read: u64,
    unflushed: bool,
    state: PumpState,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum PumpState {
    #[default]
    Open,
    /// The reading side has ended; the writing side is still to be told.
    Ending,
    Ended,
}

impl Tunnel {
    pub(super) fn new(stream: Stream, desk: Desk, mark: Mark) -> Self {
        Self { far: Far::Connection(stream, mark), desk }
    }

    pub(super) fn on_stream(duplex: Duplex, desk: Desk, lease: Lease) -> Self {
        Self { far: Far::Stream(Box::new((duplex, lease))), desk }
    }

    /// Joins it with the client, until both have ended, one fails, or both were silent for `idle`. Returns how many
    /// bytes were read from the client and from the upstream.
    pub async fn join<C>(self, client: C, idle: Duration) -> (u64, u64)
    where
        C: AsyncRead + AsyncWrite + Unpin,
    {
        match self.far {
            Far::Connection(stream, _mark) => join(stream, self.desk, client, idle).await,
            Far::Stream(far) => {
                let (duplex, _lease) = *far;
                join(duplex, self.desk, client, idle).await
            }
        }
    }
}

async fn join<S, C>(mut stream: S, mut desk: Desk, mut client: C, idle: Duration) -> (u64, u64)
where
    S: AsyncRead + AsyncWrite + Unpin,
    C: AsyncRead + AsyncWrite + Unpin,
{
    let early = desk.input.bytes.split();
    let mut up = Pump::default();
    let mut down = Pump { read: early.len() as u64, buffer: early, ..Pump::default() };
    let home = Rc::clone(desk.input.home());
    let mut so_far = None;
    poll_fn(|cx| {
        let up_ended = up.poll(&mut client, &mut stream, &home, cx);
        let down_ended = down.poll(&mut stream, &mut client, &home, cx);
        let both_ended = up_ended.is_ready() && down_ended.is_ready();
        let one_failed = [up_ended, down_ended].iter().any(|end| matches!(end, Poll::Ready(Err(_))));
        if both_ended || one_failed {
            return Poll::Ready(());
        }
        let moved = Some((up.progress(), down.progress()));
        if so_far != moved {
            so_far = moved;
            desk.deadline.set(idle);
        }
        desk.deadline.poll_expired(cx)
    })
    .await;
    (up.read, down.read)
}

impl Pump {
    /// Ready once the reading side has ended and the writing side was told.
    fn poll<R, W>(
        &mut self,
        reader: &mut R,
        writer: &mut W,
        home: &Buffers,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        loop {
            while !self.buffer.is_empty() {
                let written = ready!(Pin::new(&mut *writer).poll_write(cx, &self.buffer))?;
                if written == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.buffer.advance(written);
                self.unflushed = true;
            }
            match self.state {
                PumpState::Ended => return Poll::Ready(Ok(())),
                PumpState::Ending => {
                    ready!(Pin::new(&mut *writer).poll_shutdown(cx))?;
                    self.state = PumpState::Ended;
                }
                PumpState::Open => ready!(self.poll_read(reader, writer, home, cx))?,
            }
        }
    }

    fn poll_read<R, W>(
        &mut self,
        reader: &mut R,
        writer: &mut W,
        home: &Buffers,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        home.keep(mem::take(&mut self.buffer), Size::Short);
        let mut buffer = home.take(Size::Short);
        let read = pin!(reader.read_buf(&mut buffer)).poll(cx);
        if let Poll::Ready(Ok(length @ 1..)) = read {
            self.read += length as u64;
            self.buffer = buffer;
            return Poll::Ready(Ok(()));
        }
        home.keep(buffer, Size::Short);
        if read.is_pending() && mem::take(&mut self.unflushed) && Pin::new(writer).poll_flush(cx)?.is_pending() {
            self.unflushed = true;
        }
        ready!(read)?;
        self.state = PumpState::Ending;
        Poll::Ready(Ok(()))
    }

    /// Changes whenever a byte is read or written.
    fn progress(&self) -> (u64, usize) {
        (self.read, self.buffer.len())
    }
}
