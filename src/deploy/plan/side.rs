//! A set of manifests that is compared: a folder, the folder as it is in a commit, or nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use bytes::Bytes;

use crate::compiler::{Compiled, Manifests, Object, Parsed, SourceFile, compile};
use crate::deploy::bundle::{Bundle, BundleError};
use crate::deploy::git::{Commit, GitError, Repository, Tree};
use crate::deploy::load::{LoadError, read_assets, read_folder};
use crate::deploy::release::{Content, Current, Release, ReleaseError, Releases};
use crate::pipeline::assets::{Assets, path_below};
use crate::table::Digest;

/// Manifests that were read and compiled.
pub struct Side {
    /// What they are.
    pub origin: Origin,
    /// The environment that they were compiled for.
    pub environment: Option<String>,
    /// What compiling them gave.
    pub compiled: Compiled,
    /// Their objects, sorted by address, each address once.
    pub objects: Vec<Object>,
    /// The files that they name.
    pub assets: Assets,
    /// The digest of each manifest, by its path from the folder.
    manifests: BTreeMap<String, Digest>,
}

/// What a set of manifests is.
#[derive(Clone, Debug)]
pub enum Origin {
    /// Nothing, and why.
    Nothing(String),
    /// A folder.
    Folder {
        /// Its path.
        path: String,
        /// The commit that is checked out around it.
        commit: Option<Commit>,
        /// Whether it holds what is not committed.
        dirty: bool,
    },
    /// A commit.
    Commit {
        /// What it was named by, such as `Git HEAD` or `the merge base with origin/main`.
        name: String,
        /// Which one.
        commit: Commit,
    },
    /// A bundle, in a file or released.
    Bundle {
        /// What it was named by, such as `release 7 of s3://releases`.
        name: String,
        /// The commit that it was made of.
        commit: Option<String>,
    },
}

/// Why a set of manifests could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SideError {
    /// A folder.
    #[error(transparent)]
    Folder(#[from] LoadError),
    /// A commit.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A bundle.
    #[error("{0}: {1}")]
    Bundle(String, BundleError),
    /// A release.
    #[error(transparent)]
    Release(#[from] ReleaseError),
    /// A name is none of anything.
    #[error("{0}")]
    Name(String),
}

impl Origin {
    /// The commit.
    pub fn commit(&self) -> Option<&str> {
        match self {
            Self::Nothing(_) => None,
            Self::Folder { commit, .. } => commit.as_ref().map(Commit::as_str),
            Self::Commit { commit, .. } => Some(commit.as_str()),
            Self::Bundle { commit, .. } => commit.as_deref(),
        }
    }

    /// The folder, if it is one.
    pub fn folder(&self) -> Option<&str> {
        match self {
            Self::Folder { path, .. } => Some(path),
            _ => None,
        }
    }

    /// Whether it holds what is not committed.
    pub fn is_dirty(&self) -> bool {
        matches!(self, Self::Folder { dirty: true, .. })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing(why) => write!(f, "nothing ({why})"),
            Self::Folder { path, commit: None, .. } => f.write_str(path),
            Self::Folder { path, commit: Some(commit), dirty: false } => write!(f, "{path} ({})", commit.short()),
            Self::Folder { path, commit: Some(commit), dirty: true } => {
                write!(f, "{path} ({} and what is not committed)", commit.short())
            }
            Self::Commit { name, commit } => write!(f, "{name} ({})", commit.short()),
            Self::Bundle { name, commit: None } => f.write_str(name),
            Self::Bundle { name, commit: Some(commit) } => {
                write!(f, "{name} ({})", commit.get(..12).unwrap_or(commit))
            }
        }
    }
}

impl Side {
    /// No manifest at all.
    pub fn nothing(why: impl Into<String>) -> Self {
        Read::of(Vec::new(), None).compile(Origin::Nothing(why.into()), Assets::new())
    }

