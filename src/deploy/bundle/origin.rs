//! Where a bundle comes from: the environment it is for, and what Git says of its folder.

use std::path::Path;

use crate::deploy::git::Repository;

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
        let repository = Repository::of(root).ok();
        let head = repository.as_ref().and_then(|repository| repository.head().ok().flatten());
        let (Some(repository), Some(head)) = (repository, head) else { return Self { environment, ..Self::default() } };
        let is_clean = repository.is_dirty().is_ok_and(|is_dirty| !is_dirty);
        let commit = is_clean.then(|| head.as_str().to_owned());
        Self { environment, commit, folder: Some(repository.folder().to_owned()) }
    }
}
