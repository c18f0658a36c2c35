//! `http`: HTTP servers upstream, and how one of them is chosen.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::backend::{Backend, BackendContext, BackendType};
use crate::pipeline::timeouts::Timeouts;
use crate::pipeline::upstream::balancing::{Balancing, LoadBalancing};
use crate::pipeline::upstream::breaker::CircuitBreaker;
use crate::pipeline::upstream::health::{HealthCheck, OutlierDetection};
use crate::pipeline::upstream::tls::UpstreamTls;
use crate::pipeline::upstream::{HostHeader, ProxyVersion, Server, Upstream, UpstreamProtocol};
use crate::value::duration::Duration;
use crate::value::host::HostName;
use crate::value::url::TargetUrl;

/// HTTP servers that give the same answers.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct HttpConfig {
    /// The servers.
    #[schemars(length(min = 1, max = 256), extend("uniqueItems" = true))]
    pub targets: Vec<TargetConfig>,
    /// What `Host` says upstream.
    #[serde(default)]
    pub host_header: HostHeaderConfig,
    /// A name for `Host` upstream, in place of `hostHeader`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_name: Option<HostName>,
    /// Which version of HTTP the servers speak. gRPC needs HTTP/2. A WebSocket is opened there by an extended `CONNECT` (RFC 8441) if
    /// the server allows it; if not, `auto` opens it over HTTP/1.1, and with `http2` the client gets a 502.
    #[serde(default)]
    pub protocol: UpstreamProtocol,
    /// TLS with the targets whose URL is `https`. The default is that they prove who they are to the authorities that the machine trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<UpstreamTls>,
    /// Says with the PROXY protocol, first thing on each connection, which client it is made for. Connections are then shared only by
    /// requests of one connection of a client; health checks speak for the gateway itself. The default is not to say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_proxy_protocol: Option<ProxyVersion>,
    /// How a server is chosen for each request. The default is in turn, by weight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_balancing: Option<LoadBalancing>,
    /// How the gateway finds out by asking whether a target is well. The default is not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheck>,
    /// Which targets get a rest because of what they answer to clients. The default is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlier_detection: Option<OutlierDetection>,
    /// When the backend as a whole gets no more requests. The default is never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit_breaker: Option<CircuitBreaker>,
    /// How long a target that comes back (healthy again, or no outlier any more) takes to get its whole weight: it begins with a tenth.
    /// The default is at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"30s")]
    pub slow_start: Option<Duration>,
    /// The share of usable targets, in percent, below which all of them get requests: then it is likelier that the checks are wrong than
    /// the targets. Without it, requests get a 503 once no target is usable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100), example = 50)]
    pub panic_threshold: Option<u32>,
    /// How often the names of targets are looked up again, in the background. All addresses of a name are used, IPv6 and IPv4; while a
    /// name cannot be looked up, the addresses that were known stay.
    #[serde(default = "half_a_minute")]
    #[schemars(example = &"10s")]
    pub resolve_every: Duration,
    /// How long the gateway waits for these servers, where the route doesn't say.
    #[serde(default)]
    pub timeouts: Timeouts,
}

fn example() -> serde_json::Value {
    serde_json::json!({
        "targets": [{ "url": "http://10.0.0.1:3000", "weight": 2 }, { "url": "http://10.0.0.2:3000" }],
        "hostHeader": "target",
        "loadBalancing": { "leastRequests": {} },
        "healthCheck": { "path": "/healthz", "interval": "5s" },
        "timeouts": { "connect": "2s", "firstByte": "10s" },
    })
}

/// One server.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TargetConfig {
    /// Its URL.
    pub url: TargetUrl,
    /// How many requests it gets for one of a target of weight 1.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1000))]
    pub weight: u32,
    /// Higher numbers are backups: they get requests only while no target of a lower number is usable.
    #[serde(default)]
    #[schemars(range(max = 15), example = 1)]
    pub priority: u32,
}

fn half_a_minute() -> Duration {
    Duration::from_secs(30)
}

fn one() -> u32 {
    1
}

/// What `Host` says upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum HostHeaderConfig {
    /// What the client sent.
    #[default]
    Keep,
    /// The host and port of the target.
    Target,
}

/// The type of backend.
pub struct Http;

impl BackendType for Http {
    type Config = HttpConfig;

    fn compile(config: &HttpConfig, context: &mut BackendContext<'_>) -> Option<Backend> {
        context.secrets.extend(config.tls.iter().flat_map(UpstreamTls::secrets));
        let host = match (&config.host_name, config.host_header) {
            (Some(name), _) => HostHeader::Name(name.to_string().into()),
            (None, HostHeaderConfig::Keep) => HostHeader::Keep,
            (None, HostHeaderConfig::Target) => HostHeader::Target,
        };
        let servers = config.targets.iter().map(TargetConfig::server).collect();
        let balancing = config.load_balancing.as_ref().map_or(Balancing::RoundRobin, LoadBalancing::compile);
        Some(Backend::Upstream(Arc::new(Upstream {
            servers,
            balancing,
            health_check: config.health_check.clone(),
            outliers: config.outlier_detection.clone(),
            breaker: config.circuit_breaker.clone(),
            slow_start: config.slow_start.map(Duration::get),
            resolve_every: config.resolve_every.get(),
            panic_below: config.panic_threshold,
            host,
            announce: config.send_proxy_protocol,
            protocol: config.protocol,
            tls: config.tls.clone().unwrap_or_default(),
            timeouts: config.timeouts,
        })))
    }
}

impl TargetConfig {
    fn server(&self) -> Server {
        Server { url: self.url.clone(), weight: self.weight, priority: self.priority }
    }
}
