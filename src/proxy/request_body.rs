//! The body of a request on its way upstream: counted, bounded, and not waited for endlessly.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::proxy::timer::Deadline;
use crate::proxy::upstream::BoxError;

/// The body of a request.
pub struct ClientBody {
    incoming: hyper::body::Incoming,
    left: u64,
    idle: Duration,
    deadline: Deadline,
    waiting: bool,
}

/// Why a request's body failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is larger than the limit.
    #[error("the body of the request is too large")]
    TooLarge,
    /// The client was silent for too long.
    #[error("the body of the request came too slowly")]
    Silent,
    /// The connection failed or the framing was wrong.
    #[error("the body of the request ended early")]
    Broken,
}

impl BodyError {
    /// The status of the answer.
    pub fn status(self) -> u16 {
        match self {
            Self::TooLarge => 413,
            Self::Silent => 408,
            Self::Broken => 400,
        }
    }
}

impl ClientBody {
    /// A body of at most `limit` bytes, of which each piece comes within `idle`.
    pub fn new(incoming: hyper::body::Incoming, limit: u64, idle: Duration, deadline: Deadline) -> Self {
        Self { incoming, left: limit, idle, deadline, waiting: false }
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let me = self.get_mut();
        match Pin::new(&mut me.incoming).poll_frame(cx) {
            Poll::Pending => {
                if !std::mem::replace(&mut me.waiting, true) {
                    me.deadline.set(me.idle);
                }
                me.deadline.poll_expired(cx).map(|()| Some(Err(BodyError::Silent.into())))
            }
            Poll::Ready(frame) => {
                me.waiting = false;
                me.deadline.clear();
                Poll::Ready(frame.map(|frame| me.count(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl ClientBody {
    fn count(&mut self, frame: Result<Frame<Bytes>, hyper::Error>) -> Result<Frame<Bytes>, BoxError> {
        let frame = frame.map_err(|_| BodyError::Broken)?;
        let length = frame.data_ref().map_or(0, Bytes::len) as u64;
        self.left = self.left.checked_sub(length).ok_or(BodyError::TooLarge)?;
        Ok(frame)
    }
}
