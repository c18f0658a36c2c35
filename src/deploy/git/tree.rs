//! The files of a commit, read as those of a folder are: the same names count, links lead to the same files.

use std::collections::HashSet;
use std::io::{BufReader, Read as _, Write as _};
use std::process::Stdio;
use std::sync::Arc;
use std::thread;

use bytes::Bytes;

use crate::compiler::{AssetRequest, SourceFile};
use crate::deploy::git::{Commit, GitError, Repository, command, git, message, succeed};
use crate::deploy::load::{MANIFEST_LIMIT, Snapshot, is_hidden, is_manifest, looks_like_manifest};
use crate::pipeline::assets::{ASSET_LIMIT, Asset, AssetRead, Assets, Folder, is_published};

/// A folder of a commit.
pub struct Tree<'a> {
    repository: &'a Repository,
    commit: &'a Commit,
    /// The files below it, sorted by path.
    files: Vec<File>,
}

/// A file of a commit.
struct File {
    /// Its path from the folder.
    path: String,
    /// Its name for Git: the hash of its content.
    hash: String,
    /// Its bytes.
    size: u64,
    /// How much of the path is that of a link that leads to it, or to a folder around it; 0 if it is none.
    link: usize,
}

impl<'a> Tree<'a> {
    /// The folder of the repository in a commit; `None` if it is not there.
    ///
    /// # Errors
    /// If Git fails, or it is a file.
    pub fn read(repository: &'a Repository, commit: &'a Commit) -> Result<Option<Self>, GitError> {
        let name = format!("{}:{}", commit.as_str(), repository.folder);
        let output = git(&repository.at, ["rev-parse", "--verify", "--quiet", "--end-of-options", &name])?;
        if !output.status.success() {
            return Ok(None);
        }
        let hash = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let kind = succeed("cat-file", git(&repository.at, ["cat-file", "-t", &hash])?)?;
        if kind != b"tree\n" {
            return Err(GitError::NotAFolder(commit.short().to_owned(), repository.folder.clone()));
        }
        let mut tree = Self { repository, commit, files: Vec::new() };
        tree.list(&hash, "", 0, &mut HashSet::new())?;
        tree.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Some(tree))
    }

    /// Lists what is below a folder; links are followed as far as they stay in the repository.
    fn list(&mut self, hash: &str, prefix: &str, link: usize, seen: &mut HashSet<String>) -> Result<(), GitError> {
        // links may lead in circles
        if !seen.insert(hash.to_owned()) {
            return Ok(());
        }
        let listed = succeed("ls-tree", git(&self.repository.at, ["ls-tree", "-r", "-l", "-z", "--full-tree", hash])?)?;
        let mut links = Vec::new();
        for line in listed.split(|byte| *byte == 0) {
            let Some((mode, hash, size, path)) = entry(line) else { continue };
            let path = format!("{prefix}{path}");
            match mode {
                "120000" => links.push(path),
                "160000" => {} // another repository, which is not here
                _ => self.files.push(File { path, hash: hash.to_owned(), size, link }),
            }
        }
        for (path, found) in self.follow(links)? {
            let length = if link == 0 { path.len() } else { link };
            match found {
                Found::File(hash, size) => self.files.push(File { path, hash, size, link: length }),
                Found::Folder(hash) => self.list(&hash, &format!("{path}/"), length, seen)?,
            }
        }
        Ok(())
    }

    /// Where links lead; those that lead nowhere or out of the repository are left out.
    fn follow(&self, links: Vec<String>) -> Result<Vec<(String, Found)>, GitError> {
        let within = if self.repository.folder.is_empty() { "" } else { "/" };
        let names: Vec<String> = links
            .iter()
            .map(|path| format!("{}:{}{within}{path}", self.commit.as_str(), self.repository.folder))
            .collect();
        let found = self.batch(&["--batch-check", "--follow-symlinks"], &names)?;
        Ok(links.into_iter().zip(found).filter_map(|(path, found)| Some((path, Found::of(&found.header)?))).collect())
    }

    /// The manifests, as [`read_folder`](crate::deploy::load::read_folder) reads them; each is shown under its path below `shown`.
    ///
    /// # Errors
    /// If Git fails, or one is too large.
    pub fn snapshot(&self, shown: &str) -> Result<Snapshot, GitError> {
        let visible = |file: &&File| !file.path.split('/').any(is_hidden);
        let name = |file: &File| file.path.rsplit('/').next().unwrap_or_default().to_owned();
        let manifests: Vec<&File> = self.files.iter().filter(visible).filter(|file| is_manifest(&name(file))).collect();
        if let Some(large) = manifests.iter().find(|file| file.size > MANIFEST_LIMIT) {
            return Err(GitError::Failed("cat-file".into(), format!("{}: a manifest is at most 16 MiB", large.path)));
        }
        let contents = self.contents(&manifests)?;
        let slash = if shown.is_empty() || shown.ends_with('/') { "" } else { "/" };
        let file = |(file, bytes): (&&File, Vec<u8>)| SourceFile {
            path: file.path.clone(),
            shown: format!("{shown}{slash}{}", file.path),
            bytes,
        };
        let misnamed = |file: &&File| !is_manifest(&name(file)) && looks_like_manifest(&name(file));
        Ok(Snapshot {
            files: manifests.iter().zip(contents).map(file).collect(),
            ignored: self.files.iter().filter(visible).filter(misnamed).map(|file| file.path.clone()).collect(),
        })
    }

    /// The files that manifests name.
    ///
    /// # Errors
    /// If Git fails.
    pub fn assets(&self, requests: &[AssetRequest]) -> Result<Assets, GitError> {
        requests.iter().map(|request| Ok((request.path.clone(), self.asset(&request.path)?))).collect()
    }

    fn asset(&self, path: &str) -> Result<AssetRead, GitError> {
        let too_large = || AssetRead::Failed("it holds more than 64 MiB".into());
        let asset = |bytes: Vec<u8>| Asset::new(Bytes::from(bytes), None);
        if let Some(file) = self.files.iter().find(|file| file.path == path) {
            if file.size > ASSET_LIMIT {
                return Ok(too_large());
            }
            let content = self.contents(&[file])?.pop().unwrap_or_default();
            return Ok(AssetRead::File(asset(content)));
        }
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let shown = |rest: &str| rest.split('/').all(is_published);
        // A link in the folder is not followed: one could lead anywhere on the machine.
        let files: Vec<&File> = self
            .files
            .iter()
            .filter(|file| file.link <= path.len() && file.path.strip_prefix(&prefix).is_some_and(shown))
            .collect();
        if files.is_empty() {
            return Ok(AssetRead::Failed("it does not exist".into()));
        }
        if files.iter().map(|file| file.size).sum::<u64>() > ASSET_LIMIT {
            return Ok(too_large());
        }
        let contents = self.contents(&files)?;
        let folder: Folder =
            files.iter().zip(contents).map(|(file, bytes)| (file.path[prefix.len()..].into(), asset(bytes))).collect();
        Ok(AssetRead::Folder(Arc::new(folder)))
    }

    fn contents(&self, files: &[&File]) -> Result<Vec<Vec<u8>>, GitError> {
        let names: Vec<String> = files.iter().map(|file| file.hash.clone()).collect();
        Ok(self.batch(&["--batch"], &names)?.into_iter().map(|object| object.bytes).collect())
    }

    /// Asks one `git cat-file` for many objects.
    fn batch(&self, options: &[&str], names: &[String]) -> Result<Vec<Object>, GitError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut command = command(&self.repository.at);
        command.arg("cat-file").args(options).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(GitError::NoGit)?;
        let lines = names.join("\n") + "\n";
        let writer = child.stdin.take().map(|mut stdin| thread::spawn(move || stdin.write_all(lines.as_bytes())));
        let mut objects = Vec::with_capacity(names.len());
        let whole = options.contains(&"--batch");
        if let Some(stdout) = child.stdout.take() {
            let mut reader = BufReader::new(stdout);
            while objects.len() < names.len() {
                let Some(object) = Object::read(&mut reader, whole) else { break };
                objects.push(object);
            }
        }
        let output = child.wait_with_output().map_err(GitError::NoGit)?;
        writer.map(thread::JoinHandle::join);
        if objects.len() == names.len() {
            return Ok(objects);
        }
        Err(GitError::Failed("cat-file".into(), message(&output)))
    }
}

