//! The plugins of a route: which of them run for a request, the way in through them, and the way out.

use std::future::poll_fn;
use std::task::Poll;

use crate::pipeline::exchange::{Content, Exchange, Pending, Step};
use crate::proxy::collect::collect;
use crate::proxy::end::End;
use crate::proxy::handler::ClientRequest;
use crate::proxy::live::Generation;
use crate::proxy::timer::Deadline;
use crate::proxy::visit::Visit;
use crate::table::route::PipelineStep;

/// Which plugins run for a request, one bit for each: a route has at most 64. What depends on the request alone is decided before any of
/// them changes it, and what depends on the caller when they are reached.
#[derive(Clone, Copy, Debug)]
pub struct Running(u64);

impl Running {
    /// Those that run, as far as it depends on the request alone.
    pub fn of(pipeline: &[PipelineStep], exchange: &Exchange<'_>) -> Self {
        let mut running = Self(u64::MAX);
        for (i, step) in pipeline.iter().enumerate() {
            if step.guard.as_ref().is_some_and(|guard| !guard.holds(exchange)) {
                running.leave_out(i);
            }
        }
        running
    }

    fn holds(self, step: usize) -> bool {
        self.0 >> step & 1 == 1
    }

    fn leave_out(&mut self, step: usize) {
        self.0 &= !(1 << step);
    }

    /// Leaves out all steps before one.
    pub fn begin_at(&mut self, step: usize) {
        self.0 &= u64::MAX << step;
    }

    /// Leaves out a step and all behind it.
    fn end_at(&mut self, step: usize) {
        self.0 &= (1 << step) - 1;
    }
}

/// Runs the plugins from one on until one answers: which, and what. What is left running are those that were entered. One that
/// has to see the body waits for it.
pub async fn way_in(
    (pipeline, first): (&[PipelineStep], usize),
    running: &mut Running,
    request: &mut ClientRequest,
    exchange: &mut Exchange<'_>,
    (visit, generation): (&Visit, &Generation),
) -> Option<(usize, End)> {
    for (i, step) in pipeline.iter().enumerate().skip(first) {
        if !running.holds(i) {
            continue;
        }
        if step.guard.as_ref().is_some_and(|guard| !guard.admits_caller(&exchange.caller)) {
            running.leave_out(i);
            continue;
        }
        if let Some(most) = step.plugin.body_bytes()
            && let Err(error) = collect(most, request, exchange, visit, generation).await
        {
            running.end_at(i);
            return Some((i, End::failed(error.status(), "request-body", exchange)));
        }
        let next = match step.plugin.on_request(exchange) {
            Step::Continue => continue,
            Step::Pending(pending) => wait(pending, exchange, &visit.deadline).await,
            answer @ Step::Answer(_) => answer,
        };
        if let Step::Answer(content) = next {
            running.end_at(i);
            return Some((i, End::content(content, visit)));
        }
    }
    None
}

/// Passes the answer back through the plugins that were entered, in reverse.
pub fn way_out(pipeline: &[PipelineStep], running: Running, exchange: &mut Exchange<'_>) {
    for (_, step) in pipeline.iter().enumerate().rev().filter(|(i, _)| running.holds(*i)) {
        step.plugin.on_response(exchange);
    }
}

/// Waits for a plugin or a backend, as long as the request has time; what it answers is never another wait.
async fn wait(mut pending: Pending, exchange: &mut Exchange<'_>, deadline: &Deadline) -> Step {
    loop {
        let resumed = poll_fn(|cx| match pending.as_mut().poll(cx) {
            Poll::Ready(resume) => Poll::Ready(Some(resume)),
            Poll::Pending => deadline.poll_expired(cx).map(|()| None),
        })
        .await;
        let Some(resume) = resumed else {
            exchange.response.fields.clear();
            exchange.response.status = 504;
            return Step::Answer(Content::Empty);
        };
        match resume(exchange) {
            Step::Pending(next) => pending = next,
            done => return done,
        }
    }
}

/// What an end without a server does in the end.
pub async fn settle(step: Step, exchange: &mut Exchange<'_>, visit: &Visit) -> End {
    let step = match step {
        Step::Pending(pending) => wait(pending, exchange, &visit.deadline).await,
        step => step,
    };
    match step {
        Step::Answer(content) => End::content(content, visit),
        Step::Continue | Step::Pending(_) => End::status(500, exchange),
    }
}
