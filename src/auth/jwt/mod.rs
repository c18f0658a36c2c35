//! `jwt`: a caller is who a token of an issuer says it is (RFC 6750, RFC 7519), or who the issuer says when it is asked (RFC 7662).

mod codes;
mod config;
mod introspection;
mod keys;
mod place;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value as Json;

pub use config::JwtConfig;

use crate::auth::jwt::codes::{ID_OF_A_SET, NO_KEYS};
use crate::auth::jwt::introspection::{Introspected, Introspector};
use crate::auth::jwt::keys::Keys;
use crate::auth::jwt::place::Sent;
use crate::auth::rules::Rules;
use crate::auth::token::{Expected, Fault, Token, is_token, scopes};
use crate::diagnostic::Code;
use crate::pipeline::auth::{
    Accepted, AuthContext, AuthType, Authenticator, Call, Choice, Claim, Finding, Place, Refusal, Shape,
};
use crate::pipeline::caller::{Caller, Identity};
use crate::pipeline::exchange::Exchange;
use crate::pipeline::ready::{Ready, ReadyError};
use crate::pipeline::recent::Recent;
use crate::value::secret::SecretRef;
use crate::value::sha256::Sha256;

/// How many tokens are remembered.
const REMEMBERED: usize = 1 << 14;

/// A token that the issuer doesn't know is not asked about again for so long.
const UNKNOWN_FOR: Duration = Duration::from_secs(10);

/// A token is not remembered for longer than this: then its key is looked for again.
const MAX_REMEMBERED: Duration = Duration::from_hours(1);

/// When a token that could not be verified may be sent again, in seconds.
const RETRY_AFTER: u32 = 5;

/// The compiled way of authenticating.
pub struct JwtAuth(Arc<Tokens>);

struct Tokens {
    config: JwtConfig,
    auth: Arc<str>,
    expected: Expected,
    rules: Rules,
    running: OnceLock<Running>,
    /// Who tokens are of, for as long as that is sure.
    verified: Recent<Sha256, Verified>,
}

/// What there is at run time only.
struct Running {
    keys: Keys,
    introspector: Option<Introspector>,
}

/// What was found out about a token, with which keys; nobody if it is known to be wrong.
#[derive(Clone)]
struct Verified {
    revision: u64,
    identity: Option<Arc<Identity>>,
}

/// With which keys something was found out, and for how long at most it is taken for true.
#[derive(Clone, Copy)]
struct Use {
    revision: u64,
    longest: Duration,
}

impl AuthType for JwtAuth {
    type Config = JwtConfig;
    const CODES: &'static [&'static Code] = &[&NO_KEYS, &ID_OF_A_SET];

    fn choices(config: &JwtConfig) -> Vec<Choice> {
        config.choices()
    }

    fn compile(config: &JwtConfig, context: &mut AuthContext<'_>) -> Option<Box<dyn Authenticator>> {
        let before = context.problems.len();
        if config.keys.is_empty() && config.introspection.is_none() {
            let help = "write `keys`, or `introspection` if the issuer has to be asked";
            context.report(&NO_KEYS, "", "nothing says which tokens are right", help);
        }
        for (index, source) in config.keys.iter().enumerate() {
            if source.kid.is_some() && (source.jwks.is_some() || source.jwks_url.is_some()) {
                let help = "leave `kid` out";
                context.report(
                    &ID_OF_A_SET,
                    format!("/keys/{index}/kid"),
                    "the keys of a set have ids of their own",
                    help,
                );
            }
            context.secrets.extend(source.secret.iter().map(SecretRef::line));
            let files = source.public_key.iter().chain(&source.jwks);
            context.secrets.extend(files.map(|file| file.reference().content()));
        }
        context.secrets.extend(config.introspection.iter().map(|asked| asked.client_secret.line()));
        (context.problems.len() == before).then(|| Box::new(Self(Arc::new(Tokens::new(config, context.name)))) as _)
    }
}

impl Authenticator for JwtAuth {
    fn ready(&self, ready: &Ready<'_>) -> Result<(), ReadyError> {
        let config = &self.0.config;
        let introspector = config.introspection.as_ref().map(|asked| Introspector::new(asked, ready)).transpose()?;
        let _ = self.0.running.set(Running { keys: Keys::new(config, ready)?, introspector });
        Ok(())
    }

    fn authenticate(&self, call: &Call<'_>) -> Finding {
        let any = self.0.config.introspection.is_some();
        let Some(Sent { token, place }) = self.0.config.from.iter().find_map(|from| from.look(call.request, any))
        else {
            return Finding::Absent;
        };
        let Some(token) = token else { return Finding::Refused(refused(Fault::Malformed)) };
        let hash = Sha256::of(token.as_bytes());
        if let Some(found) = self.0.at_once(&token, hash) {
            return self.0.finding(found, place);
        }
        let (tokens, token) = (Arc::clone(&self.0), token.into_owned());
        Finding::Pending(Box::pin(async move {
            let found = tokens.after_asking(&token, hash).await;
            tokens.finding(found, place)
        }))
    }

