//! What a plan is compared with: what is asked for, else what a pull request is about, else the last commit, else nothing.

use std::path::Path;

use crate::deploy::git::{Commit, GitError, Repository};
use crate::deploy::plan::side::{Side, SideError};

/// How a variable of the process is read.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads what was named: a folder that exists, else a revision of Git, `REVISION:FOLDER` for another folder of it.
///
/// # Errors
/// If it is neither.
pub fn named(name: &str, folder: &Path, environment: Option<&str>) -> Result<Side, SideError> {
    if Path::new(name).is_dir() {
        return Side::folder(Path::new(name), environment);
    }
    let (revision, other) = name.split_once(':').map_or((name, None), |(revision, folder)| (revision, Some(folder)));
    let repository = Repository::of(folder)?;
    let commit = repository.commit(revision)?;
    match other {
        Some(other) => Side::commit(&repository.with_folder(other), commit, revision, other, environment),
        None => Side::commit(&repository, commit, revision, &shown(folder), environment),
    }
}

/// Reads what nobody named: where the branch of a pull request leaves the other one, else what is checked out, else nothing.
///
/// # Errors
/// If Git cannot say it, or what a pull request is about is not there.
pub fn natural(folder: &Path, environment: Option<&str>, variables: Variables<'_>) -> Result<Side, SideError> {
    let repository = match Repository::of(folder) {
        Ok(repository) => repository,
        Err(error @ (GitError::NotARepository(_) | GitError::NoGit(_))) => return Ok(Side::nothing(error.to_string())),
        Err(error) => return Err(error.into()),
    };
    let Some(head) = repository.head()? else { return Ok(Side::nothing("Git has no commit yet")) };
    let (name, commit) = match of_pull_request(&repository, &head, variables)? {
        Some(found) => found,
        None => ("Git HEAD".to_owned(), head),
    };
    Side::commit(&repository, commit, &name, &shown(folder), environment)
}

fn shown(folder: &Path) -> String {
    folder.display().to_string()
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
