//! A provider: what it says of itself, and what it is asked (OpenID Connect Core and Discovery 1.0, RFC 6749), by `openidconnect`.

use std::sync::Arc;

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod,
    CoreErrorResponseType, CoreGrantType, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode, CoreResponseType,
    CoreSubjectIdentifierType, CoreTokenResponse,
};
use openidconnect::{
    AdditionalProviderMetadata, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl, JsonWebKeySetUrl, Nonce, NonceVerifier,
    OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, ProviderMetadata, RedirectUrl, RefreshToken,
    RequestTokenError, ResponseTypes, Scope, StandardErrorResponse, TokenResponse as _, TokenUrl,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::auth::calls::{Ask, Calls};
use crate::auth::kept::Kept;
use crate::auth::oidc::config::{OAuth2Config, OidcConfig};
use crate::auth::oidc::driven::{Unanswered, driven};
use crate::auth::token::{KeySet, Origin};
use crate::pipeline::ready::{Ready, ReadyError};
use crate::value::Scalar as _;
use crate::value::service_url::ServiceUrl;
use crate::value::sha256::Sha256;

/// What a provider says of itself.
type Metadata = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// What we are to it.
type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// What it gives for a code, as the library reads it.
pub type Given = CoreTokenResponse;

/// What it may say of itself besides.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct More {
    /// Where somebody logs out (RP-Initiated Logout 1.0).
    #[serde(default)]
    end_session_endpoint: Option<String>,
    /// Whether it says who it is when it sends somebody back (RFC 9207).
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for More {}

/// The ways to sign that are taken: a secret that both sides have proves nothing of who signed.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// A provider that can be asked.
pub struct Provider {
    metadata: Metadata,
    /// The keys that it signs with; none of plain OAuth 2.0.
    pub keys: Option<KeySet>,
    /// Where somebody logs out.
    pub end_session: Option<ServiceUrl>,
    user_info: Option<ServiceUrl>,
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
    client_id: ClientId,
    client_secret: ClientSecret,
    scopes: Vec<Scope>,
}

/// A login that begins: where it goes, and what is kept of it.
pub struct Begun {
    /// Where the browser is sent.
    pub place: String,
    /// What it comes back with.
    pub state: String,
    /// What the ID token names.
    pub nonce: String,
    /// What proves that the code is ours (RFC 7636).
    pub verifier: String,
}

/// What a provider gives for a code.
pub struct Tokens {
    /// What it is asked with who somebody is.
    pub access_token: String,
    /// What the next tokens are asked with.
    pub refresh_token: Option<String>,
    /// Who somebody is, signed.
    pub id_token: Option<String>,
    /// How long the access token is valid, in seconds.
    pub expires_in: Option<u64>,
}

/// Why a provider gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// It says no, or nothing that is right.
    Refused,
    /// It cannot be asked.
    Unavailable,
}

