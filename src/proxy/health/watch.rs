//! The task that asks one target again and again. It lives as long as a table has the check and no newer table has another one, and
//! goes on over swaps that leave the check as it is.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use tokio::time::sleep;

use crate::pipeline::background::{Background, Task};
use crate::pipeline::upstream::health::HealthCheck;
use crate::proxy::balance::{BackendState, Health, Streak, TargetState};
use crate::proxy::health::probe::probe;
use crate::proxy::upstream::Target;

/// What a target is asked, and how.
#[derive(Clone, PartialEq, Eq)]
pub struct Asked {
    /// Where and how.
    pub target: Target,
    /// What `Host` says.
    pub host: Box<str>,
    /// What is asked.
    pub check: HealthCheck,
}

/// A running check, which ends when the last table that has it does.
pub struct Watch {
    asked: Asked,
    _task: Task,
}

/// The check of a target that runs now, if one does.
#[derive(Default)]
pub struct Watched {
    running: Mutex<Weak<Watch>>,
    /// The number of the newest one. What older ones find is not heard, though requests may still hold the tables that have them.
    newest: AtomicU64,
}

impl Watched {
    /// Begins a new one, or none: its number.
    fn renew(&self) -> u64 {
        self.newest.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// The parties to a check.
pub struct Parties<'a> {
    /// The name of the backend, for the log.
    pub backend: &'a str,
    /// The URL of the target, for the log.
    pub url: &'a str,
    /// What is remembered of the backend.
    pub of_backend: &'a Arc<BackendState>,
    /// What is remembered of the target.
    pub of_target: &'a Arc<TargetState>,
}

/// Has a target be asked: by the task that does already if it asks the same, else by a new one.
///
/// # Errors
/// If no task can be started.
pub fn watch(parties: &Parties<'_>, asked: Asked, background: &Background, epoch: Instant) -> io::Result<Arc<Watch>> {
    let watched = &parties.of_target.watched;
    let mut running = watched.running.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(watch) = running.upgrade().filter(|watch| watch.asked == asked) {
        return Ok(watch);
    }
    let names = (parties.backend.to_owned(), parties.url.to_owned());
    let (backend, target) = (Arc::clone(parties.of_backend), Arc::clone(parties.of_target));
    let task = background.spawn(ask_on(names, asked.clone(), backend, target, (watched.renew(), epoch)))?;
    let watch = Arc::new(Watch { asked, _task: task });
    *running = Arc::downgrade(&watch);
    Ok(watch)
}

/// Has a target be asked by nobody: nothing is known of it any more.
pub fn unwatch(target: &TargetState) {
    *target.watched.running.lock().unwrap_or_else(PoisonError::into_inner) = Weak::new();
    target.watched.renew();
    target.standing.found(Health::Unknown, 0);
}

async fn ask_on(
    (name, url): (String, String),
    asked: Asked,
    backend: Arc<BackendState>,
    target: Arc<TargetState>,
    (number, epoch): (u64, Instant),
) {
    let mut streak = Streak::default();
    loop {
        let answer = probe(&asked).await;
        if target.watched.newest.load(Ordering::Relaxed) != number {
            return;
        }
        let before = target.standing.health();
        let health = streak.count(answer.is_ok(), before, &asked.check);
        if health != before {
            let now = u64::try_from(epoch.elapsed().as_millis()).unwrap_or(u64::MAX);
            target.standing.found(health, now);
            backend.changed();
            match (&answer, before) {
                (Err(why), _) => tracing::warn!(backend = name, target = url, %why, "a target is unhealthy"),
                (Ok(()), Health::Unhealthy) => {
                    tracing::info!(backend = name, target = url, "a target is healthy again");
                }
                (Ok(()), _) => {}
            }
        }
        // no two gateways ask at the same moment for long
        sleep(asked.check.interval.get().mul_f64(fastrand::f64().mul_add(0.1, 0.95))).await;
    }
}
