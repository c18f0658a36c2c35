//! Moments: a day, which means its 00:00 UTC, or a time with its offset (RFC 3339).

use std::fmt;

use jiff::Timestamp;

use crate::value::date::Date;
use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// A moment, as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Moment {
    seconds: i64,
    text: Box<str>,
}

impl Moment {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub fn seconds(&self) -> i64 {
        self.seconds
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Scalar for Moment {
    const FORMAT: &'static str = "gw-moment";
    const DESCRIPTION: &'static str =
        "A moment: a day, which means 00:00 UTC of it, or a time with its offset (RFC 3339).";
    const EXAMPLES: &'static [&'static str] = &["2027-06-30", "2027-06-30T12:00:00Z"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        let written = if text.len() <= "2027-06-30".len() {
            format!("{}T00:00:00Z", Date::parse(text)?)
        } else {
            text.to_owned()
        };
        let moment: Timestamp = written.parse().map_err(|_| {
            ScalarError::new("a moment is a day such as `2027-06-30`, or a time such as `2027-06-30T12:00:00Z`")
        })?;
        Ok(Self { seconds: moment.as_second(), text: text.into() })
    }
}

scalar!(Moment);

#[cfg(test)]
mod tests {
    use super::{Moment, Scalar};

    #[test]
    fn days_and_times_are_moments() {
        for (text, seconds) in [
            ("1970-01-02", 86_400),
            ("2027-01-01", 1_798_761_600),
            ("2027-01-01T01:00:00+01:00", 1_798_761_600),
            ("2026-12-31T23:59:59Z", 1_798_761_599),
        ] {
            let moment = Moment::parse(text).unwrap();
            assert_eq!((moment.seconds(), moment.to_string()), (seconds, text.to_owned()));
        }
        for wrong in ["", "2027-13-01", "tomorrow", "2027-01-01T00:00:00", "2027-01-01 00:00"] {
            assert!(Moment::parse(wrong).is_err(), "{wrong}");
        }
    }
}