impl Source {
    /// What is known of the provider that a manifest names.
    ///
    /// # Errors
    /// If nothing ever could be.
    pub fn new(config: &OidcConfig, ready: &Ready<'_>) -> Result<Self, ReadyError> {
        let failed = |why: String| ReadyError::Failed { owner: ready.owner.to_owned(), why };
        if let Some(places) = &config.oauth2 {
            return Provider::plain(places).map(|provider| Self::Fixed(Arc::new(provider))).map_err(failed);
        }
        let issuer = config.issuer.clone().ok_or_else(|| failed("it names no provider".to_owned()))?;
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
    let named = IssuerUrl::new(issuer.to_string()).map_err(|error| error.to_string())?;
    let found = driven(&calls, |http| Metadata::discover(&named, &http).map_err(|error| error.to_string())).await?;
    let metadata = found.map_err(|why| format!("{issuer} does not describe itself: {why}"))?;
    let url = |text: &str| {
        let url = ServiceUrl::parse(text).map_err(|error| format!("{text}: {error}"))?;
        // what comes over TLS never leads to where it is missing
        let leads_away = issuer.is_trustworthy() && !url.is_trustworthy();
        if leads_away { Err(format!("{url} is not asked over TLS")) } else { Ok(url) }
    };
    let token = metadata.token_endpoint().ok_or("it names no place for tokens")?;
    for place in [metadata.authorization_endpoint().as_str(), token.as_str(), metadata.jwks_uri().as_str()] {
        url(place)?;
    }
    let keys = serde_json::to_vec(metadata.jwks()).map_err(|error| error.to_string())?;
    let content = serde_json::to_vec(&metadata).map_err(|error| error.to_string())?;
    let provider = Provider {
        keys: Some(KeySet::read(&keys, Origin::Public).map_err(|why| format!("what {issuer} publishes {why}"))?),
        end_session: metadata.additional_metadata().end_session_endpoint.as_deref().map(url).transpose()?,
        user_info: metadata.userinfo_endpoint().map(|place| url(place.as_str())).transpose()?,
        metadata,
    };
    Ok((provider, Sha256::of(&[content, keys].concat())))
}

impl Provider {
    /// One of plain OAuth 2.0, which says nothing of itself.
    fn plain(places: &OAuth2Config) -> Result<Self, String> {
        let authorization = places.authorization_url.to_string();
        let wrong = |error: openidconnect::url::ParseError| error.to_string();
        let metadata = Metadata::new(
            IssuerUrl::new(authorization.clone()).map_err(wrong)?,
            AuthUrl::new(authorization.clone()).map_err(wrong)?,
            JsonWebKeySetUrl::new(authorization).map_err(wrong)?,
            vec![ResponseTypes::new(vec![CoreResponseType::Code])],
            Vec::new(),
            Vec::new(),
            More::default(),
        )
        .set_token_endpoint(Some(TokenUrl::new(places.token_url.to_string()).map_err(wrong)?))
        .set_token_endpoint_auth_methods_supported(Some(vec![CoreClientAuthMethod::ClientSecretPost]));
        Ok(Self { metadata, keys: None, end_session: None, user_info: Some(places.user_info_url.clone()) })
    }

    /// What it calls itself.
    pub fn issuer(&self) -> &str {
        self.metadata.issuer().as_str()
    }

    /// Whether it says who it is when it sends somebody back.
    pub fn says_issuer(&self) -> bool {
        self.metadata.additional_metadata().authorization_response_iss_parameter_supported
    }

    fn takes_secret_in_body_only(&self) -> bool {
        let methods = self.metadata.token_endpoint_auth_methods_supported();
        methods.is_some_and(|all| !all.contains(&CoreClientAuthMethod::ClientSecretBasic))
    }
}

impl Account {
    /// What a manifest says that we are.
    ///
    /// # Errors
    /// If nobody could ever be asked.
    pub fn new(config: &OidcConfig, ready: &Ready<'_>) -> Result<Self, ReadyError> {
        let secret = ready.secrets.line(&config.client_secret).unwrap_or_default();
        // the library asks for this one by itself
        let scopes = config.scopes.iter().filter(|scope| *scope != "openid").cloned().map(Scope::new).collect();
        Ok(Self {
            calls: Calls::of(ready)?,
            client_id: ClientId::new(config.client_id.clone()),
            client_secret: ClientSecret::new(String::from_utf8_lossy(secret).into_owned()),
            scopes,
        })
    }

    fn client(&self, of: &Provider, back: &str) -> Option<Client> {
        let secret = Some(self.client_secret.clone());
        let client = CoreClient::from_provider_metadata(of.metadata.clone(), self.client_id.clone(), secret)
            .set_redirect_uri(RedirectUrl::new(back.to_owned()).ok()?);
        let client = if of.takes_secret_in_body_only() { client.set_auth_type(AuthType::RequestBody) } else { client };
        Some(if of.keys.is_none() { client.disable_openid_scope() } else { client })
    }

    /// Begins a login, with `state`, `nonce` and PKCE.
    pub fn begin(&self, at: &Provider, back: &str) -> Option<Begun> {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let client = self.client(at, back)?;
        let (place, state, nonce) = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
            .add_scopes(self.scopes.iter().cloned())
            .set_pkce_challenge(challenge)
            .url();
        Some(Begun {
            place: place.to_string(),
            state: state.secret().clone(),
            nonce: nonce.secret().clone(),
            verifier: verifier.secret().clone(),
        })
    }

