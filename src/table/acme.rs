//! How a certificate is ordered from an authority (ACME, RFC 8555). Only references to secrets stand here.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::value::Scalar as _;
use crate::value::duration::Duration;
use crate::value::https_url::HttpsUrl;
use crate::value::mail::MailAddress;
use crate::value::secret::{Secret, SecretRef};

/// An order of a certificate from an authority, for the `hosts` beside it. The first one is ordered when the gateway runs, and each
/// next one in time, as the authority advises. The account and the certificate are kept in the folder that `gw run --state-dir`
/// names; gateways that share the folder order once.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct Acme {
    /// The authority's directory. Another directory is another account, and other certificates.
    #[serde(default = "lets_encrypt")]
    pub directory: HttpsUrl,
    /// That you agree to the terms of service of the authority, which its directory links to; nothing is ordered without.
    #[schemars(example = &true)]
    pub terms_of_service_agreed: bool,
    /// Where the authority writes to when something is wrong with the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<MailAddress>,
    /// How the authority sees that a host is this gateway's.
    #[serde(default)]
    pub challenge: AcmeChallenge,
    /// The kind of the certificate's key; each order makes a new one.
    #[serde(default)]
    pub key: AcmeKey,
    /// How long before the end of a certificate the next one is ordered, where the authority does not advise when; at most two
    /// thirds of the time that the certificate is valid. The default is a third of that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"30d")]
    pub renew_before: Option<Duration>,
    /// The account outside of ACME that the account belongs to, where the authority asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_account: Option<ExternalAccount>,
    /// The authorities that the certificate of the directory itself is from, in PEM; at least one. The default is those that the
    /// machine trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = serde_json::json!({ "file": "/run/secrets/internal-ca.pem" }))]
    pub ca: Option<SecretRef>,
}

#[expect(clippy::expect_used, reason = "the text is fixed and is a URL")]
fn lets_encrypt() -> HttpsUrl {
    HttpsUrl::parse("https://acme-v02.api.letsencrypt.org/directory").expect("a URL")
}

fn example() -> serde_json::Value {
    serde_json::json!({ "termsOfServiceAgreed": true, "email": "ops@shop.example", "challenge": "tlsAlpn01" })
}

/// How an authority sees that a host is this gateway's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum AcmeChallenge {
    /// It asks for a page in clear text, at port 80 of the host. A listener without TLS answers, whatever the routes say.
    #[default]
    Http01,
    /// It shakes hands for a protocol of its own, at port 443 of the host. The listeners with TLS answer.
    TlsAlpn01,
}

/// The kind of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum AcmeKey {
    /// ECDSA on P-256.
    #[default]
    EcdsaP256,
    /// ECDSA on P-384.
    EcdsaP384,
    /// RSA of 2048 bits, for clients that know nothing newer.
    Rsa2048,
    /// RSA of 4096 bits.
    Rsa4096,
}

/// An account with an authority that was opened outside of ACME.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ExternalAccount {
    /// The name that the authority gave to the key.
    #[schemars(length(min = 1), example = &"kid-1")]
    pub key_id: String,
    /// The key that the authority gave, in base64url.
    #[schemars(example = serde_json::json!({ "env": "ACME_EAB_KEY" }))]
    pub key: SecretRef,
}

impl Acme {
    /// The secrets that it names.
    pub fn secrets(&self) -> BTreeSet<Secret> {
        let account = self.external_account.as_ref().map(|account| account.key.line());
        account.into_iter().chain(self.ca.as_ref().map(SecretRef::content)).collect()
    }
}
