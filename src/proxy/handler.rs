//! The street that every request walks down: received, routed, through the plugins, to the backend, and back.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::pipeline::auth::Call;
use crate::pipeline::backend::Backend;
use crate::pipeline::caller::Caller;
use crate::pipeline::exchange::{Client, Exchange, Kept, Params, UpstreamTarget};
use crate::pipeline::head::{RequestHead, ResponseHead};
use crate::pipeline::limits::announce::{self, Announced};
use crate::pipeline::notes::Notes;
use crate::proxy::account::Account;
use crate::proxy::answer::{AnswerBody, Source};
use crate::proxy::caller::{Verified, meet};
use crate::proxy::core::Heads;
use crate::proxy::end::End;
use crate::proxy::ends;
use crate::proxy::error_page;
use crate::proxy::forward::{Forwarded, forward};
use crate::proxy::forwarded::{client, forwarded_host};
use crate::proxy::http1::{RequestBody, Version};
use crate::proxy::http2;
use crate::proxy::ingress::Refusal;
use crate::proxy::live::Generation;
use crate::proxy::renewal::renew;
use crate::proxy::request_body::{ClientBody, Incoming};
use crate::proxy::steps::{Running, settle, way_in, way_out};
use crate::proxy::tunnel::Upgrade;
use crate::proxy::visit::Visit;
use crate::table::route::CompiledRoute;
use crate::table::router::{Asker, Hit, NoTrace, Outcome};
use crate::value::host::normalise_authority;
use crate::value::method::Method;

/// A request as a protocol hands it over, with its head in the buffers that come along.
pub struct Arrival {
    /// Why it is refused, if it is.
    pub received: Result<(), Refusal>,
    /// What comes after its head.
    pub rest: ClientRequest,
}

impl Arrival {
    /// A request over HTTP/1.
    pub fn of_http1(
        received: Result<(), Refusal>,
        version: Version,
        head: &RequestHead,
        body: Option<RequestBody>,
    ) -> Self {
        let upgrade = Upgrade::of(&head.fields, version, body.is_some());
        Self { received, rest: ClientRequest { body: body.map(Incoming::Http1), upgrade } }
    }

    /// A request over HTTP/2.
    pub fn of_http2(received: Result<(), Refusal>, body: Option<http2::RequestBody>, upgrade: Option<Upgrade>) -> Self {
        Self { received, rest: ClientRequest { body: body.map(Incoming::Http2), upgrade } }
    }
}

/// The answer to a request.
pub struct Answer {
    /// The buffers that came along, with the head of the answer.
    pub heads: Box<Heads>,
    /// Its body.
    pub body: AnswerBody,
    /// Whether the head came from an upstream.
    pub framed: bool,
}

/// Answers one request. The table is loaded here, once, and the request lives with it until it ends.
pub async fn handle(visit: Rc<Visit>, mut heads: Box<Heads>, arrival: Arrival) -> Answer {
    let generation = visit.connection.core.generation();
    let mut account = Account::open(&visit.connection, &generation);
    let end = match depart(&visit, &generation, arrival, &mut heads, &mut account) {
        Ok((mut trip, request)) => match trip.meet_caller(&mut heads, &mut account).await {
            Ok(()) => trip.take(request, &mut heads, &mut account).await,
            Err(end) => end,
        },
        Err(end) => end,
    };
    account.status = heads.response.status;
    Answer { heads, framed: end.framed, body: AnswerBody::new(end.source, account) }
}

/// Finds the route of a request; an end where it has none.
fn depart<'t>(
    visit: &'t Rc<Visit>,
    generation: &'t Arc<Generation>,
    arrival: Arrival,
    heads: &mut Heads,
    account: &mut Account,
) -> Result<(Trip<'t>, ClientRequest), End> {
    let connection = &*visit.connection;
    let settings = &generation.table.settings;
    let id = connection.core.request_id();
    let from = client(connection.peer, connection.scheme, &settings.trusted_proxies, &heads.request.fields);
    account.note_request(connection, heads, from, &id);
    if let Err(refusal) = arrival.received {
        return Err(account.refuse(refusal, heads, &id));
    }
    // before everything else that a manifest says: an authority asks this host, whoever stands in front of it
    if let Some(page) =
        generation.challenges.as_ref().and_then(|pending| pending.page(connection.scheme, &heads.request))
    {
        return Err(proof(page, heads));
    }
    if from.trusted {
        take_forwarded_host(&mut heads.request).map_err(|refusal| account.refuse(refusal, heads, &id))?;
    }
    if heads.request.path == "*" {
        return Err(server_options(heads));
    }
    let found = match connection.listener_index(generation) {
        Some(listener) if connection.is_misdirected(generation, listener, &heads.request.host) => {
            return Err(account.error(421, None, "misdirected", heads, &id));
        }
        Some(listener) => {
            let head = &heads.request;
            let asker = Asker { method: &head.method, certificate: connection.client_certificate(), caller: None };
            generation.table.find(asker, listener, head, &mut NoTrace)
        }
        None => Outcome::NotFound,
    };
    let (hit, asks_caller) = hit(found, heads, account, &id)?;
    Ok((Trip { visit, generation, hit, asks_caller, verified: None, from, id }, arrival.rest))
}

