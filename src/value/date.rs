//! Days of the Gregorian calendar, as `2027-06-30` (RFC 3339, full-date).

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// A day. Where it is a moment, that is 00:00 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// The day of a moment, in UTC.
    pub fn of(moment: SystemTime) -> Self {
        let seconds = moment.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let mut day = u32::try_from(seconds / 86_400).unwrap_or(u32::MAX);
        let mut date = Self { year: 1970, month: 1, day: 1 };
        while date.year < u16::MAX && day >= days_of_year(date.year) {
            day -= days_of_year(date.year);
            date.year += 1;
        }
        while date.month < 12 && day >= u32::from(days_of_month(date.year, date.month)) {
            day -= u32::from(days_of_month(date.year, date.month));
            date.month += 1;
        }
        date.day = u8::try_from(day + 1).unwrap_or(1);
        date
    }
}

fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of_year(year: u16) -> u32 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_of_month(year: u16, month: u8) -> u8 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl Scalar for Date {
    const FORMAT: &'static str = "gw-date";
    const DESCRIPTION: &'static str = "A day as year, month and day; where it is a moment, 00:00 UTC of it.";
    const EXAMPLES: &'static [&'static str] = &["2027-06-30"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        let wrong = || ScalarError::new("a date is written as year, month and day, such as `2027-06-30`");
        let is_digits = |part: &str, length: usize| part.len() == length && part.bytes().all(|b| b.is_ascii_digit());
        let parts: Vec<&str> = text.split('-').collect();
        let [year, month, day] = parts.as_slice() else { return Err(wrong()) };
        if !is_digits(year, 4) || !is_digits(month, 2) || !is_digits(day, 2) {
            return Err(wrong());
        }
        let (Ok(year), Ok(month), Ok(day)) = (year.parse(), month.parse(), day.parse()) else { return Err(wrong()) };
        if !(1..=12).contains(&month) {
            return Err(ScalarError::new("a year has 12 months").range(5, 7));
        }
        if day < 1 || day > days_of_month(year, month) {
            let days = days_of_month(year, month);
            return Err(ScalarError::new(format!("this month has {days} days")).range(8, 10));
        }
        Ok(Self { year, month, day })
    }
}

scalar!(Date);

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::{Date, Scalar};

    #[test]
    fn days_are_read_and_shown() {
        for text in ["2027-06-30", "2024-02-29", "0001-01-01"] {
            assert_eq!(Date::parse(text).unwrap().to_string(), text);
        }
        for text in
            ["2027-6-30", "2027-13-01", "2023-02-29", "2027-06-31", "27-06-30", "2027-06-30T00:00", "2027/06/30"]
        {
            assert!(Date::parse(text).is_err(), "{text}");
        }
        assert!(Date::parse("2026-12-31").unwrap() < Date::parse("2027-01-01").unwrap());
    }

    #[test]
    fn a_moment_has_a_day() {
        for (seconds, day) in [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (1_798_761_599, "2026-12-31"),
            (1_798_761_600, "2027-01-01"),
        ] {
            assert_eq!(Date::of(UNIX_EPOCH + Duration::from_secs(seconds)).to_string(), day);
        }
    }
}
