//! Reads a bundle that anybody may have made: it is exactly what it says of itself, or it is refused.
//!
//! Files are slices of the bundle's own bytes, so a table made from it holds its files once.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;

use bytes::Bytes;
use zip::{CompressionMethod, ZipArchive};

use crate::compiler::SourceFile;
use crate::compiler::manifest::API_VERSION;
use crate::deploy::bundle::{
    ASSETS, BUNDLE_LIMIT, Bundle, BundleError, CONTENTS, Contents, ENTRY_LIMIT, Entry, FORMAT_VERSION, SOURCES,
    is_plain,
};
use crate::pipeline::assets::{Asset, AssetRead, Assets, Folder, is_published};
use crate::table::Digest;

/// The length of the last record of a ZIP file without a comment, and what it begins with.
const END: (usize, &[u8]) = (22, b"PK\x05\x06");

/// The files of an archive, by path.
type Files = BTreeMap<String, Bytes>;

impl Bundle {
    /// Reads a bundle.
    ///
    /// # Errors
    /// If it is none, or not what it says of itself.
    pub fn read(bytes: &Bytes) -> Result<Self, BundleError> {
        let mut files = unpack(bytes)?;
        let contents = files.remove(CONTENTS).ok_or_else(|| BundleError::Form(format!("it holds no `{CONTENTS}`")))?;
        let contents = read_contents(&contents)?;
        for entry in &contents.entries {
            check(entry, &files)?;
        }
        if contents.entries.len() != files.len() {
            return Err(BundleError::Form(format!("it holds files that `{CONTENTS}` doesn't list")));
        }
        let shown = |path: &str| match contents.folder.as_deref() {
            None | Some("") => path.to_owned(),
            Some(folder) => format!("{folder}/{path}"),
        };
        let source = |(path, content): (&String, &Bytes)| {
            let path = path.strip_prefix(SOURCES)?;
            Some(SourceFile { path: path.to_owned(), shown: shown(path), bytes: content.to_vec() })
        };
        let sources = files.iter().filter_map(source).collect();
        let assets = assets(&contents, &files);
        Ok(Self { contents, sources, assets })
    }
}

fn unpack(bytes: &Bytes) -> Result<Files, BundleError> {
    if bytes.len() as u64 > BUNDLE_LIMIT {
        return Err(BundleError::TooLarge);
    }
    let count = count(bytes).ok_or_else(|| BundleError::Form("it does not end as a ZIP file does".to_owned()))?;
    if count > ENTRY_LIMIT + 1 {
        return Err(BundleError::TooLarge);
    }
    let wrong = |error: zip::result::ZipError| BundleError::Form(error.to_string());
    let mut zip = ZipArchive::new(Cursor::new(bytes.clone())).map_err(wrong)?;
    if zip.len() != count {
        return Err(BundleError::Form("it holds two files of one name".to_owned()));
    }
    let mut files = Files::new();
    for index in 0..count {
        let file = zip.by_index(index).map_err(wrong)?;
        let path = String::from_utf8_lossy(file.name_raw()).into_owned();
        let plain = file.compression() == CompressionMethod::Stored && !file.encrypted() && !file.is_symlink();
        let content = if plain { slice(bytes, file.data_start(), file.size()) } else { None };
        let content = content
            .filter(|_| is_plain(&path))
            .ok_or_else(|| entry(&path, "is no plain file below the root folder"))?;
        files.insert(path, content);
    }
    Ok(files)
}

/// How many entries an archive says it has.
fn count(bytes: &[u8]) -> Option<usize> {
    let (length, mark) = END;
    let end = bytes.len().checked_sub(length).and_then(|at| bytes.get(at..))?;
    let count = end.get(10..12)?.try_into().map(u16::from_le_bytes).ok()?;
    (end.starts_with(mark) && end.ends_with(&[0, 0])).then_some(usize::from(count))
}

fn slice(bytes: &Bytes, start: Option<u64>, size: u64) -> Option<Bytes> {
    let start = usize::try_from(start?).ok()?;
    let end = start.checked_add(usize::try_from(size).ok()?)?;
    (end <= bytes.len()).then(|| bytes.slice(start..end))
}

fn read_contents(document: &[u8]) -> Result<Contents, BundleError> {
    let wrong = |error: serde_json::Error| BundleError::Form(format!("`{CONTENTS}`: {error}"));
    let document: serde_json::Value = serde_json::from_slice(document).map_err(wrong)?;
    let version = document["formatVersion"].as_str().unwrap_or_default();
    let major = |version: &str| version.split('.').next().unwrap_or_default().to_owned();
    if major(version) != major(FORMAT_VERSION) {
        return Err(BundleError::Version(version.escape_debug().to_string()));
    }
    let contents: Contents = serde_json::from_value(document).map_err(wrong)?;
    if contents.language != API_VERSION {
        return Err(BundleError::Version(contents.language.escape_debug().to_string()));
    }
    Ok(contents)
}

fn check(listed: &Entry, files: &Files) -> Result<(), BundleError> {
    let Some(content) = files.get(&listed.path) else { return Err(entry(&listed.path, "is listed and missing")) };
    if content.len() as u64 != listed.size || Digest::of_bytes(content) != listed.sha256 {
        return Err(entry(&listed.path, "is not what is listed"));
    }
    if !listed.path.starts_with(SOURCES) && !listed.path.starts_with(ASSETS) {
        return Err(entry(&listed.path, "stands where nothing belongs"));
    }
    Ok(())
}

fn entry(path: &str, why: &'static str) -> BundleError {
    BundleError::Entry { path: path.to_owned(), why }
}

fn assets(contents: &Contents, files: &Files) -> Assets {
    let asset = |entry: &Entry| {
        let (bytes, sha256) = (files.get(&entry.path)?.clone(), entry.sha256.to_string().into());
        Some(Asset { bytes, sha256, modified: None })
    };
    let read = |root: &String| {
        let path = format!("{ASSETS}{root}");
        if let Some(file) = contents.entries.iter().find(|entry| entry.path == path).and_then(asset) {
            return (root.clone(), AssetRead::File(file));
        }
        let prefix = if root.is_empty() { path } else { format!("{path}/") };
        let below = contents.entries.iter().filter_map(|entry| {
            let path = entry.path.strip_prefix(&prefix).filter(|path| path.split('/').all(is_published))?;
            Some((path.into(), asset(entry)?))
        });
        (root.clone(), AssetRead::Folder(Arc::new(below.collect::<Folder>())))
    };
    contents.assets.iter().map(read).collect()
}
