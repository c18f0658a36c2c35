//! Where a bundle comes from: the environment it is for, and what Git says of its folder.

use std::path::Path;
use std::process::Command;

/// Where a bundle comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The environment that it is for.
    pub environment: Option<String>,
    /// The commit, if the folder is as it was committed.
    pub commit: Option<String>,
    /// The path of the folder in its repository; empty for the repository itself.
    pub folder: Option<String>,
}

impl Origin {
    /// The origin of a folder. Without Git, or outside of a repository, there is nothing to say of it.
    pub fn of(root: &Path, environment: Option<String>) -> Self {
        let Some(said) = git(root, &["rev-parse", "--verify", "--show-prefix", "HEAD"]) else {
            return Self { environment, ..Self::default() };
        };
        let mut lines = said.lines();
        let folder = lines.next().map(|prefix| prefix.trim_end_matches('/').to_owned());
        let is_clean = git(root, &["status", "--porcelain", "--", "."]).is_some_and(|changes| changes.is_empty());
        let commit = lines.next().filter(|_| is_clean).map(str::to_owned);
        Self { environment, commit, folder }
    }
}

/// What Git says in a folder, if it says anything.
fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(folder).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).ok()).flatten()
}
