//! Bundles: all that a table is compiled from, in one ZIP file that has the same bytes on every machine (APPNOTE 6.3).
//!
//! A bundle holds the manifests as they were written, and no compiled form: the node compiles them by the same pure function, for
//! the environment that the bundle names, so what it says of them has a place in a file, and a newer program reads an older bundle.
//! Entries are stored as they are: what a compressor gives may differ between machines, and what isn't compressed can't be a bomb.

mod build;
mod origin;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use build::{BuildError, Built, build};
pub use origin::Origin;

use serde::{Deserialize, Serialize};

use crate::compiler::{Compiled, Manifests, SourceFile, compile_to_serve};
use crate::pipeline::assets::Assets;
use crate::table::Digest;

/// The version of the format. A reader reads what has the same major version.
const FORMAT_VERSION: &str = "1.0";

/// The entry that says what the others are.
const CONTENTS: &str = "bundle.json";

/// Where manifests stand.
const SOURCES: &str = "sources/";

/// Where the files stand that manifests name.
const ASSETS: &str = "assets/";

/// The most bytes of a bundle.
pub const BUNDLE_LIMIT: u64 = 256 << 20;

/// The most entries of a bundle.
const ENTRY_LIMIT: usize = 50_000;

/// The most bytes of the path of an entry.
const PATH_LIMIT: usize = 1024;

/// All that a table is compiled from.
#[derive(Debug)]
pub struct Bundle {
    /// What it says of itself.
    pub contents: Contents,
    /// The manifests.
    pub sources: Vec<SourceFile>,
    /// The files that they name.
    pub assets: Assets,
}

/// What a bundle says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contents {
    /// The version of this document.
    pub format_version: String,
    /// The version of the program that made it.
    pub compiler: String,
    /// The version of the language of its manifests.
    pub language: String,
    /// The environment that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The digest of the table that it compiled to.
    pub table: Digest,
    /// The commit that its files are of, if they are as they were committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The folder of the repository that it was made of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// The files and folders that manifests name, from the root folder.
    pub assets: Vec<String>,
    /// All other entries, in the order in which they stand.
    pub entries: Vec<Entry>,
}

/// An entry of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its path in the bundle.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
    /// The digest of its content.
    pub sha256: Digest,
}

/// Why something is no bundle, or cannot become one.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It is too large.
    #[error("a bundle has at most {} MiB and {ENTRY_LIMIT} files", BUNDLE_LIMIT >> 20)]
    TooLarge,
    /// It is no ZIP file of the kind that bundles are.
    #[error("it is no bundle: {0}")]
    Form(String),
    /// It was made by a later program.
    #[error("it is a bundle of version {0}, which this program doesn't know: use a newer one")]
    Version(String),
    /// An entry is not as it must be.
    #[error("the entry `{}` of the bundle {why}", path.escape_debug())]
    Entry {
        /// Its path.
        path: String,
        /// What is wrong.
        why: &'static str,
    },
}

impl Bundle {
    /// Compiles it, for its environment.
    pub fn compile(self) -> Compiled {
        let parsed = Manifests::read(self.sources).parse(self.contents.environment.as_deref());
        compile_to_serve(parsed, &self.assets)
    }
}

impl Contents {
    /// Whether another version of the program made it: the digest of its table may be another one then.
    pub fn is_of_another_compiler(&self) -> bool {
        self.compiler != env!("CARGO_PKG_VERSION")
    }
}

/// Whether a path is one that an entry may have: relative, without `.` and `..`, and the same on every system.
fn is_plain(path: &str) -> bool {
    path.len() <= PATH_LIMIT
        && !path.contains(|c: char| c == '\\' || c.is_control())
        && path.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
}
