//! What Git knows of a folder, by the `git` program: commits, where branches part, and the files of a commit.
//!
//! Nothing is checked out: files are read into memory, so bare repositories and working trees with changes are fine.

mod tree;

pub use tree::Tree;

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Why Git could not say something.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The program is missing or cannot be started.
    #[error("cannot start `git`: {0}")]
    NoGit(io::Error),
    /// The folder is in no repository.
    #[error("{} is not in a Git repository", .0.display())]
    NotARepository(PathBuf),
    /// There is no such commit.
    #[error("Git knows no revision `{0}`: write a branch, a tag or a commit")]
    UnknownRevision(String),
    /// There is no such commit here, and only a part of the history is here.
    #[error(
        "`{0}` is not in this shallow clone: fetch the whole history, with `git fetch --unshallow` or `fetch-depth: 0` of \
         actions/checkout"
    )]
    Shallow(String),
    /// The path is no folder there.
    #[error("`{1}` is not a folder in `{0}`")]
    NotAFolder(String, String),
    /// Anything else, in Git's own words.
    #[error("git {0}: {1}")]
    Failed(String, String),
}

/// A repository, and the folder in it that is asked about.
#[derive(Clone, Debug)]
pub struct Repository {
    /// Where `git` is run.
    at: PathBuf,
    /// The path of the folder from the root of the repository, without a slash at its end; empty for the root.
    folder: String,
}

/// A commit by its whole hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit(String);

