//! A thread for what belongs to no request and no worker: asking targets whether they are well, looking up their names.
//!
//! It is started when there is something to do for the first time.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

/// The thread, once it is started. It ends with this value, and its tasks with it.
#[derive(Default)]
pub struct Background(Mutex<Option<Running>>);

struct Running {
    handle: Handle,
    /// Dropped to stop it.
    _stop: oneshot::Sender<()>,
}

/// A task that ends when this is dropped.
pub struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Background {
    /// Runs a task.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> io::Result<Task> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let handle = match &*running {
            Some(running) => running.handle.clone(),
            None => running.insert(start()?).handle.clone(),
        };
        Ok(Task(handle.spawn(task).abort_handle()))
    }
}

fn start() -> io::Result<Running> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let (stop, stopped) = oneshot::channel::<()>();
    thread::Builder::new().name("background".into()).spawn(move || {
        let _ = runtime.block_on(stopped);
        // not waiting for a name that is being looked up
        runtime.shutdown_background();
    })?;
    Ok(Running { handle, _stop: stop })
}
