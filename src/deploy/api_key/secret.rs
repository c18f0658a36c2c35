//! Secrets of new keys: 256 random bits, seen once.

use aws_lc_rs::rand::fill;

use crate::deploy::api_key::KeyError;
use crate::value::Scalar as _;
use crate::value::api_key::{KeyId, KeyText, SECRET_CHARS, base62};
use crate::value::sha256::Sha256;

/// The characters of an id that is made here.
const ID_CHARS: usize = 10;

/// The secret of a new key.
pub struct NewSecret(String);

impl NewSecret {
    /// A new one.
    ///
    /// # Errors
    /// If this machine gives no random numbers.
    pub fn random() -> Result<Self, KeyError> {
        Ok(Self(base62(random_bytes(32)?, SECRET_CHARS)))
    }

    /// Its hash: all that a manifest holds of it.
    pub fn hash(&self) -> Sha256 {
        Sha256::of(self.0.as_bytes())
    }

    /// The whole key.
    pub fn key(&self, id: &KeyId) -> String {
        KeyText { id: id.as_str(), secret: &self.0 }.write()
    }
}

/// An id that most probably nobody has.
pub(super) fn random_id() -> Result<KeyId, KeyError> {
    KeyId::parse(&base62(random_bytes(8)?, ID_CHARS)).map_err(|_| KeyError::Random)
}

fn random_bytes(count: usize) -> Result<Vec<u8>, KeyError> {
    let mut bytes = vec![0; count];
    fill(&mut bytes).map_err(|_| KeyError::Random)?;
    Ok(bytes)
}
