//! What a manifest says of tokens.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::auth::api_key::{CookiePlace, NoSettings, QueryPlace};
use crate::auth::identity::IdentityClaims;
use crate::auth::rules::ClaimRule;
use crate::auth::token::Algorithm;
use crate::pipeline::auth::Choice;
use crate::value::duration::Duration;
use crate::value::header::HeaderName;
use crate::value::secret::{NodeFile, SecretRef};
use crate::value::service_url::ServiceUrl;

/// Tokens that an issuer signed (RFC 7519), or that it is asked about (RFC 7662).
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
#[schemars(example = example())]
pub struct JwtConfig {
    /// Where a token is looked for, in this order: the first place that has one decides. The default is `Authorization: Bearer`.
    #[schemars(length(min = 1, max = 8))]
    pub from: Vec<TokenPlace>,
    /// The keys that tokens are signed with. The type of a key fixes the algorithms that it is taken for, whatever a token says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-gw-security" = "whose tokens are taken"))]
    pub keys: Vec<KeySource>,
    /// Asks the issuer about tokens that are no JWTs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-gw-security" = "whose tokens are taken"))]
    pub introspection: Option<IntrospectionConfig>,
    /// Only tokens that are signed in one of these ways are taken. By default it is every way that a key allows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true), example = serde_json::json!(["RS256"]))]
    pub algorithms: Vec<Algorithm>,
    /// Who issues the tokens: what `iss` has to say, letter by letter. By default it may say anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024), example = &"https://id.example/realms/shop", extend("x-gw-security" = "whose tokens are taken"))]
    pub issuer: Option<String>,
    /// Whom the tokens are for: `aud` has to name one of these. By default a token for anybody is taken, and so is one that somebody else
    /// was given for another service.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), example = serde_json::json!(["shop-api"]), extend("x-gw-security" = "whose tokens are taken"))]
    pub audiences: Vec<String>,
    /// How far the issuer's clock may be from this one's.
    pub leeway: Duration,
    /// Takes tokens that are valid for ever, too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(extend("x-gw-security" = "how long tokens are taken"))]
    pub allow_endless: bool,
    /// The scopes that a token has to grant, all of them; otherwise the answer is 403.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), example = serde_json::json!(["orders:read"]), inner(regex(pattern = "^[!#-\\[\\]-~]+$")), extend("x-gw-security" = "who is let in"))]
    pub scopes: Vec<String>,
    /// Rules on claims that all hold for who is let in; otherwise the answer is 403.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-gw-security" = "who is let in"))]
    pub require: Vec<ClaimRule>,
    /// Rules on claims of which none holds for who is let in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-gw-security" = "who is let in"))]
    pub deny: Vec<ClaimRule>,
    /// Where claims say who somebody is.
    pub identity: IdentityClaims,
    /// Whether the upstream sees the token, too. By default it sees who calls only where `requestHeaders` or `callerToken` say so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(extend("x-gw-security" = "who sees the token"))]
    pub keep_credential: bool,
}

fn example() -> serde_json::Value {
    serde_json::json!({
        "issuer": "https://id.example/realms/shop",
        "audiences": ["shop-api"],
        "keys": [{ "jwksUrl": "https://id.example/realms/shop/protocol/openid-connect/certs" }],
    })
}

impl Default for JwtConfig {
    fn default() -> Self {
        Self {
            from: vec![TokenPlace { bearer: Some(NoSettings {}), ..TokenPlace::default() }],
            keys: Vec::new(),
            introspection: None,
            algorithms: Vec::new(),
            issuer: None,
            audiences: Vec::new(),
            leeway: Duration::from_secs(30),
            allow_endless: false,
            scopes: Vec::new(),
            require: Vec::new(),
            deny: Vec::new(),
            identity: IdentityClaims::default(),
            keep_credential: false,
        }
    }
}

