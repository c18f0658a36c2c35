//! Refreshing the tokens of a session: once, however many requests come with the same cookie, for a refresh token often works once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;

use crate::auth::oidc::clock::now;
use crate::auth::oidc::login::verified;
use crate::auth::oidc::provider::Denied;
use crate::auth::oidc::session::{Session, together};
use crate::auth::oidc::{Oidc, Running};
use crate::pipeline::recent::Recent;
use crate::value::sha256::Sha256;

/// How long requests with the cookie from before are given what was refreshed.
const SHARED_FOR: Duration = Duration::from_mins(1);

/// How many refreshes are remembered.
const REMEMBERED: usize = 1 << 12;

/// Refreshes that go on or were done a moment ago, by a hash of the token that is used up by them.
pub struct Refreshes(Recent<Sha256, Arc<OnceCell<Refreshed>>>);

/// What became of a session.
type Refreshed = Result<Arc<Session>, Denied>;

impl Default for Refreshes {
    fn default() -> Self {
        Self(Recent::new(REMEMBERED))
    }
}

/// The session with new tokens.
///
/// # Errors
/// If the provider gives none: it has ended then, unless the provider cannot be asked.
pub async fn refreshed(oidc: Arc<Oidc>, running: Arc<Running>, session: Session) -> Refreshed {
    let Some(token) = session.refresh.clone() else { return Err(Denied::Refused) };
    let hash = Sha256::of(token.as_bytes());
    let mut cell = Arc::default();
    let started = Instant::now();
    running.refreshes.0.change(hash, started, |found| {
        let found = found.unwrap_or_default();
        cell = Arc::clone(&found);
        (found, started + SHARED_FOR)
    });
    let refreshes = Arc::clone(&running.refreshes);
    // a task of its own, for whoever asked may go away meanwhile, and the token would be lost with the answer
    let task =
        tokio::spawn(async move { cell.get_or_init(|| refresh(&oidc, &running, session, &token)).await.clone() });
    let refreshed = task.await.unwrap_or(Err(Denied::Unavailable));
    if matches!(refreshed, Err(Denied::Unavailable)) {
        refreshes.0.forget(&hash);
    }
    refreshed
}

async fn refresh(oidc: &Oidc, running: &Running, mut session: Session, token: &str) -> Refreshed {
    let provider = running.source.provider().ok_or(Denied::Unavailable)?;
    let tokens = running.account.refresh(&provider, token).await?;
    if let (Some(text), Some(_)) = (&tokens.id_token, &provider.keys) {
        let claims = verified(oidc, running, text).await.map_err(|_| Denied::Refused)?;
        if claims.get("sub") != session.claims.get("sub") {
            return Err(Denied::Refused);
        }
        session.claims = together(claims, Some(session.claims));
    }
    session.seen = now();
    session.take(tokens, oidc.config.access_token_header.is_some(), now());
    Ok(Arc::new(session))
}
