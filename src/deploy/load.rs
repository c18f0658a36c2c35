//! Reads manifests and the files they name from a folder.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::compiler::{AssetRequest, Compiled, Manifests, SourceFile, compile};
use crate::pipeline::assets::{ASSET_LIMIT, Asset, AssetRead, Assets, Folder, is_published};
use crate::table::Digest;

/// A manifest may be this large; more is not read.
pub(super) const MANIFEST_LIMIT: u64 = 16 << 20;

/// A folder of manifests, as it was read.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The manifests, sorted by path.
    pub files: Vec<SourceFile>,
    /// Files that look as if they were meant to be manifests and aren't read.
    pub ignored: Vec<String>,
}

/// Why a folder could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}: {error}", path.display())]
pub struct LoadError {
    path: PathBuf,
    error: io::Error,
}

impl LoadError {
    fn of(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self { path, error }
    }

    /// Whether the path doesn't exist.
    pub fn is_not_found(&self) -> bool {
        self.error.kind() == io::ErrorKind::NotFound
    }
}

/// Reads all manifests below a folder; hidden and editors' temporary files don't count.
///
/// # Errors
/// If the folder or a manifest cannot be read.
pub fn read_folder(root: &Path) -> Result<Snapshot, LoadError> {
    let mut snapshot = Snapshot { files: Vec::new(), ignored: Vec::new() };
    let mut folders = vec![(root.to_owned(), String::new())];
    let mut visited = HashSet::new();
    while let Some((folder, prefix)) = folders.pop() {
        let identity = fs::metadata(&folder).map_err(LoadError::of(&folder))?;
        // links may lead in circles
        if !visited.insert((identity.dev(), identity.ino())) {
            continue;
        }
        for path in entries(&folder).map_err(LoadError::of(&folder))? {
            let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|name| !is_hidden(name)) else {
                continue;
            };
            let relative = format!("{prefix}{name}");
            // A link is followed: ConfigMaps are made of them.
            let metadata = match fs::metadata(&path) {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(LoadError { path, error }),
            };
            if metadata.is_dir() {
                folders.push((path, format!("{relative}/")));
            } else if metadata.is_file() && is_manifest(name) {
                snapshot.files.push(read_file(&path, relative)?);
            } else if metadata.is_file() && looks_like_manifest(name) {
                snapshot.ignored.push(relative);
            }
        }
    }
    snapshot.files.sort_by(|a, b| a.path.cmp(&b.path));
    snapshot.ignored.sort();
    Ok(snapshot)
}

/// What stands in a folder, sorted: where two paths lead to one folder, it is always read by the same one.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?;
    paths.sort_unstable_by(|a, b| b.cmp(a));
    Ok(paths)
}

/// Reads one manifest; `relative` is its path from the root folder.
///
/// # Errors
/// If it cannot be read or is too large.
pub fn read_file(path: &Path, relative: String) -> Result<SourceFile, LoadError> {
    let length = fs::metadata(path).map_err(LoadError::of(path))?.len();
    if length > MANIFEST_LIMIT {
        let error = io::Error::new(io::ErrorKind::FileTooLarge, "a manifest is at most 16 MiB");
        return Err(LoadError { path: path.to_owned(), error });
    }
    let bytes = fs::read(path).map_err(LoadError::of(path))?;
    Ok(SourceFile { path: relative, shown: path.display().to_string(), bytes })
}

/// Whether a file is a manifest, by its name.
pub fn is_manifest(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|ending| ending == "yaml" || ending == "yml" || ending == "json")
}

/// Hidden files, editors' temporary files, and the `..data` of a ConfigMap.
pub(super) fn is_hidden(name: &str) -> bool {
    let temporary = Path::new(name).extension().is_some_and(|ending| ending == "swp" || ending == "tmp");
    name.starts_with(['.', '#']) || name.ends_with('~') || temporary
}

/// A misnamed manifest should not be lost silently.
pub(super) fn looks_like_manifest(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    [".yaml", ".yml", ".json"].iter().any(|ending| lower.contains(ending))
}

impl Snapshot {
    /// A digest of the manifests' bytes, by which a change is noticed.
    pub fn digest(&self) -> Digest {
        let mut text = String::new();
        for file in &self.files {
            let _ = writeln!(text, "{}\0{}", file.path, Digest::of_bytes(&file.bytes));
        }
        Digest::of_bytes(text.as_bytes())
    }
}

