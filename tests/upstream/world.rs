//! A client with its clock, and the outcome of a request in one line.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use gw::pipeline::head::ResponseHead;
use gw::pipeline::upstream::UpstreamProtocol;
use gw::proxy::timer::Timers;
use gw::proxy::upstream::{
    Address, AnswerLimits, Call, Patience, Reply, StepTimeouts, Target, UpstreamBody, UpstreamError, Upstreams,
};
use gw::value::method::Method;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::sync::mpsc;
use tokio::task::LocalSet;

use crate::server::{Server, Step};

/// Long enough never to pass in a test.
pub(crate) const AMPLE: Duration = Duration::from_secs(20);

/// Shorter than a tick: passes with the first one.
pub(crate) const BRIEF: Duration = Duration::from_millis(1);

pub(crate) struct World {
    pub(crate) timers: Timers,
    pub(crate) upstreams: Upstreams,
}

/// A request, and how long its steps may take.
pub(crate) struct Ask {
    pub(crate) method: &'static str,
    pub(crate) body: Option<Fed>,
    pub(crate) upgrade: bool,
    pub(crate) timeouts: StepTimeouts,
    pub(crate) request: Duration,
    pub(crate) limits: AnswerLimits,
}

impl Ask {
    pub(crate) fn new(method: &'static str) -> Self {
        let timeouts = StepTimeouts { connect: AMPLE, first_byte: AMPLE, idle: AMPLE };
        Self { method, body: None, upgrade: false, timeouts, request: AMPLE, limits: AnswerLimits::default() }
    }

    pub(crate) fn body(self, body: Fed) -> Self {
        Self { body: Some(body), ..self }
    }
}

/// A request body that is fed from outside.
pub(crate) struct Fed {
    frames: mpsc::UnboundedReceiver<Result<Frame<Bytes>, String>>,
    size: Option<u64>,
}

pub(crate) type Feed = mpsc::UnboundedSender<Result<Frame<Bytes>, String>>;

impl Fed {
    /// A body that ends when the feed is dropped.
    pub(crate) fn open(size: Option<u64>) -> (Feed, Self) {
        let (feed, frames) = mpsc::unbounded_channel();
        (feed, Self { frames, size })
    }

    /// A body of these frames.
    pub(crate) fn of(size: Option<u64>, frames: &[&'static str]) -> Self {
        let (feed, body) = Self::open(size);
        for frame in frames {
            feed.send(Ok(Frame::data(Bytes::from_static(frame.as_bytes())))).unwrap();
        }
        body
    }
}

impl Body for Fed {
    type Data = Bytes;
    type Error = String;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, String>>> {
        self.frames.poll_recv(cx)
    }

    fn size_hint(&self) -> SizeHint {
        self.size.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl World {
    /// Runs a test on a worker's kind of runtime, with its clock.
    pub(crate) fn run<T, F: Future<Output = T>>(test: impl FnOnce(Self) -> F) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            let timers = Timers::new();
            let clock = timers.clone();
            tokio::task::spawn_local(async move {
                let mut ticks = tokio::time::interval(Duration::from_millis(10));
                loop {
                    ticks.tick().await;
                    clock.tick();
                }
            });
            let world = Self { upstreams: Upstreams::new(&timers), timers };
            tokio::time::timeout(AMPLE, test(world)).await.expect("the test ends by itself")
        })
    }

    /// Sends a request without reading the answer's body.
    pub(crate) async fn send(
        &self,
        to: SocketAddr,
        ask: Ask,
        response: &mut ResponseHead,
    ) -> Result<Reply<Fed>, UpstreamError> {
        let target =
            Target { address: Address::Socket(to), tls: None, preface: None, protocol: UpstreamProtocol::Http1 };
        self.send_to(&target, ask, response).await
    }

    pub(crate) async fn send_to(
        &self,
        target: &Target,
        ask: Ask,
        response: &mut ResponseHead,
    ) -> Result<Reply<Fed>, UpstreamError> {
        let deadline = self.timers.deadline();
        deadline.set(ask.request);
        let method = Method::from_token(ask.method).unwrap();
        let head = format!("{method} /path HTTP/1.1\r\nhost: upstream.test\r\n");
        let call = Call {
            target,
            method: &method,
            head: head.as_bytes(),
            body: ask.body,
            upgrade: ask.upgrade,
            timeouts: ask.timeouts,
            patience: Patience { request: &deadline, attempt: None },
            limits: ask.limits,
            gate: None,
            response,
        };
        self.upstreams.send(call).await.map_err(|failure| failure.error)
    }

    /// Sends a request and says what came of it: `status [fields] body`, with what went wrong, and whether the
    /// connection was kept.
    pub(crate) async fn ask(&self, to: SocketAddr, ask: Ask) -> String {
        let target =
            Target { address: Address::Socket(to), tls: None, preface: None, protocol: UpstreamProtocol::Http1 };
        self.ask_target(&target, ask).await
    }

    pub(crate) async fn ask_target(&self, target: &Target, ask: Ask) -> String {
        let mut response = ResponseHead::default();
        let reply = self.send_to(target, ask, &mut response).await;
        let said = match reply {
            Err(error) => format!("{} {}: {error}", error.status(), error.reason()),
            Ok(Reply::Upgraded(_)) => format!("{} upgraded", head(&response)),
            Ok(Reply::Answer(body)) => format!("{} {}", head(&response), read(body).await),
        };
        format!("{said} | kept {}", self.upstreams.idle_connections())
    }
}

pub(crate) fn head(response: &ResponseHead) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let fields: Vec<_> = response.fields.received_fields().map(|(n, v)| format!("{}: {}", text(n), text(v))).collect();
    format!("{} [{}]", response.status, fields.join(", "))
}

pub(crate) async fn read(mut body: UpstreamBody<Fed>) -> String {
    let mut said = String::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Err(error) => said.extend(["!", error.reason(), ": ", &error.to_string()]),
            Ok(frame) => match frame.into_data() {
                Ok(data) => said += &String::from_utf8_lossy(&data),
                Err(frame) => said.extend(["+", &format!("{:?}", frame.into_trailers().unwrap())]),
            },
        }
    }
    assert!(body.is_end_stream());
    said
}

/// Asks once, of a server that follows one script.
#[track_caller]
pub(crate) fn check(method: &'static str, script: &[Step], expected: &str) {
    let scripts = vec![script.to_vec()];
    let outcome = World::run(async |world| {
        let server = Server::follow(scripts).await;
        world.ask(server.address, Ask::new(method)).await
    });
    assert_eq!(outcome, expected);
}

/// A `GET` that is answered with these bytes, after which the server waits.
#[track_caller]
pub(crate) fn check_answer(answer: &'static [u8], expected: &str) {
    check("GET", &[Step::Hear(0), Step::Say(answer)], expected);
}

/// The same, after which the server closes.
#[track_caller]
pub(crate) fn check_last_answer(answer: &'static [u8], expected: &str) {
    check("GET", &[Step::Hear(0), Step::Say(answer), Step::Close], expected);
}
