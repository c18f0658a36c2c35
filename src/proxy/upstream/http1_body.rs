//! The body of an answer over HTTP/1: read from the connection as the client takes it, which then goes back to the pool.
//!
//! The rest of the request is sent meanwhile, for a server may answer before it has read everything. No task or
//! channel stands between the two sockets.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::proxy::stream::Stream;
use crate::proxy::upstream::error::{BoxError, UpstreamError};
use crate::proxy::upstream::pool::{Mark, Pool};
use crate::proxy::upstream::upload::Upload;
use crate::proxy::wire::{Decoder, Desk, Piece, Size};

/// A connection that serves a request, with what was lent for it.
pub(super) struct Line {
    pub(super) stream: Stream,
    pub(super) desk: Desk,
    pub(super) pool: Rc<Pool>,
    pub(super) mark: Mark,
}

impl Line {
    /// Reads what has come; `0` is the end of the connection.
    pub(super) fn poll_read(&mut self, size: Size, cx: &mut Context<'_>) -> Poll<std::io::Result<usize>> {
        self.desk.input.poll_read(&mut self.stream, size, cx)
    }
}

/// The body of an answer. An error means that it is not whole: the client must see that, too.
pub struct Http1Body<B> {
    /// Until the answer has ended or failed.
    line: Option<Line>,
    decoder: Decoder,
    upload: Upload<B>,
    reusable: bool,
    idle: Duration,
    /// What had been sent and received when the deadline was set: it holds while neither grows.
    waiting_since: Option<(u64, u64)>,
    received: u64,
}

impl<B> Http1Body<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    pub(super) fn new(line: Line, decoder: Decoder, upload: Upload<B>, reusable: bool, idle: Duration) -> Self {
        let line = Some(line);
        let mut body = Self { line, decoder, upload, reusable, idle, waiting_since: None, received: 0 };
        if body.decoder.has_ended() {
            body.finish();
        }
        body
    }

    /// Gives the connection back if both messages have ended and nothing was said beyond them; else closes it.
    fn finish(&mut self) {
        if let Some(Line { stream, desk, pool, mark }) = self.line.take()
            && self.reusable
            && self.upload.is_complete()
            && desk.input.bytes.is_empty()
        {
            pool.put(stream, mark);
        }
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, UpstreamError>> {
        let Some(line) = &mut self.line else { return Poll::Ready(Ok(Piece::End)) };
        self.upload.poll_send(&mut line.stream, &mut line.desk.output, cx)?;
        loop {
            let piece = self.decoder.decode(&mut line.desk.input.bytes)?;
            if !matches!(piece, Piece::Starved) {
                return Poll::Ready(Ok(piece));
            }
            let size = Size::of(self.decoder.size_hint().exact().unwrap_or(self.received));
            match line.poll_read(size, cx) {
                Poll::Ready(Ok(length @ 1..)) => self.received += length as u64,
                Poll::Ready(Ok(0)) => self.decoder.close()?,
                Poll::Ready(Err(_)) => return Poll::Ready(Err(UpstreamError::Truncated)),
                Poll::Pending => break,
            }
        }
        let so_far = (self.upload.written(), self.received);
        if self.waiting_since != Some(so_far) {
            self.waiting_since = Some(so_far);
            line.desk.deadline.set(self.idle);
        }
        line.desk.deadline.poll_expired(cx).map(|()| Err(UpstreamError::IdleTimeout))
    }
}

impl<B> Body for Http1Body<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = UpstreamError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        let body = self.get_mut();
        let piece = match body.poll_piece(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(piece)) => piece,
            Poll::Ready(Err(error)) => {
                body.line = None;
                return Poll::Ready(Some(Err(error)));
            }
        };
        if body.decoder.has_ended() {
            body.finish();
        }
        Poll::Ready(match piece {
            Piece::Data(data) => Some(Ok(Frame::data(data))),
            Piece::Trailers(fields) => Some(Ok(Frame::trailers(fields))),
            Piece::End | Piece::Starved => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.line.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.decoder.size_hint()
    }
}
