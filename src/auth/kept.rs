//! Documents of others that are fetched beside requests, kept, and fetched again: keys of issuers, what providers say of themselves.
//!
//! What was fetched once is used for as long as nothing newer comes: an issuer that is down does not lock its users out.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::pipeline::background::{Background, Task};
use crate::value::sha256::Sha256;

/// How long a document is used before it is fetched again.
const REFRESH: Duration = Duration::from_mins(10);

/// Nobody makes us fetch it more often than this.
const FLOOR: Duration = Duration::from_secs(5);

/// After a failure it is tried again after a second, and later and later up to this.
const MAX_RETRY: Duration = Duration::from_secs(30);

/// How long a request waits for something newer.
const PATIENCE: Duration = Duration::from_secs(5);

/// A document that is kept. Fetching ends with this value.
pub struct Kept<T> {
    shared: Arc<Shared<T>>,
    task: Mutex<Option<Task>>,
}

struct Shared<T> {
    state: watch::Sender<State<T>>,
    wanted: Notify,
}

struct State<T> {
    value: Option<Arc<T>>,
    /// How often its content changed.
    revision: u64,
    content: Option<Sha256>,
    /// How often it was tried to fetch it, and when for the last time.
    tries: u64,
    tried: Option<Instant>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        let state = State { value: None, revision: 0, content: None, tries: 0, tried: None };
        let shared = Shared { state: watch::Sender::new(state), wanted: Notify::new() };
        Self { shared: Arc::new(shared), task: Mutex::new(None) }
    }
}

impl<T: Send + Sync + 'static> Kept<T> {
    /// Begins to fetch it, unless that has begun. What is fetched comes with a hash of its content.
    ///
    /// # Errors
    /// If the thread for it cannot be started.
    pub fn start<F>(
        &self,
        background: &Background,
        name: String,
        fetch: impl Fn() -> F + Send + Sync + 'static,
    ) -> io::Result<()>
    where
        F: Future<Output = Result<(T, Sha256), String>> + Send + 'static,
    {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if task.is_none() {
            *task = Some(background.spawn(keep(Arc::clone(&self.shared), name, fetch))?);
        }
        Ok(())
    }

    /// The document, if it was ever fetched.
    pub fn value(&self) -> Option<Arc<T>> {
        self.shared.state.borrow().value.clone()
    }

    /// How often its content changed.
    pub fn revision(&self) -> u64 {
        self.shared.state.borrow().revision
    }

    /// Waits for something newer, if it may be asked for now.
    pub async fn renewed(&self) {
        let mut state = self.shared.state.subscribe();
        let (tries, last) = {
            let state = state.borrow_and_update();
            (state.tries, state.tried)
        };
        self.shared.wanted.notify_one();
        let is_started = self.task.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        let is_too_early = last.is_some_and(|last| last.elapsed() < FLOOR);
        if is_started && !is_too_early {
            let _ = timeout(PATIENCE, state.wait_for(|state| state.tries > tries)).await;
        }
    }
}

async fn keep<T, F>(shared: Arc<Shared<T>>, name: String, fetch: impl Fn() -> F + Send)
where
    T: Send + Sync,
    F: Future<Output = Result<(T, Sha256), String>> + Send,
{
    let mut failures = 0_u32;
    loop {
        let fetched = fetch().await;
        match &fetched {
            Ok(_) if failures > 0 => info!("{name}: fetched after {failures} failures"),
            Ok(_) => {}
            Err(why) => warn!("{name}: {why}"),
        }
        failures = if fetched.is_ok() { 0 } else { failures.saturating_add(1) };
        shared.state.send_modify(|state| state.take(fetched));
        match failures {
            0 => {
                sleep(FLOOR).await;
                let _ = timeout(REFRESH, shared.wanted.notified()).await;
            }
            _ => sleep(MAX_RETRY.min(Duration::from_secs(1 << (failures - 1).min(5)))).await,
        }
    }
}

impl<T> State<T> {
    fn take(&mut self, fetched: Result<(T, Sha256), String>) {
        self.tries += 1;
        self.tried = Some(Instant::now());
        let Ok((value, content)) = fetched else { return };
        if self.content != Some(content) {
            self.revision += 1;
            self.value = Some(Arc::new(value));
            self.content = Some(content);
        }
    }
}
