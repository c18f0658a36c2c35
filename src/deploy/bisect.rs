//! Which commit changed what a request gets: the first one between two commits that gives another outcome than the older one.
//!
//! The outcome is what `gw explain` says of the request, all of it: the route, the plugins, what is sent upstream and the answer.
//! Commits that don't compile are passed over, as `git bisect skip` does.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::deploy::explain::{Asked, AskedError, Explanation, explain, human};
use crate::deploy::git::{Commit, GitError, Repository};
use crate::deploy::plan::side::{Side, SideError};

/// What is asked of each commit.
pub struct Question<'a> {
    /// The folder of manifests, in its repository.
    pub repository: &'a Repository,
    /// How the files of a commit are shown.
    pub shown: &'a str,
    /// The environment, if one is chosen.
    pub environment: Option<&'a str>,
    /// The request.
    pub asked: &'a Asked,
}

/// What was found.
#[derive(Debug)]
pub struct Bisected {
    /// The commit that changed it.
    pub commit: Commit,
    /// Those before it that don't compile: one of them may be it.
    pub doubtful: Vec<Commit>,
    /// What the request got before.
    pub before: String,
    /// What it gets since.
    pub after: String,
    /// How many commits were looked at.
    pub looked_at: usize,
}

/// Why nothing was found.
#[derive(Debug, thiserror::Error)]
pub enum BisectError {
    /// Manifests could not be read.
    #[error(transparent)]
    Side(#[from] SideError),
    /// Git failed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// What is asked is no request to them.
    #[error("{0}: {1}")]
    Asked(String, AskedError),
    /// One of the two ends has errors.
    #[error("the manifests of {0} have errors: choose another commit")]
    Invalid(String),
    /// Both ends give the same.
    #[error("the request gets the same in {0} and {1}")]
    Same(String, String),
    /// The older one is no ancestor.
    #[error("no commit leads from {0} to {1}")]
    NoWay(String, String),
}

/// What a request gets in a commit.
struct Outcome {
    /// What is compared.
    essence: Value,
    /// What people read.
    text: String,
}

/// Finds the commit after `good`, up to `bad`, that changed what a request gets.
///
/// # Errors
/// If Git or the manifests of one end give nothing to compare, or the same.
pub fn bisect(question: &Question<'_>, good: &Commit, bad: &Commit) -> Result<Bisected, BisectError> {
    let mut looked_at = 0;
    let mut outcome = |commit: &Commit| {
        looked_at += 1;
        question.outcome(commit)
    };
    let name = |commit: &Commit| commit.short().to_owned();
    let Some(before) = outcome(good)? else { return Err(BisectError::Invalid(name(good))) };
    let Some(last) = outcome(bad)? else { return Err(BisectError::Invalid(name(bad))) };
    if before.essence == last.essence {
        return Err(BisectError::Same(name(good), name(bad)));
    }
    let mut commits = question.repository.history(good, bad)?;
    if commits.is_empty() {
        return Err(BisectError::NoWay(name(good), name(bad)));
    }
    commits.insert(0, good.clone());
    let (mut low, mut high) = (0, commits.len() - 1);
    let mut ends = (before, last);
    let mut invalid = BTreeSet::new();
    // the commit nearest to the middle of those that may tell
    while let Some(at) =
        (low + 1..high).filter(|at| !invalid.contains(at)).min_by_key(|at| at.abs_diff(usize::midpoint(low, high)))
    {
        match outcome(&commits[at])? {
            None => drop(invalid.insert(at)),
            Some(outcome) if outcome.essence == ends.0.essence => (low, ends.0) = (at, outcome),
            Some(outcome) => (high, ends.1) = (at, outcome),
        }
    }
    Ok(Bisected {
        commit: commits[high].clone(),
        doubtful: commits[low + 1..high].to_vec(),
        before: ends.0.text,
        after: ends.1.text,
        looked_at,
    })
}

impl Question<'_> {
    /// What the request gets in a commit; `None` if that doesn't compile.
    fn outcome(&self, commit: &Commit) -> Result<Option<Outcome>, BisectError> {
        let name = commit.as_str();
        let side = Side::commit(self.repository, commit.clone(), name, self.shown, self.environment)?;
        let Some(table) = &side.compiled.table else { return Ok(None) };
        let explained = explain(&side.compiled, table, self.asked)
            .map_err(|error| BisectError::Asked(commit.short().to_owned(), error))?;
        Ok(Some(Outcome { essence: essence(&explained), text: human(&explained) }))
    }
}

/// What of an explanation is the outcome: not why, and not where that is written.
fn essence(explanation: &Explanation) -> Value {
    serde_json::to_value(&explanation.outcome).unwrap_or_default()
}