    fn authorize(&self, caller: &Caller, _: &Exchange<'_>) -> Result<(), Refusal> {
        let Some(identity) = &caller.identity else { return Err(Refusal::forbidden()) };
        let granted = |wanted: &String| scopes(&identity.claims).any(|scope| scope == wanted);
        let wanted = &self.0.config.scopes;
        if !wanted.iter().all(granted) {
            let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{}\"", wanted.join(" "));
            return Err(Refusal { challenge: Some(challenge), ..Refusal::forbidden() });
        }
        if self.0.rules.admit(&identity.claims) { Ok(()) } else { Err(Refusal::forbidden()) }
    }

    fn challenge(&self) -> Option<String> {
        Some("Bearer".to_owned())
    }

    fn claims(&self) -> Vec<Claim> {
        let shape = if self.0.config.introspection.is_some() { Shape::Any } else { Shape::Jwt };
        self.0.config.from.iter().map(|place| place.claim(shape)).collect()
    }
}

impl Tokens {
    fn new(config: &JwtConfig, auth: &Arc<str>) -> Self {
        Self {
            auth: Arc::clone(auth),
            expected: Expected {
                issuer: config.issuer.as_deref().map(Into::into),
                audiences: config.audiences.iter().map(|audience| audience.as_str().into()).collect(),
                leeway: config.leeway.get(),
                may_last: config.allow_endless,
            },
            rules: Rules::new(&config.require, &config.deny),
            running: OnceLock::new(),
            verified: Recent::new(REMEMBERED),
            config: config.clone(),
        }
    }

    /// What is found out without waiting; `None` where somebody has to be asked.
    fn at_once(&self, token: &str, hash: Sha256) -> Option<Result<Arc<Identity>, Refusal>> {
        let running = self.running.get()?;
        if let Some((known, _)) = self.verified.get(&hash, Instant::now())
            && known.revision == running.keys.revision()
        {
            return Some(known.identity.ok_or_else(|| refused(Fault::Signature)));
        }
        if self.is_to_be_asked_about(token) {
            return None;
        }
        match self.verify(token, hash, running) {
            Err(Fault::UnknownKey) if running.keys.may_be_renewed() => None,
            found => Some(found.map_err(refused)),
        }
    }

    async fn after_asking(&self, token: &str, hash: Sha256) -> Result<Arc<Identity>, Refusal> {
        // where manifests are only looked at, nobody is asked
        let Some(running) = self.running.get() else { return Err(Refusal::unavailable(RETRY_AFTER)) };
        if let Some(introspector) = running.introspector.as_ref().filter(|_| self.is_to_be_asked_about(token)) {
            return self.introspect(token, hash, introspector).await;
        }
        running.keys.renew().await;
        match self.verify(token, hash, running) {
            Err(Fault::UnknownKey) if running.keys.are_missing() => Err(Refusal::unavailable(RETRY_AFTER)),
            found => found.map_err(refused),
        }
    }

    /// Whether only the issuer knows what a token is: it is no JWT, or there is no key to verify one with.
    fn is_to_be_asked_about(&self, token: &str) -> bool {
        self.config.introspection.is_some() && (self.config.keys.is_empty() || !is_token(token.as_bytes()))
    }

    fn verify(&self, token: &str, hash: Sha256, running: &Running) -> Result<Arc<Identity>, Fault> {
        let read = Token::read(token)?;
        if !self.config.algorithms.is_empty() && !self.config.algorithms.contains(&read.algorithm) {
            return Err(Fault::Signature);
        }
        let (revision, sets) = (running.keys.revision(), running.keys.sets());
        let claims = read.verify(running.keys.all(&sets))?;
        self.accept(claims, &self.expected, hash, Use { revision, longest: MAX_REMEMBERED })
    }

    async fn introspect(&self, token: &str, hash: Sha256, asked: &Introspector) -> Result<Arc<Identity>, Refusal> {
        let revision = self.running.get().map_or(0, |running| running.keys.revision());
        match asked.ask(token).await {
            Introspected::Unknown => Err(Refusal::unavailable(RETRY_AFTER)),
            Introspected::Inactive => {
                let nobody = Verified { revision, identity: None };
                self.verified.put(hash, nobody, Instant::now() + UNKNOWN_FOR);
                Err(refused(Fault::Signature))
            }
            Introspected::Active(claims) => {
                // what the issuer says is valid now needs no end
                let expected = Expected { may_last: true, ..self.expected.clone() };
                self.accept(claims, &expected, hash, Use { revision, longest: asked.cache }).map_err(refused)
            }
        }
    }

    /// Takes claims that are proved, if they are as expected, and remembers them.
    fn accept(&self, claims: Json, expected: &Expected, hash: Sha256, of: Use) -> Result<Arc<Identity>, Fault> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let ends = expected.check(&claims, now)?;
        let identity = Arc::new(self.config.identity.identity(&self.auth, claims).ok_or(Fault::Claim)?);
        let left = ends.map_or(Duration::MAX, |end| Duration::try_from_secs_f64(end - now).unwrap_or(Duration::MAX));
        let left = left.min(of.longest);
        let known = Verified { revision: of.revision, identity: Some(Arc::clone(&identity)) };
        self.verified.put(hash, known, Instant::now() + left);
        Ok(identity)
    }

    fn finding(&self, found: Result<Arc<Identity>, Refusal>, place: Place) -> Finding {
        match found {
            Err(refusal) => Finding::Refused(refusal),
            Ok(identity) => {
                let hide = if self.config.keep_credential { Vec::new() } else { vec![place] };
                let caller = Caller { consumer: None, identity: Some(identity) };
                Finding::Accepted(Accepted { caller, hide, ..Accepted::default() })
            }
        }
    }
}

/// A token that is not accepted (RFC 6750, 3.1).
fn refused(fault: Fault) -> Refusal {
    Refusal::wrong(format!("Bearer error=\"invalid_token\", error_description=\"{fault}\""))
}
