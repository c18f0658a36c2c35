//! The body of a request, read from the client as it is asked for.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::proxy::http1::socket::Socket;
use crate::proxy::wire::{DecodeError, Piece};

/// The body of the request in flight on a connection.
pub struct RequestBody(Rc<Socket>);

impl RequestBody {
    /// The body of the request whose head was read last.
    pub fn new(socket: &Rc<Socket>) -> Self {
        Self(Rc::clone(socket))
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = DecodeError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, DecodeError>>> {
        Poll::Ready(match ready!(self.0.state().poll_body(cx)) {
            Ok(Piece::Data(data)) => Some(Ok(Frame::data(data))),
            Ok(Piece::Trailers(fields)) => Some(Ok(Frame::trailers(fields))),
            Ok(Piece::End | Piece::Starved) => None,
            Err(error) => Some(Err(error)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.0.state().body.has_ended()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.state().body.size_hint()
    }
}
