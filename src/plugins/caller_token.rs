//! `callerToken`: tells the backend who calls, by a short-lived token that only the gateway can make.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use ahash::RandomState;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::pipeline::exchange::{Exchange, Place, Step};
use crate::pipeline::header_edits::Message;
use crate::pipeline::plugin::{CompileContext, Needed, Plugin, PluginType};
use crate::pipeline::ready::{Ready, ReadyError};
use crate::pipeline::signing::{Signer, SigningAlgorithm, SigningKey};
use crate::value::Scalar as _;
use crate::value::duration::Duration;
use crate::value::header::HeaderName;
use crate::value::secret::SecretRef;
use crate::value::template::Template;

/// How many tokens are remembered: one is good for several requests of a caller.
const REMEMBERED: usize = 10_000;

/// Claims that the gateway makes itself.
const OWN: &[&str] = &["iss", "sub", "aud", "exp", "nbf", "iat", "route", "consumer", "identity"];

/// A signed token (JWT) that says who calls, for the backend: it need not trust a header field that anybody could have sent.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = serde_json::json!({ "header": "x-caller", "key": { "env": "CALLER_KEY" }, "ttl": "30s" }))]
pub struct CallerTokenConfig {
    /// The header field that the backend gets it in; what a client sends there is never passed on.
    #[serde(default = "header")]
    pub header: HeaderName,
    /// The key: for `hs256` a shared secret of at least 32 bytes, else a private key in PEM.
    pub key: SecretRef,
    /// How it is signed; the key is of the kind that this needs.
    #[serde(default)]
    pub algorithm: SigningAlgorithm,
    /// What the key is called in the token (`kid`), so that the backend finds it among several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), example = &"2026-11")]
    pub key_id: Option<String>,
    /// How long a token is good for; the backend gets each with at least half of it left.
    #[serde(default = "ttl")]
    pub ttl: Duration,
    /// Who has made it (`iss`).
    #[serde(default = "issuer")]
    #[schemars(length(min = 1, max = 256), example = &"gw")]
    pub issuer: String,
    /// Whom it is for (`aud`). The default is nobody in particular.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), example = &"geo")]
    pub audience: Option<String>,
    /// More claims, by their names; one whose value is missing is left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = serde_json::json!({ "tenant": "${consumer.label.tenant}" }))]
    pub claims: BTreeMap<String, Template>,
}

#[expect(clippy::expect_used, reason = "the text is fixed and is a name")]
fn header() -> HeaderName {
    HeaderName::parse("x-caller").expect("a literal")
}

fn ttl() -> Duration {
    Duration::from_secs(30)
}

fn issuer() -> String {
    "gw".to_owned()
}

/// The compiled plugin.
pub struct CallerToken {
    config: CallerTokenConfig,
    key: SigningKey,
    signer: OnceLock<Signer>,
    /// The tokens that were made, by what they claim, each with the second from which on another one is made.
    made: Mutex<HashMap<String, (u64, Arc<str>), RandomState>>,
}

impl PluginType for CallerToken {
    type Config = CallerTokenConfig;

    fn compile(config: &CallerTokenConfig, context: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        let before = context.problems.len();
        Message::Request.check_name(&config.header, "/header", context);
        if !context.knows_caller {
            context.unknown_caller("", "the caller is not known here: no `auth` stands above this plugin");
        }
        for (name, template) in &config.claims {
            context.check_params(&format!("/claims/{name}"), template, Needed::Sometimes);
        }
        let (algorithm, key_id) = (config.algorithm, config.key_id.clone());
        let key = SigningKey { key: config.key.clone(), algorithm, key_id };
        context.secrets.insert(key.secret());
        let plugin =
            Self { config: config.clone(), key, signer: OnceLock::new(), made: Mutex::new(HashMap::default()) };
        (context.problems.len() == before).then(|| Box::new(plugin) as _)
    }
}

impl Plugin for CallerToken {
    fn ready(&self, ready: &Ready<'_>) -> Result<(), ReadyError> {
        let signer = self.key.ready(ready)?;
        self.signer.get_or_init(|| signer);
        Ok(())
    }

    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let token = self.claims(exchange).and_then(|claims| self.token(claims, now));
        let header = self.config.header.as_str();
        match token {
            Some(token) => exchange.request.fields.set_secret(header, token.as_bytes()),
            None => exchange.request.fields.remove(header),
        }
        Step::Continue
    }
}

impl CallerToken {
    /// What is claimed, but for the times; `None` if nobody is known.
    fn claims(&self, exchange: &Exchange<'_>) -> Option<Map<String, Value>> {
        let (consumer, identity) = (exchange.caller.consumer.as_deref(), exchange.caller.identity.as_deref());
        let subject = identity.map(|identity| &identity.subject).or_else(|| consumer.map(|consumer| &consumer.id))?;
        let mut claims = Map::new();
        for (name, template) in &self.config.claims {
            if let Some(value) = exchange.render(template, Place::Field) {
                claims.insert(name.clone(), value.into());
            }
        }
        claims.retain(|name, _| !OWN.contains(&name.as_str()));
        claims.insert("iss".into(), self.config.issuer.as_str().into());
        claims.insert("sub".into(), (**subject).into());
        claims.insert("route".into(), exchange.route.into());
        if let Some(audience) = &self.config.audience {
            claims.insert("aud".into(), audience.as_str().into());
        }
        if let Some(consumer) = consumer {
            let mut told = json!({ "id": consumer.id, "name": consumer.name, "labels": consumer.labels });
            told["plan"] = consumer.plan.as_deref().into();
            told["metadata"] = json!(consumer.metadata);
            claims.insert("consumer".into(), told);
        }
        if let Some(identity) = identity {
            let told = json!({ "name": identity.name, "email": identity.email, "groups": identity.groups });
            claims.insert("identity".into(), told);
        }
        Some(claims)
    }

    /// A token with these claims: one that was made before, while half of its time is left.
    fn token(&self, mut claims: Map<String, Value>, now: u64) -> Option<Arc<str>> {
        let meaning = serde_json::to_string(&claims).ok()?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, token)) = made.get(&meaning).filter(|(renewed, _)| now < *renewed) {
            return Some(Arc::clone(token));
        }
        let ttl = self.config.ttl.get().as_secs().max(1);
        claims.insert("iat".into(), now.into());
        claims.insert("exp".into(), (now + ttl).into());
        let token: Arc<str> = self.signer.get()?.sign(&Value::Object(claims))?.into();
        if made.len() >= REMEMBERED {
            made.retain(|_, (renewed, _)| now < *renewed);
        }
        if made.len() < REMEMBERED {
            made.insert(meaning, (now + ttl / 2, Arc::clone(&token)));
        }
        Some(token)
    }
}
