//! Signed tokens: JWTs in the compact form of JWS (RFC 7515, RFC 7519), read as strictly as RFC 8725 asks for and verified by `jsonwebtoken`.
//!
//! Nothing that a token says of itself chooses how it is verified but the id of one of our keys: keys that come along (`jwk`, `jku`,
//! `x5u`, `x5c`) are not looked at, and an extension that must be understood (`crit`) is not understood.

mod algorithm;
mod claims;
mod issuer_keys;
mod key;
mod key_set;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;

pub use algorithm::Algorithm;
pub use claims::{Expected, scopes};
pub use issuer_keys::{IssuerKeys, published};
pub use key::{SECRET_BYTES, VerifyingKey, from_pem};
pub use key_set::{KeySet, Origin};

/// A token that is read and not verified yet.
pub struct Token<'t> {
    /// How it is signed.
    pub algorithm: Algorithm,
    /// By which key, if it says so.
    pub kid: Option<String>,
    /// What is signed.
    signed: &'t str,
    signature: &'t str,
    payload: Vec<u8>,
}

/// The fields of a header that count. A field that is there twice is an error.
#[derive(Deserialize)]
struct Header {
    alg: Algorithm,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default, deserialize_with = "there")]
    crit: bool,
    #[serde(default, deserialize_with = "there")]
    b64: bool,
}

/// Whether a field is there, whatever its value.
fn there<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(value).map(|_| true)
}

/// Why a token is not accepted, as RFC 6750 lets us say it: nothing that helps to make a better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It cannot be read.
    #[error("the token is malformed")]
    Malformed,
    /// Its signature is not of one of the keys.
    #[error("the signature is wrong")]
    Signature,
    /// It names a key that is not there.
    #[error("the key is unknown")]
    UnknownKey,
    /// It is over.
    #[error("the token has expired")]
    Expired,
    /// It has not begun.
    #[error("the token is not valid yet")]
    Early,
    /// Another one issued it.
    #[error("the issuer is wrong")]
    Issuer,
    /// It is for others.
    #[error("the audience is wrong")]
    Audience,
    /// A claim of another type, or one that is missing.
    #[error("a claim is missing or wrong")]
    Claim,
}

/// Whether a text looks like a token of this kind: three parts in base64url.
pub fn is_token(text: &[u8]) -> bool {
    let is_part = |part: &[u8]| part.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let mut parts = text.split(|byte| *byte == b'.');
    let three = [parts.next(), parts.next(), parts.next()];
    parts.next().is_none() && three.iter().all(|part| part.is_some_and(is_part))
}

impl<'t> Token<'t> {
    /// Reads a token.
    ///
    /// # Errors
    /// If it is malformed, or of a kind that is not accepted.
    pub fn read(text: &'t str) -> Result<Self, Fault> {
        let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| Fault::Malformed);
        let (signed, signature) = text.rsplit_once('.').ok_or(Fault::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(Fault::Malformed)?;
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| Fault::Malformed)?;
        if header.crit || header.b64 {
            return Err(Fault::Malformed);
        }
        Ok(Self {
            algorithm: header.alg,
            kid: header.kid,
            signed,
            signature: decode(signature).map(|_| signature)?,
            payload: decode(payload)?,
        })
    }

    /// What it claims, once a key is found that it is signed with.
    ///
    /// # Errors
    /// If there is no such key, or its content is no object.
    pub fn verify<'k>(&self, keys: impl Iterator<Item = &'k VerifyingKey>) -> Result<Json, Fault> {
        let mut fault = Fault::UnknownKey;
        for key in keys.filter(|key| key.may_be(self.kid.as_deref(), self.algorithm)) {
            if key.verify(self.algorithm, self.signed.as_bytes(), self.signature) {
                let claims: Json = serde_json::from_slice(&self.payload).map_err(|_| Fault::Malformed)?;
                return if claims.is_object() { Ok(claims) } else { Err(Fault::Malformed) };
            }
            fault = Fault::Signature;
        }
        Err(fault)
    }
}
