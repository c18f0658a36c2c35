//! What is counted of handshakes with clients.

use std::sync::atomic::{AtomicU64, Ordering};

use rustls::{HandshakeKind, ServerConnection};

use crate::proxy::tls::handshake::Failure;

/// The counters of handshakes.
#[derive(Default)]
pub struct TlsCounters {
    /// Handshakes that made a new session.
    pub full: AtomicU64,
    /// Handshakes that went on with an earlier session.
    pub resumed: AtomicU64,
    failed: [AtomicU64; Failure::ALL.len()],
}

impl TlsCounters {
    /// Counts a handshake that made a connection.
    pub fn count(&self, connection: &ServerConnection) {
        let counter = match connection.handshake_kind() {
            Some(HandshakeKind::Resumed) => &self.resumed,
            _ => &self.full,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a handshake that failed.
    pub fn fail(&self, failure: Failure) {
        self.failed[failure as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How many failed, by reason.
    pub fn failures(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Failure::ALL.iter().map(|failure| (failure.reason(), self.failed[*failure as usize].load(Ordering::Relaxed)))
    }
}
