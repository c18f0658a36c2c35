//! Signing of what the gateway says to others: JWTs (RFC 7519), and the public keys that they are verified with (RFC 7517).

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::ready::{Ready, ReadyError};
use crate::value::secret::{Secret, SecretRef};

/// A shared secret is at least this long: as much as its hash gives (RFC 7518, 3.2).
const SECRET_BYTES: usize = 32;

/// A key that signs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct SigningKey {
    /// The key: for `hs256` a shared secret of at least 32 bytes, else a private key in PEM.
    pub key: SecretRef,
    /// How it signs; the key is of the kind that this needs.
    #[serde(default)]
    pub algorithm: SigningAlgorithm,
    /// What the key is called in what it signs, so that whoever verifies finds it among several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), example = &"2026-11")]
    pub key_id: Option<String>,
}

fn example() -> serde_json::Value {
    serde_json::json!({ "key": { "file": "/run/secrets/caller.pem" }, "algorithm": "es256", "keyId": "2026-11" })
}

/// How something is signed (RFC 7518, 3.1; RFC 8037).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SigningAlgorithm {
    /// With a secret that whoever verifies has, too.
    #[default]
    Hs256,
    /// With a private RSA key.
    Rs256,
    /// With a private key on the curve P-256.
    Es256,
    /// With a private Ed25519 key.
    EdDsa,
}

/// A key that is ready to sign.
pub struct Signer {
    key: EncodingKey,
    header: Header,
}

impl SigningKey {
    /// The secret that it names.
    pub fn secret(&self) -> Secret {
        match self.algorithm {
            SigningAlgorithm::Hs256 => self.key.line(),
            SigningAlgorithm::Rs256 | SigningAlgorithm::Es256 | SigningAlgorithm::EdDsa => self.key.content(),
        }
    }

    /// Makes it ready.
    ///
    /// # Errors
    /// If the secret is no key of the kind that is needed.
    pub fn ready(&self, ready: &Ready<'_>) -> Result<Signer, ReadyError> {
        let wrong = |why: &str| ReadyError::Secret {
            owner: ready.owner.to_owned(),
            secret: self.key.to_string(),
            why: why.to_owned(),
        };
        let key = match self.algorithm {
            SigningAlgorithm::Hs256 => {
                let secret = ready.secrets.line(&self.key).unwrap_or_default();
                if secret.len() < SECRET_BYTES {
                    return Err(wrong("is shorter than the 32 bytes that `hs256` needs"));
                }
                EncodingKey::from_secret(secret)
            }
            SigningAlgorithm::Rs256 => {
                EncodingKey::from_rsa_pem(self.content(ready)).map_err(|_| wrong("is no private RSA key in PEM"))?
            }
            SigningAlgorithm::Es256 => EncodingKey::from_ec_pem(self.content(ready))
                .map_err(|_| wrong("is no private P-256 key in PEM (PKCS #8)"))?,
            SigningAlgorithm::EdDsa => EncodingKey::from_ed_pem(self.content(ready))
                .map_err(|_| wrong("is no private Ed25519 key in PEM (PKCS #8)"))?,
        };
        let signer = Signer { key, header: Header { kid: self.key_id.clone(), ..Header::new(self.algorithm.into()) } };
        signer.sign(&serde_json::json!({})).ok_or_else(|| wrong("cannot sign"))?;
        Ok(signer)
    }

    fn content<'r>(&self, ready: &Ready<'r>) -> &'r [u8] {
        ready.secrets.content(&self.key).unwrap_or_default()
    }
}

impl From<SigningAlgorithm> for Algorithm {
    fn from(algorithm: SigningAlgorithm) -> Self {
        match algorithm {
            SigningAlgorithm::Hs256 => Self::HS256,
            SigningAlgorithm::Rs256 => Self::RS256,
            SigningAlgorithm::Es256 => Self::ES256,
            SigningAlgorithm::EdDsa => Self::EdDSA,
        }
    }
}

impl Signer {
    /// A signed token of some claims; `None` only if the key cannot sign, which was tried before.
    pub fn sign(&self, claims: &serde_json::Value) -> Option<String> {
        jsonwebtoken::encode(&self.header, claims, &self.key).ok()
    }

    /// The public key, as others look it up; `None` where the key is a shared secret.
    pub fn public(&self) -> Option<serde_json::Value> {
        match self.header.alg {
            Algorithm::HS256 => return None,
            Algorithm::EdDSA => return self.public_ed25519(),
            _ => {}
        }
        let mut jwk = Jwk::from_encoding_key(&self.key, self.header.alg).ok()?;
        jwk.common.key_id.clone_from(&self.header.kid);
        jwk.common.public_key_use = Some(jsonwebtoken::jwk::PublicKeyUse::Signature);
        serde_json::to_value(jwk).ok()
    }

    /// The same for Ed25519, in whichever version of PKCS #8 the key is written (RFC 8037, 2).
    fn public_ed25519(&self) -> Option<serde_json::Value> {
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(self.key.as_bytes()).ok()?;
        let x = BASE64_URL_SAFE_NO_PAD.encode(pair.public_key());
        let mut jwk = serde_json::json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "alg": "EdDSA", "use": "sig" });
        if let Some(kid) = &self.header.kid {
            jwk["kid"] = kid.as_str().into();
        }
        Some(jwk)
    }
}
