//! Certificates that expire soon: said in the log once a day, as long as they are in force.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::proxy::tls::certificate::Loaded;

/// How long before a certificate expires it is said.
const SOON: Duration = Duration::from_hours(21 * 24);

/// How often it is said.
const AGAIN: Duration = Duration::from_hours(24);

/// What was said.
#[derive(Default)]
pub struct Expiry {
    told: HashSet<(Box<str>, SystemTime)>,
    since: Option<Instant>,
}

impl Loaded {
    /// Whether it expires soon, or has expired. One that is ordered has its next one long before, however short it lives.
    pub fn expires_soon(&self, now: SystemTime) -> bool {
        let soon = match self.slot().and_then(|slot| slot.current()) {
            Some(current) => SOON.min(current.lifetime() / 4),
            None => SOON,
        };
        self.expires().is_some_and(|expires| expires < now + soon)
    }
}

impl Expiry {
    /// Looks at the certificates in force.
    pub fn look(&mut self, certificates: &[Arc<Loaded>]) {
        if self.since.is_none_or(|since| since.elapsed() > AGAIN) {
            self.told.clear();
            self.since = Some(Instant::now());
        }
        let now = SystemTime::now();
        for certificate in certificates.iter().filter(|certificate| certificate.expires_soon(now)) {
            let Some(expires) = certificate.expires() else { continue };
            if !self.told.insert((certificate.name.clone(), expires)) {
                continue;
            }
            let name = &certificate.name;
            if let Ok(left) = expires.duration_since(now) {
                tracing::warn!(certificate = %name, days = left.as_secs() / 86_400, "a certificate expires soon");
            } else {
                tracing::error!(certificate = %name, "a certificate has expired");
            }
        }
    }
}
