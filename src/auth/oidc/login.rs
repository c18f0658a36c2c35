//! Logging in: the way to the provider and back (OpenID Connect Core, 3.1; RFC 7636; RFC 9700).

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::auth::oidc::clock::now;
use crate::auth::oidc::cookies::{Cookies, LOGIN_SECONDS};
use crate::auth::oidc::provider::{Begun, Denied, Given, Provider, Tokens};
use crate::auth::oidc::seal::token;
use crate::auth::oidc::session::{Session, together};
use crate::auth::oidc::{Oidc, Running};
use crate::auth::token::{Expected, Token};
use crate::pipeline::auth::Call;
use crate::pipeline::auth_pages::{PageAnswer, PendingPage, origin};

/// What the cookie of a login is sealed for.
const PURPOSE: &str = "login";

/// The longest place that is remembered.
const MAX_PLACE: usize = 2048;

/// How far the provider's clock may be from this one's.
const LEEWAY: Duration = Duration::from_secs(30);

const LOST: &str = "This login is not known here, or took too long. Please go back to the page and try again.";
const REFUSED: &str = "The provider did not let you log in.";
const WRONG: &str = "The provider's answer is not right.";
const DOWN: &str = "The provider cannot be reached. Please try again in a moment.";

/// A login in flight, as the browser keeps it.
#[derive(Serialize, Deserialize)]
struct Login {
    state: String,
    nonce: String,
    verifier: String,
    /// Where somebody wanted to go.
    to: String,
    begun: u64,
    origin: String,
}

/// An answer where the provider cannot be asked.
pub fn down() -> PageAnswer {
    PageAnswer::error(503, DOWN).with("retry-after", "5")
}

/// Sends a browser to the provider.
pub fn begin(oidc: &Oidc, running: &Running, call: &Call<'_>, to: &str) -> PageAnswer {
    let Some(provider) = running.source.provider() else { return down() };
    let origin = origin(call);
    let Some(begun) = running.account.begin(&provider, &oidc.callback(&origin)) else { return PageAnswer::new(500) };
    let Begun { place, state, nonce, verifier } = begun;
    let to = if is_here(to) { to.to_owned() } else { "/".to_owned() };
    let login = Login { state, nonce, verifier, to, begun: now(), origin };
    let sealed = serde_json::to_vec(&login).ok().and_then(|text| running.seal.seal(PURPOSE, &text));
    let Some(sealed) = sealed else { return PageAnswer::new(500) };
    let kept = Cookies::of(&oidc.auth, call).keep_login(&login.state, &sealed, call);
    kept.into_iter().fold(PageAnswer::go(place), |answer, line| answer.with("set-cookie", line))
}

