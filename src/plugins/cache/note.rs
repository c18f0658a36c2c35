//! What a cache does with what comes from the backend.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use url::Url;

use crate::pipeline::exchange::Exchange;
use crate::pipeline::head::Fields;
use crate::plugins::cache::config::{CacheConfig, KeyConfig};
use crate::plugins::cache::entry::Entry;
use crate::plugins::cache::fill::Fill;
use crate::plugins::cache::freshness::Times;
use crate::plugins::cache::key::{key, key_of};
use crate::plugins::cache::say;
use crate::plugins::cache::store::{Landed, Lead, Store, land};
use crate::value::url::Scheme;

/// What is noted of a request that goes on to the backend.
pub(super) enum Note {
    /// The cache has nothing to do with it, and says so.
    Passes(&'static str),
    /// It may change something.
    Changes,
    /// Its answer may be kept.
    Fetches(Box<Fetch>),
}

/// A request whose answer may be kept.
pub(super) struct Fetch {
    pub(super) key: Arc<str>,
    /// Its fields, as the client sent them.
    pub(super) asked: Fields,
    pub(super) since: SystemTime,
    /// What is kept and has become stale.
    pub(super) stale: Option<Arc<Entry>>,
    /// Whether the backend was asked if that still holds.
    pub(super) on_conditions: bool,
    /// Whoever else asks for the same waits for it.
    pub(super) lead: Option<Lead>,
    /// Why the backend is asked.
    pub(super) why: &'static str,
}

impl Fetch {
    /// The answer has come.
    pub(super) fn came(mut self, store: &Arc<Store>, config: &CacheConfig, exchange: &mut Exchange<'_>) {
        let (now, status) = (SystemTime::now(), exchange.response.status);
        if let Some(stale) = self.stale.take() {
            if status == 304 && self.on_conditions {
                return self.still_holds(&stale, store, config, now, exchange);
            }
            if matches!(status, 500 | 502 | 503 | 504) && stale.times.may_be_given_on_error(now) {
                store.keep(&self.key, Entry { times: stale.times.after_failure(now), ..Entry::clone(&stale) });
                land(self.lead, Landed::Kept);
                let said = format!("gw; hit; fwd=stale; fwd-status={status}");
                let content = stale.give(exchange, &self.asked, now, &said);
                return exchange.answer_instead(content);
            }
            if status < 500 {
                store.forget(&self.key);
            }
        }
        let length = exchange.body_length();
        let most = config.max_answer.bytes();
        let times = Times::of(status, &exchange.response.fields, config, self.since, now);
        let Some(times) = times.filter(|_| length.is_none_or(|length| length <= most)) else {
            return self.passes_by(store, exchange);
        };
        let entry = Entry::of(status, &exchange.response.fields, &self.asked, times, now);
        say(exchange, &format!("{}; stored", self.why));
        if exchange.has_body() {
            let (key, entry) = (self.key, Some((entry, self.lead)));
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            exchange.transform(Fill { store: Arc::clone(store), key, entry, body: BytesMut::new(), most });
        } else {
            store.keep(&self.key, Entry { body: Bytes::new(), ..entry });
            land(self.lead, Landed::Kept);
        }
    }

    /// What is kept is as good as new.
    fn still_holds(
        self,
        stale: &Arc<Entry>,
        store: &Arc<Store>,
        config: &CacheConfig,
        now: SystemTime,
        exchange: &mut Exchange<'_>,
    ) {
        let renewed = stale.renewed(&exchange.response.fields);
        let mut head = renewed.head();
        for age in exchange.response.fields.all("age") {
            head.add("age", age);
        }
        let entry = if let Some(times) = Times::of(stale.status, &head, config, self.since, now) {
            let entry = Entry { times, ..renewed };
            store.keep(&self.key, entry.clone());
            land(self.lead, Landed::Kept);
            entry
        } else {
            store.forget(&self.key);
            land(self.lead, Landed::Passed);
            renewed
        };
        let said = format!("gw; {}; fwd-status=304", self.why);
        let content = entry.give(exchange, &self.asked, now, &said);
        exchange.answer_instead(content);
    }

    fn passes_by(self, store: &Arc<Store>, exchange: &mut Exchange<'_>) {
        say(exchange, self.why);
        if exchange.response.status < 500 {
            store.note_passing(&self.key);
        }
        land(self.lead, Landed::Passed);
    }
}

/// After a request that may have changed something: forgets what is kept of its path, and of those that the answer names on the same
/// host (RFC 9111, 4.4).
pub(super) fn invalidate(store: &Store, config: &KeyConfig, exchange: &mut Exchange<'_>) {
    say(exchange, "fwd=method");
    if !matches!(exchange.response.status, 200..=399) {
        return;
    }
    store.forget(&key(exchange, config));
    for name in ["location", "content-location"] {
        let Some(value) = exchange.response.fields.get(name) else { continue };
        if let Some(url) = std::str::from_utf8(value).ok().and_then(|value| resolve(value, exchange)) {
            store.forget(&key_of(exchange, url.path(), url.query(), config));
        }
    }
}

/// A reference of an answer, if it stays on the host that was asked.
fn resolve(reference: &str, exchange: &Exchange<'_>) -> Option<Url> {
    let request = &exchange.request;
    let scheme = if exchange.client.scheme == Scheme::Https { "https" } else { "http" };
    let base = Url::parse(&format!("{scheme}://{}{}", request.authority, request.path)).ok()?;
    base.join(reference).ok().filter(|url| url.origin() == base.origin())
}

