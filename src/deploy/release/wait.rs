//! Waiting for the fleet to come along with a release.

use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::deploy::release::Release;
use crate::deploy::release::fleet::Fleet;
use crate::deploy::store::{Objects, StoreError};

/// How often the receipts are read.
const LOOK: Duration = Duration::from_secs(1);

/// Waits until each node that is heard has taken or refused a release, but not longer than so, and gives the fleet as it is then.
/// `tell` hears of it whenever it has changed.
///
/// # Errors
/// If the receipts cannot be read at the end.
pub fn wait(
    release: &Release,
    receipts: &dyn Objects,
    timeout: Duration,
    mut tell: impl FnMut(&str),
) -> Result<Fleet, StoreError> {
    let began = Instant::now();
    let mut told = String::new();
    loop {
        let fleet = Fleet::read(Some(release.clone()), receipts, Timestamp::now());
        if let Ok(fleet) = &fleet
            && fleet.summary() != told
        {
            told = fleet.summary();
            tell(&told);
        }
        let decided = fleet.as_ref().is_ok_and(Fleet::is_decided);
        if decided || began.elapsed() >= timeout {
            return fleet;
        }
        thread::sleep(LOOK.min(timeout.saturating_sub(began.elapsed())));
    }
}
