//! Whether an answer may be kept, for how long it is fresh, and what may be done with it later (RFC 9111, 3 and 4.2; RFC 5861).

use std::time::{Duration, SystemTime};

use crate::pipeline::head::{Fields, elements};
use crate::plugins::cache::config::CacheConfig;
use crate::plugins::cache::directives::{Directives, seconds};

/// Statuses for which a time is guessed (RFC 9110, 15.1), without the parts of a file.
const GUESSED: [u16; 11] = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501];

/// Statuses that are kept for `ttl` where a manifest names none.
const OVERRIDDEN: [u16; 7] = [200, 203, 204, 301, 308, 404, 410];

/// Statuses whose rules are known here: what says `must-understand` is kept with one of these only.
const UNDERSTOOD: [u16; 17] =
    [200, 203, 204, 300, 301, 302, 303, 307, 308, 400, 404, 405, 410, 414, 501, 502, 503];

/// The longest time that is guessed.
const LONGEST_GUESS: u64 = 86_400;

/// How old an answer is, and for how long it is fresh.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// When it came.
    came: SystemTime,
    /// How old it was then.
    age: u64,
    /// How long it is fresh, from when it was made.
    lifetime: u64,
    /// How long it may still be given after that while it is asked for anew.
    while_revalidating: u64,
    /// The same if the backend fails.
    if_error: u64,
    /// When the backend failed last.
    failed: Option<SystemTime>,
}

/// For so long after the backend has failed, it is asked again only beside.
const HELD_BACK: Duration = Duration::from_secs(1);

impl Times {
    /// The times of an answer that is kept; `None` if it must not be. `asked` is when it was asked for, `came` when it came.
    pub(super) fn of(status: u16, fields: &Fields, config: &CacheConfig, asked: SystemTime, came: SystemTime) -> Option<Self> {
        let directives = Directives::of(fields);
        let lifetime = lifetime(status, fields, &directives, config, came)?;
        let bound = directives.must_revalidate || directives.no_cache;
        let bound = bound && config.ttl.is_none();
        let stale = |said: Option<u64>, default: Option<crate::value::duration::Duration>| match said {
            _ if bound => 0,
            Some(said) => said,
            None => default.map_or(0, |time| time.get().as_secs()),
        };
        Some(Self {
            came,
            age: age(fields, asked, came),
            lifetime,
            while_revalidating: stale(directives.stale_while_revalidate, config.stale_while_revalidate),
            if_error: stale(directives.stale_if_error, config.stale_if_error),
            failed: None,
        })
    }

    /// How old it is, in seconds.
    pub(super) fn age(&self, now: SystemTime) -> u64 {
        self.age.saturating_add(now.duration_since(self.came).unwrap_or_default().as_secs())
    }

    /// For how many seconds it is still fresh; not at all once it is stale.
    pub(super) fn fresh_for(&self, now: SystemTime) -> Option<u64> {
        self.lifetime.checked_sub(self.age(now)).filter(|left| *left > 0)
    }

    /// Whether it is stale from the first.
    pub(super) fn is_never_fresh(&self) -> bool {
        self.lifetime <= self.age
    }

    /// For how many seconds it has been stale.
    pub(super) fn stale_for(&self, now: SystemTime) -> u64 {
        self.age(now).saturating_sub(self.lifetime)
    }

    /// The same once the backend has failed.
    pub(super) fn after_failure(self, now: SystemTime) -> Self {
        Self { failed: Some(now), ..self }
    }

    /// Whether it may be given while it is asked for anew.
    pub(super) fn may_be_given_meanwhile(&self, now: SystemTime) -> bool {
        let held_back = self.failed.is_some_and(|failed| now.duration_since(failed).is_ok_and(|since| since < HELD_BACK));
        self.age(now) < self.lifetime.saturating_add(self.while_revalidating)
            || (held_back && self.may_be_given_on_error(now))
    }

    /// Whether it may be given because the backend fails.
    pub(super) fn may_be_given_on_error(&self, now: SystemTime) -> bool {
        self.age(now) < self.lifetime.saturating_add(self.if_error)
    }
}

/// For how many seconds an answer is fresh from when it was made; `None` if it must not be kept at all.
fn lifetime(status: u16, fields: &Fields, said: &Directives, config: &CacheConfig, came: SystemTime) -> Option<u64> {
    if matches!(status, 100..=199 | 206 | 304) || elements(fields.all("vary")).any(|name| name == b"*") {
        return None;
    }
    if !said.public && (said.private || fields.get("set-cookie").is_some()) {
        return None;
    }
    let listed = config.statuses.contains(&status);
    if !config.statuses.is_empty() && !listed {
        return None;
    }
    if let Some(ttl) = config.ttl.filter(|_| listed || OVERRIDDEN.contains(&status)) {
        return Some(ttl.get().as_secs());
    }
    if said.must_understand && !UNDERSTOOD.contains(&status) || said.no_store && !said.must_understand || said.private {
        return None;
    }
    let explicit = said.s_maxage.or(said.max_age).or_else(|| expires(fields, came));
    if said.no_cache {
        // it is of use only if it can be asked for on conditions
        return has_validator(fields).then_some(0);
    }
    match explicit {
        Some(lifetime) => (lifetime > 0 || has_validator(fields)).then_some(lifetime),
        None => guessed(status, fields, said, config, came),
    }
}

fn guessed(status: u16, fields: &Fields, said: &Directives, config: &CacheConfig, came: SystemTime) -> Option<u64> {
    if let Some(ttl) = config.negative_ttl.filter(|_| matches!(status, 404 | 410)) {
        return Some(ttl.get().as_secs());
    }
    if !GUESSED.contains(&status) && !said.public {
        return None;
    }
    if let Some(ttl) = config.default_ttl.filter(|_| status < 400) {
        return Some(ttl.get().as_secs());
    }
    let modified = date(fields, "last-modified");
    let since = modified.and_then(|modified| made(fields, came).duration_since(modified).ok());
    let guess = since.map(|since| (since.as_secs() / 10).min(LONGEST_GUESS));
    // stale at once, but its tag may still hold
    guess.or_else(|| has_validator(fields).then_some(0))
}

fn has_validator(fields: &Fields) -> bool {
    fields.get("etag").is_some() || fields.get("last-modified").is_some()
}

/// What `Expires` says (RFC 9111, 5.3); what is no date has passed.
fn expires(fields: &Fields, came: SystemTime) -> Option<u64> {
    fields.get("expires")?;
    let until = date(fields, "expires").and_then(|until| until.duration_since(made(fields, came)).ok());
    Some(until.map_or(0, |left| left.as_secs()))
}

/// When an answer was made.
fn made(fields: &Fields, came: SystemTime) -> SystemTime {
    date(fields, "date").unwrap_or(came)
}

/// A date that a field says.
pub(super) fn date(fields: &Fields, name: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(std::str::from_utf8(fields.get(name)?).ok()?).ok()
}

/// How old an answer was when it came, in seconds (RFC 9111, 4.2.3). A field `Age` that says no number makes it older than anything.
fn age(fields: &Fields, asked: SystemTime, came: SystemTime) -> u64 {
    let since = |moment| came.duration_since(moment).unwrap_or(Duration::ZERO).as_secs();
    let mut said = fields.all("age");
    let said = match (said.next(), said.next()) {
        (None, _) => 0,
        (Some(value), None) => seconds(value.trim_ascii()).unwrap_or(u64::from(u32::MAX)),
        (Some(_), Some(_)) => u64::from(u32::MAX),
    };
    since(made(fields, came)).max(said.saturating_add(since(asked)))
}
