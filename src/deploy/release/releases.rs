//! The releases of a store: what is current, what was, and how a new one comes to be.
//!
//! `current` is moved by one conditional write, so of two that publish at once one wins. The entry of a release is written after it
//! has become current, by whoever comes next if the publisher is cut off in between: history holds what was in force and nothing else.

use bytes::Bytes;
use jiff::Timestamp;

use crate::deploy::bundle::{BUNDLE_LIMIT, Bundle, BundleError};
use crate::deploy::release::canary::Chosen;
use crate::deploy::release::refusal::environment;
use crate::deploy::release::{Canary, Refusal, Release, SigningKey, Statement, Trust};
use crate::deploy::store::{Found, Objects, Put, StoreError, Version, When};
use crate::table::Digest;

/// The object that says what is in force.
const CURRENT: &str = "current.json";

/// Where the entries of history stand.
const RELEASES: &str = "releases/";

/// The most bytes of what is said of a release.
const ENVELOPE_LIMIT: u64 = 64 << 10;

/// The releases of a store.
pub struct Releases {
    objects: Box<dyn Objects>,
}

/// What a store says is in force, as it was at one moment.
#[derive(Clone, Debug, Default)]
pub struct Current {
    /// The release; `None` if there was never one.
    pub release: Option<Release>,
    version: Option<Version>,
}

/// What a release is made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// All nodes are to run it.
    All,
    /// The same, of the bundle that the release with this number had.
    Restore(u64),
    /// Some nodes are to run it first; all others go on with what they run.
    Canary(Chosen),
}

/// Why nothing could be published, or read.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What it holds is not to be believed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Somebody else has published.
    #[error("the release moved: another one was published in the meantime, and nothing was changed; plan again")]
    Moved,
    /// What is in force is for another environment.
    #[error("the store is that of {}, and the bundle is for {}: each environment has a store of its own", environment(.store.as_deref()), environment(.bundle.as_deref()))]
    Environment {
        /// That of the release in force.
        store: Option<String>,
        /// That of the bundle.
        bundle: Option<String>,
    },
    /// There is nothing that others could go on with.
    #[error("nothing was released yet, so there is nothing that other nodes could go on with")]
    First,
    /// There are as many releases as there are numbers.
    #[error("there is no number after {0}")]
    Last(u64),
    /// There is no such release.
    #[error("there is no release {0} in the store's history")]
    Unknown(String),
    /// A statement could not be written.
    #[error("the release cannot be written: {0}")]
    Json(#[from] serde_json::Error),
}

impl From<BundleError> for ReleaseError {
    fn from(error: BundleError) -> Self {
        Self::Refused(error.into())
    }
}

impl Releases {
    /// The releases of a store.
    pub fn new(objects: Box<dyn Objects>) -> Self {
        Self { objects }
    }

    /// What people know the store by.
    pub fn name(&self) -> &str {
        self.objects.name()
    }

    /// The store itself.
    pub fn objects(&self) -> &dyn Objects {
        &*self.objects
    }

    /// What is in force.
    ///
    /// # Errors
    /// If the store cannot be asked, or what it says is not to be believed.
    pub fn current(&self, trust: &Trust) -> Result<Current, ReleaseError> {
        match self.objects.get(CURRENT, ENVELOPE_LIMIT, None)? {
            Found::Missing | Found::Same => Ok(Current::default()),
            Found::Object(envelope, version) => {
                let release = Release::read(envelope.to_vec(), trust)?;
                Ok(Current { release: Some(release), version: Some(version) })
            }
        }
    }

    /// What the store says is in force, unless it still says what is known: not believed yet.
    pub(super) fn said(&self, known: Option<&Version>) -> Result<Found, StoreError> {
        self.objects.get(CURRENT, ENVELOPE_LIMIT, known)
    }

    /// The bundle with a digest.
    ///
    /// # Errors
    /// If the store cannot be asked, or holds another bundle or none.
    pub fn bundle(&self, wanted: Digest) -> Result<Bytes, ReleaseError> {
        match self.objects.get(&bundle_key(wanted), BUNDLE_LIMIT, None)? {
            Found::Missing | Found::Same => Err(Refusal::Missing(wanted).into()),
            Found::Object(bytes, _) => {
                let found = Digest::of_bytes(&bytes);
                if found == wanted { Ok(bytes) } else { Err(Refusal::Digest { wanted, found }.into()) }
            }
        }
    }

