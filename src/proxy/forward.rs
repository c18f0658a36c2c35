//! The end of a route at a server upstream: the turn is chosen, the head written, the answer awaited.

use std::rc::Rc;
use std::sync::Arc;

use crate::pipeline::exchange::Exchange;
use crate::pipeline::upstream::ProxyVersion;
use crate::proxy::account::Account;
use crate::proxy::answer::Source;
use crate::proxy::balance::{Busy, LiveTarget, Outcome, Refused};
use crate::proxy::end::End;
use crate::proxy::handler::{ClientRequest, client_body};
use crate::proxy::live::Generation;
use crate::proxy::mirror::Copy;
use crate::proxy::outgoing::{Hop, write_head};
use crate::proxy::request_body::{BodyError, ClientBody};
use crate::proxy::tries::Tries;
use crate::proxy::tunnel::{PendingTunnel, Upgrade};
use crate::proxy::upstream::{
    AnswerLimits, Call, Failure, Patience, Reply, StepTimeouts, Target, Tunnel, UpstreamError,
};
use crate::proxy::visit::Visit;
use crate::table::route::{CompiledRoute, Patience as Waits};

/// A request on its way to a server.
pub struct Forwarded<'a> {
    /// What it has for itself.
    pub visit: &'a Rc<Visit>,
    /// The generation that decided.
    pub generation: &'a Arc<Generation>,
    /// Its route.
    pub route: &'a CompiledRoute,
    /// How long its end is waited for.
    pub waits: &'a Waits,
    /// Its backend, as an index into the generation's.
    pub backend: u32,
    /// The id of the request.
    pub id: &'a [u8],
}

/// Asks one of the servers, and others where the route says so.
pub async fn forward(
    to: Forwarded<'_>,
    request: ClientRequest,
    copy: Option<Copy>,
    exchange: &mut Exchange<'_>,
    outgoing: &mut Vec<u8>,
    account: &mut Account,
) -> End {
    let ClientRequest { body, upgrade } = request;
    let backend = &to.generation.backends[to.backend as usize];
    let admission = match backend.admit(to.now()) {
        Ok(admission) => admission,
        Err(refused) => return refuse(refused, exchange),
    };
    account.note_admission(to.backend);
    let mut body = body.map(|body| client_body(body, exchange.body_at_most, to.visit, to.generation, to.waits.idle));
    match (copy, &mut body) {
        (Some(copy), Some(body)) => body.copy_to(copy),
        (Some(copy), None) => copy.send(),
        (None, _) => {}
    }
    if let Some(body) = &mut body
        && let Err(error) = body.look().await
    {
        return End::failed(error.status(), "request-body", exchange);
    }
    let mut tries = Tries::new(&to, backend, admission);
    loop {
        let Some(chosen) = tries.choose(exchange) else { return End::failed(503, "no-usable-target", exchange) };
        account.note_upstream(to.backend, chosen);
        let repeatable = body.is_none() && exchange.request.method.is_idempotent();
        let has_body = body.is_some();
        let sent = to.send(&backend.targets[chosen as usize], body, upgrade.as_ref(), &tries, exchange, outgoing).await;
        tries.note(chosen, outcome(&sent, exchange.response.status, has_body, &to));
        let again = match sent {
            Ok(Reply::Answer(_)) if repeatable && tries.again_for_status(exchange).await => Ok(None),
            Err(Failure { error, unsent: Some(unsent) }) if tries.again_for(&error).await => Ok(unsent.body),
            last => Err(last),
        };
        match again {
            Ok(whole) => body = whole,
            Err(last) => {
                account.note_retries(tries.attempts.again());
                return to.conclude(last, chosen, upgrade, exchange);
            }
        }
    }
}

