//! Sending a request to a target and getting the head of its answer: which connection, how long, and how often.
//!
//! A request goes out on an idle connection if there is one. If that turns out to be dead it is sent once more
//! on a new one, but only where the origin cannot have seen it, or may see it twice (RFC 9110, 9.2.2).

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::Body;

use crate::pipeline::head::ResponseHead;
use crate::pipeline::upstream::UpstreamProtocol;
use crate::proxy::stream::Stream;
use crate::proxy::timer::{Deadline, Timers};
use crate::proxy::upstream::body::UpstreamBody;
use crate::proxy::upstream::error::{BoxError, UpstreamError};
use crate::proxy::upstream::gate::{Gate, GateLimits};
use crate::proxy::upstream::head::{Asked, Head, HeadReader};
use crate::proxy::upstream::http1_body::{Http1Body, Line};
use crate::proxy::upstream::http2::{self, Sessions};
use crate::proxy::upstream::open::{Opening, open, open_at};
use crate::proxy::upstream::pool::Pools;
use crate::proxy::upstream::target::Target;
use crate::proxy::upstream::tunnel::Tunnel;
use crate::proxy::upstream::upload::{Unsent, Upload};
use crate::proxy::wire::{Buffers, Sending, Size};
use crate::value::method::Method;

/// The client of one worker. A clone shares its connections and buffers.
#[derive(Clone)]
pub struct Upstreams {
    pools: Rc<Pools>,
    sessions: Rc<Sessions>,
    buffers: Rc<Buffers>,
}

/// One request, and how its answer is to be had.
pub struct Call<'a, B> {
    /// Where it goes.
    pub target: &'a Target,
    /// Its method, as in `head`.
    pub method: &'a Method,
    /// The request line and all field lines, each with its CR LF, but no framing fields and no empty line at the end.
    /// For an upgrade it holds `Connection` and `Upgrade`.
    pub head: &'a [u8],
    /// The body; sent with a `Content-Length` if its size hint is exact, else in chunks.
    pub body: Option<B>,
    /// Whether the client asked for another protocol, so that 101 is an answer.
    pub upgrade: bool,
    /// How long each step may take.
    pub timeouts: StepTimeouts,
    /// When the head of the answer must be there at the latest.
    pub patience: Patience<'a>,
    /// How large the head of the answer may be.
    pub limits: AnswerLimits,
    /// How many connections there may be, if there is a limit.
    pub gate: Option<(&'a Arc<Gate>, GateLimits)>,
    /// Where the head of the answer is put: its status, its end-to-end fields and its `Content-Length`.
    pub response: &'a mut ResponseHead,
}

/// How long there is time until the head of an answer.
#[derive(Clone, Copy)]
pub struct Patience<'a> {
    /// For the request as a whole.
    pub request: &'a Deadline,
    /// For this attempt, if it has less.
    pub attempt: Option<&'a Deadline>,
}

impl Patience<'_> {
    /// Ready once there is no time left.
    pub(super) fn poll_over(self, cx: &mut Context<'_>) -> Poll<UpstreamError> {
        if self.request.poll_expired(cx).is_ready() {
            return Poll::Ready(UpstreamError::RequestTimeout);
        }
        match self.attempt {
            Some(attempt) => attempt.poll_expired(cx).map(|()| UpstreamError::TryTimeout),
            None => Poll::Pending,
        }
    }
}

/// A request that got no usable answer.
pub struct Failure<B> {
    /// Why.
    pub error: UpstreamError,
    /// The request, if another server may be asked: nothing of it was sent, or its method allows to send it again, nothing of its body
    /// was taken, and no byte of an answer came.
    pub unsent: Option<Unsent<B>>,
}

impl<B> Failure<B> {
    /// One after which nobody may be asked.
    pub(super) fn last(error: UpstreamError) -> Self {
        Self { error, unsent: None }
    }
}

/// How long each step of a request may take.
#[derive(Clone, Copy, Debug)]
pub struct StepTimeouts {
    /// Until a connection is made, name and TLS included.
    pub connect: Duration,
    /// From the last byte of the request until the whole head of the answer.
    pub first_byte: Duration,
    /// The longest silence within the request or the answer's body.
    pub idle: Duration,
}

