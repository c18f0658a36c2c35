//! A folder as a store: on one machine, or on a file system that several share. Files are readable by their owner only.
//!
//! What one gateway has at a time is a lock of the file system (`flock`), so it is free again however that gateway ends.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process;
use std::time::Duration;

use crate::acme::store::{Entry, Hold, Store};

/// How often it is looked at: that costs a few system calls.
const LOOK: Duration = Duration::from_millis(500);

/// What the name of a file begins with that is not whole yet.
const UNFINISHED: char = '.';

/// A folder.
pub struct FolderStore(PathBuf);

/// A lock, as long as the file is open.
struct Lock(#[expect(dead_code, reason = "it is the lock")] File);

impl Hold for Lock {}

impl FolderStore {
    /// This folder, which may not be there yet.
    pub fn new(root: &Path) -> Self {
        Self(root.to_owned())
    }

    fn path(&self, key: &str) -> PathBuf {
        self.0.join(key)
    }
}

impl Store for FolderStore {
    fn begin(&self, key: &str) -> io::Result<()> {
        let path = self.path(key);
        let named = |error| named(error, &path);
        DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(named)?;
        // that it can be written to shows only when it is written to
        let probe = path.join(format!("{UNFINISHED}probe.{}", process::id()));
        private(&probe).and_then(|_| fs::remove_file(&probe)).map_err(named)
    }

    fn list(&self, key: &str) -> io::Result<Vec<Entry>> {
        let entries = match fs::read_dir(self.path(key)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            // it may be gone by now
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_file() && !name.starts_with(UNFINISHED) {
                let (seconds, nanos, inode) = (metadata.mtime(), metadata.mtime_nsec(), metadata.ino());
                found.push(Entry { name, version: format!("{seconds}.{nanos} {inode} {}", metadata.len()) });
            }
        }
        found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    fn read(&self, key: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.path(key)) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn write(&self, key: &str, content: &[u8]) -> io::Result<()> {
        let path = self.path(key);
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(ErrorKind::InvalidFilename.into());
        };
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let unfinished = folder.join(format!("{UNFINISHED}{}.{}", name.display(), process::id()));
        let written = private(&unfinished).and_then(|mut file| {
            file.write_all(content)?;
            file.sync_all()
        });
        let done = written.and_then(|()| fs::rename(&unfinished, &path));
        if done.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        done?;
        // the new name is there after a crash, too
        File::open(folder)?.sync_all()
    }

    fn remove(&self, key: &str) -> io::Result<()> {
        match fs::remove_file(self.path(key)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn hold(&self, key: &str) -> io::Result<Option<Box<dyn Hold>>> {
        let path = self.path(key);
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        // never removed: another gateway could have it open
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(Lock(file)))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn look_every(&self) -> Duration {
        LOOK
    }
}

/// A new file that only its owner can read.
fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

fn named(error: io::Error, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;

    use super::FolderStore;
    use crate::acme::store::Store as _;

    struct Temporary(PathBuf);

    impl Temporary {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("gw-folder-store-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            Self(path)
        }
    }

    impl Drop for Temporary {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn entries_are_kept_and_hidden_from_others() {
        let folder = Temporary::new("entries");
        let store = FolderStore::new(&folder.0);
        assert!(store.list("a/b").unwrap().is_empty() && store.read("a/b/c").unwrap().is_none());
        store.begin("a").unwrap();
        store.write("a/b/c", b"one").unwrap();
        let first = store.list("a/b").unwrap();
        assert_eq!((first.len(), &*first[0].name), (1, "c"));
        assert_eq!(fs::metadata(folder.0.join("a/b/c")).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(folder.0.join("a/b")).unwrap().permissions().mode() & 0o777, 0o700);
        store.write("a/b/c", b"two").unwrap();
        let second = store.list("a/b").unwrap();
        assert!(second.len() == 1 && second[0].version != first[0].version);
        assert_eq!(store.read("a/b/c").unwrap().unwrap(), b"two");
        store.remove("a/b/c").unwrap();
        store.remove("a/b/c").unwrap();
        assert!(store.list("a/b").unwrap().is_empty());
    }

    #[test]
    fn one_has_it_at_a_time() {
        let folder = Temporary::new("hold");
        let (one, other) = (FolderStore::new(&folder.0), FolderStore::new(&folder.0));
        let held = one.hold("locks/site").unwrap();
        assert!(held.is_some() && other.hold("locks/site").unwrap().is_none());
        assert!(other.hold("locks/shop").unwrap().is_some());
        drop(held);
        assert!(other.hold("locks/site").unwrap().is_some());
    }

    #[test]
    fn what_cannot_be_written_to_is_no_beginning() {
        let folder = Temporary::new("begin");
        fs::write(&folder.0, "a file").unwrap();
        let error = FolderStore::new(&folder.0).begin("acme").unwrap_err().to_string();
        assert!(error.contains("gw-folder-store"), "{error}");
        fs::remove_file(&folder.0).unwrap();
    }
}
