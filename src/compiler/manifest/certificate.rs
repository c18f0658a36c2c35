//! The kind `Certificate`: by what a listener proves who it is. The certificate itself is on the node that runs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::table::acme::Acme;
use crate::table::tls::{Certificate, CertificateFiles, CertificateSource};
use crate::value::host::HostPattern;

/// A certificate with its key: exactly one of the ways to come by it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct CertificateSpec {
    /// It is read from files or variables of the node that runs, and again when they change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<CertificateFiles>,
    /// The gateway makes it when it starts. No client trusts it: it is for development, and only `gw run --dev-certificates`
    /// accepts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_signed: Option<SelfSigned>,
    /// It is ordered from an authority, and again in time, while the gateway runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acme: Option<Acme>,
    /// The hosts that it is for. The default is those that the certificate names itself; for one that is made by the gateway,
    /// `localhost` and the loopback addresses. For one that is ordered they must be given, each by its whole name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub hosts: Vec<HostPattern>,
}

fn example() -> serde_json::Value {
    serde_json::json!({
        "files": {
            "certificate": { "file": "/run/secrets/site/tls.crt" },
            "key": { "file": "/run/secrets/site/tls.key" },
        },
    })
}

/// A certificate that the gateway makes itself; it has no settings.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = serde_json::Map::new())]
pub struct SelfSigned {}

/// The ways to come by a certificate.
pub const SOURCES: &[&str] = &["files", "selfSigned", "acme"];

impl CertificateSpec {
    /// The ways it names; one that is not exactly one is an error that the compiler reports.
    pub fn sources(&self) -> Vec<&'static str> {
        let named = [self.files.is_some(), self.self_signed.is_some(), self.acme.is_some()];
        SOURCES.iter().zip(named).filter(|(_, named)| *named).map(|(name, _)| *name).collect()
    }

    /// The certificate; `None` if it names no way to come by it.
    pub fn compile(&self) -> Option<Certificate> {
        let source = match (&self.files, &self.self_signed, &self.acme) {
            (Some(files), ..) => CertificateSource::Given(files.clone()),
            (None, Some(SelfSigned {}), _) => CertificateSource::SelfSigned,
            (None, None, Some(acme)) => CertificateSource::Acme(Box::new(acme.clone())),
            (None, None, None) => return None,
        };
        Some(Certificate { hosts: self.hosts.clone(), source })
    }
}