/// A place where a token is looked for: exactly one.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
#[schemars(extend("x-gw-noun" = "place called"))]
pub struct TokenPlace {
    /// `Authorization: Bearer` (RFC 6750).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bearer: Option<NoSettings>,
    /// A header field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<TokenHeader>,
    /// A cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<CookiePlace>,
    /// A parameter of the query. Queries end up in the logs of proxies and browsers: prefer a header field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<QueryPlace>,
}

/// A header field with a token.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TokenHeader {
    /// Its name.
    #[schemars(example = &"x-token")]
    pub name: HeaderName,
}

impl TokenPlace {
    const WAYS: &'static [&'static str] = &["bearer", "header", "cookie", "query"];

    fn named(&self) -> Vec<&'static str> {
        let named = [self.bearer.is_some(), self.header.is_some(), self.cookie.is_some(), self.query.is_some()];
        Self::WAYS.iter().zip(named).filter(|(_, named)| *named).map(|(name, _)| *name).collect()
    }
}

/// Keys: exactly one of `secret`, `publicKey`, `jwks` and `jwksUrl`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
#[schemars(extend("x-gw-noun" = "source of keys called"))]
pub struct KeySource {
    /// A secret that issuer and gateway share, for HS256, HS384 and HS512: at least 32 bytes, taken as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretRef>,
    /// A file with the issuer's public key or certificate in PEM. It is watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key: Option<NodeFile>,
    /// A file with a set of keys in JSON (RFC 7517). It is watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<NodeFile>,
    /// Where the issuer publishes its set of keys. It is fetched when the gateway starts, every ten minutes, and when a token names a key
    /// that is not known, but not more often than every five seconds; what was fetched is used while the issuer is down. Until it was
    /// fetched for the first time the answer is 503.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_url: Option<ServiceUrl>,
    /// The id that tokens call the key by (`kid`), for a `secret` or a `publicKey`. By default tokens may name any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), example = &"2026-01")]
    pub kid: Option<String>,
}

impl KeySource {
    const WAYS: &'static [&'static str] = &["secret", "publicKey", "jwks", "jwksUrl"];

    fn named(&self) -> Vec<&'static str> {
        let named = [self.secret.is_some(), self.public_key.is_some(), self.jwks.is_some(), self.jwks_url.is_some()];
        Self::WAYS.iter().zip(named).filter(|(_, named)| *named).map(|(name, _)| *name).collect()
    }
}

/// Asking the issuer about a token (RFC 7662).
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct IntrospectionConfig {
    /// Where it is asked.
    #[schemars(example = &"https://id.example/oauth2/introspect")]
    pub url: ServiceUrl,
    /// What the issuer knows this gateway as.
    #[schemars(length(min = 1, max = 256), example = &"gateway")]
    pub client_id: String,
    /// The secret that it is asked with.
    #[schemars(example = serde_json::json!({ "env": "INTROSPECTION_SECRET" }))]
    pub client_secret: SecretRef,
    /// How long an answer is used, unless the token ends before: a token that is revoked works so long.
    #[serde(default = "default_cache")]
    pub cache: Duration,
    /// How long an answer may take; then the answer is 503.
    #[serde(default = "default_timeout")]
    pub timeout: Duration,
}

fn default_cache() -> Duration {
    Duration::from_secs(60)
}

fn default_timeout() -> Duration {
    Duration::from_secs(5)
}

impl JwtConfig {
    /// Where it names one of several ways.
    pub fn choices(&self) -> Vec<Choice> {
        let place = |(index, place): (usize, &TokenPlace)| Choice {
            pointer: format!("/from/{index}"),
            named: place.named(),
            of: TokenPlace::WAYS,
            what: "a place is",
        };
        let source = |(index, source): (usize, &KeySource)| Choice {
            pointer: format!("/keys/{index}"),
            named: source.named(),
            of: KeySource::WAYS,
            what: "a source of keys is",
        };
        let mut choices: Vec<Choice> = self.from.iter().enumerate().map(place).collect();
        choices.extend(self.keys.iter().enumerate().map(source));
        choices.extend(ClaimRule::choices("/require", &self.require));
        choices.extend(ClaimRule::choices("/deny", &self.deny));
        choices
    }
}
