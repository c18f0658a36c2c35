//! Where an API key is looked for in a request.

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::auth::credential::{AUTHORIZATION, MAX_BYTES, one, only, scheme, user_and_password};
use crate::pipeline::auth::{Claim, Place, Shape};
use crate::pipeline::head::RequestHead;
use crate::value::Scalar as _;
use crate::value::cookie::CookieName;
use crate::value::header::HeaderName;
use crate::value::realm::Realm;

/// Where API keys are looked for, and what becomes of them.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
#[schemars(example = example())]
pub struct ApiKeyConfig {
    /// Where a key is looked for, in this order: the first place that has one decides. The default is `Authorization: Bearer` and the
    /// header field `x-api-key`.
    #[schemars(length(min = 1, max = 8))]
    pub from: Vec<KeyPlace>,
    /// Whether the upstream sees the key, too. It is the consumer's secret: an upstream that only has to know who calls is told with
    /// `requestHeaders` or `callerToken`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(extend("x-gw-security" = "who sees the key"))]
    pub keep_credential: bool,
}

fn example() -> serde_json::Value {
    serde_json::json!({ "from": [{ "bearer": {} }, { "header": { "name": "x-api-key" } }] })
}

#[expect(clippy::expect_used, reason = "the text is fixed and is a name")]
impl Default for ApiKeyConfig {
    fn default() -> Self {
        let name = HeaderName::parse("x-api-key").expect("a literal");
        let bearer = KeyPlace { bearer: Some(NoSettings {}), ..KeyPlace::default() };
        let header = KeyPlace { header: Some(FieldPlace { name }), ..KeyPlace::default() };
        Self { from: vec![bearer, header], keep_credential: false }
    }
}

/// A place where a key is looked for: exactly one.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
#[schemars(extend("x-gw-noun" = "place called"))]
pub struct KeyPlace {
    /// `Authorization: Bearer` with the whole key (RFC 6750).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bearer: Option<NoSettings>,
    /// A header field with the whole key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<FieldPlace>,
    /// `Authorization: Basic` with the id of the key as the user, and its secret or the whole key as the password (RFC 7617).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basic: Option<BasicPlace>,
    /// Two header fields, one with the id of the key and one with its secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pair: Option<PairPlace>,
    /// A parameter of the query with the whole key. Queries end up in the logs of proxies and browsers: prefer a header field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<QueryPlace>,
    /// A cookie with the whole key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<CookiePlace>,
}

/// A place without settings: `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = serde_json::json!({}))]
pub struct NoSettings {}

/// A header field.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FieldPlace {
    /// Its name.
    #[schemars(example = &"x-api-key")]
    pub name: HeaderName,
}

/// `Authorization: Basic`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct BasicPlace {
    /// What browsers show where they ask for the password.
    pub realm: Realm,
}

impl Default for BasicPlace {
    #[expect(clippy::expect_used, reason = "the text is fixed and is a realm")]
    fn default() -> Self {
        Self { realm: Realm::parse("api").expect("a literal") }
    }
}

/// Two header fields.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PairPlace {
    /// The field with the id of the key.
    #[schemars(example = &"x-client-id")]
    pub id_header: HeaderName,
    /// The field with its secret.
    #[schemars(example = &"x-client-secret")]
    pub secret_header: HeaderName,
}

/// A parameter of the query.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct QueryPlace {
    /// Its name; case matters.
    #[schemars(length(min = 1, max = 128), example = &"apikey")]
    pub name: String,
}

/// A cookie.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CookiePlace {
    /// Its name.
    pub name: CookieName,
}

/// A credential as it was sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Sent<'a> {
    /// What it is.
    pub credential: Credential<'a>,
    /// Where it stood.
    pub places: Vec<Place>,
}

/// What was sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Credential<'a> {
    /// A whole key.
    Whole(Cow<'a, str>),
    /// Its parts.
    Parts(Cow<'a, str>, Cow<'a, str>),
    /// Something that cannot be a key: not text, too long, or sent twice.
    Unreadable,
}