    /// Changes a code for tokens (RFC 6749, 4.1.3), which are not verified yet.
    ///
    /// # Errors
    /// If there are none.
    pub async fn redeem(&self, from: &Provider, code: &str, back: &str, verifier: &str) -> Result<Given, Denied> {
        let client = self.client(from, back).ok_or(Denied::Refused)?;
        let given = driven(&self.calls, |http| {
            let code = client.exchange_code(AuthorizationCode::new(code.to_owned())).map_err(|_| Denied::Refused)?;
            code.set_pkce_verifier(PkceCodeVerifier::new(verifier.to_owned())).request(&http).map_err(denied)
        });
        given.await.map_err(unreachable)?
    }

    /// Whether what was given for a code is of this login.
    pub fn is_of_login(&self, from: &Provider, given: &Given, back: &str, nonce: &str) -> bool {
        let nonce = Nonce::new(nonce.to_owned());
        self.client(from, back).is_some_and(|client| verify(from, &client, given, &nonce).is_ok())
    }

    /// Changes a refresh token for new tokens (RFC 6749, 6).
    ///
    /// # Errors
    /// If there are none.
    pub async fn refresh(&self, from: &Provider, token: &str) -> Result<Tokens, Denied> {
        let client = self.client(from, from.issuer()).ok_or(Denied::Refused)?;
        let token = RefreshToken::new(token.to_owned());
        let given = driven(&self.calls, |http| {
            let asked = client.exchange_refresh_token(&token).map_err(|_| Denied::Refused)?;
            asked.request(&http).map_err(denied)
        });
        let tokens = given.await.map_err(unreachable)??;
        if tokens.id_token().is_some() {
            // it belongs to no login of its own
            verify(from, &client, &tokens, |_: Option<&Nonce>| Ok(()))?;
        }
        Ok(Tokens::of(&tokens))
    }

    /// Asks who somebody is (OpenID Connect Core, 5.3); `None` where it cannot be asked for.
    ///
    /// # Errors
    /// If it does not say.
    pub async fn user_info(&self, of: &Provider, access_token: &str) -> Result<Option<Json>, Denied> {
        let Some(url) = &of.user_info else { return Ok(None) };
        let authorization = Some(format!("Bearer {access_token}"));
        match self.calls.send(Ask { url, authorization, form: None }).await.map_err(unreachable)? {
            Ok(content) => serde_json::from_slice(&content).map(Some).map_err(|_| Denied::Refused),
            Err(status) if status.is_server_error() => Err(Denied::Unavailable),
            Err(_) => Err(Denied::Refused),
        }
    }
}

impl Tokens {
    /// What there is in an answer.
    pub fn of(given: &Given) -> Self {
        Self {
            access_token: given.access_token().secret().clone(),
            refresh_token: given.refresh_token().map(|token| token.secret().clone()),
            id_token: given.id_token().map(ToString::to_string),
            expires_in: given.expires_in().map(|left| left.as_secs()),
        }
    }
}

/// Has the library verify an ID token (OpenID Connect Core, 3.1.3.7); plain OAuth 2.0 has none.
fn verify(from: &Provider, client: &Client, tokens: &Given, nonce: impl NonceVerifier) -> Result<(), Denied> {
    if from.keys.is_none() {
        return Ok(());
    }
    let Some(token) = tokens.id_token() else { return Err(Denied::Refused) };
    let verifier = client.id_token_verifier().set_allowed_algs(ALGORITHMS);
    token.claims(&verifier, nonce).map(drop).map_err(|error| {
        tracing::warn!(issuer = from.issuer(), "an ID token is not taken: {error}");
        Denied::Refused
    })
}

/// Why a provider gives no tokens: nothing of what it says is logged but its error.
fn denied(error: RequestTokenError<Unanswered, StandardErrorResponse<CoreErrorResponseType>>) -> Denied {
    match error {
        RequestTokenError::ServerResponse(said) => {
            tracing::warn!("the provider gives no tokens: {}", said.error());
            Denied::Refused
        }
        RequestTokenError::Parse(error, body) => {
            tracing::warn!("what the provider gives is not right: {error}");
            let is_its_own = serde_json::from_slice::<Map<String, Json>>(&body).is_ok();
            if is_its_own { Denied::Refused } else { Denied::Unavailable }
        }
        RequestTokenError::Request(_) | RequestTokenError::Other(_) => Denied::Unavailable,
    }
}

fn unreachable(why: String) -> Denied {
    tracing::warn!("the provider cannot be asked: {why}");
    Denied::Unavailable
}