    /// A folder, in an environment if one is chosen.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn folder(path: &Path, environment: Option<&str>) -> Result<Self, SideError> {
        let read = Read::of(read_folder(path)?.files, environment);
        // Outside of a repository, and without Git, a folder is only a folder.
        let repository = Repository::of(path).ok();
        let commit = repository.as_ref().and_then(|repository| repository.head().ok().flatten());
        let dirty = repository.is_some_and(|repository| repository.is_dirty().unwrap_or(true));
        let assets = read_assets(path, &read.parsed.asset_requests());
        Ok(read.compile(Origin::Folder { path: path.display().to_string(), commit, dirty }, assets))
    }

    /// The folder of a repository in a commit; its files are shown below `shown`.
    ///
    /// # Errors
    /// If Git cannot read it.
    pub fn commit(
        repository: &Repository,
        commit: Commit,
        name: &str,
        shown: &str,
        environment: Option<&str>,
    ) -> Result<Self, SideError> {
        let Some(tree) = Tree::read(repository, &commit)? else {
            let folder = if repository.folder().is_empty() { "." } else { repository.folder() };
            return Ok(Self::nothing(format!("{folder} is not in {name}, {}", commit.short())));
        };
        let read = Read::of(tree.snapshot(shown)?.files, environment);
        let assets = tree.assets(&read.parsed.asset_requests())?;
        Ok(read.compile(Origin::Commit { name: name.to_owned(), commit: commit.clone() }, assets))
    }

    /// What a store has in force, but for nodes that take a canary.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn current(releases: &Releases, current: &Current) -> Result<Self, SideError> {
        let Some(release) = &current.release else {
            return Ok(Self::nothing(format!("{} has no release yet", releases.name())));
        };
        let Content { serial, bundle, .. } = release.statement.settled();
        let name = format!("release {serial} of {}", releases.name());
        match releases.bundle(bundle) {
            Ok(bytes) => Self::bundle(&bytes, name),
            // what is lost or damaged can be replaced: that has to be planned as well
            Err(ReleaseError::Refused(refusal)) => Ok(Self::nothing(format!("{name}: {refusal}"))),
            Err(error) => Err(error.into()),
        }
    }

    /// A release of a store.
    ///
    /// # Errors
    /// If its bundle cannot be read.
    pub fn release(releases: &Releases, release: &Release) -> Result<Self, SideError> {
        let name = format!("release {} of {}", release.statement.serial, releases.name());
        Self::bundle(&releases.bundle(release.statement.bundle)?, name)
    }

    /// A bundle.
    ///
    /// # Errors
    /// If it is none.
    pub fn bundle(bytes: &Bytes, name: String) -> Result<Self, SideError> {
        let Bundle { contents, sources, assets } =
            Bundle::read(bytes).map_err(|error| SideError::Bundle(name.clone(), error))?;
        let read = Read::of(sources, contents.environment.as_deref());
        Ok(read.compile(Origin::Bundle { name, commit: contents.commit }, assets))
    }

    /// The digest of the table, if nothing is an error.
    pub fn digest(&self) -> Option<String> {
        self.compiled.table.as_ref().map(|table| table.digest.to_string())
    }

    /// The SHA-256 of each file that it was made from: manifests, and those that they name.
    pub fn inputs(&self) -> BTreeMap<String, String> {
        let mut inputs: BTreeMap<String, String> =
            self.manifests.iter().map(|(path, digest)| (path.clone(), digest.to_string())).collect();
        for (path, read) in &self.assets {
            let files = read.files().into_iter();
            inputs.extend(files.map(|(name, asset)| (path_below(path, name), asset.sha256.to_string())));
        }
        inputs
    }
}

/// Manifests that were read, before the files that they name are.
struct Read {
    manifests: BTreeMap<String, Digest>,
    environment: Option<String>,
    parsed: Parsed,
}

impl Read {
    fn of(files: Vec<SourceFile>, environment: Option<&str>) -> Self {
        let digest = |file: &SourceFile| (file.path.clone(), Digest::of_bytes(&file.bytes));
        Self {
            manifests: files.iter().map(digest).collect(),
            environment: environment.map(str::to_owned),
            parsed: Manifests::read(files).parse(environment),
        }
    }

    fn compile(self, origin: Origin, assets: Assets) -> Side {
        let mut objects = self.parsed.objects.clone();
        objects.dedup_by(|second, first| second.address == first.address);
        let compiled = compile(self.parsed, &assets);
        Side { origin, environment: self.environment, compiled, objects, assets, manifests: self.manifests }
    }
}
