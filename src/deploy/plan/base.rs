//! What is compared, by the names that people give it; for a plan without one what a pull request is about, else the last commit, else
//! nothing.

use std::fs;
use std::path::Path;

use bytes::Bytes;

use crate::deploy::bundle::{BUNDLE_LIMIT, BundleError};
use crate::deploy::git::{Commit, GitError, Repository};
use crate::deploy::plan::side::{Side, SideError};
use crate::deploy::release::{Releases, Target, Trust};

/// How a variable of the process is read.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads sets of manifests.
pub struct Reader<'a> {
    /// The folder that is looked for in revisions of Git.
    pub folder: &'a Path,
    /// The environment, if one is chosen; a bundle is for its own.
    pub environment: Option<&'a str>,
    /// Opens the store at an address.
    pub open: &'a dyn Fn(&str) -> Result<Releases, String>,
    /// Whose releases are believed.
    pub trust: &'a Trust,
    /// What says which pull request is built.
    pub variables: Variables<'a>,
}

impl Reader<'_> {
    /// Reads what was named: a folder, a bundle, a store or `STORE#RELEASE`, else a revision of Git, `REVISION:FOLDER` for another folder
    /// of it.
    ///
    /// # Errors
    /// If it is none of them.
    pub fn named(&self, name: &str) -> Result<Side, SideError> {
        let (address, release) = name.split_once('#').map_or((name, None), |(store, release)| (store, Some(release)));
        let path = Path::new(name);
        match () {
            () if address.contains("://") || is_store(Path::new(address)) => self.store(address, release),
            () if path.is_dir() => Side::folder(path, self.environment),
            () if path.extension().is_some_and(|ending| ending == "zip") && path.is_file() => bundle(path),
            () => self.revision(name),
        }
    }

    /// Reads a release of a store, the one in force if none is named.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn store(&self, address: &str, release: Option<&str>) -> Result<Side, SideError> {
        let releases = (self.open)(address).map_err(SideError::Name)?;
        match release {
            None => Side::current(&releases, &releases.current(self.trust)?),
            Some(release) => {
                let target = Target::parse(release).map_err(SideError::Name)?;
                let (_, found) = releases.find(&target, self.trust)?;
                Side::release(&releases, &found)
            }
        }
    }

    fn revision(&self, name: &str) -> Result<Side, SideError> {
        let repository = Repository::of(self.folder)?;
        match name.split_once(':') {
            Some((revision, folder)) => {
                let commit = repository.commit(revision)?;
                Side::commit(&repository.with_folder(folder), commit, revision, folder, self.environment)
            }
            None => Side::commit(&repository, repository.commit(name)?, name, &self.shown(), self.environment),
        }
    }

    /// Reads what nobody named: where the branch of a pull request leaves the other one, else what is checked out, else nothing.
    ///
    /// # Errors
    /// If Git cannot say it, or what a pull request is about is not there.
    pub fn natural(&self) -> Result<Side, SideError> {
        let repository = match Repository::of(self.folder) {
            Ok(repository) => repository,
            Err(error @ (GitError::NotARepository(_) | GitError::NoGit(_))) => {
                return Ok(Side::nothing(error.to_string()));
            }
            Err(error) => return Err(error.into()),
        };
        let Some(head) = repository.head()? else { return Ok(Side::nothing("Git has no commit yet")) };
        let (name, commit) = match of_pull_request(&repository, &head, self.variables)? {
            Some(found) => found,
            None => ("Git HEAD".to_owned(), head),
        };
        Side::commit(&repository, commit, &name, &self.shown(), self.environment)
    }

    fn shown(&self) -> String {
        self.folder.display().to_string()
    }
}

/// Whether a folder is a store of releases, by what it holds.
fn is_store(path: &Path) -> bool {
    path.join("current.json").is_file() && path.join("bundles").is_dir()
}

fn bundle(path: &Path) -> Result<Side, SideError> {
    let name = path.display().to_string();
    let wrong = |error: std::io::Error| SideError::Name(format!("cannot read {name}: {error}"));
    if fs::metadata(path).map_err(wrong)?.len() > BUNDLE_LIMIT {
        return Err(SideError::Bundle(name, BundleError::TooLarge));
    }
    let bytes = fs::read(path).map_err(wrong)?;
    Side::bundle(&Bytes::from(bytes), format!("bundle {name}"))
}

/// The variables by which systems say into which branch a pull request goes.
const TARGET_BRANCH: &[&str] = &[
    "GITHUB_BASE_REF",                     // GitHub, Gitea, Forgejo
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME", // GitLab
    "BITBUCKET_PR_DESTINATION_BRANCH",     // Bitbucket
    "CHANGE_TARGET",                       // Jenkins
    "SYSTEM_PULLREQUEST_TARGETBRANCH",     // Azure, as refs/heads/…
];

/// Where a pull request, or a branch that is built, leaves the branch that it goes into.
fn of_pull_request(
    repository: &Repository,
    head: &Commit,
    variables: Variables<'_>,
) -> Result<Option<(String, Commit)>, GitError> {
    let set = |name: &str| variables(name).filter(|value| !value.is_empty());
    if let Some(commit) = set("CI_MERGE_REQUEST_DIFF_BASE_SHA") {
        return Ok(Some(("the base of the merge request".to_owned(), repository.commit(&commit)?)));
    }
    let target = TARGET_BRANCH.iter().find_map(|name| set(name));
    if let Some(branch) = &target {
        let branch = branch.trim_start_matches("refs/heads/");
        let remote = format!("origin/{branch}");
        let tip = match repository.find(&format!("refs/remotes/{remote}"))? {
            Some(tip) => tip,
            None => repository.commit(branch).map_err(|error| rename(error, &remote))?,
        };
        return Ok(Some((format!("the merge base with {remote}"), repository.merge_base(&tip, head)?)));
    }
    if set("CI").is_none() {
        return Ok(None);
    }
    let default = set("CI_DEFAULT_BRANCH").map_or_else(|| "origin/HEAD".to_owned(), |name| format!("origin/{name}"));
    match repository.find(&format!("refs/remotes/{default}"))? {
        Some(tip) => Ok(Some((format!("the merge base with {default}"), repository.merge_base(&tip, head)?))),
        None => Ok(None),
    }
}

/// Names the branch as it is known on a machine that only fetches.
fn rename(error: GitError, name: &str) -> GitError {
    match error {
        GitError::UnknownRevision(_) => GitError::UnknownRevision(name.to_owned()),
        GitError::Shallow(_) => GitError::Shallow(name.to_owned()),
        other => other,
    }
}
