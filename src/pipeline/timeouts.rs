//! The timeouts that a route, a backend and the Gateway may set; the first that does decides.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::value::duration::Duration;

/// How long the gateway waits. What is not given is taken from the backend, then from the Gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Timeouts {
    /// From the first byte of the request to the head of the answer; then the client gets a 504.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"30s")]
    pub request: Option<Duration>,
    /// To connect to a target, TLS included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"5s")]
    pub connect: Option<Duration>,
    /// From the request sent to the first byte of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"15s")]
    pub first_byte: Option<Duration>,
    /// The longest silence within a message, in both directions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"60s")]
    pub idle: Option<Duration>,
    /// The longest silence within an upgraded connection, such as a WebSocket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"1h")]
    pub upgraded: Option<Duration>,
}

impl Timeouts {
    /// These, and another's where these say nothing.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            request: self.request.or(other.request),
            connect: self.connect.or(other.connect),
            first_byte: self.first_byte.or(other.first_byte),
            idle: self.idle.or(other.idle),
            upgraded: self.upgraded.or(other.upgraded),
        }
    }
}
