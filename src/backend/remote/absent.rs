//! What was asked for and is not there: remembered for a short while, so that nobody is asked again and again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The most paths that are remembered, and the longest of them in bytes.
const LIMITS: (usize, usize) = (10_000, 1024);

/// Paths that are not there.
#[derive(Default)]
pub struct Absent(Mutex<HashMap<Box<str>, Instant>>);

impl Absent {
    /// Whether a path was found not to be there, no longer ago than this.
    pub fn holds(&self, path: &str, within: Duration) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(path).is_some_and(|since| since.elapsed() < within)
    }

    /// Notes that a path is not there.
    pub fn note(&self, path: &str, within: Duration) {
        if path.len() > LIMITS.1 {
            return;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= LIMITS.0 {
            known.retain(|_, since| since.elapsed() < within);
        }
        if known.len() < LIMITS.0 {
            known.insert(path.into(), Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Absent, LIMITS};

    #[test]
    fn what_is_not_there_is_remembered_within_bounds() {
        let (absent, hour) = (Absent::default(), Duration::from_hours(1));
        absent.note("a", hour);
        assert!(absent.holds("a", hour) && !absent.holds("b", hour) && !absent.holds("a", Duration::ZERO));
        (0..=LIMITS.0).for_each(|n| absent.note(&n.to_string(), hour));
        assert!(!absent.holds(&LIMITS.0.to_string(), hour));
        absent.note("c", Duration::ZERO);
        absent.note(&"x".repeat(LIMITS.1 + 1), hour);
        assert!(absent.holds("c", hour) && !absent.holds(&"x".repeat(LIMITS.1 + 1), hour));
    }
}
