//! Lengths of time: `250ms`, `30s`, `5m`, `1h`, `1d`.

use std::fmt;

use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// A length of time of at least a millisecond, written as one number and a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Duration(u64);

/// The units with their milliseconds, the largest first.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

impl Duration {
    /// A length of whole seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds * 1000)
    }

    /// A length of whole milliseconds.
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self(milliseconds)
    }

    /// The same for the standard library.
    pub const fn get(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, size) = UNITS.iter().find(|(_, size)| self.0.is_multiple_of(*size)).unwrap_or(&("ms", 1));
        write!(f, "{}{unit}", self.0 / size)
    }
}

impl Scalar for Duration {
    const FORMAT: &'static str = "gw-duration";
    const DESCRIPTION: &'static str =
        "A length of time: a whole number and one of `ms`, `s`, `m`, `h`, `d`, such as `30s`; more than zero.";
    const EXAMPLES: &'static [&'static str] = &["30s", "250ms", "5m", "1h", "1d"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let wrong =
            || ScalarError::new("a length of time is a whole number and a unit").help("write for example `30s`");
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let Some((_, size)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(match unit.trim() {
                "" if number > 0 => wrong().suggest(format!("{number}s")),
                other => wrong().help("the units are `ms`, `s`, `m`, `h` and `d`").suggest_unit(number, other),
            });
        };
        match number.checked_mul(*size).filter(|ms| *ms <= MAX) {
            Some(0) => {
                Err(ScalarError::new("a length of time is more than zero").help("leave the field out for its default"))
            }
            Some(ms) => Ok(Self(ms)),
            None => Err(ScalarError::new("a length of time is at most 10 years")),
        }
    }
}

const MAX: u64 = 3_650 * 86_400_000;

impl ScalarError {
    fn suggest_unit(self, number: u64, typed: &str) -> Self {
        let first = typed.trim_start().to_ascii_lowercase();
        let unit = match first.as_str() {
            "sec" | "secs" | "second" | "seconds" | "s" => "s",
            "min" | "mins" | "minute" | "minutes" => "m",
            "hour" | "hours" | "hr" | "h" => "h",
            "day" | "days" | "d" => "d",
            "millis" | "milliseconds" | "msec" | "ms" => "ms",
            _ => return self,
        };
        self.suggest(format!("{number}{unit}"))
    }
}

scalar!(Duration);

#[cfg(test)]
mod tests {
    use super::{Duration, Scalar};

    #[test]
    fn reads_and_writes_the_largest_unit() {
        for (text, shown) in [("30s", "30s"), ("60s", "1m"), ("1500ms", "1500ms"), ("24h", "1d")] {
            assert_eq!(Duration::parse(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn says_what_to_write_instead() {
        let suggestion = |text| Duration::parse(text).unwrap_err().suggestion;
        assert_eq!(suggestion("30"), Some("30s".into()));
        assert_eq!(suggestion("5 minutes"), Some("5m".into()));
        assert!(["", "s", "1.5s", "-1s", "0s", "99999999999d", "1h30m"].iter().all(|t| Duration::parse(t).is_err()));
    }
}
