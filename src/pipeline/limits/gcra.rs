//! A rate with a burst, by the generic cell rate algorithm (ITU-T I.371, annex A), in whole nanoseconds.
//!
//! All that is remembered is one moment, the theoretical arrival time: when everything that was let through so far would have
//! arrived, had it come at an even pace. Each request moves it on by one interval, and it may lie ahead of the clock by the span of a burst.

use std::time::Duration;

/// The longest span of a burst. Scripts of Redis count exactly up to 2^53 nanoseconds, which is 104 days.
pub const LONGEST_SPAN: Duration = Duration::from_hours(90 * 24);

/// A rate with its burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The nanoseconds from one request to the next.
    interval: u64,
    /// The most requests at once.
    burst: u64,
}

impl Pace {
    /// So many requests per length of time, and so many at once; `None` if a burst would take longer than [`LONGEST_SPAN`] to come
    /// in again, or the interval is shorter than a nanosecond.
    pub fn new(requests: u32, per: Duration, burst: u32) -> Option<Self> {
        let interval = u64::try_from(per.as_nanos().checked_div(u128::from(requests))?).ok().filter(|ns| *ns > 0)?;
        let span = interval.checked_mul(u64::from(burst))?;
        (burst > 0 && u128::from(span) <= LONGEST_SPAN.as_nanos()).then_some(Self { interval, burst: u64::from(burst) })
    }

    /// The nanoseconds from one request to the next.
    pub fn interval(self) -> u64 {
        self.interval
    }

    /// The most requests at once.
    pub fn burst(self) -> u64 {
        self.burst
    }

    /// How far the theoretical arrival time may lie ahead of the clock.
    pub fn span(self) -> u64 {
        self.interval * self.burst
    }

    /// How far it lies ahead. Further than a burst it cannot be, unless the clock was put back: then it counts as a whole burst, so
    /// that nobody waits for longer.
    pub fn ahead(self, arrival: u64, now: u64) -> u64 {
        arrival.saturating_sub(now).min(self.span())
    }

    /// How many requests may come now.
    pub fn room(self, arrival: u64, now: u64) -> u64 {
        (self.span() - self.ahead(arrival, now)) / self.interval
    }

    /// The theoretical arrival time after so many requests, for which there is room.
    pub fn after(self, arrival: u64, now: u64, taken: u32) -> u64 {
        now.saturating_add(self.ahead(arrival, now)).saturating_add(self.interval * u64::from(taken))
    }

    /// The nanoseconds until there is room for a request.
    pub fn wait(self, arrival: u64, now: u64) -> u64 {
        (self.ahead(arrival, now) + self.interval).saturating_sub(self.span())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Pace;

    const SECOND: u64 = 1_000_000_000;

    /// Which of the requests at these milliseconds get through.
    fn through(pace: Pace, moments: &[u64]) -> Vec<bool> {
        let (base, mut arrival) = (1_000 * SECOND, 0);
        let mut ask = |ms: u64| {
            let now = base + ms * 1_000_000;
            let fits = pace.room(arrival, now) > 0;
            assert_eq!(pace.wait(arrival, now) == 0, fits);
            if fits {
                arrival = pace.after(arrival, now, 1);
            }
            fits
        };
        moments.iter().map(|ms| ask(*ms)).collect()
    }

    #[test]
    fn bursts_come_in_again_at_the_pace() {
        let pace = Pace::new(2, Duration::from_secs(1), 3).unwrap();
        for (moments, expected) in [
            (&[0, 0, 0, 0][..], &[true, true, true, false][..]),
            (&[0, 0, 0, 499, 500, 500], &[true, true, true, false, true, false]),
            (&[0, 0, 0, 1500, 1500, 1500, 1500], &[true, true, true, true, true, true, false]),
            // refused ones cost nothing
            (&[0, 0, 0, 1, 2, 3, 4, 500], &[true, true, true, false, false, false, false, true]),
        ] {
            assert_eq!(through(pace, moments), expected, "{moments:?}");
        }
    }

    #[test]
    fn a_clock_that_is_put_forward_brings_all_back() {
        let pace = Pace::new(1, Duration::from_secs(1), 2).unwrap();
        assert_eq!(through(pace, &[0, 0, 900_000, 900_000, 900_000]), [true, true, true, true, false]);
    }

    #[test]
    fn what_cannot_be_counted_is_no_pace() {
        let pace = |requests, per, burst| Pace::new(requests, Duration::from_millis(per), burst);
        assert!(pace(1_000_000, 1, 1_000_000).is_some_and(|pace| pace.interval() == 1));
        assert!(pace(1_000_001, 1, 1).is_none() && pace(1, 1000, 0).is_none() && pace(0, 1000, 1).is_none());
        assert!(pace(1, 86_400_000, 90).is_some() && pace(1, 86_400_000, 91).is_none());
    }
}
