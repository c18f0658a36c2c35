//! Paths as people write them on a command line.

use std::path::{Path, PathBuf};

/// A path as it is, or the paths that a glob matches.
///
/// # Errors
/// If there is none.
pub fn expand(path: &str) -> Result<Vec<PathBuf>, String> {
    if Path::new(path).exists() {
        return Ok(vec![path.into()]);
    }
    let found: Vec<PathBuf> =
        glob::glob(path).map_err(|error| format!("`{path}` is no glob: {error}"))?.filter_map(Result::ok).collect();
    if found.is_empty() { Err(format!("`{path}` does not exist")) } else { Ok(found) }
}
