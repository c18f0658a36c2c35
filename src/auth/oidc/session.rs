//! Sessions: what is kept of somebody who has logged in, for how long, and what has been ended before its time.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::auth::oidc::provider::Tokens;
use crate::pipeline::recent::Recent;

/// So many sessions that were ended are remembered.
const REMEMBERED: usize = 1 << 16;

/// Tokens are refreshed so many seconds before they end.
const EARLY: u64 = 30;

/// Claims of a token that say nothing of whom it is about.
const OF_THE_TOKEN: [&str; 8] = ["nonce", "at_hash", "c_hash", "s_hash", "azp", "jti", "nbf", "auth_time"];

/// Somebody who has logged in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    /// What it is called: another one after each login.
    pub id: String,
    /// When somebody logged in, in seconds since 1970.
    pub begun: u64,
    /// When it was used, about.
    pub seen: u64,
    /// What is claimed of them.
    pub claims: Json,
    /// What the next tokens are asked with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<String>,
    /// When the access token ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
    /// The access token, where the upstream gets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<String>,
    /// What the provider is told on logging out who logs out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
}

/// How long sessions last.
#[derive(Clone, Copy, Debug)]
pub struct Ages {
    /// At most.
    pub max: Duration,
    /// If they are not used.
    pub idle: Duration,
}

impl Session {
    /// A new one.
    pub fn begin(id: String, claims: Json, now: u64) -> Self {
        Self { id, begun: now, seen: now, claims, refresh: None, expires: None, access: None, id_token: None }
    }

    /// Takes over tokens; the access token only where it is passed on.
    pub fn take(&mut self, tokens: Tokens, passes_access: bool, now: u64) {
        self.refresh = tokens.refresh_token.or_else(|| self.refresh.take());
        self.expires = tokens.expires_in.map(|seconds| now.saturating_add(seconds));
        self.access = passes_access.then_some(tokens.access_token);
        self.id_token = tokens.id_token.or_else(|| self.id_token.take());
    }

    /// Whether it lasts at a moment.
    pub fn lasts(&self, ages: Ages, now: u64) -> bool {
        let within = |since: u64, age: Duration| now < since.saturating_add(age.as_secs());
        within(self.begun, ages.max) && within(self.seen, ages.idle)
    }

    /// Whether its tokens end soon and can be refreshed.
    pub fn is_to_be_refreshed(&self, now: u64) -> bool {
        self.refresh.is_some() && self.expires.is_some_and(|end| end.saturating_sub(EARLY) <= now)
    }

    /// Whether its access token is of no use any more.
    pub fn has_expired(&self, now: u64) -> bool {
        self.expires.is_some_and(|end| end <= now)
    }

    /// Whether it is time to note that it is used.
    pub fn is_to_be_noted(&self, ages: Ages, now: u64) -> bool {
        now.saturating_sub(self.seen) >= (ages.idle.as_secs() / 4).max(1)
    }

    fn claim(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str()
    }
}

/// What a token and the provider say of somebody, together; what the token says counts more, for it is signed.
pub fn together(token: Json, info: Option<Json>) -> Json {
    let mut all = match info {
        Some(Json::Object(info)) => info,
        _ => Map::new(),
    };
    if let Json::Object(token) = token {
        all.extend(token.into_iter().filter(|(name, _)| !OF_THE_TOKEN.contains(&name.as_str())));
    }
    Json::Object(all)
}

/// Sessions that were ended before their time: by their own id, by the provider's, or all of somebody that began before a moment.
pub struct Ended {
    ids: Recent<Box<str>, u64>,
    sids: Recent<Box<str>, u64>,
    subjects: Recent<Box<str>, u64>,
    /// Tokens that ended some: each does once.
    used: Recent<Box<str>, bool>,
}

impl Default for Ended {
    fn default() -> Self {
        let recent = || Recent::new(REMEMBERED);
        Self { ids: recent(), sids: recent(), subjects: recent(), used: Recent::new(REMEMBERED) }
    }
}

impl Ended {
    /// Ends one.
    pub fn end(&self, session: &Session, ages: Ages, now: u64) {
        self.ids.put(session.id.as_str().into(), now, Instant::now() + ages.max);
    }

