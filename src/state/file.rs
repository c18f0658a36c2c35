//! The counts of quotas in a file (redb), so that they outlive the process. The counts in memory decide; what changes in them is
//! written about twice a second, by one thread, and is on disk when that is done.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use redb::{Database, DatabaseError, ReadableDatabase as _, ReadableTable as _, TableDefinition};

use crate::pipeline::limits::store::StoreFailure;
use crate::pipeline::limits::window::Mark;
use crate::state::memory::{Memory, QuotaName};

/// Owner, subject and window, and the period with its count. Its name ends with the version of this format.
const QUOTAS: TableDefinition<'_, (&str, &str, &str), (u64, u64)> = TableDefinition::new("quotas-1");

/// How often changes are written: with what writing takes, well below the second that is promised.
const EVERY: Duration = Duration::from_millis(400);

/// How often a file that another process has is tried again.
const AGAIN: Duration = Duration::from_millis(20);

/// After so many writes it is looked for counts that mean nothing any more.
const FORGET_EVERY: u32 = 10_000;

/// A file that is written to until this is dropped; what has changed by then is written first.
pub struct File {
    /// Dropped to end the thread.
    stop: Option<SyncSender<()>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What is done about a file that another process has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is an error.
    Refuse,
    /// It is waited for, for the other process is about to give it up. Until then is counted in memory, and both counts are added.
    Wait,
}

impl File {
    /// Opens or makes the file, and adds its counts to those in memory.
    pub fn open(path: &Path, memory: &Arc<Memory>, taken: Taken) -> Result<Self, StoreFailure> {
        let failed = |why: String| StoreFailure(format!("{}: {why}", path.display()));
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| failed(error.to_string()))?;
        }
        let database = match Database::create(path) {
            Ok(database) => Some(database),
            Err(DatabaseError::DatabaseAlreadyOpen) if taken == Taken::Wait => None,
            Err(DatabaseError::DatabaseAlreadyOpen) => {
                let why = "another gateway counts in it: name another file, or share the counts in Redis";
                return Err(failed(why.into()));
            }
            Err(error) => return Err(failed(error.to_string())),
        };
        if let Some(database) = &database {
            read(database, memory).map_err(|error| failed(error.to_string()))?;
        }
        let (stop, stopped) = sync_channel(0);
        let (path, memory) = (path.to_owned(), Arc::clone(memory));
        let thread = thread::Builder::new().name("counts".into()).spawn(move || {
            if let Some(database) = database.or_else(|| wait_for(&path, &memory, &stopped)) {
                keep(&database, &memory, &stopped);
            }
        });
        let thread = thread.map_err(|error| StoreFailure(error.to_string()))?;
        Ok(Self { stop: Some(stop), thread: Mutex::new(Some(thread)) })
    }
}

impl Drop for File {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = thread.join();
        }
    }
}

/// Opens a file once the other process has given it up; `None` if this one ends before.
fn wait_for(path: &Path, memory: &Memory, stopped: &Receiver<()>) -> Option<Database> {
    loop {
        match Database::create(path) {
            Ok(database) => match read(&database, memory) {
                Ok(()) => return Some(database),
                Err(error) => {
                    tracing::error!(path = %path.display(), %error, "the counts of quotas cannot be read");
                    return None;
                }
            },
            Err(DatabaseError::DatabaseAlreadyOpen) => {}
            Err(error) => {
                tracing::error!(path = %path.display(), %error, "the counts of quotas cannot be opened");
                return None;
            }
        }
        if stopped.recv_timeout(AGAIN) == Err(RecvTimeoutError::Disconnected) {
            return None;
        }
    }
}

fn read(database: &Database, memory: &Memory) -> Result<(), redb::Error> {
    let table = match database.begin_read()?.open_table(QUOTAS) {
        Ok(table) => table,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for entry in table.iter()? {
        let (name, mark) = entry?;
        let ((owner, subject, window), (at, count)) = (name.value(), mark.value());
        let name = QuotaName { owner: owner.into(), subject: subject.into(), window: window.into() };
        memory.restore(name, Mark { at, count });
    }
    Ok(())
}

/// Writes what changes until it is told to stop.
fn keep(database: &Database, memory: &Memory, stopped: &Receiver<()>) {
    let mut writes = 0_u32;
    loop {
        let ends = stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Disconnected);
        let changed = memory.changed();
        if !changed.is_empty() {
            let ended = if writes.is_multiple_of(FORGET_EVERY) { memory.forget_ended() } else { Vec::new() };
            writes = writes.wrapping_add(1);
            if let Err(error) = write(database, &changed, &ended) {
                tracing::error!(%error, "the counts of quotas cannot be written");
                memory.mark_changed(changed.into_iter().map(|(name, _)| name));
            }
        }
        if ends {
            return;
        }
    }
}

fn write(database: &Database, changed: &[(QuotaName, Mark)], ended: &[QuotaName]) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    {
        let mut table = transaction.open_table(QUOTAS)?;
        for (QuotaName { owner, subject, window }, mark) in changed {
            table.insert((&**owner, &**subject, &**window), (mark.at, mark.count))?;
        }
        for QuotaName { owner, subject, window } in ended {
            table.remove((&**owner, &**subject, &**window))?;
        }
    }
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use super::{File, Taken};
    use crate::pipeline::limits::calendar::Cycle;
    use crate::pipeline::limits::store::{Call, Care, LimitStore as _};
    use crate::pipeline::limits::window::{Measure, Window};
    use crate::state::memory::Memory;
    use crate::value::time_zone::TimeZone;

    fn path(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("gw-counts-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        folder.join("counts.redb")
    }

    fn use_up(memory: &Memory, times: u64) {
        let measure = Measure::Quota { cycle: Cycle::Month, limit: 100, zone: TimeZone::utc() };
        let windows: Arc<[Window]> = [Window { name: "month".into(), measure }].into();
        for _ in 0..times {
            let call = Call { windows: &windows, owner: "key", subject: "a", now: 1_796_000_000_000_000_000 };
            memory.take(call, Care::Each);
        }
    }

    fn used(memory: &Memory) -> u64 {
        memory.used("key", 9).iter().map(|used| used.count).sum()
    }

    #[test]
    fn counts_outlive_who_counted_them() {
        let path = path("outlive");
        for round in 1..=3 {
            let memory = Arc::new(Memory::default());
            let file = File::open(&path, &memory, Taken::Refuse).unwrap();
            use_up(&memory, 2);
            drop(file);
            assert_eq!(used(&memory), 2 * round);
        }
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    #[test]
    fn a_file_has_one_gateway_at_a_time_and_the_next_adds_to_its_counts() {
        let path = path("next");
        let (old, new) = (Arc::new(Memory::default()), Arc::new(Memory::default()));
        let first = File::open(&path, &old, Taken::Refuse).unwrap();
        use_up(&old, 3);
        assert!(File::open(&path, &new, Taken::Refuse).is_err_and(|error| error.0.contains("another gateway")));
        let second = File::open(&path, &new, Taken::Wait).unwrap();
        use_up(&new, 2);
        drop(first);
        while used(&new) < 5 {
            std::thread::yield_now();
        }
        drop(second);
        let third = Arc::new(Memory::default());
        drop(File::open(&path, &third, Taken::Refuse).unwrap());
        assert_eq!(used(&third), 5);
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }
}
