//! Sending a message: its head, then its body as it comes, under back-pressure and with the framing it needs.
//!
//! One frame of the body is held at a time, and the next is asked for once it is written. Only short ones are copied:
//! head, chunk size, data and line end leave in one call, `writev` for longer ones.

use std::io::{self, IoSlice};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame};
use tokio::io::AsyncWrite;

use crate::proxy::wire::trailers::{self, Direction};

/// The last chunk, and the end of an empty trailer section.
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// The same, after the line end of a chunk's data.
const DATA_END_AND_LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";

/// So many bytes are rather copied than written as a piece of their own.
const JOINED_AT_MOST: usize = 2048;

/// How a body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    None,
    /// A length; so much of it is still to be taken from the body.
    Length(u64),
    /// Chunks.
    Chunked,
    /// The end of the connection ends it.
    UntilClose,
}

/// A message on its way out. Its head stands in an output buffer that the caller keeps.
pub struct Sender<B> {
    /// The body, until its last frame is taken.
    body: Option<B>,
    framing: Framing,
    direction: Direction,
    /// What of the output is written.
    at: usize,
    /// What follows the output: a frame's data, and what ends it.
    data: Bytes,
    tail: &'static [u8],
    written: u64,
    taken: bool,
    unflushed: bool,
}

/// Who has to act for a message to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// The other side has to read.
    Blocked,
    /// More of the body has to come.
    Waiting,
    /// Nobody: what can be sent is sent.
    Over,
}

/// Why a message could not be sent to its end.
#[derive(Debug)]
pub enum SendError<E> {
    /// The body failed.
    Body(E),
    /// The body is not as long as it said.
    Misfit,
    /// The other side takes no more.
    Connection,
}

impl<B: Body<Data = Bytes> + Unpin> Sender<B> {
    /// A message of which nothing is sent. A body that the framing has no room for is dropped.
    pub fn new(body: Option<B>, framing: Framing, direction: Direction) -> Self {
        Self {
            body: body.filter(|_| !matches!(framing, Framing::None | Framing::Length(0))),
            framing,
            direction,
            at: 0,
            data: Bytes::new(),
            tail: b"",
            written: 0,
            taken: false,
            unflushed: false,
        }
    }

    /// Starts again on a new connection. What was taken from the body and not written is kept.
    pub fn restart(&mut self) {
        self.unflushed = false;
        self.written = 0;
        self.at = 0;
    }

    /// Appends the fields that say how the body is framed.
    pub fn write_framing(&self, output: &mut Vec<u8>) {
        match self.framing {
            Framing::None | Framing::UntilClose => {}
            Framing::Length(length) => {
                output.extend_from_slice(b"content-length: ");
                push_decimal(output, length);
                output.extend_from_slice(b"\r\n");
            }
            Framing::Chunked => output.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        }
    }

    /// The body, or what is left of it.
    pub fn into_body(self) -> Option<B> {
        self.body
    }

    /// Whether no more is to be taken from the body.
    pub fn is_bodiless(&self) -> bool {
        self.body.is_none()
    }

    /// Whether something was taken from the body.
    pub fn has_taken(&self) -> bool {
        self.taken
    }

