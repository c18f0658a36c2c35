//! Requests that nobody waits for, by which plugins renew what they keep while a client has its answer.

use std::future::poll_fn;
use std::ops::Range;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, ready};

use http_body::Body as _;
use tokio::task::spawn_local;

use crate::pipeline::caller::Caller;
use crate::pipeline::exchange::{Client, Exchange, Params, Renewal, UpstreamTarget};
use crate::pipeline::notes::Notes;
use crate::proxy::account::Account;
use crate::proxy::answer::AnswerBody;
use crate::proxy::core::Heads;
use crate::proxy::handler::{ClientRequest, Trip};
use crate::proxy::live::Generation;
use crate::proxy::steps::{Running, way_in};
use crate::proxy::visit::Visit;
use crate::table::router::Hit;

/// A request on its own: what it takes with it of the one that it was made of.
struct Renewed {
    visit: Rc<Visit>,
    generation: Arc<Generation>,
    route: u32,
    rule: u32,
    entry: u32,
    params: Vec<(Box<str>, Range<usize>)>,
    from: Client,
    caller: Caller,
    upstream: UpstreamTarget,
    id: [u8; 32],
    renewal: Renewal,
    /// The plugin that it begins and ends at.
    by: usize,
}

/// Sends a request on its way that was made of another one by the plugin at a step of its route.
pub fn renew(trip: &Trip<'_>, exchange: &Exchange<'_>, renewal: Renewal, by: usize) {
    let connection = &trip.visit.connection;
    let renewed = Renewed {
        visit: Rc::new(Visit::new(connection)),
        generation: Arc::clone(trip.generation),
        route: trip.hit.route,
        rule: trip.hit.rule,
        entry: trip.hit.entry,
        params: exchange.params.iter().map(|(name, range)| (Box::from(*name), range.clone())).collect(),
        from: trip.from,
        caller: exchange.caller.clone(),
        upstream: exchange.upstream.clone(),
        id: connection.core.request_id(),
        renewal,
        by,
    };
    spawn_local(renewed.run());
}

impl Renewed {
    async fn run(mut self) {
        let mut heads = self.visit.connection.core.heads();
        std::mem::swap(&mut heads.request, &mut self.renewal.request);
        let notes = std::mem::take(&mut self.renewal.notes);
        let mut body = self.ask(notes, &mut heads).await;
        // to its end, for that is what it is asked for
        poll_fn(|cx| {
            loop {
                match ready!(Pin::new(&mut body).poll_frame(cx)) {
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Poll::Ready(()),
                }
            }
        })
        .await;
        drop(body);
        self.visit.connection.core.recycle(heads);
    }

    async fn ask(&self, notes: Notes, heads: &mut Heads) -> AnswerBody {
        let mut account = Account::beside(&self.visit.connection, &Rc::new(Arc::clone(&self.generation)));
        self.visit.took_route(&account.generation, self.route);
        let hit = Hit { rule: self.rule, route: self.route, entry: self.entry, parameters: Params::default() };
        let (visit, generation) = (&self.visit, &self.generation);
        let trip = Trip { visit, generation, hit, asks_caller: false, verified: None, from: self.from, id: self.id };
        let Heads { request, response, outgoing } = heads;
        let params = self.params.iter().map(|(name, range)| (&**name, range.clone())).collect();
        let mut exchange = trip.exchange(request, response, params);
        exchange.upstream = self.upstream.clone();
        exchange.caller = self.caller.clone();
        exchange.notes = notes;
        let pipeline = &trip.route().pipeline;
        let mut running = Running::of(pipeline, &exchange);
        running.begin_at(self.by);
        let mut request = ClientRequest { body: None, upgrade: None };
        let steps = (&**pipeline, self.by + 1);
        let answered = way_in(steps, &mut running, &mut request, &mut exchange, (visit, generation)).await;
        let answered = answered.map(|(_, end)| end);
        let end = trip.conclude(answered, running, request, &mut exchange, outgoing, &mut account).await;
        AnswerBody::new(end.source, account)
    }
}
