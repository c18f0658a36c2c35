//! A provider: where it is asked what, and what it answers (OpenID Connect Core and Discovery 1.0, RFC 6749).

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value as Json;
use url::form_urlencoded::{Serializer, byte_serialize};

use crate::auth::calls::{Ask, Calls};
use crate::auth::kept::Kept;
use crate::auth::oidc::config::OidcConfig;
use crate::auth::token::{KeySet, Origin};
use crate::pipeline::ready::{Ready, ReadyError};
use crate::value::Scalar as _;
use crate::value::service_url::ServiceUrl;
use crate::value::sha256::Sha256;

/// What a provider says of itself, with its keys.
pub struct Provider {
    /// What it calls itself; none of plain OAuth 2.0.
    pub issuer: Option<String>,
    /// Where somebody logs in.
    pub authorization: ServiceUrl,
    /// Where somebody logs out.
    pub end_session: Option<ServiceUrl>,
    /// The keys that it signs with; none of plain OAuth 2.0.
    pub keys: Option<KeySet>,
    /// Whether it says who it is when it sends somebody back (RFC 9207).
    pub says_issuer: bool,
    token: ServiceUrl,
    user_info: Option<ServiceUrl>,
    /// Whether it takes the secret only in what is sent.
    secret_in_body: bool,
}

/// Where what is known of a provider comes from.
pub enum Source {
    /// From the manifest.
    Fixed(Arc<Provider>),
    /// From itself.
    Kept(Arc<Kept<Provider>>),
}

/// What we are to a provider, and how it is asked.
pub struct Account {
    calls: Calls,
    client_id: String,
    client_secret: Vec<u8>,
}

/// What a provider gives for a code.
#[derive(Deserialize)]
pub struct Tokens {
    /// What it is asked with who somebody is.
    pub access_token: String,
    /// What the next tokens are asked with.
    #[serde(default)]
    pub refresh_token: Option<String>,
    /// Who somebody is, signed.
    #[serde(default)]
    pub id_token: Option<String>,
    /// How long the access token is valid, in seconds.
    #[serde(default)]
    pub expires_in: Option<u64>,
}

/// Why a provider gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// It says no.
    Refused,
    /// It cannot be asked.
    Unavailable,
}

#[derive(Deserialize)]
struct Discovered {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    #[serde(default)]
    userinfo_endpoint: Option<String>,
    #[serde(default)]
    end_session_endpoint: Option<String>,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl Source {
    /// What is known of the provider that a manifest names.
    ///
    /// # Errors
    /// If nothing ever could be.
    pub fn new(config: &OidcConfig, ready: &Ready<'_>) -> Result<Self, ReadyError> {
        if let Some(places) = &config.oauth2 {
            return Ok(Self::Fixed(Arc::new(Provider {
                issuer: None,
                authorization: places.authorization_url.clone(),
                end_session: None,
                keys: None,
                says_issuer: false,
                token: places.token_url.clone(),
                user_info: Some(places.user_info_url.clone()),
                secret_in_body: true,
            })));
        }
        let missing = || ReadyError::Failed { owner: ready.owner.to_owned(), why: "it names no provider".to_owned() };
        let issuer = config.issuer.clone().ok_or_else(missing)?;
        let kept = ready.pool.get_or(&format!("provider {issuer}"), Kept::default);
        // what is only tried calls nobody
        if !ready.secrets.are_made_up() {
            let calls = Calls::of(ready)?;
            let name = format!("the provider {issuer}");
            kept.start(ready.background, name, move || discover(calls.clone(), issuer.clone()))?;
        }
        Ok(Self::Kept(kept))
    }

    /// What is known now.
    pub fn provider(&self) -> Option<Arc<Provider>> {
        match self {
            Self::Fixed(provider) => Some(Arc::clone(provider)),
            Self::Kept(kept) => kept.value(),
        }
    }

    /// Waits for something newer, if it may be asked for now.
    pub async fn renewed(&self) {
        if let Self::Kept(kept) = self {
            kept.renewed().await;
        }
    }
}

async fn discover(calls: Calls, issuer: ServiceUrl) -> Result<(Provider, Sha256), String> {
    let text = issuer.to_string();
    let place = format!("{}/.well-known/openid-configuration", text.trim_end_matches('/'));
    let content = calls.fetch(&url(&place)?).await?;
    let found: Discovered =
        serde_json::from_slice(&content).map_err(|error| format!("what {place} answers is no discovery document: {error}"))?;
    if found.issuer != text {
        return Err(format!("what {place} answers is of another issuer"));
    }
    let place_of = |place: &str| {
        let place = url(place)?;
        // what comes over TLS never leads to where it is missing
        if issuer.is_trustworthy() && !place.is_trustworthy() { Err(format!("{place} is not asked over TLS")) } else { Ok(place) }
    };
    let keys_url = place_of(&found.jwks_uri)?;
    let keys_content = calls.fetch(&keys_url).await?;
    let keys = KeySet::read(&keys_content, Origin::Public).map_err(|why| format!("what {keys_url} answers {why}"))?;
    let methods = found.token_endpoint_auth_methods_supported;
    let secret_in_body = methods.is_some_and(|all| !all.iter().any(|method| method == "client_secret_basic"));
    let provider = Provider {
        issuer: Some(text),
        authorization: place_of(&found.authorization_endpoint)?,
        end_session: found.end_session_endpoint.as_deref().map(place_of).transpose()?,
        keys: Some(keys),
        says_issuer: found.authorization_response_iss_parameter_supported,
        token: place_of(&found.token_endpoint)?,
        user_info: found.userinfo_endpoint.as_deref().map(place_of).transpose()?,
        secret_in_body,
    };
    Ok((provider, Sha256::of(&[&content[..], &keys_content[..]].concat())))
}

fn url(text: &str) -> Result<ServiceUrl, String> {
    ServiceUrl::parse(text).map_err(|error| format!("{text}: {error}"))
}

impl Account {
    /// What a manifest says that we are.
    ///
    /// # Errors
    /// If nobody could ever be asked.
    pub fn new(config: &OidcConfig, ready: &Ready<'_>) -> Result<Self, ReadyError> {
        let client_secret = ready.secrets.line(&config.client_secret).unwrap_or_default().to_vec();
        Ok(Self { calls: Calls::of(ready)?, client_id: config.client_id.clone(), client_secret })
    }