/// The rule that a request meets, and whether its caller has to be one that it is for; an end where there is none.
fn hit<'t>(found: Outcome<'t>, heads: &mut Heads, account: &mut Account, id: &[u8]) -> Result<(Hit<'t>, bool), End> {
    match found {
        Outcome::Found(hit) => Ok((hit, false)),
        Outcome::AsksCaller(hit) => Ok((hit, true)),
        Outcome::MethodNotAllowed(methods) => Err(not_allowed(&methods, heads, account, id)),
        Outcome::Forbidden => Err(account.error(403, None, "caller", heads, id)),
        Outcome::NotFound => Err(account.error(404, None, "no-route", heads, id)),
    }
}

/// The host that a client asked a trusted proxy for takes the place of the one that the proxy asked us for.
fn take_forwarded_host(request: &mut RequestHead) -> Result<(), Refusal> {
    if let Some(host) = forwarded_host(&request.fields) {
        let host = host.to_owned();
        normalise_authority(host.as_bytes(), &mut request.host).map_err(|_| Refusal::Host)?;
        request.authority = host;
    }
    Ok(())
}

/// What is left of the client's request once its head is read.
pub struct ClientRequest {
    /// Its body, if it has one.
    pub body: Option<Incoming>,
    /// The other protocol that it asks for.
    pub upgrade: Option<Upgrade>,
}

/// A request whose route is known.
pub struct Trip<'t> {
    /// What it has for itself.
    pub visit: &'t Rc<Visit>,
    /// The generation that decided.
    pub generation: &'t Arc<Generation>,
    /// Its route, and the parameters of its path.
    pub hit: Hit<'t>,
    /// Whether the route is for some callers only.
    pub asks_caller: bool,
    /// What was found of the credential on the way here.
    pub verified: Option<Verified>,
    /// Who asks.
    pub from: Client,
    /// Its id.
    pub id: [u8; 32],
}

impl<'t> Trip<'t> {
    /// Where who calls decides which route it is: finds that out, and the route of that caller.
    async fn meet_caller(&mut self, heads: &mut Heads, account: &mut Account) -> Result<(), End> {
        let connection = &self.visit.connection;
        let Some(listener) = connection.listener_index(self.generation).filter(|_| self.asks_caller) else {
            return Ok(());
        };
        let (table, request) = (&self.generation.table, &heads.request);
        let certificate = connection.client_certificate();
        let call = Call { request, client: self.from, certificate, secrets: &self.generation.secrets };
        let route = &table.routes[self.hit.route as usize];
        let find = |caller: (&str, &Caller)| {
            let asker = Asker { method: &request.method, certificate, caller: Some(caller) };
            table.find(asker, listener, request, &mut NoTrace)
        };
        let (found, verified) = meet(route, &call, &self.visit.deadline, find).await;
        self.verified = verified;
        if let Some(found) = found {
            (self.hit, _) = hit(found, heads, account, &self.id)?;
        }
        Ok(())
    }

