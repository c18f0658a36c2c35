//! Notices that files of a folder may have changed: by events where the system gives them, and by looking every few seconds
//! where events get lost.
//!
//! An event only says "look again": what was read decides. Nothing here ends the watch but dropping it.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

/// How long it must be quiet after an event before it is worth looking: editors and tools write in several steps.
const QUIET: Duration = Duration::from_millis(40);

/// How long bursts of events can put a look off at most.
const PATIENCE: Duration = Duration::from_millis(400);

/// How often is looked without any event: network and overlay file systems give none.
pub const POLL: Duration = Duration::from_secs(2);

/// Why it is time to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Something happened in the folder.
    Event,
    /// Nothing was heard for a while.
    Poll,
    /// Somebody asked for it, by SIGHUP.
    Asked,
    /// The program is to end.
    Stop,
    /// Another program has taken this one's place.
    Replaced,
}

/// Waits for reasons to look, at a folder or elsewhere.
pub struct Watch {
    /// The folder whose events are heard.
    root: Option<PathBuf>,
    /// How long it waits for an event.
    poll: Duration,
    watcher: Option<RecommendedWatcher>,
    /// Whether it was said that there are no events.
    told: bool,
    sender: Sender<Wake>,
    receiver: Receiver<Wake>,
}

/// Asks a watch to look, or to stop.
#[derive(Clone)]
pub struct Waker(Sender<Wake>);

impl Waker {
    /// Asks it; a watch that has ended hears nothing.
    pub fn wake(&self, why: Wake) {
        let _ = self.0.send(why);
    }
}

impl Watch {
    /// Watches a folder with everything below it.
    pub fn new(root: &Path) -> Self {
        Self::every(POLL, Some(root))
    }

    /// Says that it is time to look after each such while, and if something happens in a folder.
    pub fn every(poll: Duration, root: Option<&Path>) -> Self {
        let (sender, receiver) = channel();
        let mut watch = Self { root: root.map(Path::to_owned), poll, watcher: None, told: false, sender, receiver };
        watch.listen();
        watch
    }

    /// How long it waits for an event.
    pub fn poll(&self) -> Duration {
        self.poll
    }

    /// What others ask by.
    pub fn waker(&self) -> Waker {
        Waker(self.sender.clone())
    }

    /// Waits until it is time to look.
    pub fn wait(&mut self) -> Wake {
        let first = match self.receiver.recv_timeout(self.poll) {
            Ok(wake) => wake,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Wake::Poll,
        };
        if first == Wake::Poll {
            self.listen();
        }
        if first != Wake::Event {
            return first;
        }
        self.settle()
    }

    /// Waits until a burst of events is over.
    fn settle(&mut self) -> Wake {
        let began = std::time::Instant::now();
        while began.elapsed() < PATIENCE {
            match self.receiver.recv_timeout(QUIET) {
                Ok(Wake::Event | Wake::Poll) => {}
                Ok(urgent) => return urgent,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        Wake::Event
    }

    /// Asks the system for events, again after each poll: a folder that was replaced is a new one to it.
    fn listen(&mut self) {
        let Some(root) = &self.root else { return };
        let sender = self.sender.clone();
        let heard = move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| !matches!(event.kind, notify::EventKind::Access(_))) {
                let _ = sender.send(Wake::Event);
            }
        };
        let watcher = notify::recommended_watcher(heard).and_then(|mut watcher| {
            watcher.watch(root, RecursiveMode::Recursive)?;
            Ok(watcher)
        });
        match watcher {
            Ok(watcher) => {
                self.watcher = Some(watcher);
                self.told = false;
            }
            Err(error) => {
                self.watcher = None;
                if !std::mem::replace(&mut self.told, true) {
                    tracing::warn!(%error, "no events from the file system, looking every few seconds");
                }
            }
        }
    }
}
