//! Who a client proved to be by a certificate, and conditions on it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::value::san::SanPattern;

/// Who a client proved to be, by a certificate that the gateway accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Its subject, as RFC 4514 writes it: `CN=shop,O=Example`.
    pub subject: Box<str>,
    /// Its alternative names: DNS names in lower case, URIs, mail addresses, IP addresses.
    pub names: Box<[Box<str>]>,
    /// The subject of the authority that signed it, as its own.
    pub issuer: Box<str>,
}

/// Conditions on the certificate that the client showed; all hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("minProperties" = 1), example = example())]
pub struct CertificateCondition {
    /// One of its alternative names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub san: Option<SanPattern>,
    /// Its whole subject, as RFC 4514 writes it: the most specific part first, parts with a comma between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), example = &"CN=shop,O=Example")]
    pub subject: Option<String>,
}

fn example() -> serde_json::Value {
    serde_json::json!({ "san": "*.partners.example" })
}

impl CertificateCondition {
    /// Whether it holds for a client; never for one that showed no certificate.
    pub fn holds(&self, certificate: Option<&ClientCertificate>) -> bool {
        certificate.is_some_and(|certificate| {
            self.san.as_ref().is_none_or(|san| certificate.names.iter().any(|name| san.matches(name)))
                && self.subject.as_ref().is_none_or(|subject| **subject == *certificate.subject)
        })
    }

    /// How many conditions it is.
    pub fn count(&self) -> u32 {
        u32::from(self.san.is_some()) + u32::from(self.subject.is_some())
    }

    /// The texts that parts of the certificate must be, by the names of the parts.
    pub fn texts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let san = self.san.as_ref().and_then(SanPattern::exact).map(|text| ("san", text));
        san.into_iter().chain(self.subject.as_deref().map(|text| ("subject", text)))
    }

    /// Whether nobody who writes both means the same client.
    pub fn is_apart(&self, other: &Self) -> bool {
        let subjects = self.subject.as_ref().zip(other.subject.as_ref());
        let names = self.san.as_ref().zip(other.san.as_ref());
        subjects.is_some_and(|(a, b)| a != b) || names.is_some_and(|(a, b)| a.is_apart(b))
    }
}
