//! TLS with servers upstream: whom the gateway trusts, and what it shows. Only references stand here, never a key.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::value::host::HostName;
use crate::value::secret::{Secret, SecretRef};

/// TLS with the targets whose URL is `https`. The name of a target's certificate is always checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example(), extend("x-gw-security" = "whom it trusts upstream"))]
pub struct UpstreamTls {
    /// The authorities that the targets' certificates are from, in PEM; at least one. The default is those that the machine trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = serde_json::json!({ "file": "/run/secrets/internal-ca.pem" }))]
    pub ca: Option<SecretRef>,
    /// The certificate that the gateway shows where a target asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<OwnCertificate>,
    /// The name that is asked for (SNI) and that the targets' certificates must be for. The default is the host of each URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<HostName>,
}

fn example() -> serde_json::Value {
    serde_json::json!({
        "ca": { "file": "/run/secrets/internal-ca.pem" },
        "clientCertificate": {
            "certificate": { "file": "/run/secrets/gateway/tls.crt" },
            "key": { "file": "/run/secrets/gateway/tls.key" },
        },
        "serverName": "geo.internal",
    })
}

/// A certificate of the gateway's own.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct OwnCertificate {
    /// The certificate in PEM, followed by those of the authorities between it and a root.
    #[schemars(example = serde_json::json!({ "file": "/run/secrets/gateway/tls.crt" }))]
    pub certificate: SecretRef,
    /// Its private key in PEM, not encrypted: PKCS#8, PKCS#1 or SEC1.
    #[schemars(example = serde_json::json!({ "file": "/run/secrets/gateway/tls.key" }))]
    pub key: SecretRef,
}

impl UpstreamTls {
    /// The secrets that it names.
    pub fn secrets(&self) -> BTreeSet<Secret> {
        let own = self.client_certificate.iter().flat_map(|own| [&own.certificate, &own.key]);
        self.ca.iter().chain(own).map(SecretRef::content).collect()
    }
}
