//! Packs manifests and their files. Nothing goes in that differs between machines: no times, no owners, no paths of this one.

use std::collections::BTreeMap;
use std::io::{Cursor, Write as _};

use zip::result::ZipResult;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::compiler::SourceFile;
use crate::compiler::manifest::API_VERSION;
use crate::deploy::bundle::{
    ASSETS, BUNDLE_LIMIT, Bundle, BundleError, CONTENTS, Contents, ENTRY_LIMIT, Entry, FORMAT_VERSION, Origin, SOURCES,
    is_plain,
};
use crate::pipeline::assets::{Assets, path_below};
use crate::table::Digest;

impl Bundle {
    /// The bytes of a bundle.
    ///
    /// # Errors
    /// If there is more than a bundle may hold, or a file has a name that not every system knows.
    pub fn write(
        sources: &[SourceFile],
        assets: &Assets,
        table: Digest,
        origin: &Origin,
    ) -> Result<Vec<u8>, BundleError> {
        let files = files(sources, assets);
        let total: u64 = files.values().map(|content| content.len() as u64).sum();
        if files.len() > ENTRY_LIMIT || total > BUNDLE_LIMIT {
            return Err(BundleError::TooLarge);
        }
        if let Some(path) = files.keys().find(|path| !is_plain(path)) {
            return Err(BundleError::Entry { path: path.clone(), why: "has a name that not every system knows" });
        }
        let entries = files.iter().map(|(path, content)| Entry {
            path: path.clone(),
            size: content.len() as u64,
            sha256: Digest::of_bytes(content),
        });
        let contents = Contents {
            format_version: FORMAT_VERSION.to_owned(),
            compiler: env!("CARGO_PKG_VERSION").to_owned(),
            language: API_VERSION.to_owned(),
            environment: origin.environment.clone(),
            table,
            commit: origin.commit.clone(),
            folder: origin.folder.clone(),
            assets: assets.keys().cloned().collect(),
            entries: entries.collect(),
        };
        let bytes = pack(&contents, &files).map_err(|error| BundleError::Form(error.to_string()))?;
        if bytes.len() as u64 > BUNDLE_LIMIT { Err(BundleError::TooLarge) } else { Ok(bytes) }
    }
}

/// All files by their path in the bundle. Folders that manifests name may lie within each other, and share files then.
fn files<'a>(sources: &'a [SourceFile], assets: &'a Assets) -> BTreeMap<String, &'a [u8]> {
    let mut files: BTreeMap<String, &[u8]> =
        sources.iter().map(|file| (format!("{SOURCES}{}", file.path), &*file.bytes)).collect();
    for (root, read) in assets {
        for (path, asset) in read.files() {
            files.insert(format!("{ASSETS}{}", path_below(root, path)), &asset.bytes);
        }
    }
    files
}

fn pack(contents: &Contents, files: &BTreeMap<String, &[u8]>) -> ZipResult<Vec<u8>> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(CONTENTS, options)?;
    let mut document = serde_json::to_vec_pretty(contents).map_err(std::io::Error::other)?;
    document.push(b'\n');
    zip.write_all(&document)?;
    for (path, content) in files {
        zip.start_file(path.as_str(), options)?;
        zip.write_all(content)?;
    }
    Ok(zip.finish()?.into_inner())
}
