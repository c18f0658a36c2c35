//! Looking up the names of targets again and again, in the background.

use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::time::sleep;

use crate::pipeline::background::{Background, Task};
use crate::proxy::balance::Shelf;
use crate::proxy::upstream::Host;

/// How long after a failure a name of which nothing is known is looked up again.
const SOON: Duration = Duration::from_secs(1);

/// The names of all targets.
#[derive(Default)]
pub struct Names(Shelf<(Box<str>, u16), Name>);

/// A name that is looked up.
pub struct Name {
    /// What is known of it.
    pub host: Arc<Host>,
    running: Mutex<Vec<Weak<Lookups>>>,
}

/// A task that looks a name up, until the last table that wants it so often is gone.
pub struct Lookups {
    every: Duration,
    name: Arc<Name>,
    _task: Task,
}

impl Lookups {
    /// What is known of the name.
    pub fn host(&self) -> &Arc<Host> {
        &self.name.host
    }
}

impl Names {
    /// Has a name be looked up so often: by the task that does already, else by a new one, which begins at once.
    ///
    /// # Errors
    /// If no task can be started.
    pub fn look_up(&self, name: &str, port: u16, every: Duration, background: &Background) -> io::Result<Arc<Lookups>> {
        let make = || Name { host: Arc::new(Host::new(name, port)), running: Mutex::default() };
        let name = self.0.get_or((name.into(), port), make);
        let mut running = name.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|lookups| lookups.strong_count() > 0);
        if let Some(lookups) = running.iter().filter_map(Weak::upgrade).find(|lookups| lookups.every == every) {
            return Ok(lookups);
        }
        let task = background.spawn(again_and_again(Arc::clone(&name.host), every))?;
        let lookups = Arc::new(Lookups { every, name: Arc::clone(&name), _task: task });
        running.push(Arc::downgrade(&lookups));
        drop(running);
        Ok(lookups)
    }
}

async fn again_and_again(host: Arc<Host>, every: Duration) {
    let mut told = false;
    loop {
        match host.look_up().await {
            Ok(()) => told = false,
            Err(error) if !told => {
                told = true;
                tracing::warn!(%host, %error, "the name of a target cannot be looked up");
            }
            Err(_) => {}
        }
        sleep(if host.is_known() { every } else { every.min(SOON) }).await;
    }
}
