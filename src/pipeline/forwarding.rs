//! Which fields of the upstream's request say who asks and how (RFC 7239, and what was there before it).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A field that says who asks, how, or for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ForwardingField {
    /// `x-forwarded-for`: the addresses of the client and of the proxies on the way.
    For,
    /// `x-forwarded-proto`: whether the client speaks plain HTTP or HTTPS.
    Proto,
    /// `x-forwarded-host`: the host that the client asked for.
    Host,
    /// `x-forwarded-port`: the port that the client asked for.
    Port,
    /// `x-real-ip`: the address of the client alone.
    RealIp,
    /// `forwarded`, which says the first two by RFC 7239.
    Forwarded,
}

/// A set of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forwarding(u8);

impl Forwarding {
    /// These.
    pub fn of(fields: &[ForwardingField]) -> Self {
        Self(fields.iter().fold(0, |set, field| set | bit(*field)))
    }

    /// Whether a field is among them.
    pub fn has(self, field: ForwardingField) -> bool {
        self.0 & bit(field) != 0
    }
}

/// What is sent where nothing is chosen.
impl Default for Forwarding {
    fn default() -> Self {
        Self(bit(ForwardingField::For) | bit(ForwardingField::Proto) | bit(ForwardingField::Host))
    }
}

const fn bit(field: ForwardingField) -> u8 {
    1 << field as u8
}