    /// Ends those that the provider names.
    pub fn end_named(&self, sid: Option<&str>, subject: Option<&str>, ages: Ages, now: u64) {
        let until = Instant::now() + ages.max;
        match (sid, subject) {
            (Some(sid), _) => self.sids.put(sid.into(), now, until),
            (None, Some(subject)) => self.subjects.put(subject.into(), now, until),
            (None, None) => {}
        }
    }

    /// Whether one was ended.
    pub fn has(&self, session: &Session) -> bool {
        let moment = Instant::now();
        let is_in = |ended: &Recent<Box<str>, u64>, name: Option<&str>| name.and_then(|name| ended.get(name, moment));
        is_in(&self.ids, Some(session.id.as_str())).is_some()
            || is_in(&self.sids, session.claim("sid")).is_some()
            || is_in(&self.subjects, session.claim("sub")).is_some_and(|(ended, _)| session.begun <= ended)
    }

    /// Whether something is used for the first time.
    pub fn is_first_use(&self, what: &str, lasts: Duration) -> bool {
        let now = Instant::now();
        let mut is_first = false;
        self.used.change(what.into(), now, |used| {
            is_first = used.is_none();
            (true, now + lasts)
        });
        is_first
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::{Ages, Ended, Session, together};
    use crate::auth::oidc::provider::Tokens;

    const AGES: Ages = Ages { max: Duration::from_secs(100), idle: Duration::from_secs(20) };

    #[test]
    fn a_session_lasts_while_it_is_used_and_not_for_ever() {
        let mut session = Session::begin("a".into(), json!({}), 1000);
        assert!(session.lasts(AGES, 1019) && !session.lasts(AGES, 1020));
        assert!(!session.is_to_be_noted(AGES, 1004) && session.is_to_be_noted(AGES, 1005));
        session.seen = 1095;
        assert!(session.lasts(AGES, 1099) && !session.lasts(AGES, 1100));
    }

    #[test]
    fn tokens_are_refreshed_before_they_end() {
        let mut session = Session::begin("a".into(), json!({}), 1000);
        let tokens = |refresh: Option<&str>| Tokens {
            access_token: "access".into(),
            refresh_token: refresh.map(str::to_owned),
            id_token: None,
            expires_in: Some(60),
        };
        session.take(tokens(None), true, 1000);
        assert!(!session.is_to_be_refreshed(1059) && session.has_expired(1060));
        session.take(tokens(Some("r")), false, 1000);
        assert!(!session.is_to_be_refreshed(1029) && session.is_to_be_refreshed(1030) && session.access.is_none());
        session.take(tokens(None), false, 1000);
        assert_eq!(session.refresh.as_deref(), Some("r"), "it is used until there is another one");
    }

    #[test]
    fn sessions_are_ended_by_every_name() {
        let session =
            |id: &str, sid: &str, sub: &str, begun| Session::begin(id.into(), json!({ "sid": sid, "sub": sub }), begun);
        let ended = Ended::default();
        ended.end(&session("a", "s1", "ada", 5), AGES, 10);
        ended.end_named(Some("s2"), Some("bob"), AGES, 10);
        ended.end_named(None, Some("eve"), AGES, 10);
        assert!(ended.has(&session("a", "s9", "x", 5)) && ended.has(&session("b", "s2", "x", 5)));
        assert!(ended.has(&session("c", "s9", "eve", 10)) && !ended.has(&session("c", "s9", "eve", 11)));
        assert!(!ended.has(&session("d", "s1", "ada", 5)) && !ended.has(&session("d", "s9", "bob", 5)));
        assert!(ended.is_first_use("j", AGES.max) && !ended.is_first_use("j", AGES.max));
    }

    #[test]
    fn what_is_signed_counts_more() {
        let all =
            together(json!({ "sub": "a", "name": "A", "nonce": "n" }), Some(json!({ "name": "B", "groups": ["g"] })));
        assert_eq!(all, json!({ "name": "A", "groups": ["g"], "sub": "a" }));
    }
}
