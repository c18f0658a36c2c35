//! The body of an answer on its way to the client, which settles the account of its request when it ends.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::pipeline::body::BrokenOff;
use crate::pipeline::head::ResponseHead;
use crate::proxy::account::Account;
use crate::proxy::changed::Changed;
use crate::proxy::pieces::Streamed;
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
    /// A plugin or an end without a server, piece by piece.
    Stream(Box<Streamed>),
    /// Another source, whose bytes plugins change.
    Changed(Box<Changed>),
    /// Nothing: it could not be made.
    Broken(BrokenOff),
}

impl Source {
    /// The next frame.
    pub fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        Poll::Ready(match self {
            Self::Empty => None,
            Self::Bytes(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Self::Empty;
                Some(Ok(Frame::data(bytes)))
            }
            Self::Upstream(body) => ready!(Pin::new(body).poll_frame(cx)),
            Self::Stream(body) => {
                ready!(body.poll_piece(cx)).map(|piece| piece.map(Frame::data).map_err(UpstreamError::from))
            }
            Self::Changed(body) => ready!(body.poll_frame(cx)),
            Self::Broken(why) => Some(Err((*why).into())),
        })
    }

    /// Whether nothing more comes.
    pub fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Bytes(_) | Self::Broken(_) => false,
            Self::Upstream(body) => body.is_end_stream(),
            Self::Stream(body) => body.length() == Some(0),
            Self::Changed(body) => body.is_end_stream(),
        }
    }

    /// How much is still to come.
    pub fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Bytes(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Upstream(body) => body.size_hint(),
            Self::Stream(body) => body.length().map_or_else(SizeHint::default, SizeHint::with_exact),
            Self::Changed(body) => body.size_hint(),
            Self::Broken(_) => SizeHint::default(),
        }
    }
}

impl AnswerBody {
    /// A body with its account.
    pub fn new(source: Source, mut account: Account) -> Self {
        account.complete = source.is_end_stream();
        Self { source, account }
    }

    /// Notes that the answer is whole without it, as one to `HEAD` is.
    pub fn stays_here(&mut self) {
        self.account.complete = true;
    }

    /// Whether it is still read from an upstream, which may be sent the rest of the request meanwhile.
    pub fn is_from_upstream(&self) -> bool {
        match &self.source {
            Source::Upstream(_) => true,
            Source::Changed(body) => body.is_from_upstream(),
            _ => false,
        }
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
        let frame = ready!(source.poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            account.bytes += data.len() as u64;
        }
        account.complete = match &frame {
            None => true,
            Some(Ok(_)) => source.is_end_stream(),
            Some(Err(_)) => false,
        };
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.source.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.source.size_hint()
    }
}
