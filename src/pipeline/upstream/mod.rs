//! Servers that give the same answers: what a manifest says of them, ready for `proxy` to use. No state lives here.

pub mod balancing;
pub mod breaker;
pub mod health;
pub mod tls;

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::timeouts::Timeouts;
use crate::pipeline::upstream::balancing::Balancing;
use crate::pipeline::upstream::breaker::CircuitBreaker;
use crate::pipeline::upstream::health::{HealthCheck, OutlierDetection};
use crate::pipeline::upstream::tls::UpstreamTls;
use crate::value::url::TargetUrl;

/// Servers that give the same answers.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// The servers.
    pub servers: Box<[Server]>,
    /// How one of them is chosen.
    pub balancing: Balancing,
    /// How they are asked whether they are well.
    pub health_check: Option<HealthCheck>,
    /// When one gets a rest because of its answers.
    pub outliers: Option<OutlierDetection>,
    /// When none of them gets requests for a while.
    pub breaker: Option<CircuitBreaker>,
    /// How long one that comes back takes to get its whole weight.
    pub slow_start: Option<Duration>,
    /// The share of usable ones, in percent, below which all are used.
    pub panic_below: Option<u32>,
    /// How often their names are looked up.
    pub resolve_every: Duration,
    /// What `Host` says upstream.
    pub host: HostHeader,
    /// How each connection says whom it is made for.
    pub announce: Option<ProxyVersion>,
    /// Which version of HTTP they speak.
    pub protocol: UpstreamProtocol,
    /// How TLS is spoken with those that want it.
    pub tls: UpstreamTls,
    /// Its own timeouts, where it has any.
    pub timeouts: Timeouts,
}

/// A version of HTTP that servers speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum UpstreamProtocol {
    /// HTTP/1.1: a connection serves one request at a time.
    #[default]
    Http1,
    /// HTTP/2, as gRPC needs it: by prior knowledge in clear text, agreed on in the handshake over TLS.
    Http2,
    /// Over TLS HTTP/2, or HTTP/1.1 if the server chooses that in the handshake; in clear text HTTP/1.1.
    Auto,
}

/// A version of the PROXY protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ProxyVersion {
    /// A line of text.
    V1,
    /// Binary.
    V2,
}

/// One server.
#[derive(Clone, Debug)]
pub struct Server {
    /// Where it is.
    pub url: TargetUrl,
    /// How many requests it gets for one of a server of weight 1.
    pub weight: u32,
    /// It is used only while no server of a lower number is usable.
    pub priority: u32,
}

/// What the `Host` field of an upstream request says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostHeader {
    /// What the client sent.
    Keep,
    /// The host and port of the target.
    Target,
    /// This name.
    Name(Box<str>),
}

impl HostHeader {
    /// What is said to a server; `None` for what the client sent.
    pub fn said_to(&self, target: &TargetUrl) -> Option<Box<str>> {
        match self {
            Self::Keep => None,
            Self::Target => Some(target.authority().into()),
            Self::Name(name) => Some(name.clone()),
        }
    }
}
