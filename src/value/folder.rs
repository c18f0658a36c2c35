//! Folders of manifests.

use std::fmt;

use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// A folder of manifests, as a path from the root folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FolderPath(Box<str>);

impl FolderPath {
    /// Its text, with `/` between segments.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a file, by its path from the root folder, stands in it or below it.
    pub fn holds(&self, file: &str) -> bool {
        file.strip_prefix(&*self.0).is_some_and(|rest| rest.starts_with('/'))
    }
}

impl fmt::Display for FolderPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Scalar for FolderPath {
    const FORMAT: &'static str = "gw-folder-path";
    const DESCRIPTION: &'static str =
        "A folder, as a path from the root folder of the manifests, with `/` between segments.";
    const EXAMPLES: &'static [&'static str] = &["teams/geo"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        let is_name = |segment: &str| !matches!(segment, "" | "." | "..");
        if text.split('/').all(is_name) && !text.contains(['\\', '\0']) {
            return Ok(Self(text.into()));
        }
        let error = ScalarError::new("a folder is a path from the root folder of the manifests, such as `teams/geo`");
        let mended = text.trim_start_matches("./").trim_matches('/');
        let is_mended = mended != text && mended.split('/').all(is_name) && !mended.contains(['\\', '\0']);
        Err(if is_mended { error.suggest(mended) } else { error })
    }
}

scalar!(FolderPath);

#[cfg(test)]
mod tests {
    use super::{FolderPath, Scalar};

    #[test]
    fn folders_are_paths_inside_the_root_folder() {
        let folder = FolderPath::parse("teams/geo").unwrap();
        assert!(folder.holds("teams/geo/a.yaml") && folder.holds("teams/geo/b/c.yaml"));
        assert!(!folder.holds("teams/geo.yaml") && !folder.holds("teams/geography/a.yaml"));
        assert!(["", "/a", "a/", "a//b", "../a", "."].iter().all(|text| FolderPath::parse(text).is_err()));
        assert_eq!(FolderPath::parse("./teams/geo/").unwrap_err().suggestion.as_deref(), Some("teams/geo"));
    }
}
