//! How listeners speak TLS: their certificates, and what they ask of clients. Only references stand here, never a key.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::table::acme::Acme;
use crate::value::host::HostPattern;
use crate::value::reference::{CertificateKind, Ref};
use crate::value::secret::{NodeFile, Secret, SecretRef};

/// TLS with clients: 1.2 and 1.3, with forward secrecy and authenticated encryption only.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct ListenerTls {
    /// The certificates, by the names of their manifests. A client gets the one for the name that it asks for (SNI): the exact
    /// name, else the longest wildcard. Without such a name, or with one that no certificate is for, it gets the first.
    #[schemars(length(min = 1, max = 10_000), extend("uniqueItems" = true))]
    pub certificates: Vec<Ref<CertificateKind>>,
    /// The oldest version that is spoken.
    #[serde(default)]
    pub min_version: TlsVersion,
    /// Whether a client that comes back may go on with its session, by a ticket, and spare both sides most of a handshake.
    #[serde(default = "yes")]
    pub resumption: bool,
    /// The certificates that clients show, for all hosts that `hosts` doesn't name. The default is that none is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_auth: Option<ClientAuth>,
    /// Hosts that ask for other client certificates than the rest of the listener. A request for a host of one entry that comes
    /// by a connection to another one's gets a 421.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub hosts: Vec<HostTls>,
}

fn yes() -> bool {
    true
}

fn example() -> serde_json::Value {
    serde_json::json!({
        "certificates": ["site", "partners"],
        "minVersion": "1.2",
        "hosts": [{ "hosts": ["partners.example"], "clientAuth": { "ca": { "file": "/run/secrets/partners-ca.pem" } } }],
    })
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
pub enum TlsVersion {
    /// TLS 1.2, with ECDHE and AES-GCM or ChaCha20-Poly1305.
    #[default]
    #[serde(rename = "1.2")]
    Tls12,
    /// TLS 1.3.
    #[serde(rename = "1.3")]
    Tls13,
}

/// Hosts that ask for client certificates of their own.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct HostTls {
    /// The hosts: exact names, or `*.` and a suffix. An exact name comes before a wildcard, a longer wildcard before a shorter.
    #[schemars(length(min = 1), extend("uniqueItems" = true))]
    pub hosts: Vec<HostPattern>,
    /// The certificates that clients show there. The default is that none is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_auth: Option<ClientAuth>,
}

/// Which client certificates are accepted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = client_auth_example(), extend("x-gw-security" = "whom it lets in"))]
pub struct ClientAuth {
    /// The authorities that clients' certificates are from, in PEM; at least one.
    #[schemars(example = serde_json::json!({ "file": "/run/secrets/partners-ca.pem" }))]
    pub ca: SecretRef,
    /// Lists of revoked certificates, in PEM: one from each authority of the chain, or its certificates are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = serde_json::json!({ "file": "/run/secrets/partners-crl.pem" }))]
    pub crl: Option<SecretRef>,
    /// Whether a client must show one.
    #[serde(default)]
    pub mode: ClientAuthMode,
}

fn client_auth_example() -> serde_json::Value {
    serde_json::json!({
        "ca": { "file": "/run/secrets/partners-ca.pem" },
        "crl": { "file": "/run/secrets/partners-crl.pem" },
        "mode": "required",
    })
}

/// Whether a client must show a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ClientAuthMode {
    /// The handshake fails without one.
    #[default]
    Required,
    /// A client may show none; one that is not accepted fails the handshake.
    Optional,
}

impl ListenerTls {
    /// What is asked of clients of a host.
    pub fn client_auth_of(&self, host: &str) -> Option<&ClientAuth> {
        let named = self.hosts.iter().flat_map(|entry| entry.hosts.iter().map(move |pattern| (entry, pattern)));
        let best = named.filter(|(_, pattern)| pattern.matches(host)).max_by_key(|(_, pattern)| match pattern {
            HostPattern::Exact(_) => usize::MAX,
            HostPattern::Wildcard(suffix) => suffix.as_str().len(),
        });
        best.map_or(&self.client_auth, |(entry, _)| &entry.client_auth).as_ref()
    }

