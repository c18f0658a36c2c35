//! `apiKey`: a caller is the consumer whose API key it sends.

mod places;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

pub use places::{ApiKeyConfig, CookiePlace, KeyPlace, NoSettings, QueryPlace};

use crate::auth::api_key::places::{Credential, Sent};
use crate::pipeline::auth::{
    Accepted, AuthContext, AuthType, Authenticator, Call, Choice, Claim, Finding, Refusal, Shape,
};
use crate::pipeline::caller::Caller;
use crate::pipeline::exchange::{Exchange, Step};
use crate::pipeline::keys::{Key, Keys, Until};
use crate::pipeline::ready::{Ready, ReadyError};
use crate::value::api_key::KeyText;
use crate::value::sha256::Sha256;

/// The field of the answer that says until when the secret is accepted that was used, where a new one has been given.
pub const ROTATION_HEADER: &str = "x-api-key-valid-until";

/// The compiled way of authenticating.
pub struct ApiKeyAuth {
    places: Box<[KeyPlace]>,
    keep_credential: bool,
    keys: Arc<dyn Keys>,
    /// What is said to a request without a key.
    challenge: String,
}

impl AuthType for ApiKeyAuth {
    type Config = ApiKeyConfig;

    fn choices(config: &ApiKeyConfig) -> Vec<Choice> {
        let choice = |(index, place): (usize, &KeyPlace)| Choice {
            pointer: format!("/from/{index}"),
            named: place.named(),
            of: KeyPlace::WAYS,
            what: "a place is",
        };
        config.from.iter().enumerate().map(choice).collect()
    }

    fn compile(config: &ApiKeyConfig, context: &mut AuthContext<'_>) -> Option<Box<dyn Authenticator>> {
        let mut challenges: Vec<String> = config.from.iter().map(KeyPlace::challenge).collect();
        challenges.sort();
        challenges.dedup();
        Some(Box::new(Self {
            places: config.from.clone().into(),
            keep_credential: config.keep_credential,
            keys: Arc::clone(context.keys),
            challenge: challenges.join(", "),
        }))
    }
}

impl Authenticator for ApiKeyAuth {
    fn ready(&self, ready: &Ready<'_>) -> Result<(), ReadyError> {
        self.keys.plans().iter().try_for_each(|plan| plan.ready(ready))
    }

    fn authenticate(&self, call: &Call<'_>) -> Finding {
        let any = self.keys.has_tokens();
        let Some(sent) = self.places.iter().find_map(|place| place.look(call.request, any)) else {
            return Finding::Absent;
        };
        match self.check(&sent.credential, now()) {
            Some((key, until)) => Finding::Accepted(self.accept(key, until, sent)),
            None => Finding::Refused(Refusal::wrong(&self.challenge)),
        }
    }

    fn authorize(&self, caller: &Caller, exchange: &Exchange<'_>) -> Result<(), Refusal> {
        let key = caller.consumer.as_ref().and_then(|consumer| self.keys.by_id(&consumer.id));
        let is_within = key.is_some_and(|key| key.scope.as_ref().is_none_or(|scope| scope.admits(exchange)));
        if is_within { Ok(()) } else { Err(Refusal::forbidden()) }
    }

    fn count(&self, caller: &Caller, exchange: &mut Exchange<'_>) -> Step {
        let consumer = caller.consumer.as_ref();
        let counted = consumer.and_then(|consumer| Some((consumer, self.keys.by_id(&consumer.id)?.plan.as_ref()?)));
        counted.map_or(Step::Continue, |(consumer, plan)| plan.enforce(exchange, &consumer.id))
    }

    fn keys(&self) -> Option<&dyn Keys> {
        Some(&*self.keys)
    }

    fn challenge(&self) -> Option<String> {
        Some(self.challenge.clone())
    }

    fn claims(&self) -> Vec<Claim> {
        let shape = if self.keys.has_tokens() { Shape::Any } else { Shape::Key };
        self.places.iter().map(|place| place.claim(shape)).collect()
    }
}

impl ApiKeyAuth {
    /// The key that a credential is right for. An id that nobody has takes as long as a wrong secret: the hash is made and compared in
    /// any case.
    fn check(&self, credential: &Credential<'_>, now: i64) -> Option<(&Key, Until)> {
        match credential {
            Credential::Unreadable => None,
            Credential::Parts(id, secret) => match KeyText::read(secret) {
                Some(key) if key.id == id => self.by_id(id, key.secret, now),
                Some(_) => None,
                None => self.by_id(id, secret, now),
            },
            Credential::Whole(text) => match KeyText::read(text) {
                Some(key) => self.by_id(key.id, key.secret, now),
                None => self.by_token(text, now),
            },
        }
    }

    fn by_id(&self, id: &str, secret: &str, now: i64) -> Option<(&Key, Until)> {
        let hash = Sha256::of(secret.as_bytes());
        let Some(key) = self.keys.by_id(id) else {
            // as long as it takes for one that is there
            std::hint::black_box(hash.equals(&Sha256::of(id.as_bytes())));
            return None;
        };
        valid(key, &hash, false, now)
    }

    fn by_token(&self, token: &str, now: i64) -> Option<(&Key, Until)> {
        let hash = Sha256::of(token.as_bytes());
        valid(self.keys.by_token(&hash)?, &hash, true, now)
    }

    fn accept(&self, key: &Key, until: Until, sent: Sent<'_>) -> Accepted {
        let caller = Caller { consumer: Some(Arc::clone(&key.consumer)), identity: None };
        let hide = if self.keep_credential { Vec::new() } else { sent.places };
        let ends = until.0.and_then(|end| jiff::Timestamp::from_second(end).ok());
        let response_fields = ends.map(|end| (ROTATION_HEADER.to_owned(), end.to_string().into_bytes()));
        Accepted { caller, hide, response_fields: response_fields.into_iter().collect(), ..Accepted::default() }
    }
}

fn valid<'k>(key: &'k Key, hash: &Sha256, whole: bool, now: i64) -> Option<(&'k Key, Until)> {
    let until = key.accepts(hash, whole, now)?;
    key.is_valid_at(now).then_some((key, until))
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
