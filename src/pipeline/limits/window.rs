//! One limit over time, what is remembered of it for a subject, and the decision over several of them: all, or nothing.

use smallvec::SmallVec;

use crate::pipeline::limits::calendar::Cycle;
use crate::pipeline::limits::gcra::Pace;
use crate::value::time_zone::TimeZone;

/// A limit over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// By what its counts are found, and what clients read: `1s`, `day`, `month`.
    pub name: Box<str>,
    /// What it counts.
    pub measure: Measure,
}

/// What a window counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Requests at a pace.
    Rate(Pace),
    /// Requests in a period of the calendar.
    Quota {
        /// The period.
        cycle: Cycle,
        /// The most requests in one.
        limit: u64,
        /// Whose calendar.
        zone: TimeZone,
    },
}

/// What is remembered of a window for a subject. All zeros is the same as nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// The theoretical arrival time of a rate, or the number of the period of a quota.
    pub at: u64,
    /// The requests in that period; nothing for a rate.
    pub count: u64,
}

/// The marks of several windows.
pub type Marks = SmallVec<[Mark; 3]>;

impl Window {
    /// Whether it is a quota, whose counts are kept over restarts.
    pub fn is_quota(&self) -> bool {
        matches!(self.measure, Measure::Quota { .. })
    }

    /// The most requests at once, or in a period.
    pub fn limit(&self) -> u64 {
        match &self.measure {
            Measure::Rate(pace) => pace.burst(),
            Measure::Quota { limit, .. } => *limit,
        }
    }

    /// The mark, unless it lies further ahead than the clock can have brought it: then as far as it can.
    fn put_back(&self, mark: Mark, now: u64) -> Mark {
        match &self.measure {
            Measure::Rate(pace) => Mark { at: mark.at.min(now.saturating_add(pace.span())), ..mark },
            Measure::Quota { cycle, zone, .. } => {
                let current = u64::from(cycle.period(zone.rules(), now));
                if mark.at > current + 1 { Mark { at: current, ..mark } } else { mark }
            }
        }
    }

    /// How many requests may come now.
    pub fn room(&self, mark: Mark, now: u64) -> u64 {
        match &self.measure {
            Measure::Rate(pace) => pace.room(mark.at, now),
            Measure::Quota { cycle, limit, zone } => {
                limit.saturating_sub(settle(mark, cycle.period(zone.rules(), now)).count)
            }
        }
    }

    /// The mark after so many requests, for which there is room.
    pub fn after(&self, mark: Mark, now: u64, taken: u32) -> Mark {
        match &self.measure {
            Measure::Rate(pace) => Mark { at: pace.after(mark.at, now, taken), count: 0 },
            Measure::Quota { cycle, zone, .. } => {
                let settled = settle(mark, cycle.period(zone.rules(), now));
                Mark { count: settled.count + u64::from(taken), ..settled }
            }
        }
    }

    /// The nanoseconds until there is room for a request.
    pub fn wait(&self, mark: Mark, now: u64) -> u64 {
        match &self.measure {
            Measure::Rate(pace) => pace.wait(mark.at, now),
            Measure::Quota { .. } if self.room(mark, now) > 0 => 0,
            Measure::Quota { .. } => self.reset(mark, now),
        }
    }

    /// The nanoseconds until all of it is there again.
    pub fn reset(&self, mark: Mark, now: u64) -> u64 {
        match &self.measure {
            Measure::Rate(pace) => pace.ahead(mark.at, now),
            Measure::Quota { .. } => self.end(mark, now).saturating_sub(now),
        }
    }

    /// When the mark means nothing any more, in nanoseconds since 1970.
    pub fn end(&self, mark: Mark, now: u64) -> u64 {
        match &self.measure {
            Measure::Rate(_) => mark.at,
            Measure::Quota { cycle, zone, .. } => {
                let period = settle(mark, cycle.period(zone.rules(), now)).at;
                cycle.begin(zone.rules(), u32::try_from(period).unwrap_or(u32::MAX).saturating_add(1))
            }
        }
    }

    /// How long it is, in whole seconds, as far as that is fixed.
    pub fn seconds(&self) -> u64 {
        match &self.measure {
            Measure::Rate(pace) => pace.span().div_ceil(1_000_000_000),
            Measure::Quota { cycle: Cycle::Day, .. } => 86_400,
            Measure::Quota { cycle: Cycle::Month, .. } => 30 * 86_400,
        }
    }
}

/// The mark of a quota as of a period.
///
/// A count lasts for its period, and for the one before: where clocks or time zones differ, the later one is counted on in, so that
/// nothing that was counted is forgotten at midnight. What lies further ahead was counted by a wrong clock, and is put back.
fn settle(mark: Mark, current: u32) -> Mark {
    let current = u64::from(current);
    if mark.at < current { Mark { at: current, count: 0 } } else { mark }
}

/// What was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taking {
    /// How many were taken from each window.
    pub taken: u32,
    /// Whether a mark was put back because the clock was: it has to be kept also where nothing was taken.
    pub put_back: bool,
}

