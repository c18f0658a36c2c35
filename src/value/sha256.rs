//! SHA-256 hashes (FIPS 180-4) in lower-case hex.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};

use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// The bytes of a hash.
const BYTES: usize = 32;

/// A SHA-256 hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha256([u8; BYTES]);

impl Sha256 {
    /// The hash of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hash = [0; BYTES];
        hash.iter_mut().zip(digest(&SHA256, bytes).as_ref()).for_each(|(to, from)| *to = *from);
        Self(hash)
    }

    /// Whether it is the same, in a time that doesn't tell where they differ.
    pub fn equals(&self, other: &Self) -> bool {
        verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Scalar for Sha256 {
    const FORMAT: &'static str = "gw-sha256";
    const DESCRIPTION: &'static str = "A SHA-256 hash: 64 hexadecimal digits in lower case.";
    const EXAMPLES: &'static [&'static str] = &["2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        let wrong = || ScalarError::new("a SHA-256 hash is 64 hexadecimal digits in lower case");
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            let lower = text.to_ascii_lowercase();
            return Err(if Self::parse(&lower).is_ok() { wrong().suggest(lower) } else { wrong() });
        }
        if text.len() != 2 * BYTES || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(
                wrong().help("`sha256sum` prints that of a file, and `gw apikey new` that of a key that it makes")
            );
        }
        let mut hash = [0; BYTES];
        for (index, to) in hash.iter_mut().enumerate() {
            *to = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Self(hash))
    }
}

scalar!(Sha256);

#[cfg(test)]
mod tests {
    use super::{Scalar, Sha256};

    #[test]
    fn hashes_are_read_shown_and_made() {
        let foo = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";
        assert_eq!(Sha256::of(b"foo").to_string(), foo);
        assert!(Sha256::parse(foo).unwrap().equals(&Sha256::of(b"foo")) && !Sha256::of(b"").equals(&Sha256::of(b"a")));
        assert_eq!(Sha256::parse(&foo.to_uppercase()).unwrap_err().suggestion.as_deref(), Some(foo));
        for wrong in ["", "2c26", &"g".repeat(64), &"é".repeat(32), &"+f".repeat(32)] {
            assert!(Sha256::parse(wrong).is_err(), "{wrong}");
        }
    }
}
