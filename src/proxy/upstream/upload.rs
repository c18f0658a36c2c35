//! A request on its way upstream: which framing it gets, and whether it may be sent again.

use bytes::Bytes;
use http_body::Body;

use std::task::Context;

use crate::proxy::stream::Stream;
use crate::proxy::upstream::error::{BoxError, UpstreamError};
use crate::proxy::wire::{Direction, Framing, SendError, Sender, Sending};
use crate::value::method::Method;

/// A request on its way to the upstream.
pub(super) struct Upload<B> {
    sender: Sender<B>,
    state: State,
}

/// The body of a request that may be sent to another server.
pub struct Unsent<B> {
    /// The body, of which nothing was taken.
    pub body: Option<B>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Sending,
    Complete,
    /// The upstream takes no more; it may have answered already.
    Broken,
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
        Self { sender: Sender::new(body, framing, Direction::Request), state: State::Sending }
    }

    /// Starts on a new connection. What was taken from the body and not written is kept.
    pub(super) fn begin(&mut self, head: &[u8], output: &mut Vec<u8>) {
        self.state = State::Sending;
        let untouched = self.sender.written() == 0 && !output.is_empty();
        self.sender.restart();
        if untouched {
            return;
        }
        output.clear();
        output.extend_from_slice(head);
        self.sender.write_framing(output);
        output.extend_from_slice(b"\r\n");
    }

    /// Whether it can be sent again, should the connection turn out to be dead: nothing left the gateway, or
    /// nothing of the body was taken and the origin may see the request twice.
    pub(super) fn is_repeatable(&self, method: &Method) -> bool {
        self.sender.written() == 0 || (method.is_idempotent() && !self.sender.has_taken())
    }

    /// Its body, if the whole request may be sent to another server: see [`is_repeatable`](Self::is_repeatable).
    pub(super) fn into_unsent(self, method: &Method) -> Option<Unsent<B>> {
        let whole = self.is_repeatable(method) && !self.sender.has_taken();
        whole.then(|| Unsent { body: self.sender.into_body() })
    }

    /// Whether it has no body.
    pub(super) fn is_bodiless(&self) -> bool {
        self.sender.is_bodiless()
    }

    /// Whether all of it was sent.
    pub(super) fn is_complete(&self) -> bool {
        self.state == State::Complete
    }

    /// How many bytes were sent, framing included.
    pub(super) fn written(&self) -> u64 {
        self.sender.written()
    }

    /// Sends what can be sent now. An upstream that takes no more is no error: its answer may be there to read.
    pub(super) fn poll_send(
        &mut self,
        stream: &mut Stream,
        output: &mut Vec<u8>,
        cx: &mut Context<'_>,
    ) -> Result<Sending, UpstreamError> {
        if self.state != State::Sending {
            return Ok(Sending::Over);
        }
        match self.sender.poll_send(stream, output, cx) {
            Ok(Sending::Over) => self.state = State::Complete,
            Ok(sending) => return Ok(sending),
            Err(SendError::Connection) => self.state = State::Broken,
            Err(SendError::Body(error)) => return Err(UpstreamError::RequestBody(error.into())),
            Err(SendError::Misfit) => {
                return Err(UpstreamError::RequestBody("the request body is not as long as it said".into()));
            }
        }
        Ok(Sending::Over)
    }
}
