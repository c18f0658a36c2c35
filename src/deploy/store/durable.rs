//! Writing files so that a crash leaves the old content or the new one, and what was written before is there before what comes
//! after it: content and name are flushed in that order.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// What the names of files end with that are being written.
const UNFINISHED: &str = ".unfinished";

/// Writes a file in a folder that is there.
///
/// # Errors
/// If it cannot be written; the old content is there then.
pub fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let unfinished = beside(path)?;
    let written = write_new(&unfinished, content).and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written.and_then(|()| flush_folder_of(path))
}

/// Makes a folder with all that it stands in.
///
/// # Errors
/// If it cannot be made.
pub fn make_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        make_folder(parent)?;
    }
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => flush_folder_of(path),
    }
}

/// Removes what a crash left half written in a folder.
///
/// # Errors
/// If the folder cannot be read.
pub fn remove_unfinished(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(UNFINISHED)) {
            let _ = fs::remove_file(path);
        }
    }
    Ok(())
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// A name beside a file that no other writer has: hidden, so that nobody takes it for an object.
fn beside(path: &Path) -> io::Result<PathBuf> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    let (own, next, chance) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed), fastrand::u32(..));
    Ok(path.with_file_name(format!(".{name}.{own}-{next}-{chance:08x}{UNFINISHED}")))
}

fn flush_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
