//! The body of an answer on a stream; the rest of the request is sent meanwhile.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::{RecvStream, SendStream};
use http_body::{Body, Frame, SizeHint};

use crate::proxy::upstream::error::{BoxError, UpstreamError};
use crate::proxy::upstream::http2::sessions::Lease;
use crate::proxy::upstream::http2::upload::Upload;
use crate::proxy::wire::{Desk, drop_forbidden};

/// The body of an answer.
pub struct Http2Body<B> {
    /// Until it has ended or failed.
    open: Option<Open<B>>,
    /// How much is to come, if the head said.
    left: Option<u64>,
    idle: Duration,
}

/// Both directions of a stream, with what was lent for it.
pub(super) struct Open<B> {
    pub(super) receive: RecvStream,
    pub(super) send: SendStream<Bytes>,
    pub(super) upload: Upload<B>,
    pub(super) desk: Desk,
    pub(super) lease: Lease,
    /// What was handed on last, and is not the server's to send again yet.
    lent: usize,
    received: u64,
    /// What had been sent and received when the deadline was set.
    waiting_since: Option<(u64, u64)>,
}

impl<B> Open<B> {
    pub(super) fn new(
        receive: RecvStream,
        send: SendStream<Bytes>,
        upload: Upload<B>,
        desk: Desk,
        lease: Lease,
    ) -> Self {
        Self { receive, send, upload, desk, lease, lent: 0, received: 0, waiting_since: None }
    }
}

impl<B> Http2Body<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    /// The body of an answer of this length, if that is known, which is never silent for longer than `idle`.
    pub(super) fn new(open: Open<B>, length: Option<u64>, idle: Duration) -> Self {
        let ended = open.receive.is_end_stream();
        Self { open: (!ended).then_some(open), left: length.filter(|_| !ended), idle }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame<Bytes>>, UpstreamError>> {
        let Some(open) = &mut self.open else { return Poll::Ready(Ok(None)) };
        if open.lent > 0 {
            // it fails only for more than was lent
            let _ = open.receive.flow_control().release_capacity(mem::take(&mut open.lent));
        }
        open.upload.poll_send(&mut open.send, cx)?;
        match open.receive.poll_data(cx) {
            Poll::Ready(Some(Ok(data))) => {
                open.lease.answered();
                open.lent = data.len();
                open.received += data.len() as u64;
                self.left = self.left.map(|left| left.saturating_sub(data.len() as u64));
                return Poll::Ready(Ok(Some(Frame::data(data))));
            }
            Poll::Ready(Some(Err(_))) => return Poll::Ready(Err(UpstreamError::Truncated)),
            Poll::Ready(None) => {
                if let Poll::Ready(trailers) = open.receive.poll_trailers(cx) {
                    return Poll::Ready(trailers.map(with_trailers).map_err(|_| UpstreamError::Truncated));
                }
            }
            Poll::Pending => {}
        }
        let so_far = (open.upload.sent(), open.received);
        if open.waiting_since.replace(so_far) != Some(so_far) {
            open.desk.deadline.set(self.idle);
        }
        let late = open.desk.deadline.poll_expired(cx);
        late.map(|()| {
            open.lease.retire();
            Err(UpstreamError::IdleTimeout)
        })
    }
}

fn with_trailers(trailers: Option<http::HeaderMap>) -> Option<Frame<Bytes>> {
    let mut trailers = trailers?;
    drop_forbidden(&mut trailers);
    Some(Frame::trailers(trailers))
}

impl<B> Body for Http2Body<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = UpstreamError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        let body = self.get_mut();
        let Poll::Ready(polled) = body.poll(cx) else { return Poll::Pending };
        let goes_on = matches!(&polled, Ok(Some(frame)) if frame.is_data());
        let ended = body.open.as_ref().is_some_and(|open| open.receive.is_end_stream());
        if !goes_on || ended {
            body.open = None;
        }
        Poll::Ready(polled.transpose())
    }

    fn is_end_stream(&self) -> bool {
        self.open.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.open, self.left) {
            (None, _) => SizeHint::with_exact(0),
            (Some(_), Some(left)) => SizeHint::with_exact(left),
            (Some(_), None) => SizeHint::default(),
        }
    }
}
