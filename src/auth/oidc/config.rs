//! What a manifest says of logging in at a provider.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::auth::identity::IdentityClaims;
use crate::auth::rules::ClaimRule;
use crate::pipeline::auth::Choice;
use crate::value::duration::Duration;
use crate::value::header::HeaderName;
use crate::value::secret::SecretRef;
use crate::value::service_url::ServiceUrl;

/// People log in at a provider in their browser (OpenID Connect), and have a session here that lasts a while. What comes without a session
/// and is no browser that wants to show a page gets 401. The provider sends browsers back to `/.gw/auth/<name>/callback` on each host
/// whose routes use this: it has to know these URLs.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct OidcConfig {
    /// The provider, as it calls itself: below it stands `/.well-known/openid-configuration`, which says all else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"https://id.example/realms/shop", extend("x-gw-security" = "who may say who somebody is"))]
    pub issuer: Option<ServiceUrl>,
    /// A provider of plain OAuth 2.0, such as GitHub, which is asked who somebody is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-gw-security" = "who may say who somebody is"))]
    pub oauth2: Option<OAuth2Config>,
    /// What the provider knows this gateway as.
    #[schemars(length(min = 1, max = 512), example = &"shop")]
    pub client_id: String,
    /// The secret that the provider gave to this gateway.
    #[schemars(example = serde_json::json!({ "env": "OIDC_CLIENT_SECRET" }))]
    pub client_secret: SecretRef,
    /// What is asked for.
    #[serde(default = "default_scopes")]
    #[schemars(length(min = 1, max = 64), inner(regex(pattern = "^[!#-\\[\\]-~]+$")), extend("uniqueItems" = true))]
    pub scopes: Vec<String>,
    /// Whether the provider is asked for more about somebody when they log in, where it can be.
    #[serde(default = "yes")]
    pub user_info: bool,
    /// How sessions are kept.
    pub session: SessionConfig,
    /// Rules on claims that all hold for who is let in; otherwise the answer is 403.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-gw-security" = "who is let in"))]
    pub require: Vec<ClaimRule>,
    /// Rules on claims of which none holds for who is let in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-gw-security" = "who is let in"))]
    pub deny: Vec<ClaimRule>,
    /// Where claims say who somebody is.
    #[serde(default)]
    pub identity: IdentityClaims,
    /// The field that gives the upstream the access token (`Authorization` without its scheme); by default it sees none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"x-access-token", extend("x-gw-security" = "who sees the token"))]
    pub access_token_header: Option<HeaderName>,
    /// The path that a browser is sent to once it has logged out.
    #[serde(default = "default_after_logout")]
    #[schemars(length(max = 1024), regex(pattern = "^/([^/\\\\].*)?$"))]
    pub after_logout: String,
}

fn example() -> serde_json::Value {
    serde_json::json!({
        "issuer": "https://id.example/realms/shop",
        "clientId": "shop",
        "clientSecret": { "env": "OIDC_CLIENT_SECRET" },
        "scopes": ["openid", "profile", "email"],
        "session": { "key": { "env": "SESSION_KEY" }, "maxAge": "8h", "idle": "1h" },
    })
}

fn default_scopes() -> Vec<String> {
    vec!["openid".to_owned()]
}

fn yes() -> bool {
    true
}

fn default_after_logout() -> String {
    "/".to_owned()
}

/// The places of a provider of plain OAuth 2.0 (RFC 6749).
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct OAuth2Config {
    /// Where somebody logs in.
    #[schemars(example = &"https://github.com/login/oauth/authorize")]
    pub authorization_url: ServiceUrl,
    /// Where a code becomes a token.
    #[schemars(example = &"https://github.com/login/oauth/access_token")]
    pub token_url: ServiceUrl,
    /// Where it says who somebody is, in JSON. `identity.subject` says what in it names them for good, such as `/id`.
    #[schemars(example = &"https://api.github.com/user")]
    pub user_info_url: ServiceUrl,
}

/// Sessions: all of one is in a cookie that the browser can neither read nor change.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SessionConfig {
    /// The secret that cookies are encrypted with, of at least 32 characters. All nodes have the same.
    #[schemars(example = serde_json::json!({ "env": "SESSION_KEY" }))]
    pub key: SecretRef,
    /// Secrets that were `key` before: sessions that were encrypted with one of them go on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub previous_keys: Vec<SecretRef>,
    /// How long a session lasts at most.
    #[serde(default = "default_max_age")]
    pub max_age: Duration,
    /// How long a session lasts that is not used.
    #[serde(default = "default_idle")]
    pub idle: Duration,
}

impl SessionConfig {
    /// The secrets, the one that encrypts in front.
    pub fn keys(&self) -> impl Iterator<Item = &SecretRef> {
        std::iter::once(&self.key).chain(&self.previous_keys)
    }
}

fn default_max_age() -> Duration {
    Duration::from_secs(8 * 3600)
}

fn default_idle() -> Duration {
    Duration::from_secs(3600)
}

impl OidcConfig {
    const PROVIDERS: &'static [&'static str] = &["issuer", "oauth2"];

    /// Where it names one of several ways.
    pub fn choices(&self) -> Vec<Choice> {
        let named = [self.issuer.is_some(), self.oauth2.is_some()];
        let named = Self::PROVIDERS.iter().zip(named).filter(|(_, named)| *named).map(|(name, _)| *name).collect();
        let provider = Choice { pointer: String::new(), named, of: Self::PROVIDERS, what: "a provider is" };
        let rules = ClaimRule::choices("/require", &self.require).chain(ClaimRule::choices("/deny", &self.deny));
        std::iter::once(provider).chain(rules).collect()
    }
}