impl Forwarded<'_> {
    fn now(&self) -> u64 {
        self.visit.connection.core.timers.now()
    }

    /// Whether the client itself waits for less time than the route would give.
    fn is_hurried(&self) -> bool {
        self.visit.patience.get().is_some_and(|patience| patience < self.waits.request)
    }

    /// Asks one server once.
    async fn send(
        &self,
        target: &LiveTarget,
        body: Option<Box<ClientBody>>,
        upgrade: Option<&Upgrade>,
        tries: &Tries<'_>,
        exchange: &mut Exchange<'_>,
        outgoing: &mut Vec<u8>,
    ) -> Result<Reply<Box<ClientBody>>, Failure<Box<ClientBody>>> {
        let hop = Hop {
            host: target.host.as_deref(),
            server: &target.authority,
            upgrade: upgrade.map(Upgrade::protocol),
            peer: &self.visit.connection.peer_text,
            request_id: self.id,
        };
        outgoing.clear();
        write_head(exchange, &hop, outgoing);
        let announcing = tries.backend.upstream.announce.map(|version| self.announcing(&target.target, version));
        let waits = self.waits;
        let call = Call {
            target: announcing.as_ref().unwrap_or(&target.target),
            method: &exchange.request.method,
            head: outgoing,
            body,
            upgrade: upgrade.is_some(),
            timeouts: StepTimeouts { connect: waits.connect, first_byte: waits.first_byte, idle: waits.idle },
            patience: Patience { request: &self.visit.deadline, attempt: tries.deadline() },
            limits: AnswerLimits::default(),
            gate: tries.backend.gate(),
            response: exchange.response,
        };
        self.visit.connection.core.upstreams.send(call).await
    }

    /// A target that is told which client connects to it.
    fn announcing(&self, target: &Target, version: ProxyVersion) -> Target {
        Target { preface: Some(self.visit.connection.preface(version, self.generation)), ..target.clone() }
    }

    /// What the client gets.
    fn conclude(
        &self,
        last: Result<Reply<Box<ClientBody>>, Failure<Box<ClientBody>>>,
        chosen: u32,
        upgrade: Option<Upgrade>,
        exchange: &mut Exchange<'_>,
    ) -> End {
        let backend = &self.generation.backends[self.backend as usize];
        match last {
            Ok(Reply::Answer(body)) => {
                backend.stick(chosen, exchange);
                End { source: Source::Upstream(body), framed: true, cause: None }
            }
            Ok(Reply::Upgraded(tunnel)) => {
                let busy = backend.targets[chosen as usize].state.hold();
                self.switch(tunnel, busy, upgrade, exchange)
            }
            Err(Failure { error, .. }) => {
                let end = End::failed(status(&error), error.reason(), exchange);
                if backend.note_overflow(&error) {
                    exchange.response.fields.set("retry-after", b"1");
                }
                end
            }
        }
    }

    /// The server speaks another protocol from here on.
    fn switch(&self, tunnel: Tunnel, busy: Busy, upgrade: Option<Upgrade>, exchange: &mut Exchange<'_>) -> End {
        let Some(upgrade) = upgrade else { return End::failed(502, "malformed", exchange) };
        if !upgrade.accept(exchange.response) {
            return End::failed(502, "malformed", exchange);
        }
        self.visit.tunnel.set(Some(PendingTunnel::new(
            tunnel,
            &self.route.name,
            self.waits.upgraded,
            self.generation.number,
            busy,
        )));
        End { source: Source::Empty, framed: true, cause: None }
    }
}

/// A request that did not get to its backend.
fn refuse(refused: Refused, exchange: &mut Exchange<'_>) -> End {
    let end = End::failed(503, refused.reason, exchange);
    let seconds = refused.retry_after.as_millis().div_ceil(1000).max(1);
    exchange.response.fields.set("retry-after", seconds.to_string().as_bytes());
    end
}

/// What it says of the server. Time that ran out while the client was still sending says nothing, nor does time of which the client
/// itself gave too little.
fn outcome<B>(sent: &Result<Reply<B>, Failure<B>>, status: u16, has_body: bool, to: &Forwarded<'_>) -> Outcome {
    match sent {
        Ok(Reply::Answer(_)) => Outcome::of_status(status),
        Ok(Reply::Upgraded(_)) => Outcome::Success,
        Err(failure) => match &failure.error {
            UpstreamError::RequestTimeout if has_body || to.is_hurried() => Outcome::Nothing,
            UpstreamError::TryTimeout if has_body => Outcome::Nothing,
            error => Outcome::of_error(error),
        },
    }
}

/// The status for an error: the client's own faults are told apart.
fn status(error: &UpstreamError) -> u16 {
    match error {
        UpstreamError::RequestBody(cause) => cause.downcast_ref::<BodyError>().map_or(400, |error| error.status()),
        other => other.status(),
    }
}
