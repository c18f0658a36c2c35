//! Whether a request is sent again, and when. Pure: the clock and all randomness come in as arguments.

use std::time::{Duration, SystemTime};

use fastrand::Rng;

use crate::pipeline::retries::Retries;
use crate::proxy::upstream::UpstreamError;
use crate::value::retry::RetryCause;

/// No wait is longer than so many times the first one at its longest.
const LONGEST: u32 = 10;

/// The attempts of one request.
pub struct Attempts<'a> {
    retries: Option<&'a Retries>,
    /// How often it was sent again.
    again: u32,
}

impl<'a> Attempts<'a> {
    /// A request that is sent for the first time.
    pub fn new(retries: Option<&'a Retries>) -> Self {
        Self { retries, again: 0 }
    }

    /// How often it was sent again.
    pub fn again(&self) -> u32 {
        self.again
    }

    /// Whether it is to be sent again for a cause, as far as the route says.
    pub fn has_one_for(&self, cause: RetryCause) -> bool {
        self.retries.is_some_and(|retries| self.again < retries.attempts && retries.on.contains(&cause))
    }

    /// How long the next one has to wait, at least what the server asked for.
    pub fn wait(&self, asked: Option<Duration>, random: &mut Rng) -> Duration {
        let base = self.retries.map_or(Duration::ZERO, |retries| retries.backoff.get());
        let longest = base * 2_u32.saturating_pow(self.again).min(LONGEST);
        longest.mul_f64(random.f64()).max(asked.unwrap_or_default())
    }

    /// Takes one of them.
    pub fn take(&mut self) {
        self.again += 1;
    }
}

/// What an error is as a cause; `None` where nothing is gained by asking again.
pub fn cause(error: &UpstreamError) -> Option<RetryCause> {
    match error {
        UpstreamError::Resolve
        | UpstreamError::Refused
        | UpstreamError::Connect(_)
        | UpstreamError::ConnectTimeout
        | UpstreamError::Tls(_) => Some(RetryCause::ConnectFailure),
        UpstreamError::Closed => Some(RetryCause::Reset),
        UpstreamError::FirstByteTimeout | UpstreamError::IdleTimeout | UpstreamError::TryTimeout => {
            Some(RetryCause::Timeout)
        }
        _ => None,
    }
}

/// What `Retry-After` says (RFC 9110, 10.2.3).
pub fn retry_after(value: &[u8], now: SystemTime) -> Option<Duration> {
    let text = std::str::from_utf8(value).ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{Attempts, retry_after};
    use crate::pipeline::retries::Retries;
    use crate::value::retry::RetryCause;
    use fastrand::Rng;
    use std::time::{Duration, SystemTime};

    fn retries(text: &str) -> Retries {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn so_many_attempts_for_these_causes() {
        let retries = retries(r#"{ "attempts": 2, "on": ["reset", "503"] }"#);
        let mut attempts = Attempts::new(Some(&retries));
        assert!(attempts.has_one_for(RetryCause::Reset) && attempts.has_one_for(RetryCause::Status(503)));
        assert!(!attempts.has_one_for(RetryCause::Timeout));
        attempts.take();
        attempts.take();
        assert!(!attempts.has_one_for(RetryCause::Reset));
        assert!(!Attempts::new(None).has_one_for(RetryCause::Reset));
    }

    /// Waits are spread over all of their range, which doubles up to ten times the first.
    #[test]
    fn waits_grow_and_are_spread() {
        let retries = retries(r#"{ "attempts": 10, "backoff": "100ms" }"#);
        let mut longest = [Duration::ZERO; 6];
        let mut shortest = [Duration::MAX; 6];
        let mut random = Rng::with_seed(2);
        for _ in 0..1000 {
            let mut attempts = Attempts::new(Some(&retries));
            for i in 0..6 {
                let wait = attempts.wait(None, &mut random);
                attempts.take();
                longest[i] = longest[i].max(wait);
                shortest[i] = shortest[i].min(wait);
            }
        }
        for (i, limit) in [100, 200, 400, 800, 1000, 1000].map(Duration::from_millis).into_iter().enumerate() {
            assert!(longest[i] <= limit && longest[i] > limit.mul_f64(0.95), "{longest:?}");
            assert!(shortest[i] < limit.mul_f64(0.05), "{shortest:?}");
        }
        let asked = Some(Duration::from_secs(3));
        assert_eq!(Attempts::new(Some(&retries)).wait(asked, &mut random), Duration::from_secs(3));
    }

    #[test]
    fn seconds_and_dates_are_read() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (value, wait) in [
            (&b"7"[..], Some(7)),
            (b"Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            (b"Sun, 06 Nov 1994 08:49:27 GMT", Some(0)),
            (b"-1", None),
            (b"soon", None),
        ] {
            assert_eq!(retry_after(value, now), wait.map(Duration::from_secs));
        }
    }
}
