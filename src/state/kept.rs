//! The counts of one node: in memory, and with the first quota also in a file.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::pipeline::limits::store::{Call, Care, Deciding, LimitStore, StoreFailure, Used};
use crate::state::file::{File, Taken};
use crate::state::memory::Memory;

/// The counts of one node.
pub struct Kept {
    memory: Arc<Memory>,
    /// Where the file is, if there is to be one.
    path: Option<PathBuf>,
    taken: Taken,
    file: Mutex<Option<File>>,
}

impl Kept {
    /// Counts that are written to a file at this path once there is a quota; without one they end with the process.
    pub fn new(memory: &Arc<Memory>, path: Option<PathBuf>, taken: Taken) -> Self {
        Self { memory: Arc::clone(memory), path, taken, file: Mutex::default() }
    }

    /// Writes what has changed, and lets go of the file: another process counts on in it.
    pub fn give_up(&self) {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(file);
    }
}

impl LimitStore for Kept {
    fn take(&self, call: Call<'_>, care: Care) -> Deciding {
        self.memory.take(call, care)
    }

    fn used(&self, owner: &str, at_most: usize) -> Vec<Used> {
        self.memory.used(owner, at_most)
    }

    fn keep_quotas(&self) -> Result<(), StoreFailure> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let (None, Some(path)) = (&*file, &self.path) {
            *file = Some(File::open(path, &self.memory, self.taken)?);
        }
        Ok(())
    }
}
