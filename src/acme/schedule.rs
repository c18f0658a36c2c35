//! When a certificate is ordered, and when again after a failure. Pure: moments and dice come from outside.

use std::time::{Duration, SystemTime};

use crate::acme::trouble::Trouble;

/// What is known of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// From when on it is valid.
    pub begins: SystemTime,
    /// When it expires.
    pub expires: SystemTime,
}

/// When the authority would like it to be renewed (RFC 9773, 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Not before.
    pub start: SystemTime,
    /// Not after.
    pub end: SystemTime,
}

/// The youngest certificate that an authority's advice replaces, so that bad advice doesn't order without end.
const YOUNGEST: Duration = Duration::from_hours(24);

/// When the next certificate is ordered: at a moment within the window, else a while before the end, each a little earlier than the
/// other so that not all are ordered at once. `dice` is from 0 to 1.
pub fn renewal(term: Term, window: Option<Window>, before: Option<Duration>, dice: f64) -> SystemTime {
    let lifetime = term.expires.duration_since(term.begins).unwrap_or_default();
    let Some(Window { start, end }) = window else {
        let before = before.unwrap_or(lifetime / 3).min(lifetime * 2 / 3);
        return term.expires - before - (lifetime / 50).mul_f64(dice);
    };
    let picked = start + end.duration_since(start).unwrap_or_default().mul_f64(dice);
    let (soonest, latest) = (term.begins + YOUNGEST.min(lifetime / 3), term.expires - lifetime / 10);
    picked.clamp(soonest, latest)
}

/// How long nothing is ordered after a failure: longer each time up to a ceiling, and never less than the authority advises.
pub fn pause(trouble: &Trouble, failures: u32, advised: Option<Duration>, dice: f64) -> Duration {
    let (first, ceiling) = match trouble {
        // nobody is bothered by it
        Trouble::Unreachable(_) | Trouble::Store(_) => (Duration::from_secs(5), Duration::from_hours(1)),
        Trouble::Busy => return Duration::from_secs(1),
        // authorities count these: Let's Encrypt lets five an hour fail
        Trouble::Refused(_) | Trouble::Late | Trouble::Unusable(_) => {
            (Duration::from_mins(5), Duration::from_hours(12))
        }
    };
    let pause = first.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(ceiling);
    let advised = advised.unwrap_or_default().min(LONGEST_ADVICE);
    pause.mul_f64(0.8 + 0.4 * dice).max(advised)
}

/// The longest advice to wait that is heeded.
const LONGEST_ADVICE: Duration = Duration::from_hours(7 * 24);

/// When the authority is asked again for the window, as it says itself within bounds (RFC 9773, 4.3.2).
pub fn ask_again(after: Duration) -> Duration {
    after.clamp(Duration::from_mins(1), Duration::from_hours(24))
}

/// When it is asked again that gave no window.
pub const ASK_LATER: Duration = Duration::from_hours(6);

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{Term, Window, ask_again, pause, renewal};
    use crate::acme::trouble::Trouble;

    const DAY: u64 = 24;

    fn hour(hours: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_hours(1000 + hours)
    }

    fn hours(moment: SystemTime) -> u64 {
        moment.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() / 3600 - 1000
    }

    #[test]
    fn the_next_one_is_ordered_in_time() {
        let window = |start, end| Some(Window { start: hour(start), end: hour(end) });
        let before = |days: u64| Some(Duration::from_hours(days * DAY));
        let (long, short) = (90 * DAY, 6 * DAY);
        for (lifetime, window, before, dice, expected) in [
            // a third before the end, and a little earlier
            (long, None, None, 0.0, 60 * DAY),
            (long, None, None, 0.5, 60 * DAY - 22),
            (short, None, None, 0.0, 4 * DAY),
            // as the manifest says, as far as that leaves something
            (long, None, before(10), 0.0, 80 * DAY),
            (long, None, before(200), 0.0, 30 * DAY),
            // as the authority advises, whatever the manifest says
            (long, window(50 * DAY, 52 * DAY), before(10), 0.0, 50 * DAY),
            (long, window(50 * DAY, 52 * DAY), None, 0.5, 51 * DAY),
            // a window that is past means now, but not for what was just issued
            (long, window(0, 0), None, 0.5, DAY),
            (short, window(0, 0), None, 0.5, DAY),
            // and advice to wait for the end is not heeded
            (long, window(95 * DAY, 99 * DAY), None, 0.5, 81 * DAY),
            // nonsense
            (long, window(52 * DAY, 50 * DAY), None, 0.5, 52 * DAY),
        ] {
            let term = Term { begins: hour(0), expires: hour(lifetime) };
            assert_eq!(hours(renewal(term, window, before, dice)), expected, "{window:?} {before:?} {dice}");
        }
    }

    #[test]
    fn failures_are_further_and_further_apart() {
        let (refused, away) = (Trouble::Refused(String::new()), Trouble::Unreachable(String::new()));
        let seconds = |trouble, failures, advised: Option<u64>, dice| {
            pause(trouble, failures, advised.map(Duration::from_secs), dice).as_secs()
        };
        for (trouble, failures, advised, dice, expected) in [
            (&refused, 1, None, 0.5, 300),
            (&refused, 2, None, 0.5, 600),
            (&refused, 5, None, 0.5, 4800),
            (&refused, 1, None, 0.0, 240),
            (&refused, 1, None, 1.0, 360),
            (&refused, 9, None, 0.5, 12 * 3600),
            (&refused, u32::MAX, None, 0.5, 12 * 3600),
            (&refused, 1, Some(7200), 0.5, 7200),
            (&refused, 9, Some(7200), 0.5, 12 * 3600),
            (&refused, 1, Some(u64::MAX), 0.5, 7 * 24 * 3600),
            (&away, 1, None, 0.5, 5),
            (&away, 4, None, 0.5, 40),
            (&away, 99, None, 0.5, 3600),
            (&Trouble::Busy, 3, None, 0.5, 1),
        ] {
            assert_eq!(seconds(trouble, failures, advised, dice), expected, "{trouble} {failures} {advised:?} {dice}");
        }
    }

    #[test]
    fn the_authority_is_asked_neither_always_nor_never() {
        for (advised, expected) in [(0, 60), (21_600, 21_600), (u64::MAX, 86_400)] {
            assert_eq!(ask_again(Duration::from_secs(advised)).as_secs(), expected);
        }
    }
}
