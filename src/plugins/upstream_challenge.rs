//! `upstreamChallenge`: the backend learns that a request came through the gateway, and answers in a way that only it can.

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::exchange::{Content, Exchange, Step};
use crate::pipeline::header_edits::Message;
use crate::pipeline::plugin::{CompileContext, Plugin, PluginType};
use crate::pipeline::ready::{Ready, ReadyError};
use crate::value::Scalar as _;
use crate::value::header::HeaderName;
use crate::value::secret::SecretRef;

/// A shared secret is at least this long.
const SECRET_BYTES: usize = 32;

/// The random bytes of a challenge.
const NONCE_BYTES: usize = 16;

/// What the client gets for the answer of a backend that has not looked (RFC 9457).
const REFUSED: &[u8] = br#"{"type":"about:blank","title":"Bad Gateway","status":502}"#;

/// A challenge in each request to the backend, `t=<seconds since 1970>,n=<nonce>,s=<signature>`, and a check of what the backend answers. The
/// signature is base64url(HMAC-SHA256(key, `request.<t>.<n>`)): whoever cannot make it has not come through the gateway. The backend
/// answers with base64url(HMAC-SHA256(key, `answer.<t>.<n>`)), which shows that it has looked; any other answer becomes a 502.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = serde_json::json!({ "key": { "env": "CHALLENGE_KEY" } }))]
pub struct UpstreamChallengeConfig {
    /// The secret that the gateway and the backend share, of at least 32 bytes.
    pub key: SecretRef,
    /// The field of the request with the challenge.
    #[serde(default = "header")]
    pub header: HeaderName,
    /// The field of the answer with what the backend makes of it; clients don't get it.
    #[serde(default = "answer_header")]
    pub answer_header: HeaderName,
    /// Whether the backend has to answer. `false` only tells it that the request came through the gateway.
    #[serde(default = "required", skip_serializing_if = "Clone::clone")]
    pub required: bool,
}

#[expect(clippy::expect_used, reason = "the text is fixed and is a name")]
fn header() -> HeaderName {
    HeaderName::parse("x-gw-challenge").expect("a literal")
}

#[expect(clippy::expect_used, reason = "the text is fixed and is a name")]
fn answer_header() -> HeaderName {
    HeaderName::parse("x-gw-challenge-answer").expect("a literal")
}

fn required() -> bool {
    true
}

/// The compiled plugin.
pub struct UpstreamChallenge {
    config: UpstreamChallengeConfig,
    key: OnceLock<hmac::Key>,
}

/// The answer that a request expects, from its way in to its way out.
struct Expected(String);

impl PluginType for UpstreamChallenge {
    type Config = UpstreamChallengeConfig;

    fn compile(config: &UpstreamChallengeConfig, context: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        let before = context.problems.len();
        Message::Request.check_name(&config.header, "/header", context);
        Message::Answer.check_name(&config.answer_header, "/answerHeader", context);
        context.secrets.insert(config.key.line());
        let plugin = Self { config: config.clone(), key: OnceLock::new() };
        (context.problems.len() == before).then(|| Box::new(plugin) as _)
    }
}

impl Plugin for UpstreamChallenge {
    fn ready(&self, ready: &Ready<'_>) -> Result<(), ReadyError> {
        let secret = ready.secrets.line(&self.config.key).unwrap_or_default();
        if secret.len() < SECRET_BYTES {
            let (owner, secret) = (ready.owner.to_owned(), self.config.key.to_string());
            return Err(ReadyError::Secret { owner, secret, why: "is shorter than 32 bytes".to_owned() });
        }
        self.key.get_or_init(|| hmac::Key::new(hmac::HMAC_SHA256, secret));
        Ok(())
    }

    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let mut nonce = [0; NONCE_BYTES];
        let (Some(key), Ok(())) = (self.key.get(), aws_lc_rs::rand::fill(&mut nonce)) else {
            exchange.response.status = 503;
            return Step::Answer(Content::Empty);
        };
        let nonce = BASE64_URL_SAFE_NO_PAD.encode(nonce);
        let challenge = format!("t={now},n={nonce},s={}", signed(key, "request", now, &nonce));
        exchange.request.fields.set_secret(self.config.header.as_str(), challenge.as_bytes());
        exchange.notes.put(self, Expected(signed(key, "answer", now, &nonce)));
        Step::Continue
    }

    fn on_response(&self, exchange: &mut Exchange<'_>) {
        let name = self.config.answer_header.as_str();
        let expected: Option<Expected> = exchange.notes.take(self);
        let answer = exchange.response.fields.get(name).unwrap_or_default();
        let is_right = expected.is_some_and(|Expected(text)| verify_slices_are_equal(text.as_bytes(), answer).is_ok());
        exchange.response.fields.remove(name);
        // what the gateway itself says of an error is no answer of the backend
        if self.config.required && !is_right && exchange.response.status < 500 {
            exchange.response.fields.clear();
            exchange.response.status = 502;
            exchange.response.fields.set("content-type", b"application/problem+json");
            exchange.answer_instead(Content::Bytes(Bytes::from_static(REFUSED)));
        }
    }
}

fn signed(key: &hmac::Key, what: &str, now: u64, nonce: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(hmac::sign(key, format!("{what}.{now}.{nonce}").as_bytes()))
}