/// Whether a place is a path on this very host, however a browser reads it: `//host` and `/\host` are not.
pub fn is_here(to: &str) -> bool {
    let mut bytes = to.bytes();
    bytes.next() == Some(b'/')
        && !matches!(bytes.next(), Some(b'/' | b'\\'))
        && to.len() <= MAX_PLACE
        && to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

/// A URL with more in its query.
pub fn with_query(url: &str, query: &str) -> String {
    format!("{url}{}{query}", if url.contains('?') { '&' } else { '?' })
}

/// Takes a browser that the provider sends back.
pub fn finish(oidc: &Arc<Oidc>, running: &Arc<Running>, call: &Call<'_>) -> PendingPage {
    let parameter = |name: &str| {
        let mut values = call.request.query_values(name);
        values.next().filter(|_| values.next().is_none()).map(std::borrow::Cow::into_owned)
    };
    let cookies = Cookies::of(&oidc.auth, call);
    let kept = parameter("state").and_then(|state| Some((cookies.take_login(&state, call)?, state)));
    let Some(((sealed, forget), state)) = kept else { return answered(PageAnswer::error(400, LOST)) };
    let opened = running.seal.open(PURPOSE, &sealed);
    let login = opened
        .and_then(|text| serde_json::from_slice::<Login>(&text).ok())
        .filter(|login| login.state == state && now() < login.begun + LOGIN_SECONDS && login.origin == origin(call));
    let Some(login) = login else { return answered(PageAnswer::error(400, LOST)) };
    if !running.ended.is_first_use(&state, Duration::from_secs(LOGIN_SECONDS)) {
        return answered(PageAnswer::error(400, LOST).with("set-cookie", forget));
    }
    let (issuer, code) = (parameter("iss"), parameter("code"));
    let code = if call.request.query_values("error").next().is_some() { None } else { code };
    let Some(code) = code else { return answered(PageAnswer::error(403, REFUSED).with("set-cookie", forget)) };
    let (oidc, running) = (Arc::clone(oidc), Arc::clone(running));
    Box::pin(async move {
        let session = redeem(&oidc, &running, &login, issuer.as_deref(), &code).await;
        let sealed = session.and_then(|session| running.sealed(&session).ok_or(Fault::Wrong));
        let lines = sealed.and_then(|sealed| cookies.keep(&sealed).ok_or(Fault::Wrong));
        match lines {
            Ok(lines) => {
                let answer = PageAnswer::go(login.to).with("set-cookie", forget);
                lines.into_iter().fold(answer, |answer, line| answer.with("set-cookie", line))
            }
            Err(fault) => fault.answer().with("set-cookie", forget),
        }
    })
}

/// An answer that nobody has to be asked for.
pub fn answered(answer: PageAnswer) -> PendingPage {
    Box::pin(async move { answer })
}

/// Why nobody is logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// What the provider says is not right.
    Wrong,
    /// It refuses.
    Refused,
    /// It cannot be asked.
    Down,
}

impl Fault {
    fn answer(self) -> PageAnswer {
        match self {
            Self::Wrong => PageAnswer::error(502, WRONG),
            Self::Refused => PageAnswer::error(403, REFUSED),
            Self::Down => down(),
        }
    }
}

impl From<Denied> for Fault {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Refused => Self::Refused,
            Denied::Unavailable => Self::Down,
        }
    }
}

async fn redeem(
    oidc: &Oidc,
    running: &Running,
    login: &Login,
    issuer: Option<&str>,
    code: &str,
) -> Result<Session, Fault> {
    let provider = running.source.provider().ok_or(Fault::Down)?;
    // a code of one provider is never shown to another (RFC 9207)
    let is_its = issuer.map_or(!provider.says_issuer(), |issuer| issuer == provider.issuer());
    if !is_its {
        return Err(Fault::Wrong);
    }
    let back = oidc.callback(&login.origin);
    let given = running.account.redeem(&provider, code, &back, &login.verifier).await?;
    let provider = of_login(running, provider, &given, &back, login).await?;
    let tokens = Tokens::of(&given);
    let claimed = match (&tokens.id_token, &provider.keys) {
        (Some(token), Some(_)) => Some(verified(oidc, running, token).await?),
        (None, Some(_)) => return Err(Fault::Wrong),
        (_, None) => None,
    };
    let claims = with_user_info(oidc, running, &provider, claimed, &tokens).await?;
    if oidc.config.identity.identity(&oidc.auth, claims.clone()).is_none() {
        tracing::warn!(auth = %oidc.auth, "what the provider says names nobody for good: see `identity.subject`");
        return Err(Fault::Wrong);
    }
    let mut session = Session::begin(token().ok_or(Fault::Wrong)?, claims, now());
    session.take(tokens, oidc.config.access_token_header.is_some(), now());
    Ok(session)
}

/// The provider by whose keys what it gave is of this login: those that it has now, or newer ones.
async fn of_login(
    running: &Running,
    provider: Arc<Provider>,
    given: &Given,
    back: &str,
    login: &Login,
) -> Result<Arc<Provider>, Fault> {
    if running.account.is_of_login(&provider, given, back, &login.nonce) {
        return Ok(provider);
    }
    running.source.renewed().await;
    let newer = running.source.provider().filter(|newer| !Arc::ptr_eq(newer, &provider)).ok_or(Fault::Wrong)?;
    if running.account.is_of_login(&newer, given, back, &login.nonce) { Ok(newer) } else { Err(Fault::Wrong) }
}