/// Takes as many as are wanted from each window, or as many as there is room for in all of them. Where none is taken, nothing is
/// counted.
pub fn take(windows: &[Window], marks: &mut [Mark], now: u64, wanted: u32) -> Taking {
    let mut put_back = false;
    for (window, mark) in windows.iter().zip(&mut *marks) {
        let back = window.put_back(*mark, now);
        put_back |= back != *mark;
        *mark = back;
    }
    let rooms = windows.iter().zip(&*marks).map(|(window, mark)| window.room(*mark, now));
    let least = rooms.min().unwrap_or(u64::MAX);
    let taken = wanted.min(u32::try_from(least).unwrap_or(u32::MAX));
    if taken > 0 {
        for (window, mark) in windows.iter().zip(marks) {
            *mark = window.after(*mark, now, taken);
        }
    }
    Taking { taken, put_back }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::{Mark, Measure, Taking, Window, take};
    use crate::pipeline::limits::calendar::Cycle;
    use crate::pipeline::limits::gcra::Pace;
    use crate::value::Scalar as _;
    use crate::value::time_zone::TimeZone;

    fn nanos(text: &str) -> u64 {
        u64::try_from(text.parse::<Timestamp>().unwrap().as_nanosecond()).unwrap()
    }

    fn daily(limit: u64, zone: &str) -> Window {
        let zone = TimeZone::parse(zone).unwrap();
        Window { name: "day".into(), measure: Measure::Quota { cycle: Cycle::Day, limit, zone } }
    }

    /// The count of a day after one request at each of these moments.
    fn counts(steps: &[(&str, &str)]) -> Vec<u64> {
        let mut mark = [Mark::default()];
        let mut count = |(zone, now): &(&str, &str)| {
            assert_eq!(take(&[daily(10, zone)], &mut mark, nanos(now), 1).taken, 1);
            mark[0].count
        };
        steps.iter().map(&mut count).collect()
    }

    #[test]
    fn counts_begin_anew_with_a_period_and_are_never_forgotten_within_one() {
        let (utc, paris) = ("UTC", "Europe/Paris");
        for (name, steps, expected) in [
            ("a day ends", &[(utc, "2026-11-30T23:59:59Z"), (utc, "2026-12-01T00:00:00Z")][..], &[1, 1][..]),
            (
                "the clock is put back over midnight",
                &[(utc, "2026-12-01T00:00:00Z"), (utc, "2026-11-30T23:59:58Z"), (utc, "2026-12-01T00:00:01Z")],
                &[1, 2, 3],
            ),
            (
                "the clock was a year ahead",
                &[(utc, "2027-12-01T00:00:00Z"), (utc, "2026-12-01T00:00:00Z"), (utc, "2026-12-02T00:00:00Z")],
                &[1, 2, 1],
            ),
            ("another time zone, behind", &[(paris, "2026-11-30T23:30:00Z"), (utc, "2026-11-30T23:31:00Z")], &[1, 2]),
            ("another time zone, ahead", &[(utc, "2026-11-30T22:30:00Z"), (paris, "2026-11-30T22:31:00Z")], &[1, 2]),
        ] {
            assert_eq!(counts(steps), expected, "{name}");
        }
    }

    #[test]
    fn a_clock_that_is_put_back_costs_no_more_than_what_is_allowed_at_once() {
        let pace = Pace::new(1, Duration::from_secs(1), 2).unwrap();
        for window in [Window { name: "1s".into(), measure: Measure::Rate(pace) }, daily(2, "UTC")] {
            let (mut mark, late) = ([Mark::default()], nanos("2027-11-30T12:00:00Z"));
            assert_eq!(take(std::slice::from_ref(&window), &mut mark, late, 9).taken, 2);
            let now = nanos("2026-11-30T12:00:00Z");
            let back = take(std::slice::from_ref(&window), &mut mark, now, 1);
            assert_eq!(back, Taking { taken: 0, put_back: true });
            let wait = window.wait(mark[0], now);
            assert!(wait <= 86_400_000_000_000, "{wait}");
            assert_eq!(take(std::slice::from_ref(&window), &mut mark, now + wait, 1).taken, 1);
        }
    }

    #[test]
    fn a_call_that_one_window_refuses_takes_from_none() {
        let pace = Pace::new(5, Duration::from_secs(1), 5).unwrap();
        let windows = [Window { name: "1s".into(), measure: Measure::Rate(pace) }, daily(2, "UTC")];
        let (mut marks, now) = ([Mark::default(); 2], nanos("2026-11-30T12:00:00Z"));
        assert_eq!([1, 1].map(|wanted| take(&windows, &mut marks, now, wanted).taken), [1, 1]);
        let before = marks;
        assert_eq!((take(&windows, &mut marks, now, 1), marks), (Taking { taken: 0, put_back: false }, before));
        assert_eq!((windows[0].wait(marks[0], now), windows[1].wait(marks[1], now)), (0, 43_200 * 1_000_000_000));
        let mut fresh = [Mark::default(); 2];
        assert_eq!((take(&windows, &mut fresh, now, 9).taken, fresh[1].count), (2, 2), "as many as there is room for");
    }
}