/// How large the head of an answer may be.
#[derive(Clone, Copy, Debug)]
pub struct AnswerLimits {
    /// Its bytes, the empty line included.
    pub head_bytes: usize,
    /// Its fields; never more than 256.
    pub fields: usize,
}

impl Default for AnswerLimits {
    fn default() -> Self {
        Self { head_bytes: 64 * 1024, fields: 100 }
    }
}

/// What comes after the head of an answer.
pub enum Reply<B> {
    /// A body, maybe empty.
    Answer(UpstreamBody<B>),
    /// Another protocol, after a 101.
    Upgraded(Tunnel),
}

impl Upstreams {
    /// A client without connections.
    pub fn new(timers: &Timers) -> Self {
        let buffers = Rc::new(Buffers::new(timers.clone()));
        let pools = Rc::new(Pools::new(timers.clone()));
        let sessions = Rc::new(Sessions::new(timers.clone(), Rc::clone(&pools)));
        Self { pools, sessions, buffers }
    }

    /// The buffers of the worker.
    pub fn buffers(&self) -> &Rc<Buffers> {
        &self.buffers
    }

    /// Sends a request; the head of its answer is in `call.response` once this returns.
    ///
    /// An answer may come before the request's body has ended: the reply's body sends the rest.
    ///
    /// # Errors
    /// If there is no usable answer; the request comes back if another server may be asked.
    pub async fn send<B>(&self, call: Call<'_, B>) -> Result<Reply<B>, Failure<B>>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<BoxError>,
    {
        if call.target.protocol != UpstreamProtocol::Http1 {
            // boxed: a request over HTTP/1 then holds no memory for it
            return Box::pin(self.send_over_http2(call)).await;
        }
        self.send_over_http1(call).await
    }

    /// Over HTTP/1 in the end, if the server has the choice and does not speak HTTP/2, or opens no tunnels there.
    async fn send_over_http2<B>(&self, call: Call<'_, B>) -> Result<Reply<B>, Failure<B>>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<BoxError>,
    {
        let Some(old) = call.target.over_http1() else { return http2::send(&self.sessions, &self.buffers, call).await };
        let Call { target, body, response, .. } = call;
        let body = if target.chose_http1() {
            body
        } else {
            match http2::send(&self.sessions, &self.buffers, Call { body, response: &mut *response, ..call }).await {
                Err(Failure { error: UpstreamError::NoHttp2 | UpstreamError::NoUpgrade, unsent: Some(unsent) }) => {
                    unsent.body
                }
                sent => return sent,
            }
        };
        let sent = self.send_over_http1(Call { target: &old, body, response, ..call }).await;
        if let Err(Failure { error: UpstreamError::Tls(_), .. }) = &sent {
            // it may speak HTTP/1 no more
            target.note_http1(false);
        }
        sent
    }

    async fn send_over_http1<B>(&self, call: Call<'_, B>) -> Result<Reply<B>, Failure<B>>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<BoxError>,
    {
        let Call { target, method, head, body, upgrade, timeouts, patience, limits, gate, response } = call;
        let mut upload = Upload::new(method, body);
        let mut desk = self.buffers.desk();
        let pool = self.pools.of(target);
        // what can't be sent again is worth a system call to know that the connection lives
        let again = method.is_idempotent() && upload.is_bodiless();
        let is_quiet = if again { Stream::is_quiet } else { Stream::is_quiet_now };
        let pooled = pool.take(is_quiet);
        let mut reused = pooled.is_some();
        let opening = || Opening { target, timeouts, patience };
        let made = match (pooled, gate) {
            (Some(pooled), _) => Ok(pooled),
            (None, None) => open(opening(), None, &desk).await,
            // boxed: few backends have a gate, and every request's future would be larger
            (None, Some(gate)) => Box::pin(open_at(gate, opening(), (&self.pools, &pool), is_quiet, &desk)).await,
        };
        let (stream, mark) = match made {
            Ok(made) => made,
            Err(error) => return Err(Failure { error, unsent: upload.into_unsent(method) }),
        };
        upload.begin(head, &mut desk.output);
        let mut line = Line { stream, desk, pool, mark };
        let asked = Asked { head_only: *method == Method::Head, upgrade };
        loop {
            let mut attempt = Attempt {
                line: &mut line,
                upload: &mut upload,
                reader: HeadReader::default(),
                asked,
                limits,
                timeouts,
                patience,
                waits_for: None,
                answered: false,
            };
            let got = poll_fn(|cx| attempt.poll(response, cx)).await;
            let answered = attempt.answered;
            let error = match got {
                Ok(head) => return reply(line, upload, head, timeouts.idle).map_err(Failure::last),
                Err(UpstreamError::Closed) if reused && upload.is_repeatable(method) => {
                    reused = false;
                    match open(opening(), line.mark.counted.take(), &line.desk).await {
                        Ok((stream, mark)) => (line.stream, line.mark) = (stream, mark),
                        Err(error) => return Err(Failure { error, unsent: upload.into_unsent(method) }),
                    }
                    upload.begin(head, &mut line.desk.output);
                    continue;
                }
                Err(error) => error,
            };
            return Err(Failure { error, unsent: if answered { None } else { upload.into_unsent(method) } });
        }
    }

    /// Closes idle connections that are too old or were closed by their server. To be called about every second.
    pub fn sweep(&self) {
        self.pools.sweep();
        self.sessions.sweep();
    }

    /// The number of idle connections.
    pub fn idle_connections(&self) -> usize {
        self.pools.idle()
    }
}

fn reply<B>(line: Line, upload: Upload<B>, head: Head, idle: Duration) -> Result<Reply<B>, UpstreamError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    line.desk.deadline.clear();
    if !head.switched {
        let body = Box::new(Http1Body::new(line, head.decoder, upload, head.reusable, idle));
        return Ok(Reply::Answer(UpstreamBody::Http1(body)));
    }
    if !upload.is_complete() {
        return Err(UpstreamError::Malformed("101 before the end of the request"));
    }
    Ok(Reply::Upgraded(Tunnel::new(line.stream, line.desk, line.mark)))
}

/// One attempt to get an answer over one connection.
struct Attempt<'a, B> {
    line: &'a mut Line,
    upload: &'a mut Upload<B>,
    reader: HeadReader,
    asked: Asked,
    limits: AnswerLimits,
    timeouts: StepTimeouts,
    patience: Patience<'a>,
    /// Who was waited for, and how much was sent, when the step's deadline was set.
    waits_for: Option<(Sending, u64)>,
    answered: bool,
}

impl<B> Attempt<'_, B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    /// Sends and reads in one go, so that an answer is seen however early it comes.
    fn poll(&mut self, response: &mut ResponseHead, cx: &mut Context<'_>) -> Poll<Result<Head, UpstreamError>> {
        let line = &mut *self.line;
        let sending = self.upload.poll_send(&mut line.stream, &mut line.desk.output, cx)?;
        while let Poll::Ready(read) = line.poll_read(Size::Short, cx) {
            if !matches!(read, Ok(1..)) {
                return Poll::Ready(Err(self.closed()));
            }
            self.answered = true;
            if let Some(head) = self.reader.read(&mut line.desk.input.bytes, self.asked, self.limits, response)? {
                return Poll::Ready(Ok(head));
            }
        }
        self.poll_late(sending, cx).map(Err)
    }

    fn closed(&self) -> UpstreamError {
        if self.answered { UpstreamError::Malformed("the head ends early") } else { UpstreamError::Closed }
    }

    /// Ready once what is waited for takes too long. A client that is slow to send isn't the upstream's fault.
    fn poll_late(&mut self, sending: Sending, cx: &mut Context<'_>) -> Poll<UpstreamError> {
        let step = &self.line.desk.deadline;
        let waits_for = Some((sending, self.upload.written()));
        if self.waits_for != waits_for {
            self.waits_for = waits_for;
            match sending {
                Sending::Blocked => step.set(self.timeouts.idle),
                Sending::Waiting => step.clear(),
                Sending::Over => step.set(self.timeouts.first_byte),
            }
        }
        if let Poll::Ready(error) = self.patience.poll_over(cx) {
            return Poll::Ready(error);
        }
        let error = if sending == Sending::Over { UpstreamError::FirstByteTimeout } else { UpstreamError::IdleTimeout };
        step.poll_expired(cx).map(|()| error)
    }
}
