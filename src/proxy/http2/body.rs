//! The body of a request, read from its stream as it is asked for: the client may send on only once the last piece is used.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;
use http_body::{Body, Frame, SizeHint};

use crate::proxy::wire::{DecodeError, drop_forbidden};

/// A stream that a body is read from. Whoever serves it keeps it until it has ended: dropping it before resets it.
pub(super) type Stream = Rc<RefCell<RecvStream>>;

/// The body of a request on a stream.
pub struct RequestBody {
    stream: Stream,
    /// How much is to come, if the head said.
    left: Option<u64>,
    /// What was handed on last, and is not the client's to send again yet.
    lent: usize,
}

impl RequestBody {
    /// The body that comes on a stream, of the length that its head says.
    pub(super) fn new(stream: &Stream, length: Option<u64>) -> Self {
        Self { stream: Rc::clone(stream), left: length, lent: 0 }
    }

    fn poll_trailers(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, DecodeError>>> {
        Poll::Ready(match ready!(self.stream.borrow_mut().poll_trailers(cx)) {
            Ok(Some(mut fields)) => {
                drop_forbidden(&mut fields);
                Some(Ok(Frame::trailers(fields)))
            }
            Ok(None) => None,
            Err(_) => Some(Err(DecodeError::Truncated)),
        })
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = DecodeError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, DecodeError>>> {
        let me = self.get_mut();
        if me.lent > 0 {
            // it fails only for more than was lent
            let _ = me.stream.borrow_mut().flow_control().release_capacity(std::mem::take(&mut me.lent));
        }
        let data = me.stream.borrow_mut().poll_data(cx);
        match ready!(data) {
            Some(Ok(data)) => {
                me.lent = data.len();
                me.left = me.left.map(|left| left.saturating_sub(data.len() as u64));
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
            Some(Err(_)) => Poll::Ready(Some(Err(DecodeError::Truncated))),
            None => me.poll_trailers(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.stream.borrow().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
