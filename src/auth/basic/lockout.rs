//! Who guesses passwords is slowed down and then locked out: by the user, by the address, and by both together.

use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use crate::pipeline::recent::Recent;

/// How many users, addresses and pairs of them are remembered.
const REMEMBERED: usize = 1 << 15;

/// A user from everywhere, and an address for all users, may fail so many times as often as one user from one address: an office behind one
/// address mistypes more than one of its people, and nobody can lock a user out everywhere with a few requests.
const WIDER: u32 = 10;

/// After so many failures of a user from an address each further one is answered later and later.
const PATIENT: u32 = 2;
const FIRST_DELAY: Duration = Duration::from_millis(100);
const MAX_DOUBLINGS: u32 = 4;

/// Failures that are not forgiven yet.
pub struct Lockout {
    pairs: Recent<(Box<str>, IpAddr), u32>,
    users: Recent<Box<str>, u32>,
    addresses: Recent<IpAddr, u32>,
}

/// How much is forgiven.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// So many failures of a user from an address.
    pub failures: u32,
    /// They are forgiven so long after the last one.
    pub period: Duration,
}

impl Default for Lockout {
    fn default() -> Self {
        Self { pairs: Recent::new(REMEMBERED), users: Recent::new(REMEMBERED), addresses: Recent::new(REMEMBERED) }
    }
}

impl Lockout {
    /// Counts an attempt as failed, for many may be made at once; and says how long its failure is to be held back.
    ///
    /// # Errors
    /// How long nobody may try, in whole seconds.
    pub fn attempt(&self, user: &str, ip: IpAddr, limits: Limits, now: Instant) -> Result<Duration, u32> {
        let ip = network(ip);
        let pair = (Box::from(user), ip);
        let wider = limits.failures.saturating_mul(WIDER);
        let counts = [
            (self.pairs.get(&pair, now), limits.failures),
            (self.users.get(user, now), wider),
            (self.addresses.get(&ip, now), wider),
        ];
        let ends = counts.iter().filter_map(|(count, limit)| count.filter(|(count, _)| count >= limit));
        if let Some(end) = ends.map(|(_, end)| end).max() {
            let seconds = end.saturating_duration_since(now).as_secs() + 1;
            return Err(u32::try_from(seconds).unwrap_or(u32::MAX));
        }
        let end = now + limits.period;
        let mut failures = 1;
        let more = |count: Option<u32>| (count.unwrap_or(0).saturating_add(1), end);
        self.pairs.change(pair, now, |count| {
            failures = more(count).0;
            more(count)
        });
        self.users.change(user.into(), now, more);
        self.addresses.change(ip, now, more);
        Ok(delay(failures))
    }

    /// The attempt was right after all.
    pub fn succeeded(&self, user: &str, ip: IpAddr, limits: Limits, now: Instant) {
        let ip = network(ip);
        let end = now + limits.period;
        let less = |count: Option<u32>| (count.unwrap_or(0).saturating_sub(1), end);
        self.pairs.forget(&(Box::from(user), ip));
        self.users.change(user.into(), now, less);
        self.addresses.change(ip, now, less);
    }
}

fn delay(failures: u32) -> Duration {
    match failures.checked_sub(PATIENT + 1) {
        None => Duration::ZERO,
        Some(doublings) => FIRST_DELAY * 2_u32.pow(doublings.min(MAX_DOUBLINGS)),
    }
}

/// Whoever has an IPv6 address has all of its /64.
fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => {
            v6.to_ipv4_mapped().map_or_else(|| Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(), Into::into)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::{Duration, Instant};

    use super::{Limits, Lockout, WIDER, delay};

    const LIMITS: Limits = Limits { failures: 3, period: Duration::from_mins(1) };

    fn ip(last: u16) -> IpAddr {
        format!("2001:db8:0:{last:x}::1").parse().unwrap()
    }

    #[test]
    fn a_user_from_one_address_is_locked_out_and_forgiven() {
        let (lockout, start) = (Lockout::default(), Instant::now());
        let attempt =
            |user: &str, from, after| lockout.attempt(user, ip(from), LIMITS, start + Duration::from_secs(after));
        for _ in 0..3 {
            assert!(attempt("ada", 1, 0).is_ok());
        }
        assert_eq!(attempt("ada", 1, 10), Err(51));
        assert!(attempt("ada", 2, 10).is_ok(), "from elsewhere");
        assert!(attempt("bob", 1, 10).is_ok(), "somebody else");
        let near: IpAddr = "2001:db8:0:1:ffff::".parse().unwrap();
        assert!(lockout.attempt("ada", near, LIMITS, start).is_err(), "the same network");
        assert!(attempt("ada", 1, 60).is_ok(), "forgiven");
    }

    #[test]
    fn who_succeeds_is_forgiven() {
        let (lockout, now) = (Lockout::default(), Instant::now());
        for _ in 0..20 {
            assert_eq!(lockout.attempt("ada", ip(1), LIMITS, now), Ok(Duration::ZERO));
            lockout.succeeded("ada", ip(1), LIMITS, now);
        }
    }

    #[test]
    fn guessing_from_everywhere_and_for_everybody_ends_too() {
        let (lockout, now) = (Lockout::default(), Instant::now());
        let limit = u16::try_from(LIMITS.failures * WIDER).unwrap();
        let from_everywhere = (0..=limit).filter(|from| lockout.attempt("ada", ip(*from), LIMITS, now).is_ok());
        assert_eq!(from_everywhere.count(), usize::from(limit));
        let for_everybody = (0..=limit).filter(|n| lockout.attempt(&format!("user{n}"), ip(999), LIMITS, now).is_ok());
        assert_eq!(for_everybody.count(), usize::from(limit));
    }

    #[test]
    fn failures_are_answered_later_and_later() {
        assert_eq!([1, 2, 3, 4, 99].map(|n| delay(n).as_millis()), [0, 0, 100, 200, 1600]);
    }
}