/// Reads and compiles the manifests of a folder, for an environment if there are any.
///
/// # Errors
/// If the folder or a manifest cannot be read.
pub fn compile_folder(root: &Path, environment: Option<&str>) -> Result<Compiled, LoadError> {
    let parsed = Manifests::read(read_folder(root)?.files).parse(environment);
    let assets = read_assets(root, &parsed.asset_requests());
    Ok(compile(parsed, &assets))
}

/// A digest of what the file system says of the files that manifests name, without reading them: any change of a file changes it.
pub fn asset_stats(root: &Path, requests: &[AssetRequest]) -> Digest {
    let mut text = String::new();
    for request in requests {
        // what the path itself leads to is followed, as a ConfigMap's link is; below it links are left alone
        let named = root.join(&request.path);
        let _ = writeln!(text, "{}", named.display());
        let mut pending = vec![fs::canonicalize(&named).unwrap_or(named)];
        while let Some(path) = pending.pop() {
            let _ = match fs::symlink_metadata(&path) {
                Ok(m) => writeln!(
                    text,
                    "{}\0{}\0{}.{}\0{}.{}\0{}",
                    path.display(),
                    m.len(),
                    m.mtime(),
                    m.mtime_nsec(),
                    m.ctime(),
                    m.ctime_nsec(),
                    m.ino()
                ),
                Err(error) => writeln!(text, "{}\0{}", path.display(), error.kind()),
            };
            if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir()) {
                pending.append(&mut entries(&path).unwrap_or_default());
            }
        }
    }
    Digest::of_bytes(text.as_bytes())
}

/// Reads the files that manifests name.
pub fn read_assets(root: &Path, requests: &[AssetRequest]) -> Assets {
    requests.iter().map(|request| (request.path.clone(), read_asset(root, &request.path))).collect()
}

fn read_asset(root: &Path, relative: &str) -> AssetRead {
    let path = root.join(relative);
    if Path::new(relative).components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
        return AssetRead::Failed("its path leads outside the root folder".into());
    }
    match inside(root, &path).and_then(|real| read_named(&real)) {
        Ok(read) => read,
        Err(error) if error.kind() == io::ErrorKind::NotFound => AssetRead::Failed("it does not exist".into()),
        Err(error) => AssetRead::Failed(error.to_string()),
    }
}

/// Where a path really leads, if that is inside the root folder: a link must not publish files of the machine.
fn inside(root: &Path, path: &Path) -> io::Result<PathBuf> {
    let real = fs::canonicalize(path)?;
    if real.starts_with(fs::canonicalize(root)?) {
        return Ok(real);
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, "a link leads outside the root folder"))
}

/// Reads what a manifest names.
fn read_named(path: &Path) -> io::Result<AssetRead> {
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return Ok(AssetRead::Folder(Arc::new(read_site(path)?)));
    }
    // whatever else it is, reading it might never end
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is neither a file nor a folder"));
    }
    if metadata.len() > ASSET_LIMIT {
        return Err(too_large());
    }
    Ok(AssetRead::File(asset(path, &metadata)?))
}

fn asset(path: &Path, metadata: &fs::Metadata) -> io::Result<Asset> {
    Ok(Asset::new(Bytes::from(fs::read(path)?), metadata.modified().ok()))
}

fn read_site(root: &Path) -> io::Result<Folder> {
    let mut folder = BTreeMap::new();
    let mut left = ASSET_LIMIT;
    let mut pending = vec![(root.to_owned(), String::new())];
    while let Some((path, prefix)) = pending.pop() {
        for entry in fs::read_dir(&path)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| is_published(name)) else { continue };
            // Links are not followed: one could lead anywhere on the machine.
            let kind = entry.file_type()?;
            if kind.is_dir() {
                pending.push((entry.path(), format!("{prefix}{name}/")));
            } else if kind.is_file() {
                let metadata = entry.metadata()?;
                left = left.checked_sub(metadata.len()).ok_or_else(too_large)?;
                folder.insert(format!("{prefix}{name}").into(), asset(&entry.path(), &metadata)?);
            }
        }
    }
    Ok(folder)
}

fn too_large() -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, "it holds more than 64 MiB")
}
