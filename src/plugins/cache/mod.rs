//! `cache`: keeps answers and gives them to whoever asks for the same, as a shared cache of RFC 9111.
//!
//! Of the answers to one key one request at a time asks the backend, and the others wait for what it gets. What is stale is asked for
//! on conditions, while somebody waits or beside. Nothing over the network makes the cache forget but what RFC 9111 says: requests that
//! change something. The rules are written here and not taken from a library: those that there are keep only answers with the statuses
//! that they know, and work on messages of their own, into which every request would have to be copied.

mod config;
mod directives;
mod entry;
mod fill;
mod freshness;
mod key;
mod note;
mod store;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use tokio::time::timeout;

use crate::pipeline::exchange::{Content, Exchange, Renewal, Resume, Step};
use crate::pipeline::head::RequestHead;
use crate::pipeline::notes::Notes;
use crate::pipeline::plugin::{CompileContext, Plugin, PluginType};
use crate::pipeline::ready::{Ready, ReadyError};
use crate::plugins::cache::config::{CacheConfig, Callers};
use crate::plugins::cache::directives::parts;
use crate::plugins::cache::entry::Entry;
use crate::plugins::cache::key::key;
use crate::plugins::cache::note::{Fetch, Note};
use crate::plugins::cache::store::{Joined, Landed, Lead, Store};
use crate::value::method::Method;

/// How long a request waits for another one that asks for the same, before it asks for itself.
const PATIENCE: Duration = Duration::from_secs(5);

/// Fields of requests that have to get to the backend.
const PASSING: [&str; 6] =
    ["content-length", "if-match", "if-unmodified-since", "sec-websocket-version", "transfer-encoding", "upgrade"];

/// The compiled plugin.
pub struct Cache(Arc<Keeper>);

/// What a cache is made of.
struct Keeper {
    config: CacheConfig,
    store: OnceLock<Arc<Store>>,
}

impl PluginType for Cache {
    type Config = CacheConfig;

    fn compile(config: &CacheConfig, _: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        Some(Box::new(Self(Arc::new(Keeper { config: config.clone(), store: OnceLock::new() }))))
    }
}

impl Plugin for Cache {
    fn ready(&self, ready: &Ready<'_>) -> Result<(), ReadyError> {
        let CacheConfig { epoch, max_size, key, .. } = &self.0.config;
        // other rules for keys give keys of another meaning
        let rules = serde_json::to_string(key).unwrap_or_default();
        let meaning = format!("{} {epoch} {max_size} {rules}", ready.owner);
        self.0.store.get_or_init(|| ready.pool.get_or(&meaning, || Store::new(max_size.bytes())));
        Ok(())
    }

    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        self.0.meet(exchange)
    }

    fn on_response(&self, exchange: &mut Exchange<'_>) {
        let Some(note) = exchange.notes.take(&*self.0) else { return };
        let Some(store) = self.0.store.get() else { return };
        match note {
            Note::Passes(why) => say(exchange, why),
            Note::Changes => note::invalidate(store, &self.0.config.key, exchange),
            Note::Fetches(fetch) => fetch.came(store, &self.0.config, exchange),
        }
    }
}

/// Says in `cache-status` what became of a request.
fn say(exchange: &mut Exchange<'_>, what: &str) {
    exchange.response.fields.add("cache-status", format!("gw; {what}").as_bytes());
}

impl Keeper {
    fn meet(self: &Arc<Self>, exchange: &mut Exchange<'_>) -> Step {
        let Some(store) = self.store.get() else { return Step::Continue };
        let note = match exchange.request.method {
            Method::Get | Method::Head if self.passes(exchange) => Note::Passes("fwd=bypass"),
            Method::Get | Method::Head => {
                let key = Arc::from(key(exchange, &self.config.key));
                return self.look(store, key, Turn::First, exchange);
            }
            Method::Options => Note::Passes("fwd=method"),
            _ => Note::Changes,
        };
        exchange.notes.put(&**self, note);
        Step::Continue
    }

    /// Whether a request has to get to the backend whatever is kept: one with a body, for a tunnel, or on conditions that only the
    /// backend can decide; and that of a known caller, if the manifest doesn't say how callers are told apart.
    fn passes(&self, exchange: &Exchange<'_>) -> bool {
        let fields = &exchange.request.fields;
        let known = exchange.caller.is_known() || fields.get("authorization").is_some();
        (known && self.config.key.callers == Callers::Pass) || PASSING.iter().any(|name| fields.get(name).is_some())
    }

