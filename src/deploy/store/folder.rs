//! A store that is a folder: on a disk, or on a file system that several machines share.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::deploy::store::{Found, Objects, Put, StoreError, Version, When, durable};
use crate::table::Digest;

/// The file that is locked while a condition holds and an object is written.
const LOCK: &str = ".lock";

/// A folder.
pub struct FolderStore {
    root: PathBuf,
    name: String,
}

impl FolderStore {
    /// The store in a folder, which need not be there.
    pub fn new(root: PathBuf) -> Self {
        Self { name: root.display().to_string(), root }
    }

    fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }

    /// Holds the lock, until the value is dropped or the process ends.
    fn lock(&self) -> Result<File, StoreError> {
        let path = self.path(LOCK);
        let locked = File::create(&path).and_then(|file| file.lock().map(|()| file));
        locked.map_err(|error| failed(&path, error))
    }
}

impl Objects for FolderStore {
    fn get(&self, key: &str, limit: u64, known: Option<&Version>) -> Result<Found, StoreError> {
        let path = self.path(key);
        let mut content = Vec::new();
        match File::open(&path).and_then(|file| file.take(limit + 1).read_to_end(&mut content)) {
            Ok(length) if length as u64 > limit => {
                Err(StoreError::TooLarge { what: path.display().to_string(), limit })
            }
            Ok(_) => {
                let version = version(&content);
                let same = known == Some(&version);
                Ok(if same { Found::Same } else { Found::Object(Bytes::from(content), version) })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::Missing),
            Err(error) => Err(failed(&path, error)),
        }
    }

    fn put(&self, key: &str, content: &[u8], when: When<'_>) -> Result<Put, StoreError> {
        let path = self.path(key);
        let folder = path.parent().unwrap_or(&self.root);
        durable::make_folder(folder).map_err(|error| failed(folder, error))?;
        let lock = self.lock()?;
        let stands = match fs::read(&path) {
            Ok(content) => Some(version(&content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(&path, error)),
        };
        let holds = match when {
            When::Always => true,
            When::Absent => stands.is_none(),
            When::Is(version) => stands.as_ref() == Some(version),
        };
        if !holds {
            return Ok(Put::Refused);
        }
        let written = durable::write(&path, content);
        drop(lock);
        written.map(|()| Put::Done).map_err(|error| failed(&path, error))
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let folder = self.path(prefix);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(&folder, error)),
        };
        let mut keys = Vec::new();
        for entry in entries {
            let name = entry.map_err(|error| failed(&folder, error))?.file_name();
            if let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) {
                keys.push(format!("{prefix}{name}"));
            }
        }
        keys.sort_unstable();
        Ok(keys)
    }

    fn remove(&self, key: &str) -> Result<(), StoreError> {
        let path = self.path(key);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&path, error)),
            _ => Ok(()),
        }
    }

    fn is_there(&self) -> bool {
        self.root.is_dir()
    }

    fn name(&self) -> &str {
        &self.name
    }
}

fn version(content: &[u8]) -> Version {
    Version(Digest::of_bytes(content).to_string())
}

fn failed(path: &Path, error: io::Error) -> StoreError {
    StoreError::File { what: path.display().to_string(), error }
}