    /// Puts a bundle in force after what was current when it was looked at, and gives the new release.
    ///
    /// # Errors
    /// If another one was published since, or the store cannot be written; what is in force stays in force then.
    pub fn publish(
        &self,
        after: &Current,
        bundle: &Bytes,
        key: Option<&SigningKey>,
        now: Timestamp,
        purpose: Purpose,
    ) -> Result<Release, ReleaseError> {
        let contents = Bundle::read(bundle)?.contents;
        let before = after.release.as_ref().map(|release| &release.statement);
        if let Some(before) = before.filter(|before| before.environment != contents.environment) {
            let store = before.environment.clone();
            return Err(ReleaseError::Environment { store, bundle: contents.environment });
        }
        let (restores, canary) = match purpose {
            Purpose::All => (None, None),
            Purpose::Restore(serial) => (Some(serial), None),
            Purpose::Canary(nodes) => {
                let rest = before.ok_or(ReleaseError::First)?.settled();
                (None, Some(Canary { nodes, rest }))
            }
        };
        let last = before.map_or(0, |before| before.serial);
        let statement = Statement {
            serial: last.checked_add(1).ok_or(ReleaseError::Last(last))?,
            bundle: Digest::of_bytes(bundle),
            table: contents.table,
            previous: before.map(|before| before.bundle),
            environment: contents.environment,
            time: Timestamp::from_second(now.as_second()).unwrap_or(now),
            commit: contents.commit,
            restores,
            canary,
        };
        let release = Release::sign(statement, key)?;
        self.put_bundle(release.statement.bundle, bundle)?;
        if let Some(before) = &after.release {
            self.put_entry(before)?;
        }
        let when = after.version.as_ref().map_or(When::Absent, When::Is);
        match self.objects.put(CURRENT, &release.envelope, when)? {
            Put::Refused => return Err(ReleaseError::Moved),
            Put::Done => {}
        }
        // it is in force whether or not this succeeds: the next one to publish writes what is missing
        if let Err(error) = self.put_entry(&release) {
            tracing::warn!(%error, serial = release.statement.serial, "the release is in force, and not in the history yet");
        }
        Ok(release)
    }

    /// Writes a bundle, unless it is there as it should be.
    fn put_bundle(&self, digest: Digest, bundle: &Bytes) -> Result<(), StoreError> {
        let key = bundle_key(digest);
        if self.objects.put(&key, bundle, When::Absent)? == Put::Done {
            return Ok(());
        }
        match self.objects.get(&key, BUNDLE_LIMIT, None)? {
            Found::Object(stands, _) if Digest::of_bytes(&stands) == digest => Ok(()),
            _ => self.objects.put(&key, bundle, When::Always).map(|_| ()),
        }
    }

    fn put_entry(&self, release: &Release) -> Result<(), StoreError> {
        let key = entry_key(release.statement.serial, release.statement.bundle);
        self.objects.put(&key, &release.envelope, When::Absent).map(|_| ())
    }

    /// What is in force and what was before it, the newest first, at most so many; it ends where older ones were removed.
    ///
    /// # Errors
    /// If the store cannot be asked, or one of them is not to be believed.
    pub fn history(&self, trust: &Trust, limit: usize) -> Result<Vec<Release>, ReleaseError> {
        let mut releases = Vec::new();
        let mut next = self.current(trust)?.release;
        while let Some(release) = next.take().filter(|_| releases.len() < limit) {
            let Statement { serial, previous, .. } = release.statement;
            releases.push(release);
            let (Some(previous), Some(serial)) = (previous, serial.checked_sub(1)) else { break };
            let Found::Object(envelope, _) = self.objects.get(&entry_key(serial, previous), ENVELOPE_LIMIT, None)?
            else {
                break;
            };
            let older = Release::read(envelope.to_vec(), trust)?;
            if (older.statement.serial, older.statement.bundle) != (serial, previous) {
                return Err(Refusal::Unreadable(format!("the entry of release {serial} is that of another one")).into());
            }
            next = Some(older);
        }
        Ok(releases)
    }

    /// Removes all but the newest releases, with the bundles that no other one has.
    ///
    /// # Errors
    /// If the store cannot be listed, or something cannot be removed.
    pub fn retain(&self, newest: &Statement, keep: u64) -> Result<usize, ReleaseError> {
        let oldest = newest.serial.saturating_sub(keep.saturating_sub(1));
        let entries = self.objects.list(RELEASES)?;
        let entries: Vec<(&String, (u64, Digest))> =
            entries.iter().filter_map(|key| Some((key, parse_entry_key(key)?))).collect();
        let in_use = |bundle: &Digest| {
            *bundle == newest.bundle
                || *bundle == newest.settled().bundle
                || entries.iter().any(|(_, (serial, of))| *serial >= oldest && of == bundle)
        };
        let mut removed = 0;
        for (key, (_, bundle)) in entries.iter().filter(|(_, (serial, _))| *serial < oldest) {
            // first the bundle: an entry that is left shows what is missing
            if !in_use(bundle) {
                self.objects.remove(&bundle_key(*bundle))?;
            }
            self.objects.remove(key)?;
            removed += 1;
        }
        Ok(removed)
    }
}

fn bundle_key(digest: Digest) -> String {
    format!("bundles/{digest}.zip")
}

/// Padded, so that names sort as numbers do.
fn entry_key(serial: u64, bundle: Digest) -> String {
    format!("{RELEASES}{serial:010}-{bundle}.json")
}

fn parse_entry_key(key: &str) -> Option<(u64, Digest)> {
    let (serial, bundle) = key.strip_prefix(RELEASES)?.strip_suffix(".json")?.split_once('-')?;
    Some((serial.parse().ok()?, Digest::parse(bundle)?))
}
