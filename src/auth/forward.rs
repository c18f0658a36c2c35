//! `forward`: a service of one's own is asked about each request, as nginx's `auth_request` and Traefik's `forwardAuth` do.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::header::{HeaderName as Name, HeaderValue};
use http::{HeaderMap, Request};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::auth::calls::Calls;
use crate::auth::identity::IdentityClaims;
use crate::pipeline::auth::{
    Accepted, AuthContext, AuthType, Authenticator, Call, Claim, Finding, Place, Refusal, Shape,
};
use crate::pipeline::caller::Caller;
use crate::pipeline::ready::{Ready, ReadyError};
use crate::value::Scalar as _;
use crate::value::duration::Duration as Wait;
use crate::value::header::HeaderName;
use crate::value::service_url::ServiceUrl;
use crate::value::url::Scheme;

/// When it makes sense to come again, in seconds.
const RETRY_AFTER: u32 = 5;

/// Asks a service about each request, with `GET` and without its body. What is asked about is told with `X-Forwarded-Method`,
/// `X-Forwarded-Proto`, `X-Forwarded-Host`, `X-Forwarded-Uri` and `X-Forwarded-For`. A status of 2xx lets the caller in; 401 and 403, and
/// for a browser that wants to show a page a redirect, are the answer; with anything else, or none in time, the answer is 503.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct ForwardConfig {
    /// Where it is asked.
    #[schemars(example = &"http://127.0.0.1:4181/verify", extend("x-gw-security" = "who says who is let in"))]
    pub url: ServiceUrl,
    /// The fields of the request that it is told.
    #[serde(default = "credentials")]
    #[schemars(length(max = 64), extend("uniqueItems" = true))]
    pub request_headers: Vec<HeaderName>,
    /// The fields of its answer that the upstream is told. What a client sends under their names is removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("uniqueItems" = true), example = serde_json::json!(["x-user"]))]
    pub upstream_headers: Vec<HeaderName>,
    /// The fields of its answer that say who the caller is.
    #[serde(default)]
    pub identity: IdentityHeaders,
    /// How long an answer may take.
    #[serde(default = "default_timeout")]
    pub timeout: Wait,
}

/// Fields that say who a caller is. Without `subject` nobody is known by them.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct IdentityHeaders {
    /// What names somebody for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"x-user")]
    pub subject: Option<HeaderName>,
    /// What people call them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"x-name")]
    pub name: Option<HeaderName>,
    /// Their mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"x-email")]
    pub email: Option<HeaderName>,
    /// The groups they are in, with commas between.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"x-groups")]
    pub groups: Option<HeaderName>,
}

fn example() -> Json {
    serde_json::json!({ "url": "http://127.0.0.1:4181/verify", "identity": { "subject": "x-user" } })
}

#[expect(clippy::expect_used, reason = "the texts are fixed and are names")]
fn credentials() -> Vec<HeaderName> {
    ["authorization", "cookie"].map(|name| HeaderName::parse(name).expect("a literal")).into()
}

fn default_timeout() -> Wait {
    Wait::from_secs(5)
}

/// The compiled way of authenticating.
pub struct ForwardAuth {
    service: Arc<Service>,
    calls: OnceLock<Calls>,
}

struct Service {
    config: ForwardConfig,
    auth: Arc<str>,
    timeout: Duration,
}

impl AuthType for ForwardAuth {
    type Config = ForwardConfig;

    fn compile(config: &ForwardConfig, context: &mut AuthContext<'_>) -> Option<Box<dyn Authenticator>> {
        let timeout = config.timeout.get();
        let service = Service { config: config.clone(), auth: Arc::clone(context.name), timeout };
        Some(Box::new(Self { service: Arc::new(service), calls: OnceLock::new() }))
    }
}

impl Authenticator for ForwardAuth {
    fn ready(&self, ready: &Ready<'_>) -> Result<(), ReadyError> {
        // what is only tried calls nobody
        if !ready.secrets.are_made_up() {
            let _ = self.calls.set(Calls::of(ready)?);
        }
        Ok(())
    }

    fn authenticate(&self, call: &Call<'_>) -> Finding {
        let unavailable = || Finding::Refused(Refusal::unavailable(RETRY_AFTER));
        let Some(calls) = self.calls.get().cloned() else {
            return Finding::Pending(Box::pin(async move { unavailable() }));
        };
        let Some(request) = self.service.request(call) else { return unavailable() };
        let (service, navigates) = (Arc::clone(&self.service), is_navigation(call));
        Finding::Pending(Box::pin(async move {
            match tokio::time::timeout(service.timeout, calls.exchange(request)).await {
                Ok(Ok(answer)) => service.finding(answer.status.as_u16(), &answer.headers, navigates),
                Ok(Err(why)) => service.unavailable(&why),
                Err(_) => service.unavailable("no answer in time"),
            }
        }))
    }

