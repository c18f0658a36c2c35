//! Sites that are ZIP archives (APPNOTE 6.3): taken apart into files, or refused. An archive may come from anybody.

use std::io::{Cursor, Read as _, Seek};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use zip::read::ZipFile;
use zip::result::ZipError;
use zip::{CompressionMethod, ExtraField, ZipArchive};

use crate::pipeline::assets::{Asset, Folder, is_published};

/// The most bytes of all files of an archive together.
const UNPACKED_LIMIT: u64 = 256 << 20;

/// The most entries of an archive.
const ENTRY_LIMIT: usize = 20_000;

/// Why an archive cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It is no ZIP archive, or a damaged one.
    #[error("it is no ZIP archive, or it is damaged: {0}")]
    Form(#[from] ZipError),
    /// It has too many entries.
    #[error("it has more than {ENTRY_LIMIT} entries")]
    Entries,
    /// Its files are too large.
    #[error("its files have more than {} MiB together", UNPACKED_LIMIT >> 20)]
    TooLarge,
    /// Two entries have one name.
    #[error("it has two entries of one name, and programs disagree on which of them counts")]
    Duplicate,
    /// Entries share bytes, as those of bombs do.
    #[error("its entries overlap")]
    Overlapping,
    /// An entry is not as it must be.
    #[error("its entry `{}` {why}", name.escape_debug())]
    Entry {
        /// Its name.
        name: String,
        /// What is wrong.
        why: String,
    },
}

/// The files of an archive, below a folder in it; those whose names begin with a dot are left out.
///
/// # Errors
/// If it is not an archive of plain files.
pub fn unpack(bytes: &Bytes, root: &str) -> Result<Folder, ArchiveError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes.clone()))?;
    if archive.len() > ENTRY_LIMIT {
        return Err(ArchiveError::Entries);
    }
    if archive.has_duplicate_names() {
        return Err(ArchiveError::Duplicate);
    }
    if archive.has_overlapping_entries()? {
        return Err(ArchiveError::Overlapping);
    }
    let mut folder = Folder::new();
    let mut left = UNPACKED_LIMIT;
    for index in 0..archive.len() {
        let name = check(&archive.by_index_raw(index)?)?;
        let Some(path) = below(root, &name).filter(|path| path.split('/').all(is_published)) else { continue };
        let file = archive.by_index(index)?;
        left = left.checked_sub(file.size()).ok_or(ArchiveError::TooLarge)?;
        let modified = modified(&file);
        folder.insert(path.into(), Asset::new(content(file, &name, bytes)?, modified));
    }
    Ok(folder)
}

/// The name of an entry, if it is a plain file or folder that stays where it is put.
fn check<R: Seek + std::io::Read>(entry: &ZipFile<'_, R>) -> Result<String, ArchiveError> {
    let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
    let wrong = |why: &str| Err(ArchiveError::Entry { name: name.clone(), why: why.to_owned() });
    if std::str::from_utf8(entry.name_raw()).is_err() {
        return wrong("has a name that is not UTF-8");
    }
    let path = name.strip_suffix('/').unwrap_or(&name);
    let plain = !path.contains(|c: char| c == '\\' || c.is_control())
        && path.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
        && path.as_bytes().get(1) != Some(&b':');
    if !plain {
        return wrong("has a name that leads out of the archive, or that not every system knows");
    }
    if entry.is_symlink() {
        return wrong("is a symbolic link");
    }
    if entry.encrypted() {
        return wrong("is encrypted");
    }
    match entry.compression() {
        CompressionMethod::Stored | CompressionMethod::Deflated => Ok(name),
        other => wrong(&format!("is compressed by {other}, not by Deflate")),
    }
}

/// The path of a file below a folder; `None` if it is a folder itself, or stands elsewhere.
fn below<'a>(root: &str, name: &'a str) -> Option<&'a str> {
    let root = root.trim_matches('/');
    let path = match root {
        "" => name,
        root => name.strip_prefix(root)?.strip_prefix('/')?,
    };
    (!path.is_empty() && !path.ends_with('/')).then_some(path)
}

/// What an entry holds; never more than it says.
fn content<R: Seek + std::io::Read>(
    mut file: ZipFile<'_, R>,
    name: &str,
    bytes: &Bytes,
) -> Result<Bytes, ArchiveError> {
    let wrong = |why: String| ArchiveError::Entry { name: name.to_owned(), why };
    let size = file.size();
    let length = usize::try_from(size).map_err(|_| ArchiveError::TooLarge)?;
    let (stored, start) = (file.compression() == CompressionMethod::Stored, file.data_start());
    let mut content = Vec::new();
    file.by_ref().take(size + 1).read_to_end(&mut content).map_err(|error| wrong(format!("is damaged: {error}")))?;
    if content.len() != length {
        return Err(wrong("is not as long as it says".to_owned()));
    }
    // what is not compressed is there already
    let there =
        start.and_then(|start| usize::try_from(start).ok()).filter(|start| stored && start + length <= bytes.len());
    Ok(there.map_or_else(|| Bytes::from(content), |start| bytes.slice(start..start + length)))
}