async fn with_user_info(
    oidc: &Oidc,
    running: &Running,
    provider: &Provider,
    claimed: Option<Json>,
    tokens: &Tokens,
) -> Result<Json, Fault> {
    if claimed.is_some() && !oidc.config.user_info {
        return Ok(together(claimed.unwrap_or_default(), None));
    }
    let info = running.account.user_info(provider, &tokens.access_token).await?;
    if let (Some(claimed), Some(info)) = (&claimed, &info)
        && info.get("sub") != claimed.get("sub")
    {
        // about somebody else (OpenID Connect Core, 5.3.2)
        return Err(Fault::Wrong);
    }
    Ok(together(claimed.unwrap_or_default(), info))
}

/// What an ID token claims that the library has verified, if it keeps our own rules, too.
///
/// # Errors
/// If it does not.
pub async fn verified(oidc: &Oidc, running: &Running, text: &str) -> Result<Json, Fault> {
    let claims = signed(oidc, running, text).await?;
    let client = oidc.config.client_id.as_str();
    let party = claims.get("azp").map_or(Some(client), Json::as_str);
    let has_all = claims.get("iat").is_some_and(Json::is_number) && claims.get("sub").is_some_and(Json::is_string);
    if party == Some(client) && has_all {
        return Ok(claims);
    }
    tracing::warn!(auth = %oidc.auth, "an ID token is for another client, or says too little");
    Err(Fault::Wrong)
}

/// What a token of the provider for this client claims, if it is right; with newer keys where it names one that is not known.
///
/// # Errors
/// If it is not.
pub async fn signed(oidc: &Oidc, running: &Running, text: &str) -> Result<Json, Fault> {
    use crate::auth::token::Fault::UnknownKey;
    let check = |provider: &Provider| {
        let keys = provider.keys.iter().flat_map(|keys| keys.iter());
        let expected = Expected {
            issuer: Some(provider.issuer().into()),
            audiences: [oidc.config.client_id.as_str().into()].into(),
            leeway: LEEWAY,
            may_last: false,
        };
        let claims = Token::read(text)?.verify(keys)?;
        expected.check(&claims, f64::from(u32::try_from(now()).unwrap_or(u32::MAX))).map(|_| claims)
    };
    let provider = running.source.provider().ok_or(Fault::Down)?;
    let mut found = check(&provider);
    if matches!(found, Err(UnknownKey)) {
        running.source.renewed().await;
        let provider = running.source.provider().ok_or(Fault::Down)?;
        found = check(&provider);
    }
    found.map_err(|fault| {
        tracing::warn!(auth = %oidc.auth, "a token of the provider is not taken: {fault}");
        Fault::Wrong
    })
}

#[cfg(test)]
mod tests {
    use super::{is_here, with_query};

    #[test]
    fn only_paths_on_this_host_are_gone_back_to() {
        for here in ["/", "/a?b=c&d=//x", "/a/../b", "/.hidden"] {
            assert!(is_here(here), "{here}");
        }
        for elsewhere in [
            "",
            "a",
            "//evil.example",
            "/\\evil.example",
            "\\/evil",
            "https://evil.example",
            "/a\\b",
            "/a b",
            "/\t/evil",
            "/a\r\nset-cookie: x",
            " /a",
            "javascript:alert(1)",
            "/é",
        ] {
            assert!(!is_here(elsewhere), "{elsewhere}");
        }
        assert!(!is_here(&format!("/{}", "a".repeat(2048))));
        assert_eq!(with_query("https://id/a?b=c", "d=e"), "https://id/a?b=c&d=e");
    }
}