    fn challenge(&self) -> Option<String> {
        None
    }

    fn fields(&self) -> Vec<&str> {
        self.service.config.upstream_headers.iter().map(HeaderName::as_str).collect()
    }

    fn claims(&self) -> Vec<Claim> {
        vec![Claim { place: Place::Anywhere, scheme: "", shape: Shape::Any }]
    }
}

impl Service {
    /// What it is asked.
    fn request(&self, call: &Call<'_>) -> Option<Request<bytes::Bytes>> {
        let head = call.request;
        let uri = head.query.as_ref().map_or_else(|| head.path.clone(), |query| format!("{}?{query}", head.path));
        let scheme = if call.client.scheme == Scheme::Https { "https" } else { "http" };
        let mut request = Request::get(self.config.url.to_string())
            .header("x-forwarded-method", head.method.as_str())
            .header("x-forwarded-proto", scheme)
            .header("x-forwarded-host", &head.authority)
            .header("x-forwarded-uri", uri)
            .header("x-forwarded-for", call.client.ip.to_string());
        for name in &self.config.request_headers {
            for value in head.fields.received_all(name.as_str()) {
                request = request.header(name.as_str(), HeaderValue::from_bytes(value).ok()?);
            }
        }
        request.body(bytes::Bytes::new()).ok()
    }

    fn finding(&self, status: u16, fields: &HeaderMap, navigates: bool) -> Finding {
        match status {
            200..=299 => Finding::Accepted(self.accepted(fields)),
            401 | 403 => Finding::Refused(Refusal { fields: told(fields), ..Refusal::of(status) }),
            301..=303 | 307 | 308 if navigates => {
                Finding::Refused(Refusal { fields: told(fields), ..Refusal::of(status) })
            }
            300..=399 => Finding::Refused(Refusal::of(401)),
            _ => self.unavailable(&format!("it answers {status}")),
        }
    }

    fn accepted(&self, fields: &HeaderMap) -> Accepted {
        let value = |name: &HeaderName| Some((name.to_string(), fields.get(name.as_str())?.as_bytes().to_vec()));
        let request_fields = self.config.upstream_headers.iter().filter_map(value).collect();
        let identity = IdentityClaims::default().identity(&self.auth, self.claims(fields)).map(Arc::new);
        Accepted { caller: Caller { consumer: None, identity }, request_fields, ..Accepted::default() }
    }

    /// What the fields of an answer claim of the caller.
    fn claims(&self, fields: &HeaderMap) -> Json {
        let IdentityHeaders { subject, name, email, groups } = &self.config.identity;
        let text = |name: &Option<HeaderName>| fields.get(name.as_ref()?.as_str())?.to_str().ok();
        let mut claims = Map::new();
        for (claim, field) in [("sub", subject), ("name", name), ("email", email)] {
            claims.extend(text(field).map(|value| (claim.to_owned(), value.into())));
        }
        let members = |all: &str| all.split(',').map(|group| group.trim().into()).collect::<Vec<Json>>();
        claims.extend(text(groups).map(|all| ("groups".to_owned(), Json::Array(members(all)))));
        Json::Object(claims)
    }

    fn unavailable(&self, why: &str) -> Finding {
        tracing::warn!(auth = %self.auth, url = %self.config.url, "the service cannot be asked who is let in: {why}");
        Finding::Refused(Refusal::unavailable(RETRY_AFTER))
    }
}

/// Whether a browser wants to show what it asks for: only then it makes sense to send it elsewhere. A script is told by the status.
fn is_navigation(call: &Call<'_>) -> bool {
    let text = |name| call.request.fields.received(name).and_then(|value| std::str::from_utf8(value).ok());
    let accepts_html = text("accept").is_some_and(|accept| accept.to_ascii_lowercase().contains("text/html"));
    matches!(call.request.method.as_str(), "GET" | "HEAD")
        && accepts_html
        && text("x-requested-with").is_none()
        && text("sec-fetch-mode").is_none_or(|mode| mode == "navigate")
}

/// The fields of a refusal that the client is told.
fn told(fields: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let names = [http::header::WWW_AUTHENTICATE, http::header::LOCATION, http::header::SET_COOKIE];
    let of = |name: Name| {
        let values: Vec<_> =
            fields.get_all(&name).iter().map(|value| (name.to_string(), value.as_bytes().to_vec())).collect();
        values
    };
    names.into_iter().flat_map(of).collect()
}
