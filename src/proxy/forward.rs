//! The end of a route at a server upstream: the turn is chosen, the head written, the answer awaited.

use std::rc::Rc;
use std::sync::Arc;

use crate::pipeline::exchange::Exchange;
use crate::proxy::account::Account;
use crate::proxy::answer::Source;
use crate::proxy::balance::{Busy, Outcome, Tried};
use crate::proxy::handler::{ClientRequest, End, client_body};
use crate::proxy::live::Generation;
use crate::proxy::outgoing::{Hop, write_head};
use crate::proxy::request_body::BodyError;
use crate::proxy::tunnel::{PendingTunnel, Upgrade};
use crate::proxy::upstream::{AnswerLimits, Call, Reply, StepTimeouts, Tunnel, UpstreamError};
use crate::proxy::visit::Visit;
use crate::table::route::CompiledRoute;

/// A request on its way to a server.
pub struct Forwarded<'a> {
    /// What it has for itself.
    pub visit: &'a Rc<Visit>,
    /// The generation that decided.
    pub generation: &'a Arc<Generation>,
    /// Its route.
    pub route: &'a CompiledRoute,
    /// Its backend, as an index into the generation's.
    pub backend: u32,
    /// The id of the request.
    pub id: &'a [u8],
}

/// Asks one of the servers.
pub async fn forward(
    to: Forwarded<'_>,
    request: ClientRequest,
    exchange: &mut Exchange<'_>,
    outgoing: &mut Vec<u8>,
    account: &mut Account,
) -> End {
    let ClientRequest { body, upgrade } = request;
    let core = &to.visit.connection.core;
    let backend = &to.generation.backends[to.backend as usize];
    let chosen = backend.choose(exchange, &Tried::default(), core.timers.now(), &mut core.random.borrow_mut());
    let Some(chosen) = chosen else { return End::failed(503, "no-usable-target", exchange) };
    let target = &backend.targets[chosen as usize];
    account.note_upstream(to.backend, chosen);
    let hop = Hop {
        host: target.host.as_deref(),
        server: &target.authority,
        upgrade: upgrade.as_ref().map(Upgrade::protocol),
        peer: &to.visit.connection.peer_text,
        request_id: to.id,
    };
    write_head(exchange, &hop, outgoing);
    let idle = to.route.timeouts.idle;
    let mut body = body.map(|body| client_body(body, to.visit, to.generation, idle));
    if let Some(body) = &mut body
        && let Err(error) = body.look().await
    {
        return End::failed(error.status(), "request-body", exchange);
    }
    let call = Call {
        target: &target.target,
        method: &exchange.request.method,
        head: outgoing,
        body,
        upgrade: upgrade.is_some(),
        timeouts: StepTimeouts { connect: to.route.timeouts.connect, first_byte: to.route.timeouts.first_byte, idle },
        deadline: &to.visit.deadline,
        limits: AnswerLimits::default(),
        response: exchange.response,
    };
    let sent = core.upstreams.send(call).await;
    backend.note(chosen, outcome(&sent, exchange.response.status), core.timers.now());
    match sent {
        Ok(Reply::Answer(body)) => {
            backend.stick(chosen, exchange);
            End { source: Source::Upstream(Box::new(body)), framed: true, cause: None }
        }
        Ok(Reply::Upgraded(tunnel)) => to.switch(tunnel, target.state.hold(), upgrade, exchange),
        Err(error) => End::failed(status(&error), error.reason(), exchange),
    }
}

impl Forwarded<'_> {
    /// The server speaks another protocol from here on.
    fn switch(&self, tunnel: Tunnel, busy: Busy, upgrade: Option<Upgrade>, exchange: &mut Exchange<'_>) -> End {
        let Some(upgrade) = upgrade else { return End::failed(502, "malformed", exchange) };
        upgrade.accept(exchange);
        self.visit.tunnel.set(Some(PendingTunnel::new(tunnel, self.route, self.generation.number, busy)));
        End { source: Source::Empty, framed: true, cause: None }
    }
}

/// What it says of the server. The client's own faults say nothing.
fn outcome<B>(sent: &Result<Reply<B>, UpstreamError>, status: u16) -> Outcome {
    match sent {
        Ok(Reply::Answer(_)) => Outcome::of_status(status),
        Ok(Reply::Upgraded(_)) | Err(UpstreamError::RequestBody(_)) => Outcome::Success,
        Err(_) => Outcome::Failure,
    }
}

/// The status for an error: the client's own faults are told apart.
fn status(error: &UpstreamError) -> u16 {
    match error {
        UpstreamError::RequestBody(cause) => cause.downcast_ref::<BodyError>().map_or(400, |error| error.status()),
        other => other.status(),
    }
}
