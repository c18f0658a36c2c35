//! The client's end of a connection: its socket, what was read and not yet used, and how far the body of the request in
//! flight was read.
//!
//! The body is read while its answer is written, by two parts of one task: each borrows the socket only while it is polled.

use std::cell::{RefCell, RefMut};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::AsyncWrite;

use crate::proxy::http1::body::RequestBody;
use crate::proxy::http1::pace::Pace;
use crate::proxy::stream::Stream;
use crate::proxy::wire::{DecodeError, Decoder, Input, Piece, Size};

/// What a client waits for that announced a body with `Expect: 100-continue` (RFC 9110, 10.1.1).
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The client's end of a connection.
pub struct Socket(RefCell<State>);

/// What is read and written.
pub(super) struct State {
    stream: Stream,
    /// What was read and not yet used.
    pub(super) input: Input,
    /// How the rest of the body of the request in flight is read.
    pub(super) body: Decoder,
    /// Bytes of that body so far, framing included.
    received: u64,
    /// What is left to be said before the client sends the body.
    invitation: &'static [u8],
    /// Whether the client sends no more.
    pub(super) ended: bool,
}

impl Socket {
    /// The end of a new connection, with what was read of it.
    pub fn new(stream: Stream, input: Input) -> Self {
        let state = State { stream, input, body: Decoder::Ended, received: 0, invitation: b"", ended: false };
        Self(RefCell::new(state))
    }

    /// What is read and written; to be held only while polling.
    pub(super) fn state(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }

    /// The body of the request whose head was read last, if it has one.
    pub fn body(self: &Rc<Self>) -> Option<RequestBody> {
        (!self.state().body.has_ended()).then(|| RequestBody::new(self))
    }

    /// Whether the client sends no more.
    pub fn has_ended(&self) -> bool {
        self.state().ended
    }

    /// The stream and what was read from it too early.
    pub fn into_parts(self) -> (Stream, Bytes) {
        let mut state = self.0.into_inner();
        let early = state.input.bytes.split().freeze();
        (state.stream, early)
    }
}

impl State {
    /// A request has begun.
    pub(super) fn begin(&mut self, body: Decoder, expects_continue: bool) {
        self.body = body;
        self.received = 0;
        self.invitation = if expects_continue { CONTINUE } else { b"" };
    }

    /// Its answer begins: a client that was not invited so far never is.
    pub(super) fn answer_begins(&mut self) {
        if self.invitation.len() == CONTINUE.len() {
            self.invitation = b"";
        }
    }

    /// Reads what has come; `0` if the client sends no more. A connection that waits holds no buffer.
    pub(super) fn poll_read(&mut self, size: Size, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.ended {
            return Poll::Ready(Ok(0));
        }
        let read = self.input.poll_read(&mut self.stream, size, cx);
        match read {
            Poll::Ready(Ok(0) | Err(_)) => self.ended = true,
            Poll::Ready(Ok(_)) => {}
            Poll::Pending => self.input.release(),
        }
        read
    }

    /// Notices that a client which waits for its answer has gone away. What it says meanwhile is the next request.
    pub(super) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.ended && self.body.has_ended() && self.input.bytes.len() < Size::Short.bytes() {
            if self.stream.poll_read_ready(cx).is_pending() {
                break;
            }
            match self.poll_read(Size::Short, cx) {
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(_)) => {}
                Poll::Pending => break,
            }
        }
        Poll::Pending
    }

    /// The next part of the body of the request in flight.
    pub(super) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, DecodeError>> {
        loop {
            let piece = self.body.decode(&mut self.input.bytes)?;
            if !matches!(piece, Piece::Starved) {
                return Poll::Ready(Ok(piece));
            }
            if ready!(self.poll_invite(cx)).is_err() {
                return Poll::Ready(Err(DecodeError::Truncated));
            }
            let size = Size::of(self.body.size_hint().exact().unwrap_or(self.received));
            match ready!(self.poll_read(size, cx)) {
                Ok(length @ 1..) => self.received += length as u64,
                Ok(0) | Err(_) => return Poll::Ready(Err(DecodeError::Truncated)),
            }
        }
    }

    fn poll_invite(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.invitation.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, self.invitation))?;
            self.invitation = &self.invitation[written..];
        }
        Poll::Ready(Ok(()))
    }
}

/// Writes to the client, as long as it takes bytes in time.
pub(super) struct Writer<'a> {
    pub(super) socket: &'a Socket,
    pub(super) pace: &'a Pace,
}

impl AsyncWrite for Writer<'_> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket.state().stream).poll_write(cx, bytes);
        self.pace.watch_writing(written, cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket.state().stream).poll_write_vectored(cx, slices);
        self.pace.watch_writing(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // TLS takes bytes before the client does
        let flushed = Pin::new(&mut self.socket.state().stream).poll_flush(cx);
        self.pace.watch_writing(flushed, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket.state().stream).poll_shutdown(cx)
    }
}
