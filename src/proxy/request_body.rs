//! The body of a request on its way upstream: counted, bounded, and not waited for endlessly.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

use crate::proxy::http1;
use crate::proxy::http2;
use crate::proxy::mirror::Copy;
use crate::proxy::timer::Deadline;
use crate::proxy::upstream::BoxError;
use crate::proxy::wire::DecodeError;

/// The body of a request as its protocol hands it over.
pub enum Incoming {
    /// Read from a connection of its own.
    Http1(http1::RequestBody),
    /// Read from a stream of a connection.
    Http2(http2::RequestBody),
    /// Read already, for a plugin that had to see it.
    Held(Held),
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = DecodeError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, DecodeError>>> {
        match self.get_mut() {
            Self::Http1(body) => Pin::new(body).poll_frame(cx),
            Self::Http2(body) => Pin::new(body).poll_frame(cx),
            Self::Held(held) => Poll::Ready(held.next().map(Ok)),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Http1(body) => body.is_end_stream(),
            Self::Http2(body) => body.is_end_stream(),
            Self::Held(held) => held.data.is_none() && held.trailers.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http1(body) => body.size_hint(),
            Self::Http2(body) => body.size_hint(),
            // with a length there would be no trailers
            Self::Held(Held { trailers: Some(_), .. }) => SizeHint::default(),
            Self::Held(held) => SizeHint::with_exact(held.data.as_ref().map_or(0, Bytes::len) as u64),
        }
    }
}

/// A body that was read whole.
#[derive(Default)]
pub struct Held {
    /// What is left of it.
    pub data: Option<Bytes>,
    /// The fields that came behind it.
    pub trailers: Option<HeaderMap>,
}

impl Held {
    fn next(&mut self) -> Option<Frame<Bytes>> {
        self.data.take().map(Frame::data).or_else(|| self.trailers.take().map(Frame::trailers))
    }
}

/// The body of a request.
pub struct ClientBody {
    incoming: Incoming,
    left: u64,
    idle: Duration,
    deadline: Deadline,
    waiting: bool,
    /// The first frame, if it had come with the head.
    first: Option<Frame<Bytes>>,
    /// A copy of the request for another backend.
    copy: Option<Box<Copy>>,
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
    pub fn new(incoming: Incoming, limit: u64, idle: Duration, deadline: Deadline) -> Self {
        Self { incoming, left: limit, idle, deadline, waiting: false, first: None, copy: None }
    }

    /// Copies it as it is read. Before anything of it is.
    pub fn copy_to(&mut self, copy: Copy) {
        self.copy = Some(Box::new(copy));
    }

    /// Looks at what came with the head: a body that is wrong from its start is never begun upstream.
    pub async fn look(&mut self) -> Result<(), BodyError> {
        let first = poll_fn(|cx| Poll::Ready(Pin::new(&mut self.incoming).poll_frame(cx))).await;
        if let Poll::Ready(Some(frame)) = first {
            self.first = Some(self.count(frame)?);
        }
        Ok(())
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let me = self.get_mut();
        if let Some(first) = me.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
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
                Poll::Ready(frame.map(|frame| me.count(frame).map_err(Into::into)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let hint = self.incoming.size_hint();
        let held = self.first.as_ref().and_then(Frame::data_ref).map_or(0, Bytes::len) as u64;
        hint.exact().map_or(hint, |left| SizeHint::with_exact(left + held))
    }
}

impl ClientBody {
    fn count(&mut self, frame: Result<Frame<Bytes>, DecodeError>) -> Result<Frame<Bytes>, BodyError> {
        let counted = self.within_limit(frame);
        if let Some(copy) = &mut self.copy {
            match &counted {
                Ok(frame) => copy.take(frame.data_ref().map_or(&[], |data| data)),
                // what is refused is nobody's
                Err(_) => self.copy = None,
            }
        }
        counted
    }

    fn within_limit(&mut self, frame: Result<Frame<Bytes>, DecodeError>) -> Result<Frame<Bytes>, BodyError> {
        let frame = frame.map_err(|_| BodyError::Broken)?;
        let length = frame.data_ref().map_or(0, Bytes::len) as u64;
        self.left = self.left.checked_sub(length).ok_or(BodyError::TooLarge)?;
        Ok(frame)
    }
}

impl Drop for ClientBody {
    fn drop(&mut self) {
        if let Some(copy) = self.copy.take().filter(|_| self.incoming.is_end_stream()) {
            copy.send();
        }
    }
}
