//! `oidc`: a caller is who has logged in at a provider in this browser (OpenID Connect Core 1.0, or plain OAuth 2.0).

mod clock;
mod codes;
mod config;
mod cookies;
mod driven;
mod login;
mod logout;
mod provider;
mod refresh;
mod seal;
mod session;

use std::sync::{Arc, OnceLock};

pub use config::OidcConfig;

use crate::auth::oidc::clock::now;
use crate::auth::oidc::codes::SCOPE_MISSING;
use crate::auth::oidc::cookies::Cookies;
use crate::auth::oidc::provider::{Account, Denied, Source};
use crate::auth::oidc::refresh::{Refreshes, refreshed};
use crate::auth::oidc::seal::{SECRET_BYTES, Seal};
use crate::auth::oidc::session::{Ages, Ended, Session};
use crate::auth::rules::Rules;
use crate::diagnostic::Code;
use crate::pipeline::auth::{
    Accepted, AuthContext, AuthType, Authenticator, Call, Choice, Claim, Finding, Place, Refusal, Shape,
};
use crate::pipeline::auth_pages::{AuthPages, PAGES, PageAnswer, PendingPage};
use crate::pipeline::caller::Caller;
use crate::pipeline::exchange::Exchange;
use crate::pipeline::ready::{Ready, ReadyError};
use crate::value::header::HeaderName;
use crate::value::secret::SecretRef;

/// What the cookie of a session is sealed for.
const PURPOSE: &str = "session";

/// When it makes sense to come again, in seconds.
const RETRY_AFTER: u32 = 5;

/// The compiled way of authenticating.
pub struct OidcAuth {
    oidc: Arc<Oidc>,
    running: OnceLock<Arc<Running>>,
}

/// What a manifest says.
struct Oidc {
    config: OidcConfig,
    auth: Arc<str>,
    ages: Ages,
    rules: Rules,
}

/// What there is at run time only.
struct Running {
    seal: Seal,
    source: Source,
    account: Account,
    ended: Arc<Ended>,
    refreshes: Arc<Refreshes>,
}

impl AuthType for OidcAuth {
    type Config = OidcConfig;
    const CODES: &'static [&'static Code] = &[&SCOPE_MISSING];

    fn choices(config: &OidcConfig) -> Vec<Choice> {
        config.choices()
    }

    fn compile(config: &OidcConfig, context: &mut AuthContext<'_>) -> Option<Box<dyn Authenticator>> {
        if config.issuer.is_some() && !config.scopes.iter().any(|scope| scope == "openid") {
            let message = "without the scope `openid` the provider does not say who somebody is";
            context.report(&SCOPE_MISSING, "/scopes", message, "add `openid` to the scopes");
            return None;
        }
        context.secrets.insert(config.client_secret.line());
        context.secrets.extend(config.session.keys().map(SecretRef::line));
        let ages = Ages { max: config.session.max_age.get(), idle: config.session.idle.get() };
        let rules = Rules::new(&config.require, &config.deny);
        let oidc = Oidc { config: config.clone(), auth: Arc::clone(context.name), ages, rules };
        Some(Box::new(Self { oidc: Arc::new(oidc), running: OnceLock::new() }))
    }
}

impl Authenticator for OidcAuth {
    fn ready(&self, ready: &Ready<'_>) -> Result<(), ReadyError> {
        let config = &self.oidc.config;
        let secrets = config.session.keys().map(|key| ready.secrets.line(key).unwrap_or_default());
        let short = || ReadyError::Secret {
            owner: ready.owner.to_owned(),
            secret: config.session.key.to_string(),
            why: format!("or one of the `previousKeys` has less than {SECRET_BYTES} bytes: it could be guessed"),
        };
        let running = Running {
            seal: Seal::new(secrets, ready.owner).ok_or_else(short)?,
            source: Source::new(config, ready)?,
            account: Account::new(config, ready)?,
            ended: ready.pool.get_or(ready.owner, Ended::default),
            refreshes: ready.pool.get_or(ready.owner, Refreshes::default),
        };
        let _ = self.running.set(Arc::new(running));
        Ok(())
    }

    fn authenticate(&self, call: &Call<'_>) -> Finding {
        let cookies = Cookies::of(&self.oidc.auth, call);
        let Some(sealed) = cookies.session(call) else { return Finding::Absent };
        // where manifests are only looked at, there are no keys
        let Some(running) = self.running.get() else {
            return Finding::Pending(Box::pin(async { Finding::Refused(Refusal::unavailable(RETRY_AFTER)) }));
        };
        let (now, places) = (now(), cookies.places(call));
        let is_in_force = |session: &Session| session.lasts(self.oidc.ages, now) && !running.ended.has(session);
        let Some(mut session) = running.opened(&sealed).filter(is_in_force) else { return Finding::Absent };
        if session.is_to_be_refreshed(now) {
            return self.refreshing(running, session, cookies, places);
        }
        let is_to_be_noted = session.is_to_be_noted(self.oidc.ages, now);
        session.seen = now;
        let keep = if is_to_be_noted { running.sealed(&session) } else { None };
        let lines = keep.and_then(|sealed| cookies.keep(&sealed)).unwrap_or_default();
        self.oidc.accept(&session, places, lines)
    }

