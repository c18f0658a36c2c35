//! The text of an API key: `gw_<id>_<secret>_<checksum>`, so that scanners for secrets know it and a mistyped one is told at once.

use std::fmt;

use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// What every key of this gateway begins with.
pub const PREFIX: &str = "gw_";

/// The characters of a secret: 256 bits in base62.
pub const SECRET_CHARS: usize = 43;

/// The characters of a checksum: 32 bits in base62.
const CHECKSUM_CHARS: usize = 6;

/// The most characters of an id.
const ID_CHARS: usize = 32;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The id of an API key: what stands in the key itself, and what calls are counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(Box<str>);

impl KeyId {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Scalar for KeyId {
    const FORMAT: &'static str = "gw-key-id";
    const DESCRIPTION: &'static str = "The id of an API key: letters and digits, at most 32.";
    const EXAMPLES: &'static [&'static str] = &["7Qd2mP"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        if text.len() > ID_CHARS || !is_base62(text) {
            return Err(ScalarError::new("the id of a key holds only letters and digits, at most 32 of them"));
        }
        Ok(Self(text.into()))
    }
}

scalar!(KeyId);

/// The parts of a key that is written right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyText<'a> {
    /// Which key it is.
    pub id: &'a str,
    /// What only its holder knows.
    pub secret: &'a str,
}

impl<'a> KeyText<'a> {
    /// Reads a key; `None` if it is none or mistyped.
    pub fn read(text: &'a str) -> Option<Self> {
        let (signed, checksum) = text.rsplit_once('_')?;
        let (id, secret) = signed.strip_prefix(PREFIX)?.split_once('_')?;
        let is_whole = secret.len() == SECRET_CHARS && is_base62(secret) && id.len() <= ID_CHARS && is_base62(id);
        (is_whole && checksum == checksum_of(signed)).then_some(Self { id, secret })
    }

    /// The whole key.
    pub fn write(self) -> String {
        let signed = format!("{PREFIX}{}_{}", self.id, self.secret);
        let checksum = checksum_of(&signed);
        format!("{signed}_{checksum}")
    }
}

/// A number in base62, with zeros in front up to a length; what is too long for it is cut off in front.
pub fn base62(mut bytes: Vec<u8>, length: usize) -> String {
    let mut digits = vec![b'0'; length];
    for digit in digits.iter_mut().rev() {
        let mut rest = 0_u32;
        for byte in &mut bytes {
            let value = rest * 256 + u32::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            rest = value % 62;
        }
        *digit = BASE62[rest as usize];
    }
    digits.into_iter().map(char::from).collect()
}

fn checksum_of(signed: &str) -> String {
    base62(crc32fast::hash(signed.as_bytes()).to_be_bytes().to_vec(), CHECKSUM_CHARS)
}

fn is_base62(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::{KeyId, KeyText, Scalar, base62};

    #[test]
    fn numbers_in_base62_have_their_length() {
        assert_eq!(base62(vec![0], 3), "000");
        assert_eq!(base62(vec![61], 2), "0z");
        assert_eq!(base62(vec![1, 0], 2), "48");
        let most = base62(vec![u8::MAX; 32], 43);
        assert_eq!((most.len(), most.chars().next()), (43, Some('y')), "256 bits fit");
        assert_eq!(base62(u32::MAX.to_be_bytes().to_vec(), 6), "4gfFC3");
    }

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let secret = base62(vec![7; 32], 43);
        let key = KeyText { id: "7Qd2mP", secret: &secret };
        let text = key.write();
        assert_eq!(KeyText::read(&text), Some(key));
        assert!(text.starts_with("gw_7Qd2mP_"));
        for wrong in [
            text.replacen("7Q", "7q", 1),
            text[..text.len() - 1].to_owned(),
            text.to_uppercase(),
            format!("{text}x"),
            "gw__".to_owned(),
            String::new(),
        ] {
            assert_eq!(KeyText::read(&wrong), None, "{wrong}");
        }
        assert!(KeyId::parse("a_b").is_err() && KeyId::parse("").is_err() && KeyId::parse(&"a".repeat(33)).is_err());
    }
}
