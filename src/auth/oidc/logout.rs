//! Logging out: by the browser (OpenID Connect RP-Initiated Logout 1.0), and by the provider (Back-Channel Logout 1.0).

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;
use url::form_urlencoded::{Serializer, parse};

use crate::auth::oidc::clock::now;
use crate::auth::oidc::cookies::Cookies;
use crate::auth::oidc::login::{Fault, answered, down, signed, with_query};
use crate::auth::oidc::{Oidc, Running};
use crate::pipeline::auth::Call;
use crate::pipeline::auth_pages::{PageAnswer, PendingPage, origin};

/// What a token says that ends sessions.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// A token that ends sessions works once within this time.
const ONCE_IN: Duration = Duration::from_hours(1);

const FOREIGN: &str = "Another site cannot log you out.";

/// Ends the session of a browser, here and at the provider.
pub fn by_browser(oidc: &Oidc, running: &Running, call: &Call<'_>) -> PageAnswer {
    if call.request.fields.received("sec-fetch-site") == Some(b"cross-site") {
        return PageAnswer::error(403, FOREIGN);
    }
    let cookies = Cookies::of(&oidc.auth, call);
    let session = cookies.session(call).and_then(|sealed| running.opened(&sealed));
    if let Some(session) = &session {
        running.ended.end(session, oidc.ages, now());
    }
    let back = format!("{}{}", origin(call), oidc.config.after_logout);
    let end = running.source.provider().and_then(|provider| provider.end_session.clone());
    let place = match (end, &session) {
        (Some(end), Some(session)) => {
            let mut asked = Serializer::new(String::new());
            asked.append_pair("client_id", &oidc.config.client_id).append_pair("post_logout_redirect_uri", &back);
            if let Some(token) = &session.id_token {
                asked.append_pair("id_token_hint", token);
            }
            with_query(&end.to_string(), &asked.finish())
        }
        _ => oidc.config.after_logout.clone(),
    };
    cookies.forget(call).into_iter().fold(PageAnswer::go(place), |answer, line| answer.with("set-cookie", line))
}

/// Ends the sessions that the provider names.
pub fn by_provider(oidc: &Arc<Oidc>, running: &Arc<Running>, body: &[u8]) -> PendingPage {
    let mut tokens = parse(body).filter(|(name, _)| name == "logout_token").map(|(_, token)| token.into_owned());
    let Some(token) = tokens.next() else { return answered(PageAnswer::new(400)) };
    let (oidc, running) = (Arc::clone(oidc), Arc::clone(running));
    Box::pin(async move {
        let claims = match signed(&oidc, &running, &token).await {
            Ok(claims) => claims,
            Err(Fault::Down) => return down(),
            Err(Fault::Wrong | Fault::Refused) => return PageAnswer::new(400),
        };
        let text = |name: &str| claims.get(name).and_then(Json::as_str);
        let ends = claims.get("events").and_then(|events| events.get(EVENT)).is_some_and(Json::is_object);
        let (sid, subject) = (text("sid"), text("sub"));
        let is_right = ends && claims.get("nonce").is_none() && (sid.is_some() || subject.is_some());
        if !is_right || !text("jti").is_some_and(|id| running.ended.is_first_use(id, ONCE_IN)) {
            return PageAnswer::new(400);
        }
        running.ended.end_named(sid, subject, oidc.ages, now());
        PageAnswer::new(200)
    })
}
