//! Asking an issuer about a token that says nothing by itself (RFC 7662).

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value as Json;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use url::form_urlencoded::{Serializer, byte_serialize};

use crate::auth::calls::{Ask, Calls};
use crate::auth::jwt::config::IntrospectionConfig;
use crate::pipeline::ready::{Ready, ReadyError};
use crate::value::service_url::ServiceUrl;

/// No more are asked about at once.
const AT_ONCE: usize = 64;

/// An issuer that can be asked.
pub struct Introspector {
    calls: Calls,
    url: ServiceUrl,
    authorization: String,
    timeout: Duration,
    /// How long an answer is used.
    pub cache: Duration,
    room: Arc<Semaphore>,
}

/// What the issuer says.
pub enum Introspected {
    /// The token is valid, and this is claimed.
    Active(Json),
    /// It is not, or not known.
    Inactive,
    /// It could not be asked.
    Unknown,
}

impl Introspector {
    /// One that is ready to be asked.
    ///
    /// # Errors
    /// If it could never be.
    pub fn new(config: &IntrospectionConfig, ready: &Ready<'_>) -> Result<Self, ReadyError> {
        let secret = ready.secrets.line(&config.client_secret).unwrap_or_default();
        // both parts are encoded as in a form (RFC 6749, 2.3.1)
        let encode = |bytes: &[u8]| byte_serialize(bytes).collect::<String>();
        let pair = format!("{}:{}", encode(config.client_id.as_bytes()), encode(secret));
        Ok(Self {
            calls: Calls::of(ready)?,
            url: config.url.clone(),
            authorization: format!("Basic {}", BASE64_STANDARD.encode(pair)),
            timeout: config.timeout.get(),
            cache: config.cache.get(),
            room: ready.pool.get_or(&format!("introspection {}", config.url), || Semaphore::new(AT_ONCE)),
        })
    }

    /// Asks about a token.
    pub async fn ask(&self, token: &str) -> Introspected {
        let Ok(_room) = self.room.try_acquire() else { return Introspected::Unknown };
        let form = Serializer::new(String::new())
            .append_pair("token", token)
            .append_pair("token_type_hint", "access_token")
            .finish();
        let ask = Ask { url: &self.url, authorization: Some(self.authorization.clone()), form: Some(form) };
        let answer = match timeout(self.timeout, self.calls.send(ask)).await {
            Ok(Ok(Ok(content))) => content,
            Ok(Ok(Err(status))) => return self.unknown(&format!("it answers {status}")),
            Ok(Err(why)) => return self.unknown(&why),
            Err(_) => return self.unknown("no answer in time"),
        };
        match serde_json::from_slice::<Json>(&answer) {
            Ok(claims) if claims.get("active") == Some(&Json::Bool(true)) => Introspected::Active(claims),
            Ok(claims) if claims.get("active") == Some(&Json::Bool(false)) => Introspected::Inactive,
            _ => self.unknown("its answer says nothing about the token"),
        }
    }

    fn unknown(&self, why: &str) -> Introspected {
        tracing::warn!(url = %self.url, "a token cannot be asked about: {why}");
        Introspected::Unknown
    }
}
