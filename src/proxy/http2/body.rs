//! The body of a request, read from its stream as it is asked for: the client may send on only once the last piece is used.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;
use http_body::{Body, Frame, SizeHint};

use crate::proxy::wire::{DecodeError, drop_forbidden};

/// The body of a request on a stream.
pub struct RequestBody {
    stream: RecvStream,
    /// How much is to come, if the head said.
    left: Option<u64>,
    /// What was handed on last, and is not the client's to send again yet.
    lent: usize,
}

impl RequestBody {
    /// The body that comes on a stream, of the length that its head says.
    pub fn new(stream: RecvStream, length: Option<u64>) -> Self {
        Self { stream, left: length, lent: 0 }
    }

    fn poll_trailers(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, DecodeError>>> {
        Poll::Ready(match ready!(self.stream.poll_trailers(cx)) {
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
            let _ = me.stream.flow_control().release_capacity(std::mem::take(&mut me.lent));
        }
        match ready!(me.stream.poll_data(cx)) {
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
        self.stream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
