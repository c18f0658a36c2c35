//! Threads for work that takes long by design, such as checking passwords: a worker that did it would serve nobody meanwhile.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

/// No more than this waits to be checked: who comes then is asked to come again.
const QUEUE: usize = 64;

/// At most so many threads; each may need as much memory as a hash asks for.
const MAX_THREADS: usize = 4;

/// What somebody meant to be found in a pool of state by.
pub const MEANING: &str = "hashing";

type Work = Box<dyn FnOnce() + Send>;

/// The threads, once they are started. They end with this value.
#[derive(Default)]
pub struct Hashing(Mutex<Option<SyncSender<Work>>>);

impl Hashing {
    /// Starts the threads, unless they are.
    ///
    /// # Errors
    /// If they cannot be started.
    pub fn start(&self) -> io::Result<()> {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.is_some() {
            return Ok(());
        }
        let (sender, receiver) = sync_channel(QUEUE);
        let receiver = Arc::new(Mutex::new(receiver));
        let threads = thread::available_parallelism().map_or(1, usize::from).div_ceil(2).min(MAX_THREADS);
        for _ in 0..threads {
            let receiver = Arc::clone(&receiver);
            thread::Builder::new().name("hashing".into()).spawn(move || work(&receiver))?;
        }
        *queue = Some(sender);
        Ok(())
    }

    /// Does some work on one of them; `None` if too much waits already. The answer does not come if the work fails.
    pub fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<oneshot::Receiver<T>> {
        let (answer, answered) = oneshot::channel();
        let work = Box::new(move || {
            // nobody waits any more
            if !answer.is_closed() {
                let _ = answer.send(work());
            }
        });
        let queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        queue.as_ref()?.try_send(work).ok()?;
        Some(answered)
    }
}

fn work(queue: &Mutex<Receiver<Work>>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(next) = next else { return };
        next();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::{Hashing, QUEUE};

    #[test]
    fn work_is_done_elsewhere_and_bounded() {
        let hashing = Hashing::default();
        assert!(hashing.run(|| 1).is_none(), "not started");
        hashing.start().unwrap();
        assert_eq!(hashing.run(|| 1 + 1).unwrap().blocking_recv(), Ok(2));

        let (go, wait) = channel::<()>();
        let wait = std::sync::Arc::new(std::sync::Mutex::new(wait));
        let waits = || {
            let wait = std::sync::Arc::clone(&wait);
            hashing.run(move || drop(wait.lock().map(|wait| wait.recv())))
        };
        let all: Vec<_> = std::iter::repeat_with(waits).take(3 * QUEUE).collect();
        assert!(all.iter().any(Option::is_none), "no more than the queue holds");
        drop(go);
        for answered in all.into_iter().flatten() {
            answered.blocking_recv().unwrap();
        }
    }
}
