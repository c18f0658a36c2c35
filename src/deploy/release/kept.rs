//! What a node keeps of releases on its own disk: the last one that was good, to start from without the store, and the newest that
//! it has seen, so that nothing older is taken for new.
//!
//! A bundle is there before what names it, so a crash leaves a release that is whole: the old one or the new one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::deploy::bundle::BUNDLE_LIMIT;
use crate::deploy::release::{Content, Identity, Refusal, Release, Statement, Trust};
use crate::deploy::store::durable;
use crate::table::Digest;

/// The folder of all this in the state of the node.
const FOLDER: &str = "release";

/// What is said of the last release that was good.
const GOOD: &str = "good.json";

/// What is said of the newest release that was seen.
const SEEN: &str = "seen.json";

/// The name of a bundle before and after its digest.
const BUNDLE: (&str, &str) = ("bundle-", ".zip");

/// What is kept on disk.
pub struct Kept {
    folder: PathBuf,
}

/// A release together with its bundle.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The release.
    pub release: Release,
    /// What of it this node runs.
    pub content: Content,
    /// The bundle.
    pub bundle: Bytes,
}

/// Why the disk of the node cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the state of the node, {}: {error}", path.display())]
pub struct KeptError {
    path: PathBuf,
    error: io::Error,
}

impl KeptError {
    fn of(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self { path, error }
    }
}

impl Kept {
    /// What is kept in a folder, which is made if it isn't there.
    ///
    /// # Errors
    /// If it cannot be made or written to.
    pub fn open(state: &Path) -> Result<Self, KeptError> {
        let folder = state.join(FOLDER);
        let prepared = durable::make_folder(&folder).and_then(|()| durable::remove_unfinished(&folder));
        prepared.map_err(KeptError::of(&folder))?;
        Ok(Self { folder })
    }

    /// The release with the highest number that was seen, of those on this disk. The disk is believed: nobody else writes to it.
    pub fn seen(&self) -> Option<Statement> {
        let statement = |name: &str| {
            let path = self.folder.join(name);
            let envelope = fs::read(&path).ok()?;
            match Release::read(envelope, &Trust::Anyone) {
                Ok(release) => Some(release.statement),
                Err(error) => {
                    tracing::error!(%error, file = %path.display(), "what the node knew of releases is lost");
                    None
                }
            }
        };
        [statement(SEEN), statement(GOOD)].into_iter().flatten().max_by_key(|statement| statement.serial)
    }

    /// Notes that a release was seen and verified.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn note(&self, release: &Release) -> Result<(), KeptError> {
        self.write(SEEN, &release.envelope)
    }

    /// Keeps a release that is in force, in place of the one before it.
    ///
    /// # Errors
    /// If it cannot be written; the one before it is kept then.
    pub fn keep(&self, taken: &Taken) -> Result<(), KeptError> {
        let digest = taken.content.bundle;
        let name = bundle_name(digest);
        if self.bundle(digest).is_none() {
            self.write(&name, &taken.bundle)?;
        }
        self.write(GOOD, &taken.release.envelope)?;
        self.remove_others(&name);
        Ok(())
    }

    /// Whether there is a last release that was good.
    pub fn has_good(&self) -> bool {
        self.folder.join(GOOD).exists()
    }

    /// The last release that was good; `None` if there was never one.
    ///
    /// # Errors
    /// If it is not to be believed any more, or is damaged.
    pub fn good(&self, trust: &Trust, node: &Identity) -> Result<Option<Taken>, Refusal> {
        let Ok(envelope) = fs::read(self.folder.join(GOOD)) else { return Ok(None) };
        let release = Release::read(envelope, trust)?;
        let content = release.statement.content_for(node);
        let bundle = self.bundle(content.bundle).ok_or(Refusal::Damaged(content.bundle))?;
        Ok(Some(Taken { release, content, bundle }))
    }

    /// The bundle with a digest, if it is kept and undamaged.
    pub fn bundle(&self, wanted: Digest) -> Option<Bytes> {
        let path = self.folder.join(bundle_name(wanted));
        fs::metadata(&path).ok().filter(|metadata| metadata.len() <= BUNDLE_LIMIT)?;
        let bytes = fs::read(path).ok()?;
        (Digest::of_bytes(&bytes) == wanted).then(|| bytes.into())
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), KeptError> {
        let path = self.folder.join(name);
        durable::write(&path, content).map_err(KeptError::of(&path))
    }

    /// Removes the bundles that nothing names any more; one that stays costs space and nothing else.
    fn remove_others(&self, kept: &str) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if name.to_str().is_some_and(|name| name.starts_with(BUNDLE.0) && name != kept) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

fn bundle_name(digest: Digest) -> String {
    format!("{}{digest}{}", BUNDLE.0, BUNDLE.1)
}
