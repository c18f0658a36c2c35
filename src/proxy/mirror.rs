//! Copies of requests for another backend, whose answers nobody waits for.
//!
//! A copy can neither slow nor fail the request it was made of: it is sent by a task of its own, there are only so many of those on
//! a worker, and what is too large or one too many is dropped and counted.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::Full;
use tokio::task::spawn_local;

use crate::pipeline::exchange::Exchange;
use crate::pipeline::head::ResponseHead;
use crate::proxy::balance::{LiveBackend, Outcome, Tried};
use crate::proxy::core::{Core, Pinned};
use crate::proxy::outgoing::{Hop, write_head};
use crate::proxy::upstream::{AnswerLimits, Call, Patience, Reply, StepTimeouts};
use crate::table::route::Patience as Waits;
use crate::value::method::Method;

/// How many copies are on their way at once, on one worker.
const AT_ONCE: usize = 128;

/// The most bytes of a body that are copied.
const BODY_BYTES: usize = 64 << 10;

/// The copies that are on their way.
#[derive(Default)]
pub struct Mirrors(Cell<usize>);

/// A copy of a request. It counts as one that is on its way from its first byte on, and as dropped if it is never sent.
pub struct Copy {
    core: Rc<Core>,
    generation: Pinned,
    backend: u32,
    target: u32,
    method: Method,
    head: Box<[u8]>,
    waits: Waits,
    body: BytesMut,
    whole: bool,
    sent: bool,
}

impl Drop for Copy {
    fn drop(&mut self) {
        self.core.mirrors.0.set(self.core.mirrors.0.get() - 1);
        if !self.sent
            && let Some(backend) = self.generation.backends.get(self.backend as usize)
        {
            drop_one(backend);
        }
    }
}

/// Where a copy goes.
pub struct Mirrored<'a> {
    /// The worker's things.
    pub core: &'a Rc<Core>,
    /// The generation that decided.
    pub generation: &'a Pinned,
    /// The backend, as an index into the generation's.
    pub backend: u32,
    /// How long it is waited for.
    pub waits: Waits,
    /// The address of the connection's peer.
    pub peer: &'a str,
    /// The id of the request.
    pub id: &'a [u8],
}

impl Copy {
    /// Copies a request as it is to be sent upstream; `None` if it is one too many.
    pub fn of(exchange: &Exchange<'_>, to: &Mirrored<'_>) -> Option<Self> {
        let backend = to.generation.backends.get(to.backend as usize)?;
        let chosen =
            backend.choose(exchange, &Tried::default(), to.core.timers.now(), &mut to.core.random.borrow_mut());
        let Some((target, chosen)) = chosen
            .filter(|_| to.core.mirrors.0.get() < AT_ONCE)
            .and_then(|chosen| Some((backend.targets.get(chosen as usize)?, chosen)))
        else {
            drop_one(backend);
            return None;
        };
        let (host, server) = (target.host.as_deref(), &*target.authority);
        let mut head = Vec::with_capacity(1024);
        write_head(exchange, &Hop { host, server, upgrade: None, peer: to.peer, request_id: to.id }, &mut head);
        to.core.mirrors.0.set(to.core.mirrors.0.get() + 1);
        Some(Self {
            core: Rc::clone(to.core),
            generation: Rc::clone(to.generation),
            backend: to.backend,
            target: chosen,
            method: exchange.request.method.clone(),
            head: head.into(),
            waits: to.waits,
            body: BytesMut::new(),
            whole: true,
            sent: false,
        })
    }

    /// Takes a piece of the body.
    pub fn take(&mut self, data: &[u8]) {
        self.whole &= self.body.len() + data.len() <= BODY_BYTES;
        if self.whole {
            self.body.extend_from_slice(data);
        } else {
            self.body = BytesMut::new();
        }
    }

    /// The request has come to its end: the copy is sent, if it is whole.
    pub fn send(self) {
        if self.whole {
            spawn_local(self.run());
        }
    }

    async fn run(mut self) {
        let generation = Rc::clone(&self.generation);
        let Some(backend) = generation.backends.get(self.backend as usize) else { return };
        let Ok(admission) = backend.admit(self.core.timers.now()) else { return };
        self.sent = true;
        backend.state.mirrored.fetch_add(1, Ordering::Relaxed);
        let target = &backend.targets[self.target as usize];
        target.state.begin();
        let outcome = self.ask(backend).await;
        target.state.end();
        admission.note(self.target, outcome, self.core.timers.now());
        backend.leave();
    }

    async fn ask(&self, backend: &LiveBackend) -> Outcome {
        let Waits { request, connect, first_byte, idle, .. } = self.waits;
        let deadline = self.core.timers.deadline();
        deadline.set(request);
        let mut response = ResponseHead::default();
        let body = self.body.clone().freeze();
        let call = Call {
            target: &backend.targets[self.target as usize].target,
            method: &self.method,
            head: &self.head,
            body: (!body.is_empty()).then(|| Full::<Bytes>::new(body)),
            upgrade: false,
            timeouts: StepTimeouts { connect, first_byte, idle },
            patience: Patience { request: &deadline, attempt: None },
            limits: AnswerLimits::default(),
            gate: backend.gate(),
            response: &mut response,
        };
        let mut body = match self.core.upstreams.send(call).await {
            Ok(Reply::Answer(body)) => pin!(body),
            Ok(Reply::Upgraded(_)) => return Outcome::Success,
            Err(failure) => {
                backend.note_overflow(&failure.error);
                return Outcome::of_error(&failure.error);
            }
        };
        // read to its end, so that the connection serves again
        poll_fn(|cx| {
            while let Poll::Ready(frame) = body.as_mut().poll_frame(cx) {
                if !matches!(frame, Some(Ok(_))) {
                    return Poll::Ready(());
                }
            }
            deadline.poll_expired(cx)
        })
        .await;
        Outcome::of_status(response.status)
    }
}

fn drop_one(backend: &LiveBackend) {
    backend.state.mirror_dropped.fetch_add(1, Ordering::Relaxed);
}
