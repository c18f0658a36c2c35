//! What the table says of the gateway as a whole: listeners, limits, timeouts, logs. Every field has a default.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::limits::place::State;
use crate::table::tls::ListenerTls;
use crate::value::address::{IpListenAddress, ListenAddress};
use crate::value::duration::Duration;
use crate::value::host::HostName;
use crate::value::name::Name;
use crate::value::network::Network;
use crate::value::size::Size;

/// The gateway as a whole.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// Where clients connect.
    pub listeners: Vec<Listener>,
    /// Where operators look.
    pub status: Status,
    /// The proxies whose forwarding fields are believed.
    pub trusted_proxies: Vec<Network>,
    /// What one client may take up.
    pub limits: Limits,
    /// How long the gateway waits.
    pub timeouts: GatewayTimeouts,
    /// The log of requests.
    pub access_log: AccessLog,
    /// Where counts are kept.
    pub state: State,
}

/// An address where clients connect.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Listener {
    /// Its name, by which routes refer to it.
    pub name: Name,
    /// The address. `PORT` in the environment replaces the port of the listener `http`, or of the only one.
    pub address: ListenAddress,
    /// What is spoken there. Without it, `http1` in clear text, and over TLS whichever of `http1` and `http2` the client
    /// prefers. Where `http2` is listed for clear text, a client uses it by prior knowledge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), extend("uniqueItems" = true))]
    pub protocols: Option<Vec<Protocol>>,
    /// The load balancers in front that say with the PROXY protocol who connects to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_protocol: Option<ProxyProtocol>,
    /// TLS, with its certificates. The default is plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-gw-security" = "what is encrypted"))]
    pub tls: Option<ListenerTls>,
}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Protocol {
    /// HTTP/1.1, and HTTP/1.0 from clients that know nothing newer.
    Http1,
    /// HTTP/2.
    Http2,
}

impl Listener {
    /// Whether a protocol is spoken there over TLS.
    pub fn speaks_over_tls(&self, protocol: Protocol) -> bool {
        self.protocols.as_ref().is_none_or(|spoken| spoken.contains(&protocol))
    }

    /// Whether a protocol is spoken there in clear text.
    pub fn speaks_in_clear(&self, protocol: Protocol) -> bool {
        self.protocols.as_ref().map_or(protocol == Protocol::Http1, |spoken| spoken.contains(&protocol))
    }
}

/// From whom the PROXY protocol is spoken, versions 1 and 2.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ProxyProtocol {
    /// The networks of the load balancers. A connection from there must begin with it, and what it says is the client's address;
    /// a connection from anywhere else is a client's own.
    #[schemars(length(min = 1), extend("uniqueItems" = true, "x-gw-security" = "whose word about clients is believed"))]
    pub from: Vec<Network>,
}

impl Default for Listener {
    #[expect(clippy::expect_used, reason = "the texts are fixed and right")]
    fn default() -> Self {
        Self {
            name: "http".parse().expect("a name"),
            address: "127.0.0.1:8080".parse().expect("an address"),
            protocols: None,
            proxy_protocol: None,
            tls: None,
        }
    }
}

/// The listener for operators: GET and HEAD only, nothing on it can change anything.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
#[schemars(extend("x-gw-security" = "who may look inside"))]
pub struct Status {
    /// Its address. On any but a loopback address only `/livez`, `/readyz` and `/metrics` answer, unless `expose` says more.
    pub address: IpListenAddress,
    /// Also answers `/status` and `/table` on an address that is not loopback.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub expose: bool,
    /// Names under which it may be asked, besides IP addresses and `localhost`; any other `Host` gets a 403.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostName>,
}

impl Default for Status {
    #[expect(clippy::expect_used, reason = "the text is fixed and right")]
    fn default() -> Self {
        Self { address: "127.0.0.1:9900".parse().expect("an address"), expose: false, hosts: Vec::new() }
    }
}

/// What one client may take up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
#[schemars(extend("x-gw-security" = "what one client may take up"))]
pub struct Limits {
    /// The most bytes of a request's head; more gets a 431, or a 414 if the target alone is longer than `targetBytes`.
    pub header_bytes: Size,
    /// The most header fields of a request; more gets a 431.
    #[schemars(range(min = 1, max = 500))]
    pub headers: u16,
    /// The most bytes of a request's target, its path and query; more gets a 414.
    pub target_bytes: Size,
    /// The most bytes of a request's body; more gets a 413.
    pub body_bytes: Size,
    /// The most connections of clients at once; further ones wait in the kernel's queue.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub connections: u32,
    /// What one connection of HTTP/2 may take up besides.
    pub http2: Http2Limits,
}

/// What one connection of HTTP/2 may take up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Http2Limits {
    /// The most requests in flight at once; further ones are refused.
    #[schemars(range(min = 1, max = 10_000))]
    pub concurrent_streams: u32,
    /// The most frames in one go that are no part of a message, such as settings, pings, cancellations and empty data. A tenth
    /// as many come in again each second, and so do some with each piece of a message. More ends the connection.
    #[schemars(range(min = 100, max = 1_000_000))]
    pub control_frames: u32,
    /// The most bytes of one request's body that are on their way, not yet taken by the upstream.
    pub stream_window: Size,
    /// The same for all requests of a connection together.
    pub connection_window: Size,
}

impl Default for Http2Limits {
    fn default() -> Self {
        Self {
            concurrent_streams: 100,
            control_frames: 1000,
            stream_window: Size::from_kib(256),
            connection_window: Size::from_mib(1),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: Size::from_kib(32),
            headers: 100,
            target_bytes: Size::from_kib(8),
            body_bytes: Size::from_mib(10),
            connections: 20_000,
            http2: Http2Limits::default(),
        }
    }
}

/// How long the gateway waits. Routes and backends may say otherwise for what happens within a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct GatewayTimeouts {
    /// For the head of a request, from its first byte; then the connection is closed.
    pub header: Duration,
    /// From the first byte of a request to the head of the answer; then the client gets a 504.
    pub request: Duration,
    /// Between two requests on a connection; then it is closed.
    pub idle: Duration,
    /// The longest silence within a message, in both directions.
    pub message: Duration,
    /// To connect to an upstream, TLS included.
    pub connect: Duration,
    /// From a request sent upstream to the first byte of the answer.
    pub first_byte: Duration,
    /// The longest silence on a connection of HTTP/2 with requests in flight until the client is asked whether it is there, and
    /// then until the connection is closed.
    pub ping: Duration,
    /// The longest silence within an upgraded connection, such as a WebSocket.
    pub upgraded: Duration,
    /// For requests in flight when the gateway is told to stop, or when their listener is removed.
    pub drain: Duration,
}

impl Default for GatewayTimeouts {
    fn default() -> Self {
        Self {
            header: Duration::from_secs(10),
            request: Duration::from_secs(30),
            idle: Duration::from_secs(75),
            message: Duration::from_secs(60),
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(30),
            ping: Duration::from_secs(30),
            upgraded: Duration::from_secs(3600),
            drain: Duration::from_secs(20),
        }
    }
}

/// The log of requests, on standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct AccessLog {
    /// Whether requests are logged.
    pub enabled: bool,
    /// How a line looks.
    pub format: LogFormat,
}

impl Default for AccessLog {
    fn default() -> Self {
        Self { enabled: true, format: LogFormat::Auto }
    }
}

/// How a line of the access log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// One JSON object a line.
    Json,
    /// One line of text for people.
    Text,
}
