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
    /// Whether it expires soon, or has expired.
    pub fn expires_soon(&self, now: SystemTime) -> bool {
        self.expires < now + SOON
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
            if !self.told.insert((certificate.name.clone(), certificate.expires)) {
                continue;
            }
            let name = &certificate.name;
            if let Ok(left) = certificate.expires.duration_since(now) {
                tracing::warn!(certificate = %name, days = left.as_secs() / 86_400, "a certificate expires soon");
            } else {
                tracing::error!(certificate = %name, "a certificate has expired");
            }
        }
    }
}