    /// Changes a code for tokens (RFC 6749, 4.1.3; RFC 7636, 4.5).
    ///
    /// # Errors
    /// If there are none.
    pub async fn redeem(&self, from: &Provider, code: &str, back: &str, verifier: &str) -> Result<Tokens, Denied> {
        let asked =
            [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", back), ("code_verifier", verifier)];
        self.tokens(from, &asked).await
    }

    /// Changes a refresh token for new tokens (RFC 6749, 6).
    ///
    /// # Errors
    /// If there are none.
    pub async fn refresh(&self, from: &Provider, token: &str) -> Result<Tokens, Denied> {
        self.tokens(from, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    async fn tokens(&self, from: &Provider, asked: &[(&str, &str)]) -> Result<Tokens, Denied> {
        let (authorization, form) = self.authorized(from, asked);
        self.ask(Ask { url: &from.token, authorization, form: Some(form) }).await
    }

    /// What is sent to ask for tokens, with our secret where the provider takes it.
    fn authorized(&self, from: &Provider, asked: &[(&str, &str)]) -> (Option<String>, String) {
        let mut form = Serializer::new(String::new());
        form.extend_pairs(asked);
        if from.secret_in_body {
            let secret = String::from_utf8_lossy(&self.client_secret);
            form.append_pair("client_id", &self.client_id).append_pair("client_secret", &secret);
            return (None, form.finish());
        }
        // both parts are encoded as in a form (RFC 6749, 2.3.1)
        let encode = |bytes: &[u8]| byte_serialize(bytes).collect::<String>();
        let pair = format!("{}:{}", encode(self.client_id.as_bytes()), encode(&self.client_secret));
        (Some(format!("Basic {}", BASE64_STANDARD.encode(pair))), form.finish())
    }

    /// Asks who somebody is (OpenID Connect Core, 5.3); `None` where it cannot be asked for.
    ///
    /// # Errors
    /// If it does not say.
    pub async fn user_info(&self, of: &Provider, access_token: &str) -> Result<Option<Json>, Denied> {
        let Some(url) = &of.user_info else { return Ok(None) };
        let authorization = Some(format!("Bearer {access_token}"));
        self.ask(Ask { url, authorization, form: None }).await.map(Some)
    }

    async fn ask<T: for<'de> Deserialize<'de>>(&self, ask: Ask<'_>) -> Result<T, Denied> {
        let url = ask.url;
        match self.calls.send(ask).await {
            Ok(Ok(content)) => serde_json::from_slice(&content).map_err(|_| {
                tracing::warn!(%url, "the provider's answer is not what was asked for");
                Denied::Refused
            }),
            Ok(Err(status)) => {
                tracing::warn!(%url, %status, "the provider refuses");
                let is_over = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
                Err(if is_over { Denied::Unavailable } else { Denied::Refused })
            }
            Err(why) => {
                tracing::warn!("the provider cannot be asked: {why}");
                Err(Denied::Unavailable)
            }
        }
    }
}
