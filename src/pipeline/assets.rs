//! Files that manifests name: read with the manifests, hashed into the digest, served from memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use crate::diagnostic::{Code, Severity};

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

/// A folder of files, by their path with `/` between segments.
pub type Folder = BTreeMap<Box<str>, Asset>;

/// What reading an asset gave.
#[derive(Clone, Debug)]
pub enum AssetRead {
    /// A folder with its files.
    Folder(Arc<Folder>),
    /// It could not be read: why, in the style of a diagnostic.
    Failed(String),
}

/// The assets of a set of manifests, by their path from the root folder.
pub type Assets = BTreeMap<String, AssetRead>;

/// The most bytes that a folder may hold.
pub const FOLDER_LIMIT: u64 = 64 << 20;

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
