//! The body of an answer on its way to the client, and the accounts of its request, which are settled when it ends.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::proxy::access_log::{Format, Record};
use crate::proxy::connection::Connection;
use crate::proxy::core::Pinned;
use crate::proxy::request_body::ClientBody;
use crate::proxy::upstream::{UpstreamBody, UpstreamError};

/// The body of an answer.
pub struct AnswerBody {
    source: Source,
    account: Account,
    /// An error that the client is told of once what came before it was sent: hyper drops what it still holds.
    failed: Option<UpstreamError>,
}

/// Where the bytes come from.
pub enum Source {
    /// There are none.
    Empty,
    /// Bytes in memory.
    Bytes(Bytes),
    /// The upstream.
    Upstream(Box<UpstreamBody<ClientBody>>),
}

/// What is noted of a request when its answer has ended, however it ends.
pub struct Account {
    /// The connection it came by.
    pub connection: Rc<Connection>,
    /// The generation that decided.
    pub generation: Pinned,
    /// The index of its route, if one was found.
    pub route: Option<u32>,
    /// When it began.
    pub started: Instant,
    /// The status of the answer.
    pub status: u16,
    /// Bytes of the answer's body so far.
    pub bytes: u64,
    /// What the log will say, if it is on.
    pub record: Option<(Format, Box<Record>)>,
    /// Whether the whole answer was handed over.
    pub complete: bool,
}

impl AnswerBody {
    /// A body with its account.
    pub fn new(source: Source, mut account: Account) -> Self {
        account.complete = matches!(source, Source::Empty);
        Self { source, account, failed: None }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = UpstreamError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        let Self { source, account, failed } = self.get_mut();
        if let Some(error) = failed.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let frame = match source {
            Source::Empty => None,
            Source::Bytes(bytes) => {
                let bytes = std::mem::take(bytes);
                *source = Source::Empty;
                Some(Ok(Frame::data(bytes)))
            }
            Source::Upstream(body) => match ready!(Pin::new(body).poll_frame(cx)) {
                Some(Err(error)) => {
                    *failed = Some(error);
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                frame => frame,
            },
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

impl Drop for Account {
    fn drop(&mut self) {
        let duration = self.started.elapsed();
        let core = &self.connection.core;
        match self.route.and_then(|route| self.generation.routes.get(route as usize)) {
            Some(route) => route.metrics.count(self.status, duration),
            None => core.metrics.unrouted.count(self.status, duration),
        }
        if let Some((format, mut record)) = self.record.take() {
            record.status = self.status;
            record.bytes = self.bytes;
            record.duration_ms = (duration.as_secs_f64() * 1e6).round() / 1e3;
            record.complete = self.complete;
            core.log.write(format, record);
        }
        self.connection.request_ended(&self.generation);
    }
}
