//! The body of a request on its way upstream on a stream, under back-pressure.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::{Reason, SendStream};
use http_body::{Body, Frame};

use crate::proxy::upstream::error::{BoxError, UpstreamError};
use crate::proxy::upstream::upload::Unsent;
use crate::proxy::wire::{Sending, harmless_only};

/// The body of a request on its way.
pub(super) struct Upload<B> {
    /// Until it has ended.
    body: Option<B>,
    /// What was taken from it and not yet sent.
    data: Bytes,
    /// How much of it is to come, if its length was said.
    left: Option<u64>,
    taken: bool,
    /// Whether the server takes no more; it may have answered already.
    stopped: bool,
    sent: u64,
}

impl<B> Upload<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    /// A body of which nothing is sent.
    pub(super) fn new(body: Option<B>) -> Self {
        let body = body.filter(|body| !body.is_end_stream());
        let left = body.as_ref().and_then(|body| body.size_hint().exact());
        Self { body, data: Bytes::new(), left, taken: false, stopped: false, sent: 0 }
    }

    /// Whether there is none.
    pub(super) fn is_bodiless(&self) -> bool {
        self.body.is_none()
    }

    /// Its length, if it is known.
    pub(super) fn length(&self) -> Option<u64> {
        self.left
    }

    /// How many bytes were sent.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// The request, which may be sent again as long as nothing was taken of its body.
    pub(super) fn into_unsent(self) -> Unsent<B> {
        Unsent { body: self.body }
    }

    /// Whether nothing of it was taken.
    pub(super) fn is_untaken(&self) -> bool {
        !self.taken
    }

    /// Begins on a new stream.
    pub(super) fn begin(&mut self) {
        self.stopped = false;
    }

    /// Sends what can be sent now. A server that takes no more is no error: its answer may be there to read.
    pub(super) fn poll_send(
        &mut self,
        stream: &mut SendStream<Bytes>,
        cx: &mut Context<'_>,
    ) -> Result<Sending, UpstreamError> {
        while !self.stopped
            && let Some(body) = &mut self.body
        {
            stream.reserve_capacity(self.data.len().max(1));
            let room = stream.capacity();
            if room == 0 {
                match stream.poll_capacity(cx) {
                    Poll::Ready(Some(Ok(_))) => continue,
                    Poll::Ready(_) => return Ok(self.stop()),
                    Poll::Pending => return Ok(Sending::Blocked),
                }
            }
            if !self.data.is_empty() {
                let piece = self.data.split_to(room.min(self.data.len()));
                let (length, last) = (piece.len() as u64, self.data.is_empty() && self.left == Some(0));
                if stream.send_data(piece, last).is_err() {
                    return Ok(self.stop());
                }
                self.sent += length;
                if last {
                    self.body = None;
                }
                continue;
            }
            let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) else { return Ok(Sending::Waiting) };
            self.taken = true;
            let taken = frame.transpose().map_err(|error| UpstreamError::RequestBody(error.into()));
            if let Err(error) = taken.and_then(|frame| self.take(frame, stream)) {
                stream.send_reset(Reason::CANCEL);
                self.body = None;
                return Err(error);
            }
        }
        Ok(Sending::Over)
    }

    fn take(&mut self, frame: Option<Frame<Bytes>>, stream: &mut SendStream<Bytes>) -> Result<(), UpstreamError> {
        const MISFIT: &str = "the request body is not as long as it said";
        let frame = match frame.map(Frame::into_data) {
            Some(Ok(data)) => {
                if let Some(left) = &mut self.left {
                    let rest = left.checked_sub(data.len() as u64);
                    *left = rest.ok_or_else(|| UpstreamError::RequestBody(MISFIT.into()))?;
                }
                self.data = data;
                return Ok(());
            }
            Some(Err(frame)) => Some(frame),
            None => None,
        };
        if self.left.is_some_and(|left| left > 0) {
            return Err(UpstreamError::RequestBody(MISFIT.into()));
        }
        let trailers = frame.and_then(|frame| frame.into_trailers().ok()).map(harmless_only).unwrap_or_default();
        // a server that takes no more has said so by a reset, which the answer shows
        let _ = if trailers.is_empty() { stream.send_data(Bytes::new(), true) } else { stream.send_trailers(trailers) };
        self.body = None;
        Ok(())
    }

    fn stop(&mut self) -> Sending {
        self.stopped = true;
        Sending::Over
    }
}