    fn authorize(&self, caller: &Caller, _: &Exchange<'_>) -> Result<(), Refusal> {
        let is_admitted = caller.identity.as_ref().is_some_and(|identity| self.oidc.rules.admit(&identity.claims));
        if is_admitted { Ok(()) } else { Err(Refusal::forbidden()) }
    }

    fn challenge(&self) -> Option<String> {
        // no scheme of HTTP's own: what a client needs is a session
        Some(format!("Session realm=\"{}\", login=\"{PAGES}{}/login\"", self.oidc.auth, self.oidc.auth))
    }

    fn claims(&self) -> Vec<Claim> {
        let name = format!("gw_{}", self.oidc.auth.replace('/', "_"));
        vec![Claim { place: Place::Cookie(name.into()), scheme: "", shape: Shape::Any }]
    }

    fn fields(&self) -> Vec<&str> {
        self.oidc.config.access_token_header.iter().map(HeaderName::as_str).collect()
    }

    fn pages(&self) -> Option<&dyn AuthPages> {
        Some(self)
    }
}

impl OidcAuth {
    fn refreshing(&self, running: &Arc<Running>, session: Session, cookies: Cookies, places: Vec<Place>) -> Finding {
        let (oidc, running) = (Arc::clone(&self.oidc), Arc::clone(running));
        Finding::Pending(Box::pin(async move {
            match refreshed(Arc::clone(&oidc), Arc::clone(&running), session.clone()).await {
                Ok(session) => {
                    let lines = running.sealed(&session).and_then(|sealed| cookies.keep(&sealed));
                    oidc.accept(&session, places, lines.unwrap_or_default())
                }
                Err(Denied::Refused) => {
                    running.ended.end(&session, oidc.ages, now());
                    Finding::Absent
                }
                // what still works is used, and nothing else
                Err(Denied::Unavailable) if !session.has_expired(now()) => oidc.accept(&session, places, Vec::new()),
                Err(Denied::Unavailable) => Finding::Refused(Refusal::unavailable(RETRY_AFTER)),
            }
        }))
    }
}

impl AuthPages for OidcAuth {
    fn invite(&self, call: &Call<'_>) -> PageAnswer {
        let Some(running) = self.running.get() else { return login::down() };
        let (path, query) = (&call.request.path, call.request.query.as_deref());
        let to = query.map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
        login::begin(&self.oidc, running, call, &to)
    }

    fn answer(&self, page: &str, call: &Call<'_>, body: &[u8]) -> PendingPage {
        let Some(running) = self.running.get() else { return login::answered(login::down()) };
        let not_allowed = |allow: &str| login::answered(PageAnswer::new(405).with("allow", allow));
        let gets = matches!(call.request.method.as_str(), "GET" | "HEAD");
        match (page, call.request.method.as_str()) {
            ("login", _) if gets => {
                let to = call.request.query_values("to").next().unwrap_or_else(|| "/".into());
                login::answered(login::begin(&self.oidc, running, call, &to))
            }
            ("callback", "GET") => login::finish(&self.oidc, running, call),
            ("logout", method) if gets || method == "POST" => {
                login::answered(logout::by_browser(&self.oidc, running, call))
            }
            ("backchannel", "POST") => logout::by_provider(&self.oidc, running, body),
            ("login", _) => not_allowed("GET, HEAD"),
            ("callback", _) => not_allowed("GET"),
            ("logout", _) => not_allowed("GET, HEAD, POST"),
            ("backchannel", _) => not_allowed("POST"),
            _ => login::answered(PageAnswer::new(404)),
        }
    }
}

impl Oidc {
    /// Where the provider sends browsers back to, on the host that they came from.
    fn callback(&self, origin: &str) -> String {
        format!("{origin}{PAGES}{}/callback", self.auth)
    }

    fn accept(&self, session: &Session, places: Vec<Place>, lines: Vec<String>) -> Finding {
        let Some(identity) = self.config.identity.identity(&self.auth, session.claims.clone()) else {
            return Finding::Absent;
        };
        let pass = self.config.access_token_header.as_ref().zip(session.access.as_ref());
        Finding::Accepted(Accepted {
            caller: Caller { consumer: None, identity: Some(Arc::new(identity)) },
            hide: places,
            request_fields: pass
                .map(|(name, token)| (name.as_str().to_owned(), token.clone().into_bytes()))
                .into_iter()
                .collect(),
            response_fields: lines.into_iter().map(|line| ("set-cookie".to_owned(), line.into_bytes())).collect(),
        })
    }
}

impl Running {
    fn sealed(&self, session: &Session) -> Option<String> {
        self.seal.seal(PURPOSE, &serde_json::to_vec(session).ok()?)
    }

    fn opened(&self, sealed: &str) -> Option<Session> {
        serde_json::from_slice(&self.seal.open(PURPOSE, sealed)?).ok()
    }
}
