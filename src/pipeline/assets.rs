//! Files that manifests name: read with the manifests, hashed into the digest, served from memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use crate::diagnostic::{Code, Severity};
use crate::pipeline::plugin::{Part, Problem};
use crate::value::name::AssetPath;
use crate::value::sha256::Sha256;

/// A file's content and what is known of it.
#[derive(Clone, Debug)]
pub struct Asset {
    /// Its content.
    pub bytes: Bytes,
    /// SHA-256 of the content in hex: the file's strong entity tag, and its part in the digest of the table.
    pub sha256: Box<str>,
    /// When it was last changed, if the file system knows; not part of any digest.
    pub modified: Option<SystemTime>,
}

impl Asset {
    /// A file with this content.
    pub fn new(bytes: Bytes, modified: Option<SystemTime>) -> Self {
        let sha256 = Sha256::of(&bytes).to_string().into();
        Self { bytes, sha256, modified }
    }
}

/// The one hidden folder of a site that is meant to be seen (RFC 8615).
const WELL_KNOWN: &str = ".well-known";

/// Whether a file or folder of a site is one that is meant to be seen, by its name.
pub fn is_published(name: &str) -> bool {
    !name.starts_with('.') || name == WELL_KNOWN
}

/// A folder of files, by their path with `/` between segments.
pub type Folder = BTreeMap<Box<str>, Asset>;

/// What reading an asset gave.
#[derive(Clone, Debug)]
pub enum AssetRead {
    /// A folder with its files.
    Folder(Arc<Folder>),
    /// A file.
    File(Asset),
    /// It could not be read: why, in the style of a diagnostic.
    Failed(String),
}

/// The assets of a set of manifests, by their path from the root folder.
pub type Assets = BTreeMap<String, AssetRead>;

/// The most bytes of a file, and of all files of a folder.
pub const ASSET_LIMIT: u64 = 64 << 20;

impl AssetRead {
    /// The files that were read, by their path below what was named; that of a file that was named itself is empty.
    pub fn files(&self) -> Vec<(&str, &Asset)> {
        match self {
            Self::Folder(folder) => folder.iter().map(|(path, asset)| (&**path, asset)).collect(),
            Self::File(asset) => vec![("", asset)],
            Self::Failed(_) => Vec::new(),
        }
    }
}

/// The path of a file that stands at `path` below what is named `named`, as [`AssetRead::files`] gives it.
pub fn path_below(named: &str, path: &str) -> String {
    match (named, path) {
        ("", only) | (only, "") => only.to_owned(),
        (named, path) => format!("{named}/{path}"),
    }
}

/// A path relative to a manifest as a path from the root folder; `None` if it leads outside.
pub fn from_root(manifest: &str, asset: &str) -> Option<String> {
    let mut segments: Vec<&str> = manifest.split('/').collect();
    segments.pop();
    for segment in asset.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop()?;
            }
            name => segments.push(name),
        }
    }
    Some(segments.join("/"))
}

/// The files beside one manifest, as what is configured in it finds them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside<'a> {
    /// The path of the manifest from the root folder.
    pub manifest: &'a str,
    /// All that was read; `None` if nothing can be found.
    pub assets: Option<&'a Assets>,
}

impl Beside<'_> {
    /// A folder that a config names at this place of it.
    ///
    /// # Errors
    /// The problem to report, if there is no such folder.
    pub fn folder(&self, pointer: &str, path: &AssetPath) -> Result<Arc<Folder>, Box<Problem>> {
        match self.find(path) {
            Ok(AssetRead::Folder(folder)) => Ok(Arc::clone(folder)),
            Ok(AssetRead::File(_)) => Err(Box::new(unusable("files of", pointer, path, "it is a file and no folder"))),
            Ok(AssetRead::Failed(why)) => Err(Box::new(unusable("files of", pointer, path, why))),
            Err(why) => Err(Box::new(unusable("files of", pointer, path, why))),
        }
    }

    /// A file that a config names at this place of it.
    ///
    /// # Errors
    /// The problem to report, if there is no such file.
    pub fn file(&self, pointer: &str, path: &AssetPath) -> Result<Asset, Box<Problem>> {
        match self.find(path) {
            Ok(AssetRead::File(asset)) => Ok(asset.clone()),
            Ok(AssetRead::Folder(_)) => Err(Box::new(unusable("file", pointer, path, "it is a folder and no file"))),
            Ok(AssetRead::Failed(why)) => Err(Box::new(unusable("file", pointer, path, why))),
            Err(why) => Err(Box::new(unusable("file", pointer, path, why))),
        }
    }

    fn find(&self, path: &AssetPath) -> Result<&AssetRead, &'static str> {
        let path = from_root(self.manifest, path.as_str()).ok_or("the path leads outside the root folder")?;
        self.assets.and_then(|assets| assets.get(&path)).ok_or("it was not read")
    }
}

fn unusable(noun: &str, pointer: &str, path: &AssetPath, why: &str) -> Problem {
    Problem {
        code: &ASSET,
        pointer: pointer.to_owned(),
        message: format!("the {noun} `{}` cannot be used: {why}", path.as_str().escape_debug()),
        help: Some("the path is relative to this manifest and stays inside the root folder".to_owned()),
        part: Part::Value,
    }
}

/// A file or folder that cannot be used.
pub static ASSET: Code = Code {
    id: "GW2104",
    name: "asset",
    severity: Severity::Error,
    page: "\
# GW2104: asset

A file or folder that a manifest names cannot be used: it does not exist, is too large, or its path leads outside the root folder.
Files are read with the manifests and are part of the table, so a missing one is found before anything is served.

```yaml wrong
apiVersion: gw/v1
kind: Backend
metadata: { name: site }
spec: { folder: { path: no-such-folder } }
---
apiVersion: gw/v1
kind: Route
metadata: { name: site }
spec: { public: true, backend: site }
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: site }
spec: { public: true, plugins: [{ respond: { body: hello } }] }
```
",
};

#[cfg(test)]
mod tests {
    use super::{from_root, path_below};

    #[test]
    fn assets_stay_inside_the_root_folder() {
        assert_eq!(from_root("a.yaml", "site").as_deref(), Some("site"));
        assert_eq!(from_root("teams/geo/a.yaml", "../site/./x").as_deref(), Some("teams/site/x"));
        assert_eq!(from_root("teams/a.yaml", "../../etc"), None);
    }

    #[test]
    fn a_file_is_below_itself() {
        assert_eq!(
            (&*path_below("site", "a/b"), &*path_below("api.json", ""), &*path_below("", "a")),
            ("site/a/b", "api.json", "a")
        );
    }
}
