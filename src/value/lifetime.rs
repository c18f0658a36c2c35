//! How long others keep what they are told: `365d`, or `0s` to have them forget it.

use std::fmt;

use crate::value::duration::Duration;
use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// A length of time that may be none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime(Option<Duration>);

impl Lifetime {
    /// A length of whole seconds, more than zero.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Some(Duration::from_secs(seconds)))
    }

    /// None.
    pub const fn none() -> Self {
        Self(None)
    }

    /// The same for the standard library.
    pub fn get(self) -> std::time::Duration {
        self.0.map_or(std::time::Duration::ZERO, Duration::get)
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(time) => time.fmt(f),
            None => f.write_str("0s"),
        }
    }
}

impl Scalar for Lifetime {
    const FORMAT: &'static str = "gw-lifetime";
    const DESCRIPTION: &'static str =
        "A length of time: a whole number and one of `ms`, `s`, `m`, `h`, `d`, such as `365d`, or `0s` for none.";
    const EXAMPLES: &'static [&'static str] = &["365d", "1h", "0s"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        if text == "0s" { Ok(Self(None)) } else { Duration::parse(text).map(Some).map(Self) }
    }
}

scalar!(Lifetime);

#[cfg(test)]
mod tests {
    use super::{Lifetime, Scalar};

    #[test]
    fn none_is_a_lifetime_too() {
        for (text, seconds) in [("0s", 0), ("1d", 86_400)] {
            let lifetime = Lifetime::parse(text).unwrap();
            assert_eq!((lifetime.get().as_secs(), lifetime.to_string().as_str()), (seconds, text));
        }
        assert!(["0", "", "-1s"].iter().all(|text| Lifetime::parse(text).is_err()));
    }
}