    /// Whether clients are asked for a certificate whatever host they want.
    pub fn asks_all(&self) -> bool {
        self.client_auth.is_some() && self.hosts.iter().all(|entry| entry.client_auth.is_some())
    }

    /// Whether clients are asked for a certificate for any host.
    pub fn asks_some(&self) -> bool {
        self.client_auth.is_some() || self.hosts.iter().any(|entry| entry.client_auth.is_some())
    }

    /// Whether clients are asked for a certificate for all hosts of a pattern.
    pub fn asks_for(&self, pattern: &HostPattern) -> bool {
        let name = match pattern {
            HostPattern::Exact(name) => return self.client_auth_of(name.as_str()).is_some(),
            HostPattern::Wildcard(name) => name.as_str(),
        };
        let within = |host: &HostPattern| match host {
            HostPattern::Exact(_) => pattern.matches(&host.to_string()),
            HostPattern::Wildcard(suffix) => suffix.as_str() == name || pattern.matches(suffix.as_str()),
        };
        let inside = self.hosts.iter().filter(|entry| entry.hosts.iter().any(within));
        // `*` is no label of a host, so only wildcards match it
        self.client_auth_of(&format!("*.{name}")).is_some()
            && inside.into_iter().all(|entry| entry.client_auth.is_some())
    }

    /// The secrets that it names itself, those of its certificates aside.
    pub fn secrets(&self) -> BTreeSet<Secret> {
        let auths = self.client_auth.iter().chain(self.hosts.iter().flat_map(|entry| &entry.client_auth));
        auths.flat_map(|auth| std::iter::once(&auth.ca).chain(&auth.crl)).map(SecretRef::content).collect()
    }
}

/// A certificate with its key.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The hosts that it is for; none means that it says so itself.
    pub hosts: Vec<HostPattern>,
    /// Where it comes from.
    pub source: CertificateSource,
}

/// Where a certificate comes from.
#[derive(Clone, Debug)]
pub enum CertificateSource {
    /// From files or variables of the node.
    Given(CertificateFiles),
    /// It is made by the gateway, for development; no client trusts it.
    SelfSigned,
    /// It is ordered from an authority while the gateway runs.
    Acme(Box<Acme>),
}

/// A certificate and its key, where the node that runs finds them.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = files_example())]
pub struct CertificateFiles {
    /// The certificate in PEM, followed by those of the authorities between it and a root.
    #[schemars(example = serde_json::json!({ "file": "/run/secrets/site/tls.crt" }))]
    pub certificate: SecretRef,
    /// Its private key in PEM, not encrypted: PKCS#8, PKCS#1 or SEC1.
    #[schemars(example = serde_json::json!({ "file": "/run/secrets/site/tls.key" }))]
    pub key: SecretRef,
    /// The authority's statement that the certificate is not revoked (an OCSP response in DER), which is sent along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ocsp_staple: Option<NodeFile>,
}

fn files_example() -> serde_json::Value {
    serde_json::json!({
        "certificate": { "file": "/run/secrets/site/tls.crt" },
        "key": { "file": "/run/secrets/site/tls.key" },
    })
}

impl Certificate {
    /// Whether the gateway makes it itself.
    pub fn is_self_signed(&self) -> bool {
        matches!(self.source, CertificateSource::SelfSigned)
    }

    /// The secrets that it is made of.
    pub fn secrets(&self) -> BTreeSet<Secret> {
        let files = match &self.source {
            CertificateSource::Given(files) => files,
            CertificateSource::SelfSigned => return BTreeSet::new(),
            CertificateSource::Acme(acme) => return acme.secrets(),
        };
        let staple = files.ocsp_staple.as_ref().map(|staple| staple.reference().content());
        [files.certificate.content(), files.key.content()].into_iter().chain(staple).collect()
    }
}
