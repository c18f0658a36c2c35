//! Days and months of a time zone, as numbers: which one a moment lies in, and when one begins.
//!
//! A period is known by its date and not by the moment at which it begins, so that another time zone for a quota does not begin a
//! new count in the middle of a day.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// How often a count begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cycle {
    /// At the beginning of each day.
    Day,
    /// At the beginning of each month.
    Month,
}

/// The first day that is numbered.
const FIRST: Date = Date::constant(1970, 1, 1);

impl Cycle {
    /// The number of the period in which a moment lies, in nanoseconds since 1970: days since then, or months since the year 0.
    pub fn period(self, zone: &TimeZone, now: u64) -> u32 {
        let date = zone.to_datetime(timestamp(now)).date();
        let number = match self {
            Self::Day => date.duration_since(FIRST).as_hours() / 24,
            Self::Month => i64::from(date.year()) * 12 + i64::from(date.month()) - 1,
        };
        u32::try_from(number).unwrap_or(0)
    }

    /// When a period begins, in nanoseconds since 1970.
    pub fn begin(self, zone: &TimeZone, period: u32) -> u64 {
        let date = match self {
            Self::Day => FIRST.checked_add(SignedDuration::from_hours(i64::from(period) * 24)).ok(),
            Self::Month => {
                let (year, month) = (i16::try_from(period / 12), i8::try_from(period % 12 + 1));
                year.ok().zip(month.ok()).and_then(|(year, month)| Date::new(year, month, 1).ok())
            }
        };
        let begin = date.and_then(|date| date.to_zoned(zone.clone()).ok()).map(|zoned| zoned.timestamp());
        begin.map_or(u64::MAX, |begin| u64::try_from(begin.as_nanosecond()).unwrap_or(0))
    }
}

fn timestamp(now: u64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(now)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::Cycle;
    use crate::value::Scalar as _;
    use crate::value::time_zone::TimeZone;

    fn nanos(text: &str) -> u64 {
        u64::try_from(text.parse::<Timestamp>().unwrap().as_nanosecond()).unwrap()
    }

    /// The next begin of a period after a moment.
    fn next(cycle: Cycle, zone: &str, now: &str) -> String {
        let zone = TimeZone::parse(zone).unwrap();
        let period = cycle.period(zone.rules(), nanos(now));
        let (begin, end) = (cycle.begin(zone.rules(), period), cycle.begin(zone.rules(), period + 1));
        assert!((begin..end).contains(&nanos(now)), "{zone} {now}");
        Timestamp::from_nanosecond(i128::from(end)).unwrap().to_string()
    }

    #[test]
    fn periods_end_where_the_calendar_of_the_zone_says() {
        use Cycle::{Day, Month};
        for (cycle, zone, now, end) in [
            (Day, "UTC", "2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z"),
            (Day, "UTC", "2026-11-30T23:59:59.999999999Z", "2026-12-01T00:00:00Z"),
            (Day, "Europe/Paris", "2026-11-30T22:59:59Z", "2026-11-30T23:00:00Z"),
            (Day, "Europe/Paris", "2026-11-30T23:00:00Z", "2026-12-01T23:00:00Z"),
            (Day, "Asia/Kathmandu", "2026-11-30T18:14:59Z", "2026-11-30T18:15:00Z"),
            // days of 23 and of 25 hours
            (Day, "Europe/Paris", "2026-03-29T00:30:00Z", "2026-03-29T22:00:00Z"),
            (Day, "Europe/Paris", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
            // a day without a midnight begins when the clock was put forward
            (Day, "America/Havana", "2026-03-08T04:59:59Z", "2026-03-08T05:00:00Z"),
            // a day that was left out
            (Day, "Pacific/Apia", "2011-12-30T09:00:00Z", "2011-12-30T10:00:00Z"),
            (Month, "UTC", "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z"),
            (Month, "UTC", "2028-02-28T12:00:00Z", "2028-03-01T00:00:00Z"),
            (Day, "UTC", "2028-02-28T12:00:00Z", "2028-02-29T00:00:00Z"),
            (Day, "UTC", "2026-02-28T12:00:00Z", "2026-03-01T00:00:00Z"),
            (Month, "Europe/Paris", "2026-03-31T21:59:59Z", "2026-03-31T22:00:00Z"),
            (Month, "America/New_York", "2026-11-01T03:59:59Z", "2026-11-01T04:00:00Z"),
            (Month, "Pacific/Auckland", "2026-11-30T10:59:59Z", "2026-11-30T11:00:00Z"),
        ] {
            assert_eq!(next(cycle, zone, now), end, "{cycle:?} {zone} {now}");
        }
    }
}