    /// Gives what is kept, or has the backend asked.
    fn look(self: &Arc<Self>, store: &Arc<Store>, key: Arc<str>, turn: Turn, exchange: &mut Exchange<'_>) -> Step {
        let now = SystemTime::now();
        let (found, known) = store.find(&key, &exchange.request.fields);
        if let Some(entry) = &found {
            if let Some(left) = entry.times.fresh_for(now) {
                let collapsed = if turn == Turn::AfterAnother { "; collapsed" } else { "" };
                return give(entry, &format!("gw; hit; ttl={left}{collapsed}"), now, exchange);
            }
            if entry.times.may_be_given_meanwhile(now) {
                if let Some(lead) = store.renew(&key) {
                    self.renew(key, entry, lead, now, exchange);
                }
                let late = entry.times.stale_for(now);
                return give(entry, &format!("gw; hit; ttl=-{late}"), now, exchange);
            }
        }
        if asks_only_for_kept(exchange.request) {
            exchange.response.status = 504;
            say(exchange, "fwd=request; detail=only-if-cached");
            return Step::Answer(Content::Empty);
        }
        let why = match (&found, known) {
            (Some(_), _) => "fwd=stale",
            (None, true) => "fwd=vary-miss",
            (None, false) => "fwd=uri-miss",
        };
        if exchange.request.method == Method::Head || exchange.request.fields.get("range").is_some() {
            exchange.notes.put(&**self, Note::Passes(why));
            return Step::Continue;
        }
        let alone = turn == Turn::AfterAnother
            || found.as_ref().is_some_and(|entry| entry.times.is_never_fresh())
            || (found.is_none() && store.is_passing(&key));
        let lead = match (!alone).then(|| store.join(&key)) {
            None => None,
            Some(Joined::Lead(lead)) => Some(lead),
            Some(Joined::Wait(told)) => return self.wait(told, key),
        };
        let asked = exchange.request.fields.clone();
        // what is not kept anyway is the client's affair and the backend's
        if lead.is_some() || found.is_some() {
            drop_conditions(exchange.request);
        }
        let on_conditions = found.as_ref().is_some_and(|entry| entry.ask_on_conditions(&mut exchange.request.fields));
        let fetch = Fetch { key, asked, since: now, stale: found, on_conditions, lead, why };
        exchange.notes.put(&**self, Note::Fetches(Box::new(fetch)));
        Step::Continue
    }

    /// Waits for another request that asks for the same.
    fn wait(self: &Arc<Self>, mut told: tokio::sync::watch::Receiver<Landed>, key: Arc<str>) -> Step {
        let keeper = Arc::clone(self);
        Step::Pending(Box::pin(async move {
            let landed = timeout(PATIENCE, told.wait_for(|landed| *landed != Landed::Not)).await;
            let turn = match landed {
                Ok(Ok(landed)) if *landed == Landed::Lost => Turn::First,
                _ => Turn::AfterAnother,
            };
            Box::new(move |exchange: &mut Exchange<'_>| match keeper.store.get() {
                Some(store) => keeper.look(store, key, turn, exchange),
                None => Step::Continue,
            }) as Resume
        }))
    }

    /// Has what is stale asked for while the client has its answer.
    fn renew(&self, key: Arc<str>, entry: &Arc<Entry>, lead: Lead, now: SystemTime, exchange: &mut Exchange<'_>) {
        let mut request = exchange.request.clone();
        let asked = request.fields.clone();
        request.method = Method::Get;
        drop_conditions(&mut request);
        let on_conditions = entry.ask_on_conditions(&mut request.fields);
        let stale = Some(Arc::clone(entry));
        let fetch = Fetch { key, asked, since: now, stale, on_conditions, lead: Some(lead), why: "fwd=stale" };
        let mut notes = Notes::default();
        notes.put(self, Note::Fetches(Box::new(fetch)));
        exchange.renewal = Some(Box::new(Renewal { request, notes }));
    }
}

/// Whether a request has waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// It may wait for another one.
    First,
    /// It has waited for one, or for too long.
    AfterAnother,
}

fn give(entry: &Arc<Entry>, status: &str, now: SystemTime, exchange: &mut Exchange<'_>) -> Step {
    let asked = exchange.request.fields.clone();
    Step::Answer(entry.give(exchange, &asked, now, status))
}

/// Takes the conditions of the client out: what comes is to be whole.
fn drop_conditions(request: &mut RequestHead) {
    for name in ["if-none-match", "if-modified-since", "if-range", "range"] {
        request.fields.remove(name);
    }
}

/// Whether a client wants nothing that has to be asked for (RFC 9111, 5.2.1.7).
fn asks_only_for_kept(request: &RequestHead) -> bool {
    let mut directives = request.fields.all("cache-control").flat_map(parts);
    directives.any(|(name, _)| name.eq_ignore_ascii_case(b"only-if-cached"))
}