    /// How many bytes were sent, framing included.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Sends what can be sent now.
    pub fn poll_send<W: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut W,
        output: &mut Vec<u8>,
        cx: &mut Context<'_>,
    ) -> Result<Sending, SendError<B::Error>> {
        loop {
            let waits = match self.poll_take(output, cx) {
                Poll::Ready(taken) => taken.map(|()| false)?,
                Poll::Pending => true,
            };
            match self.poll_write(stream, output, cx) {
                Poll::Pending => return Ok(Sending::Blocked),
                Poll::Ready(Err(_)) => return Err(SendError::Connection),
                Poll::Ready(Ok(())) if waits => return Ok(Sending::Waiting),
                Poll::Ready(Ok(())) if self.body.is_none() => return Ok(Sending::Over),
                Poll::Ready(Ok(())) => {}
            }
        }
    }

    /// Takes the next frame of the body, unless one is still to be written.
    fn poll_take(&mut self, output: &mut Vec<u8>, cx: &mut Context<'_>) -> Poll<Result<(), SendError<B::Error>>> {
        while self.data.is_empty()
            && self.tail.is_empty()
            && let Some(body) = &mut self.body
        {
            match ready!(Pin::new(body).poll_frame(cx)) {
                Some(Ok(frame)) => self.put(frame, output)?,
                Some(Err(error)) => return Poll::Ready(Err(SendError::Body(error))),
                None => self.end()?,
            }
        }
        Poll::Ready(Ok(()))
    }

    fn put(&mut self, frame: Frame<Bytes>, output: &mut Vec<u8>) -> Result<(), SendError<B::Error>> {
        self.taken = true;
        let data = match frame.into_data() {
            Ok(data) => data,
            Err(frame) => {
                if let (Framing::Chunked, Ok(fields)) = (self.framing, frame.into_trailers()) {
                    output.extend_from_slice(b"0\r\n");
                    trailers::write(&fields, self.direction, output);
                    output.extend_from_slice(b"\r\n");
                    self.body = None;
                }
                return Ok(());
            }
        };
        match &mut self.framing {
            Framing::Chunked if !data.is_empty() => {
                push_number::<16>(output, data.len() as u64);
                output.extend_from_slice(b"\r\n");
                let last = self.body.as_ref().is_some_and(Body::is_end_stream);
                self.tail = if last { DATA_END_AND_LAST_CHUNK } else { b"\r\n" };
                self.body.take_if(|_| last);
            }
            Framing::Chunked | Framing::UntilClose | Framing::None => {}
            Framing::Length(left) => {
                *left = left.checked_sub(data.len() as u64).ok_or(SendError::Misfit)?;
                let last = *left == 0;
                self.body.take_if(|_| last);
            }
        }
        self.data = data;
        Ok(())
    }

    fn end(&mut self) -> Result<(), SendError<B::Error>> {
        self.body = None;
        match self.framing {
            Framing::Length(_) => return Err(SendError::Misfit),
            Framing::Chunked => self.tail = LAST_CHUNK,
            Framing::None | Framing::UntilClose => {}
        }
        Ok(())
    }

    /// Writes what was taken so far.
    pub fn poll_write<W: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut W,
        output: &mut Vec<u8>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.join(output);
        loop {
            let rest = &output[self.at..];
            let stream = Pin::new(&mut *stream);
            let result = match (rest.is_empty(), self.data.is_empty(), self.tail.is_empty()) {
                (true, true, true) => break,
                (false, true, true) => stream.poll_write(cx, rest),
                (true, false, true) => stream.poll_write(cx, &self.data),
                (true, true, false) => stream.poll_write(cx, self.tail),
                _ => {
                    let parts = [IoSlice::new(rest), IoSlice::new(&self.data), IoSlice::new(self.tail)];
                    stream.poll_write_vectored(cx, &parts)
                }
            };
            match ready!(result)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.advance(written, rest.len()),
            }
        }
        output.clear();
        self.at = 0;
        if mem::take(&mut self.unflushed) && Pin::new(stream).poll_flush(cx)?.is_pending() {
            self.unflushed = true;
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    /// Puts a short frame behind the output: a plain write costs the system less than one of several pieces.
    fn join(&mut self, output: &mut Vec<u8>) {
        if !output.is_empty() && self.data.len() <= JOINED_AT_MOST {
            output.extend_from_slice(&mem::take(&mut self.data));
            output.extend_from_slice(mem::take(&mut self.tail));
        }
    }

    fn advance(&mut self, written: usize, rest: usize) {
        self.written += written as u64;
        self.unflushed = true;
        let of_output = written.min(rest);
        let of_data = (written - of_output).min(self.data.len());
        self.at += of_output;
        self.data.advance(of_data);
        self.tail = &self.tail[written - of_output - of_data..];
    }
}

/// Appends a number, without the formatting machinery: this is in the way of every message.
pub fn push_decimal(out: &mut Vec<u8>, number: u64) {
    push_number::<10>(out, number);
}

/// The same in any radix. It is known to the compiler, which then divides by multiplying.
fn push_number<const RADIX: u64>(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b"0123456789abcdef"[usize::try_from(number % RADIX).unwrap_or_default()];
        number /= RADIX;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}