    pub fn route(&self) -> &'t CompiledRoute {
        &self.generation.table.routes[self.hit.route as usize]
    }

    async fn take(&mut self, mut request: ClientRequest, heads: &'t mut Heads, account: &mut Account) -> End {
        let route = self.route();
        account.route = Some(self.hit.route);
        self.visit.took_route(&account.generation, self.hit.route);
        account.note_route(&route.name, self.hit.rule);
        let Heads { request: head, response, outgoing } = heads;
        let params = Params::from(std::mem::take(&mut self.hit.parameters));
        let mut exchange = self.exchange(head, response, params);
        exchange.verified = self.verified.take();
        let mut running = Running::of(&route.pipeline, &exchange);
        let answered =
            way_in((&route.pipeline, 0), &mut running, &mut request, &mut exchange, (self.visit, self.generation))
                .await;
        if let (Some(renewal), Some((by, _))) = (exchange.renewal.take(), &answered) {
            renew(self, &exchange, *renewal, *by);
        }
        let answered = answered.map(|(_, end)| end);
        self.conclude(answered, running, request, &mut exchange, outgoing, account).await
    }

    /// The request as plugins see it, before any of them has.
    pub fn exchange<'e>(
        &self,
        request: &'e mut RequestHead,
        response: &'e mut ResponseHead,
        params: Params<'e>,
    ) -> Exchange<'e>
    where
        't: 'e,
    {
        Exchange {
            request,
            upstream: UpstreamTarget::default(),
            response,
            client: self.from,
            certificate: self.visit.connection.client_certificate(),
            caller: Caller::default(),
            verified: None,
            answer_fields: Vec::new(),
            route: &self.route().name,
            params,
            secrets: &self.generation.secrets,
            body_at_most: None,
            body: None,
            trace: None,
            announced: Announced::default(),
            kept: Kept::default(),
            notes: Notes::default(),
            made: None,
            changes: None,
            renewal: None,
        }
    }

    /// The end of a request that was on its way in, and the way out.
    pub async fn conclude(
        &self,
        answered: Option<End>,
        running: Running,
        request: ClientRequest,
        exchange: &mut Exchange<'_>,
        outgoing: &mut Vec<u8>,
        account: &mut Account,
    ) -> End {
        let route = self.route();
        let end = match answered {
            Some(end) => end,
            None => self.reach_end(route, request, exchange, outgoing, account).await,
        };
        let end = self.with_error_page(end, exchange, account);
        if !end.framed {
            exchange.made = end.source.size_hint().exact();
        }
        announce::write(exchange);
        account.kept = std::mem::take(&mut exchange.kept);
        account.note_caller(&exchange.caller);
        way_out(&route.pipeline, running, exchange);
        account.note_trace(exchange.trace);
        match exchange.changes.take() {
            None => end,
            Some(changes) => end.changed(*changes, exchange, self.visit),
        }
    }

    async fn reach_end(
        &self,
        route: &CompiledRoute,
        request: ClientRequest,
        exchange: &mut Exchange<'_>,
        outgoing: &mut Vec<u8>,
        account: &mut Account,
    ) -> End {
        let (visit, generation) = (self.visit, self.generation);
        let Some(chosen) = ends::choose(route, exchange, visit) else { return End::status(500, exchange) };
        account.note_end(chosen.index);
        let (end, live) = (&route.ends[chosen.index], &generation.routes[self.hit.route as usize]);
        let copy = match request.upgrade {
            None => ends::copy(route, live, exchange, visit, account, &self.id),
            Some(_) => None,
        };
        let reached = match (&end.backend, live.ends[chosen.index]) {
            (Backend::Local(local), _) => {
                // no body is read here, so that none is copied
                if let (Some(copy), None) = (copy, &request.body) {
                    copy.send();
                }
                settle(local.answer(exchange), exchange, visit).await
            }
            (Backend::Upstream(_), Some(backend)) => {
                let to = Forwarded { visit, generation, route, waits: &end.timeouts, backend, id: &self.id };
                forward(to, request, copy, exchange, outgoing, account).await
            }
            (Backend::Upstream(_), None) => End::status(500, exchange),
        };
        if let (Some(value), Some(by)) = (chosen.cookie, &route.split_by) {
            by.give(value, exchange);
        }
        reached
    }

    /// An error without a body of its own gets the gateway's page.
    fn with_error_page(&self, end: End, exchange: &mut Exchange<'_>, account: &mut Account) -> End {
        let status = exchange.response.status;
        if status < 400 || end.framed || !matches!(end.source, Source::Empty) {
            return end;
        }
        if exchange.response.fields.get("content-type").is_some() {
            return end;
        }
        account.note_error(end.cause);
        let page = error_page::page(status, None, exchange.request, &self.id);
        exchange.response.fields.set("content-type", page.media_type.as_bytes());
        End { source: Source::Bytes(page.body), ..end }
    }
}

/// What `Allow` says of the gateway itself.
const SERVED_METHODS: &[u8] = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// `OPTIONS *` asks the server itself (RFC 9110, 9.3.7).
fn server_options(heads: &mut Heads) -> End {
    heads.response.status = 204;
    heads.response.fields.set("allow", SERVED_METHODS);
    End::empty()
}

/// What an authority asked for (RFC 8555, 8.3).
fn proof(page: Bytes, heads: &mut Heads) -> End {
    heads.response.status = 200;
    heads.response.fields.set("content-type", b"application/octet-stream");
    End::bytes(page)
}

fn not_allowed(methods: &[Method], heads: &mut Heads, account: &mut Account, id: &[u8]) -> End {
    let allow = methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
    heads.response.fields.set("allow", allow.as_bytes());
    account.error(405, None, "method", heads, id)
}

/// The body of a request on its way upstream: within the limit, and never silent for longer than `idle`. Boxed, for it is moved from
/// hand to hand, and most requests have none.
pub fn client_body(
    request: Incoming,
    at_most: Option<u64>,
    visit: &Visit,
    generation: &Generation,
    idle: Duration,
) -> Box<ClientBody> {
    let limit = generation.table.settings.limits.body_bytes.bytes().min(at_most.unwrap_or(u64::MAX));
    Box::new(ClientBody::new(request, limit, idle, visit.connection.core.timers.deadline()))
}

impl Account {
    fn refuse(&mut self, refusal: Refusal, heads: &mut Heads, id: &[u8]) -> End {
        if refusal == Refusal::Method {
            heads.response.fields.set("allow", SERVED_METHODS);
        }
        let detail = refusal.to_string();
        self.error(refusal.status(), Some(&detail), "refused", heads, id)
    }

    /// An answer of the gateway itself, before any route.
    fn error(&mut self, status: u16, detail: Option<&str>, cause: &'static str, heads: &mut Heads, id: &[u8]) -> End {
        self.note_error(Some(cause));
        let page = error_page::page(status, detail, &heads.request, id);
        heads.response.status = status;
        heads.response.fields.set("content-type", page.media_type.as_bytes());
        End::bytes(page.body)
    }
}
