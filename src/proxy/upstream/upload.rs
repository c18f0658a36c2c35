//! Sending a request: its head, then its body as it comes, under back-pressure and with the framing it needs.
//!
//! One frame of the body is held at a time, and the next is asked for once it is written. Nothing is copied:
//! head, chunk size, data and line end leave in one `writev`.

use std::io::{self, IoSlice};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame};
use tokio::io::AsyncWrite;

use crate::proxy::upstream::error::{BoxError, UpstreamError};
use crate::proxy::upstream::stream::Stream;
use crate::proxy::upstream::trailers;
use crate::value::method::Method;

/// The last chunk, and the end of an empty trailer section.
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// The same, after the line end of a chunk's data.
const DATA_END_AND_LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";

/// A request on its way to the upstream.
pub(super) struct Upload<B> {
    /// The body, until its last frame is taken.
    body: Option<B>,
    framing: Framing,
    /// What of the desk's output is written.
    at: usize,
    /// What follows the output: a frame's data, and what ends it.
    data: Bytes,
    tail: &'static [u8],
    written: u64,
    taken: bool,
    unflushed: bool,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// No body, and no need to say so.
    None,
    /// A length; so much of it is still to be taken from the body.
    Length(u64),
    Chunked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Sending,
    Complete,
    /// The upstream takes no more; it may have answered already.
    Broken,
}

/// Who has to act for a request to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    /// The upstream has to read.
    Blocked,
    /// The client has to send more of the body.
    Waiting,
    /// Nobody: what can be sent is sent.
    Over,
}

impl<B> Upload<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    /// A request of which nothing is sent. A body whose size is known is sent with its length, any other in chunks.
    pub(super) fn new(method: &Method, body: Option<B>) -> Self {
        let length = body.as_ref().map(|body| body.size_hint().exact());
        let expects_body = matches!(method, Method::Post | Method::Put | Method::Patch);
        let framing = match length {
            Some(None) => Framing::Chunked,
            None | Some(Some(0)) if !expects_body => Framing::None,
            None => Framing::Length(0),
            Some(Some(length)) => Framing::Length(length),
        };
        Self {
            body: body.filter(|_| !matches!(framing, Framing::None | Framing::Length(0))),
            framing,
            at: 0,
            data: Bytes::new(),
            tail: b"",
            written: 0,
            taken: false,
            unflushed: false,
            state: State::Sending,
        }
    }

    /// Starts on a new connection. What was taken from the body and not written is kept.
    pub(super) fn begin(&mut self, head: &[u8], output: &mut Vec<u8>) {
        self.state = State::Sending;
        self.unflushed = false;
        if self.written == 0 && !output.is_empty() {
            return;
        }
        self.written = 0;
        self.at = 0;
        output.clear();
        output.extend_from_slice(head);
        match self.framing {
            Framing::None => {}
            Framing::Length(length) => {
                output.extend_from_slice(b"content-length: ");
                push_number(output, length, 10);
                output.extend_from_slice(b"\r\n");
            }
            Framing::Chunked => output.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        }
        output.extend_from_slice(b"\r\n");
    }

    /// Whether it can be sent again, should the connection turn out to be dead: nothing left the gateway, or
    /// nothing of the body was taken and the origin may see the request twice.
    pub(super) fn is_repeatable(&self, method: &Method) -> bool {
        self.written == 0 || (method.is_idempotent() && !self.taken)
    }

    /// Whether it has no body.
    pub(super) fn is_bodiless(&self) -> bool {
        self.body.is_none()
    }

    /// Whether all of it was sent.
    pub(super) fn is_complete(&self) -> bool {
        self.state == State::Complete
    }

    /// How many bytes were sent, framing included.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Sends what can be sent now. An upstream that takes no more is no error: its answer may be there to read.
    pub(super) fn poll_send(
        &mut self,
        stream: &mut Stream,
        output: &mut Vec<u8>,
        cx: &mut Context<'_>,
    ) -> Result<Sending, UpstreamError> {
        while self.state == State::Sending {
            let waits = match self.poll_take(output, cx) {
                Poll::Ready(taken) => taken.map(|()| false)?,
                Poll::Pending => true,
            };
            match self.poll_write(stream, output, cx) {
                Poll::Pending => return Ok(Sending::Blocked),
                Poll::Ready(Err(_)) => self.state = State::Broken,
                Poll::Ready(Ok(())) if waits => return Ok(Sending::Waiting),
                Poll::Ready(Ok(())) if self.body.is_none() => self.state = State::Complete,
                Poll::Ready(Ok(())) => {}
            }
        }
        Ok(Sending::Over)
    }

    /// Takes the next frame of the body, unless one is still to be written.
    fn poll_take(&mut self, output: &mut Vec<u8>, cx: &mut Context<'_>) -> Poll<Result<(), UpstreamError>> {
        while self.data.is_empty()
            && self.tail.is_empty()
            && let Some(body) = &mut self.body
        {
            match ready!(Pin::new(body).poll_frame(cx)) {
                Some(Ok(frame)) => self.put(frame, output)?,
                Some(Err(error)) => return Poll::Ready(Err(UpstreamError::RequestBody(error.into()))),
                None => self.end()?,
            }
        }
        Poll::Ready(Ok(()))
    }

    fn put(&mut self, frame: Frame<Bytes>, output: &mut Vec<u8>) -> Result<(), UpstreamError> {
        self.taken = true;
        let data = match frame.into_data() {
            Ok(data) => data,
            Err(frame) => {
                if let (Framing::Chunked, Ok(fields)) = (self.framing, frame.into_trailers()) {
                    output.extend_from_slice(b"0\r\n");
                    trailers::write(&fields, output);
                    output.extend_from_slice(b"\r\n");
                    self.body = None;
                }
                return Ok(());
            }
        };
        match &mut self.framing {
            Framing::Chunked if !data.is_empty() => {
                push_number(output, data.len() as u64, 16);
                output.extend_from_slice(b"\r\n");
                let last = self.body.as_ref().is_some_and(Body::is_end_stream);
                self.tail = if last { DATA_END_AND_LAST_CHUNK } else { b"\r\n" };
                self.body.take_if(|_| last);
            }
            Framing::Chunked | Framing::None => {}
            Framing::Length(left) => {
                *left = left.checked_sub(data.len() as u64).ok_or_else(|| misfit("longer than its length"))?;
                let last = *left == 0;
                self.body.take_if(|_| last);
            }
        }
        self.data = data;
        Ok(())
    }

    fn end(&mut self) -> Result<(), UpstreamError> {
        self.body = None;
        match self.framing {
            Framing::Length(_) => return Err(misfit("shorter than its length")),
            Framing::Chunked => self.tail = LAST_CHUNK,
            Framing::None => {}
        }
        Ok(())
    }

    fn poll_write(&mut self, stream: &mut Stream, output: &mut Vec<u8>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
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

fn misfit(how: &str) -> UpstreamError {
    UpstreamError::RequestBody(format!("the request body is {how}").into())
}

/// Without the formatting machinery: this is in the way of every request.
fn push_number(out: &mut Vec<u8>, mut number: u64, radix: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b"0123456789abcdef"[usize::try_from(number % radix).unwrap_or_default()];
        number /= radix;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}