impl KeyPlace {
    /// Which places there are.
    pub const WAYS: &'static [&'static str] = &["bearer", "header", "basic", "pair", "query", "cookie"];

    /// The places it names; one that is not exactly one is an error that the compiler reports.
    pub fn named(&self) -> Vec<&'static str> {
        let named = [
            self.bearer.is_some(),
            self.header.is_some(),
            self.basic.is_some(),
            self.pair.is_some(),
            self.query.is_some(),
            self.cookie.is_some(),
        ];
        Self::WAYS.iter().zip(named).filter(|(_, named)| *named).map(|(name, _)| *name).collect()
    }

    /// What stands there, if it may be a key: where `any` is not set, a bearer token that does not begin as a key is somebody else's.
    pub fn look<'r>(&'r self, head: &'r RequestHead, any: bool) -> Option<Sent<'r>> {
        let header = |name: &HeaderName| Place::Header(name.as_str().into());
        let (credential, places) = if self.bearer.is_some() {
            let token = scheme(head, "bearer", |token| any || token.starts_with(b"gw_"))?;
            (token.map_or(Credential::Unreadable, |token| Credential::Whole(token.into())), authorization())
        } else if self.basic.is_some() {
            (basic(scheme(head, "basic", |_| true)?), authorization())
        } else if let Some(field) = &self.header {
            (whole(one(head.fields.received_all(field.name.as_str()))?), vec![header(&field.name)])
        } else if let Some(PairPlace { id_header, secret_header }) = &self.pair {
            let (id, secret) = (head.fields.received_all(id_header.as_str()), head.fields.received_all(secret_header.as_str()));
            let places = vec![header(id_header), header(secret_header)];
            (parts(one(id)?, one(secret).flatten()), places)
        } else if let Some(query) = &self.query {
            let value = only(head.query_values(&query.name))?;
            (value.map_or(Credential::Unreadable, bounded), vec![Place::Query(query.name.as_str().into())])
        } else {
            let name = self.cookie.as_ref()?.name.as_str();
            let value = only(head.cookies(name))?;
            (value.map_or(Credential::Unreadable, |value| bounded(value.into())), vec![Place::Cookie(name.into())])
        };
        Some(Sent { credential, places })
    }

    /// What a client sends to be let in: header fields, and a parameter of the query.
    pub fn sent(&self, id: &str, secret: &str, whole: &str) -> (Vec<(String, String)>, Option<String>) {
        let field = |name: &str, value: String| (vec![(name.to_owned(), value)], None);
        match self {
            Self { basic: Some(_), .. } => {
                field(AUTHORIZATION, format!("Basic {}", BASE64_STANDARD.encode(format!("{id}:{secret}"))))
            }
            Self { header: Some(at), .. } => field(at.name.as_str(), whole.to_owned()),
            Self { pair: Some(pair), .. } => {
                let (id_field, secret_field) = (pair.id_header.to_string(), pair.secret_header.to_string());
                (vec![(id_field, id.to_owned()), (secret_field, secret.to_owned())], None)
            }
            Self { query: Some(query), .. } => (Vec::new(), Some(format!("{}={whole}", query.name))),
            Self { cookie: Some(cookie), .. } => field("cookie", format!("{}={whole}", cookie.name)),
            Self { .. } => field(AUTHORIZATION, format!("Bearer {whole}")),
        }
    }

    /// What it takes for its own.
    pub fn claim(&self, shape: Shape) -> Claim {
        let of = |place, scheme, shape| Claim { place, scheme, shape };
        let authorization = || Place::Header(AUTHORIZATION.into());
        let header = |name: &HeaderName| Place::Header(name.as_str().into());
        match self {
            Self { basic: Some(_), .. } => of(authorization(), "basic", Shape::Any),
            Self { header: Some(field), .. } => of(header(&field.name), "", Shape::Any),
            Self { pair: Some(pair), .. } => of(header(&pair.id_header), "", Shape::Any),
            Self { query: Some(query), .. } => of(Place::Query(query.name.as_str().into()), "", Shape::Any),
            Self { cookie: Some(cookie), .. } => of(Place::Cookie(cookie.name.as_str().into()), "", Shape::Any),
            Self { .. } => of(authorization(), "bearer", shape),
        }
    }

    /// What `WWW-Authenticate` says of it.
    pub fn challenge(&self) -> String {
        match self {
            Self { basic: Some(basic), .. } => format!("Basic realm=\"{}\", charset=\"UTF-8\"", basic.realm),
            Self { bearer: Some(_), .. } => "Bearer".to_owned(),
            Self { .. } => "ApiKey".to_owned(),
        }
    }
}

fn authorization() -> Vec<Place> {
    vec![Place::Header(AUTHORIZATION.into())]
}

fn bounded(text: Cow<'_, str>) -> Credential<'_> {
    if text.len() <= MAX_BYTES { Credential::Whole(text) } else { Credential::Unreadable }
}

fn whole(text: Option<&str>) -> Credential<'_> {
    text.map_or(Credential::Unreadable, |text| Credential::Whole(text.into()))
}

fn parts<'r>(id: Option<&'r str>, secret: Option<&'r str>) -> Credential<'r> {
    match (id, secret) {
        (Some(id), Some(secret)) => Credential::Parts(id.into(), secret.into()),
        _ => Credential::Unreadable,
    }
}

/// A key's id as the user, and its secret as the password.
fn basic(sent: Option<&str>) -> Credential<'_> {
    match sent.and_then(user_and_password) {
        Some((id, secret)) => Credential::Parts(id.into(), secret.into()),
        None => Credential::Unreadable,
    }
}
