//! The body of an answer on its way to the client, which settles the account of its request when it ends.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::pipeline::head::ResponseHead;
use crate::proxy::account::Account;
use crate::proxy::request_body::ClientBody;
use crate::proxy::upstream::{UpstreamBody, UpstreamError};
use crate::proxy::wire::decimal;

/// The body of an answer.
pub struct AnswerBody {
    source: Source,
    account: Account,
}

/// Where the bytes come from.
pub enum Source {
    /// There are none.
    Empty,
    /// Bytes in memory.
    Bytes(Bytes),
    /// The upstream.
    Upstream(UpstreamBody<Box<ClientBody>>),
}

impl AnswerBody {
    /// A body with its account.
    pub fn new(source: Source, mut account: Account) -> Self {
        account.complete = match &source {
            Source::Empty => true,
            Source::Bytes(_) => false,
            Source::Upstream(body) => body.is_end_stream(),
        };
        Self { source, account }
    }

    /// Notes that the answer is whole without it, as one to `HEAD` is.
    pub fn stays_here(&mut self) {
        self.account.complete = true;
    }

    /// Whether it is still read from an upstream, which may be sent the rest of the request meanwhile.
    pub fn is_from_upstream(&self) -> bool {
        matches!(self.source, Source::Upstream(_))
    }
}

/// What `Content-Length` says of a body that stays here (RFC 9110, 8.6); `framed` if the head came from an upstream.
pub fn length_without_body(head: &ResponseHead, framed: bool, body: &AnswerBody) -> Option<u64> {
    match head.status {
        100..=199 | 204 => None,
        _ if framed => head.fields.get("content-length").and_then(decimal),
        304 => None,
        _ => body.size_hint().exact(),
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = UpstreamError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        let Self { source, account } = self.get_mut();
        let frame = match source {
            Source::Empty => None,
            Source::Bytes(bytes) => {
                let bytes = std::mem::take(bytes);
                *source = Source::Empty;
                Some(Ok(Frame::data(bytes)))
            }
            Source::Upstream(body) => ready!(Pin::new(body).poll_frame(cx)),
        };
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            account.bytes += data.len() as u64;
        }
        account.complete = match (&frame, &*source) {
            (None, _) | (_, Source::Empty) => true,
            (Some(Ok(_)), Source::Upstream(body)) => body.is_end_stream(),
            _ => false,
        };
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Empty => true,
            Source::Bytes(_) => false,
            Source::Upstream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Empty => SizeHint::with_exact(0),
            Source::Bytes(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Source::Upstream(body) => body.size_hint(),
        }
    }
}