impl Commit {
    /// The hash in hex.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its first twelve digits: what people see.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl Repository {
    /// The repository that a folder is in, or would be in: the folder itself need not exist. In a bare repository the path counts
    /// from its root.
    ///
    /// # Errors
    /// If it is in none, or Git is missing.
    pub fn of(folder: &Path) -> Result<Self, GitError> {
        let (at, below) = existing(folder);
        let output = git(&at, ["rev-parse", "--is-bare-repository", "--show-prefix"])?;
        if !output.status.success() {
            return Err(match message(&output) {
                text if text.contains("not a git repository") => GitError::NotARepository(folder.to_owned()),
                text => GitError::Failed("rev-parse".into(), text),
            });
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut lines = text.lines();
        let bare = lines.next() == Some("true");
        let prefix = if bare { "" } else { lines.next().unwrap_or_default() };
        let below = if bare { plain(folder) } else { below };
        let folder = format!("{prefix}{below}").trim_matches('/').to_owned();
        Ok(Self { at, folder })
    }

    /// The path of the folder from the root of the repository.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// The same repository, and another folder by its path from the root.
    #[must_use]
    pub fn with_folder(&self, folder: &str) -> Self {
        Self { at: self.at.clone(), folder: folder.trim_matches('/').to_owned() }
    }

    /// The commit that a branch, a tag or any other revision names.
    ///
    /// # Errors
    /// If there is none.
    pub fn commit(&self, revision: &str) -> Result<Commit, GitError> {
        self.find(revision)?.ok_or_else(|| self.unknown(revision))
    }

    /// The commit that is checked out, unless there is none yet.
    ///
    /// # Errors
    /// If Git fails.
    pub fn head(&self) -> Result<Option<Commit>, GitError> {
        self.find("HEAD")
    }

    /// The commit of a revision, unless there is none.
    ///
    /// # Errors
    /// If Git fails.
    pub fn find(&self, revision: &str) -> Result<Option<Commit>, GitError> {
        let wanted = format!("{revision}^{{commit}}");
        let output = git(&self.at, ["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted])?;
        let hash = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok((output.status.success() && !hash.is_empty()).then_some(Commit(hash)))
    }

    /// Where two lines of commits part.
    ///
    /// # Errors
    /// If they have nothing in common, as far as the history is here.
    pub fn merge_base(&self, one: &Commit, other: &Commit) -> Result<Commit, GitError> {
        let output = git(&self.at, ["merge-base", one.as_str(), other.as_str()])?;
        let hash = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if output.status.success() && !hash.is_empty() {
            return Ok(Commit(hash));
        }
        let both = format!("the commit where {} and {} part", one.short(), other.short());
        if self.is_shallow()? {
            return Err(GitError::Shallow(both));
        }
        Err(GitError::Failed("merge-base".into(), format!("{both} does not exist")))
    }

    /// The commits after one up to another that change the folder, the oldest first; of a merge, the merge itself. None if the one
    /// is no ancestor of the other.
    ///
    /// # Errors
    /// If Git fails.
    pub fn history(&self, after: &Commit, up_to: &Commit) -> Result<Vec<Commit>, GitError> {
        if !git(&self.at, ["merge-base", "--is-ancestor", after.as_str(), up_to.as_str()])?.status.success() {
            return Ok(Vec::new());
        }
        let (range, path) =
            (format!("{}..{}", after.as_str(), up_to.as_str()), format!(":(top,literal){}", self.folder));
        let arguments = ["rev-list", "--first-parent", "--reverse", &range, "--", &path];
        let output = succeed("rev-list", git(&self.at, arguments)?)?;
        Ok(String::from_utf8_lossy(&output).lines().map(|hash| Commit(hash.to_owned())).collect())
    }

    /// What people know a commit by: when it was made, by whom, and its subject.
    ///
    /// # Errors
    /// If Git fails.
    pub fn about(&self, commit: &Commit) -> Result<String, GitError> {
        let arguments = ["show", "--no-patch", "--format=%as %an: %s", commit.as_str()];
        let output = succeed("show", git(&self.at, arguments)?)?;
        Ok(String::from_utf8_lossy(&output).trim().to_owned())
    }

    /// Whether the folder holds anything that is not committed.
    ///
    /// # Errors
    /// If Git fails.
    pub fn is_dirty(&self) -> Result<bool, GitError> {
        let path = format!(":(top,literal){}", self.folder);
        let arguments = ["status", "--porcelain", "-z", "--untracked-files=normal", "--", &path];
        let output = succeed("status", git(&self.at, arguments)?)?;
        Ok(!output.is_empty())
    }

    fn is_shallow(&self) -> Result<bool, GitError> {
        let output = git(&self.at, ["rev-parse", "--is-shallow-repository"])?;
        Ok(output.stdout.starts_with(b"true"))
    }

    fn unknown(&self, revision: &str) -> GitError {
        match self.is_shallow() {
            Ok(true) => GitError::Shallow(revision.to_owned()),
            _ => GitError::UnknownRevision(revision.to_owned()),
        }
    }
}

/// The nearest folder around a path that exists, and the rest of the path.
fn existing(path: &Path) -> (PathBuf, String) {
    let mut at = path.to_owned();
    let mut below: Vec<String> = Vec::new();
    while !at.is_dir() {
        let Some(name) = at.file_name().map(|name| name.to_string_lossy().into_owned()) else { break };
        below.push(name);
        if !at.pop() {
            break;
        }
    }
    below.reverse();
    let at = if at.as_os_str().is_empty() { PathBuf::from(".") } else { at };
    // Git resolves links of the folder that it is run in; `..` after one would lead elsewhere.
    (fs::canonicalize(&at).unwrap_or(at), below.join("/"))
}

/// The names in a path, with slashes between them.
fn plain(path: &Path) -> String {
    let names = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        _ => None,
    });
    names.collect::<Vec<_>>().join("/")
}

/// What Git sets for its hooks, by paths that are relative to where they run.
const OF_HOOKS: &[&str] = &["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX"];

/// Runs `git` where no setting of the user changes what it prints, and nothing asks for a password.
fn command(at: &Path) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(at);
    for name in OF_HOOKS {
        command.env_remove(name);
    }
    command.envs([("LC_ALL", "C"), ("GIT_TERMINAL_PROMPT", "0"), ("GIT_OPTIONAL_LOCKS", "0")]);
    command.stdin(Stdio::null());
    command
}

fn git<I: AsRef<OsStr>>(at: &Path, arguments: impl IntoIterator<Item = I>) -> Result<Output, GitError> {
    command(at).args(arguments).output().map_err(GitError::NoGit)
}

fn succeed(what: &str, output: Output) -> Result<Vec<u8>, GitError> {
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(GitError::Failed(what.to_owned(), message(&output)))
}

/// What Git says went wrong, in one line.
fn message(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("it failed without a word");
    line.trim_start_matches("fatal: ").to_owned()
}