/// What `git cat-file` says of an object.
struct Object {
    header: String,
    bytes: Vec<u8>,
}

impl Object {
    fn read(reader: &mut impl std::io::BufRead, whole: bool) -> Option<Self> {
        let mut header = String::new();
        reader.read_line(&mut header).ok().filter(|length| *length > 0)?;
        let header = header.trim_end().to_owned();
        let words: Vec<&str> = header.split(' ').collect();
        // what leads nowhere is said with as many bytes, which follow
        let dead = matches!(words.first(), Some(&"symlink" | &"dangling" | &"loop" | &"notdir"));
        let mut bytes = Vec::new();
        if (whole && words.len() == 3) || dead {
            let size: u64 = words.last()?.parse().ok()?;
            reader.by_ref().take(size).read_to_end(&mut bytes).ok()?;
            reader.read_exact(&mut [0]).ok()?;
        } else if whole {
            return None;
        }
        Some(Self { header, bytes })
    }
}

/// Where a link leads.
enum Found {
    File(String, u64),
    Folder(String),
}

impl Found {
    fn of(header: &str) -> Option<Self> {
        let words: Vec<&str> = header.split(' ').collect();
        match words.as_slice() {
            [hash, "blob", size] => Some(Self::File((*hash).to_owned(), size.parse().ok()?)),
            [hash, "tree", _] => Some(Self::Folder((*hash).to_owned())),
            _ => None,
        }
    }
}

/// A line of `git ls-tree -l -z`: `100644 blob <hash> <size>\t<path>`. A path that is no text names nothing that is read.
fn entry(line: &[u8]) -> Option<(&str, &str, u64, &str)> {
    let line = std::str::from_utf8(line).ok()?;
    let (facts, path) = line.split_once('\t')?;
    let mut facts = facts.split_ascii_whitespace();
    let (mode, _, hash, size) = (facts.next()?, facts.next()?, facts.next()?, facts.next()?);
    Some((mode, hash, size.parse().unwrap_or(0), path))
}

#[cfg(test)]
mod tests {
    use super::entry;

    #[test]
    fn lines_of_a_listing() {
        let line = b"100644 blob 5716ca5987cbf97d6bb54920bea6adde242d87e6      4\ta b/c.yaml";
        let (mode, hash, size, path) = entry(line).unwrap();
        assert_eq!((mode, size, path), ("100644", 4, "a b/c.yaml"));
        assert_eq!(hash.len(), 40);
        assert_eq!(entry(b""), None);
    }
}
