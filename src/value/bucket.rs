//! Names of buckets of S3 and of what speaks as it does.

use std::fmt;

use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// The most bytes of a name.
const LONGEST: usize = 63;

/// The name of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BucketName(Box<str>);

impl BucketName {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Scalar for BucketName {
    const FORMAT: &'static str = "gw-bucket-name";
    const DESCRIPTION: &'static str =
        "The name of a bucket: 3 to 63 lower-case letters, digits, `-` and `.`, with a letter or a digit at both ends.";
    const EXAMPLES: &'static [&'static str] = &["handbook", "media.example"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        let ok = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let all = text.bytes().all(|byte| ok(&byte) || byte == b'-' || byte == b'.');
        let ends = text.as_bytes().first().is_some_and(ok) && text.as_bytes().last().is_some_and(ok);
        if all && ends && (3..=LONGEST).contains(&text.len()) && !text.contains("..") {
            return Ok(Self(text.into()));
        }
        let error = ScalarError::new("the name of a bucket is 3 to 63 lower-case letters, digits, `-` and `.`");
        let lower = text.to_ascii_lowercase();
        let usable = lower != text && Self::parse(&lower).is_ok();
        Err(if usable { error.suggest(lower) } else { error })
    }
}

scalar!(BucketName);

#[cfg(test)]
mod tests {
    use super::{BucketName, Scalar};

    #[test]
    fn names_are_those_of_s3() {
        assert!(["abc", "a-b.c", "7up", &"a".repeat(63)].iter().all(|name| BucketName::parse(name).is_ok()));
        for bad in ["", "ab", "-abc", "abc.", "a_b", "a..b", "a/b", "a b", &"a".repeat(64)] {
            assert!(BucketName::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(BucketName::parse("Media").unwrap_err().suggestion.as_deref(), Some("media"));
    }
}