/// When a file was last changed: as Unix says it where the archive has that, else as DOS does, which knows no time zone and is taken for
/// UTC.
fn modified<R: Seek + std::io::Read>(file: &ZipFile<'_, R>) -> Option<SystemTime> {
    let unix = file.extra_data_fields().find_map(|field| match field {
        ExtraField::ExtendedTimestamp(times) => times.mod_time(),
        _ => None,
    });
    if let Some(seconds) = unix {
        return Some(SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(seconds)));
    }
    let dos = file.last_modified()?;
    let part = |number: u8| i8::try_from(number).ok();
    let date = jiff::civil::DateTime::new(
        i16::try_from(dos.year()).ok()?,
        part(dos.month())?,
        part(dos.day())?,
        part(dos.hour())?,
        part(dos.minute())?,
        part(dos.second())?.min(59),
        0,
    );
    Some(date.ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().into())
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use bytes::Bytes;
    use zip::write::SimpleFileOptions;
    use zip::{CompressionMethod, ZipWriter};

    use super::unpack;

    type Writer = ZipWriter<Cursor<Vec<u8>>>;

    fn archive(fill: impl FnOnce(&mut Writer)) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        fill(&mut zip);
        zip.finish().unwrap().into_inner()
    }

    fn file(zip: &mut Writer, name: &str, content: &[u8]) {
        let method = if content.len() > 10 { CompressionMethod::Deflated } else { CompressionMethod::Stored };
        zip.start_file(name, SimpleFileOptions::default().compression_method(method)).unwrap();
        zip.write_all(content).unwrap();
    }

    fn refused(bytes: Vec<u8>) -> String {
        unpack(&Bytes::from(bytes), "").unwrap_err().to_string()
    }

    /// An archive with a name written over, everywhere, by one of the same length.
    fn renamed(old: &str, new: &str, mut bytes: Vec<u8>) -> Vec<u8> {
        for at in 0..bytes.len() - old.len() {
            if bytes[at..].starts_with(old.as_bytes()) {
                bytes[at..at + old.len()].copy_from_slice(new.as_bytes());
            }
        }
        bytes
    }

    #[test]
    fn files_are_what_was_packed() {
        let page = "hello ".repeat(100);
        let bytes = archive(|zip| {
            zip.add_directory("dist/img", SimpleFileOptions::default()).unwrap();
            file(zip, "dist/index.html", page.as_bytes());
            file(zip, "dist/img/x.svg", b"<svg/>");
            file(zip, "dist/.git/config", b"secret");
            file(zip, "dist/.well-known/a", b"a");
            file(zip, "readme", b"");
        });
        let bytes = Bytes::from(bytes);
        let all = unpack(&bytes, "").unwrap();
        assert_eq!(
            all.keys().map(|path| &**path).collect::<Vec<_>>(),
            ["dist/.well-known/a", "dist/img/x.svg", "dist/index.html", "readme"]
        );
        let site = unpack(&bytes, "dist").unwrap();
        assert_eq!(site.keys().map(|path| &**path).collect::<Vec<_>>(), [".well-known/a", "img/x.svg", "index.html"]);
        assert_eq!((&*site["index.html"].bytes, &*site["img/x.svg"].bytes), (page.as_bytes(), &b"<svg/>"[..]));
    }

    #[test]
    fn what_is_no_plain_file_is_refused() {
        for name in ["../x", "a/../x", "/etc/x", "a//b", "c:/x", "a\\b", "./x"] {
            let bytes = renamed(&"n".repeat(name.len()), name, archive(|zip| file(zip, &"n".repeat(name.len()), b"x")));
            assert!(refused(bytes).contains("leads out of the archive"), "{name}");
        }
        let link = archive(|zip| zip.add_symlink("link", "/etc/passwd", SimpleFileOptions::default()).unwrap());
        assert!(refused(link).contains("`link` is a symbolic link"));
        let twice = archive(|zip| {
            file(zip, "aaaa", b"1");
            file(zip, "bbbb", b"2");
        });
        assert!(refused(renamed("bbbb", "aaaa", twice)).contains("two entries of one name"));
        let mut encrypted = archive(|zip| file(zip, "a", b"1"));
        let central = encrypted.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
        encrypted[6] |= 1;
        encrypted[central + 8] |= 1;
        assert!(refused(encrypted).contains("is encrypted"));
    }

    #[test]
    fn what_is_damaged_or_lies_is_refused() {
        assert!(refused(b"hello".to_vec()).contains("no ZIP archive"));
        let whole = archive(|zip| file(zip, "a", &[b'a'; 1000]));
        assert!(refused(whole[..whole.len() - 30].to_vec()).contains("no ZIP archive"));
        let mut damaged = archive(|zip| file(zip, "a", b"123"));
        let at = damaged.windows(3).position(|bytes| bytes == b"123").unwrap();
        damaged[at] = b'9';
        assert!(refused(damaged).contains("`a` is damaged"));
    }

    /// An archive whose first file is said to be this long.
    fn lying(size: u32) -> Vec<u8> {
        let mut bytes = archive(|zip| file(zip, "a", &[b'a'; 1000]));
        let central = bytes.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
        for at in [22, central + 24] {
            bytes[at..at + 4].copy_from_slice(&size.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        assert!(refused(lying(300 << 20)).contains("more than 256 MiB"));
        assert!(refused(lying(10)).contains("`a` is"));
        let many = archive(|zip| (0..20_001).for_each(|n| file(zip, &n.to_string(), b"")));
        assert!(refused(many).contains("more than 20000 entries"));
    }
}
