//! The body of an answer, whichever way it comes. An error means that it is not whole: the client must see that, too.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::proxy::upstream::error::{BoxError, UpstreamError};
use crate::proxy::upstream::http1_body::Http1Body;
use crate::proxy::upstream::http2::Http2Body;

/// The body of an answer; boxed, for it is handed on several times before it is read.
pub enum UpstreamBody<B> {
    /// On a connection of its own.
    Http1(Box<Http1Body<B>>),
    /// On a stream of a connection.
    Http2(Box<Http2Body<B>>),
}

impl<B> Body for UpstreamBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = UpstreamError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        match self.get_mut() {
            Self::Http1(body) => Pin::new(body).poll_frame(cx),
            Self::Http2(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Http1(body) => body.is_end_stream(),
            Self::Http2(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http1(body) => body.size_hint(),
            Self::Http2(body) => body.size_hint(),
        }
    }
}
