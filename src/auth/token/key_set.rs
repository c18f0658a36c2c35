//! Sets of keys as issuers publish them (RFC 7517, 5).

use serde::Deserialize;
use serde_json::Value as Json;

use crate::auth::token::key::{Jwk, VerifyingKey};

/// A set with more keys than this is none.
const MAX_KEYS: usize = 100;

/// Keys.
pub struct KeySet(Box<[VerifyingKey]>);

/// Whose keys a set holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A file that only the gateway reads: secrets may be in it.
    Private,
    /// Something that everybody may fetch: a secret in it would be none.
    Public,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Json>,
}

impl KeySet {
    /// Reads a set. Keys of kinds that are not known are left out (RFC 7517, 5).
    ///
    /// # Errors
    /// If it is no set, or no key in it can be used.
    pub fn read(content: &[u8], origin: Origin) -> Result<Self, &'static str> {
        let document: Document = serde_json::from_slice(content).map_err(|_| "is no set of keys (RFC 7517)")?;
        if document.keys.len() > MAX_KEYS {
            return Err("holds too many keys");
        }
        let jwks = document.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        let is_taken = |key: &VerifyingKey| origin == Origin::Private || !key.is_secret();
        let keys: Box<[_]> = jwks.filter_map(|jwk| VerifyingKey::of_jwk(&jwk)).filter(is_taken).collect();
        if keys.is_empty() { Err("holds no key that signatures can be verified with") } else { Ok(Self(keys)) }
    }

    /// The keys.
    pub fn iter(&self) -> impl Iterator<Item = &VerifyingKey> {
        self.0.iter()
    }

    /// The keys, each only for some algorithms.
    pub fn into_keys(self) -> impl Iterator<Item = VerifyingKey> {
        self.0.into_iter()
    }
}
