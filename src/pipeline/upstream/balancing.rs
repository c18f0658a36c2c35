//! How a request's server is chosen: the manifest's choice, and the part of a request that the choice may hang on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::pipeline::exchange::Exchange;
use crate::value::cookie::CookieName;
use crate::value::duration::Duration;
use crate::value::header::HeaderName;
use crate::value::path::PathPrefix;

/// How a server is chosen for each request: exactly one way.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = balancing_example(), extend("x-gw-noun" = "way called"))]
pub struct LoadBalancing {
    /// In turn, by weight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_robin: Option<Plain>,
    /// Of two targets chosen at random by weight, the one with fewer requests in flight for its weight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least_requests: Option<Plain>,
    /// At random, by weight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub random: Option<Plain>,
    /// The same target for the same value of a part of the request (Maglev). When targets come and go, few values move.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consistent_hash: Option<ConsistentHash>,
    /// The target that a cookie of the gateway names; a new caller gets one in turn, and the cookie with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sticky_cookie: Option<StickyCookie>,
}

fn balancing_example() -> Value {
    json!({ "leastRequests": {} })
}

/// No settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = Map::new())]
pub struct Plain {}

/// The part of a request that decides: exactly one. A request without it gets a target in turn.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = hash_example(), extend("x-gw-noun" = "part called"))]
pub struct ConsistentHash {
    /// The first value of this header field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<HeaderName>,
    /// The value of this cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie: Option<CookieName>,
    /// The first value of this query parameter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), example = &"user")]
    pub query: Option<String>,
    /// The address of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_address: Option<Plain>,
}

fn hash_example() -> Value {
    json!({ "header": "x-tenant" })
}

/// A cookie that holds a caller to its target. Its value is a digest that says nothing of the target's address; it is sent with
/// `HttpOnly` and `SameSite=Lax`, and with `Secure` to clients that speak HTTPS. If the target cannot be used, another one is
/// chosen and the cookie is replaced.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = sticky_example())]
pub struct StickyCookie {
    /// Its name.
    #[serde(default = "cookie_name")]
    pub name: CookieName,
    /// The path that it is for.
    #[serde(default = "PathPrefix::root")]
    pub path: PathPrefix,
    /// How long the browser keeps it. The default is until it is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"1h")]
    pub max_age: Option<Duration>,
}

fn sticky_example() -> Value {
    json!({ "name": "shop-target", "maxAge": "1h" })
}

#[expect(clippy::expect_used, reason = "the text is fixed and is a name")]
fn cookie_name() -> CookieName {
    "gw-target".parse().expect("a literal")
}

/// How a server is chosen.
#[derive(Clone, Debug)]
pub enum Balancing {
    /// In turn.
    RoundRobin,
    /// The less busy one of two.
    LeastRequests,
    /// At random.
    Random,
    /// By a part of the request.
    Hash(KeyPart),
    /// By a cookie.
    Sticky(StickyCookie),
}

/// A part of a request.
#[derive(Clone, Debug)]
pub enum KeyPart {
    /// A header field.
    Header(HeaderName),
    /// A cookie.
    Cookie(CookieName),
    /// A query parameter.
    Query(Box<str>),
    /// The client's address.
    ClientAddress,
}

impl LoadBalancing {
    /// The names of all ways.
    pub const WAYS: &[&str] = &["roundRobin", "leastRequests", "random", "consistentHash", "stickyCookie"];

    /// The ways it names.
    pub fn named(&self) -> Vec<&'static str> {
        let named = [
            self.round_robin.is_some(),
            self.least_requests.is_some(),
            self.random.is_some(),
            self.consistent_hash.is_some(),
            self.sticky_cookie.is_some(),
        ];
        Self::WAYS.iter().zip(named).filter(|(_, named)| *named).map(|(name, _)| *name).collect()
    }

    /// The one way that it names.
    pub fn compile(&self) -> Balancing {
        if self.least_requests.is_some() {
            return Balancing::LeastRequests;
        }
        if self.random.is_some() {
            return Balancing::Random;
        }
        if let Some(part) = self.consistent_hash.as_ref().and_then(ConsistentHash::compile) {
            return Balancing::Hash(part);
        }
        self.sticky_cookie.clone().map_or(Balancing::RoundRobin, Balancing::Sticky)
    }
}

impl ConsistentHash {
    /// The names of all parts.
    pub const PARTS: &[&str] = &["header", "cookie", "query", "clientAddress"];

    /// The parts it names.
    pub fn named(&self) -> Vec<&'static str> {
        let named = [self.header.is_some(), self.cookie.is_some(), self.query.is_some(), self.client_address.is_some()];
        Self::PARTS.iter().zip(named).filter(|(_, named)| *named).map(|(name, _)| *name).collect()
    }

    fn compile(&self) -> Option<KeyPart> {
        let header = self.header.clone().map(KeyPart::Header);
        let cookie = || self.cookie.clone().map(KeyPart::Cookie);
        let query = || self.query.as_deref().map(|name| KeyPart::Query(name.into()));
        let address = || self.client_address.as_ref().map(|_| KeyPart::ClientAddress);
        header.or_else(cookie).or_else(query).or_else(address)
    }
}

impl KeyPart {
    /// Hashes the part of a request, the same way on every machine; `None` if the request doesn't have it.
    pub fn hash(&self, exchange: &Exchange<'_>) -> Option<u64> {
        let request = &exchange.request;
        Some(match self {
            Self::Header(name) => stable_hash(request.fields.received(name.as_str())?),
            Self::Cookie(name) => stable_hash(request.cookies(name.as_str()).next()?.as_bytes()),
            Self::Query(name) => stable_hash(request.query_values(name).next()?.as_bytes()),
            Self::ClientAddress => match exchange.client.ip {
                std::net::IpAddr::V4(ip) => stable_hash(&ip.octets()),
                std::net::IpAddr::V6(ip) => stable_hash(&ip.octets()),
            },
        })
    }
}

/// A hash that is the same on every machine and in every version (FNV-1a, then mixed so that all bits count).
pub fn stable_hash(bytes: &[u8]) -> u64 {
    let folded = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    mix(folded)
}

/// Spreads a number over all bits (the finaliser of `SplitMix64`).
pub fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
