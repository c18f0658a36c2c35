//! Times of day, as `08:30`.

use std::fmt;

use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// A time of day in whole minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimeOfDay {
    hour: i8,
    minute: i8,
}

impl TimeOfDay {
    /// The hour, from 0 to 23, and the minute.
    pub fn parts(self) -> (i8, i8) {
        (self.hour, self.minute)
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

impl Scalar for TimeOfDay {
    const FORMAT: &'static str = "gw-time-of-day";
    const DESCRIPTION: &'static str = "A time of day: hours and minutes, from `00:00` to `23:59`.";
    const EXAMPLES: &'static [&'static str] = &["08:30", "18:00"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        let wrong = || ScalarError::new("a time of day has hours and minutes, such as `08:30`");
        let number = |part: &str, below: i8| {
            let is_number = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
            part.parse::<i8>().ok().filter(|n| is_number && *n < below)
        };
        let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
        match (number(hour, 24), number(minute, 60)) {
            (Some(hour), Some(minute)) => Ok(Self { hour, minute }),
            _ if text == "24:00" => Err(wrong().suggest("00:00")),
            _ => Err(wrong()),
        }
    }
}

scalar!(TimeOfDay);

#[cfg(test)]
mod tests {
    use super::{Scalar, TimeOfDay};

    #[test]
    fn times_are_hours_and_minutes() {
        for right in ["00:00", "08:30", "23:59"] {
            assert_eq!(TimeOfDay::parse(right).unwrap().to_string(), right);
        }
        assert!(
            ["", "8:30", "08:60", "24:00", "08:30:00", "+8:30", "08.30"].iter().all(|t| TimeOfDay::parse(t).is_err())
        );
    }
}
