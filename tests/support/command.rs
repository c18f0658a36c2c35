//! Commands that end by themselves, in a folder of their own: what they print, and what they end with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

/// What a command did.
#[derive(Debug)]
pub struct Done {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Done {
    fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// A folder that goes with its value.
pub struct Folder(pub PathBuf);

impl Folder {
    /// A new folder with these files.
    pub fn with(files: &[(&str, &str)]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("folder-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name));
        fs::create_dir_all(&folder.0).unwrap();
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    /// A new repository with these files in its first commit.
    pub fn repository(files: &[(&str, &str)]) -> Self {
        let folder = Self::with(files);
        folder.git("init --quiet --initial-branch main");
        folder.commit("first");
        folder
    }

    pub fn write(&self, name: &str, text: &str) {
        let file = self.0.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }

    /// Commits everything; gives the hash.
    pub fn commit(&self, message: &str) -> String {
        self.git("add --all");
        let done = self.run(git_command().args(["commit", "--quiet", "--allow-empty", "-m", message]));
        assert_eq!(done.code, 0, "{done:?}");
        self.git("rev-parse HEAD")
    }

    /// Runs `git` with words between spaces, which has to succeed; gives what it prints.
    pub fn git(&self, words: &str) -> String {
        let done = self.run(git_command().args(words.split(' ')));
        assert_eq!(done.code, 0, "git {words}: {done:?}");
        done.out.trim().to_owned()
    }

    /// Runs `gw` with words between spaces.
    pub fn gw(&self, words: &str) -> Done {
        self.gw_with(words, &[])
    }

    /// Runs `gw` with words that may hold spaces.
    pub fn gw_words(&self, words: &[&str]) -> Done {
        self.run(gw_command().args(words))
    }

    /// Runs `gw` with some of its environment.
    pub fn gw_with(&self, words: &str, environment: &[(&str, &str)]) -> Done {
        let mut command = gw_command();
        command.args(words.split(' ').filter(|word| !word.is_empty()));
        command.envs(environment.iter().copied());
        self.run(&mut command)
    }

    pub fn run(&self, command: &mut Command) -> Done {
        Done::of(command.current_dir(&self.0).output().unwrap())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `gw` as nobody's settings and no build system know it, in a folder that is in no repository unless it is one.
pub fn gw_command() -> Command {
    let program = std::env::var_os("GW_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_gw").into(), PathBuf::from);
    let mut command = Command::new(program);
    let set: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
    for name in
        set.iter().filter(|name| name.starts_with("GITHUB_") || name.starts_with("CI") || name.starts_with("GW_"))
    {
        command.env_remove(name);
    }
    command.env("GIT_CEILING_DIRECTORIES", env!("CARGO_TARGET_TMPDIR"));
    command
}

fn git_command() -> Command {
    let mut command = Command::new("git");
    command.envs([
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_SYSTEM", "/dev/null"),
        ("GIT_AUTHOR_NAME", "a"),
        ("GIT_AUTHOR_EMAIL", "a@example.com"),
        ("GIT_COMMITTER_NAME", "a"),
        ("GIT_COMMITTER_EMAIL", "a@example.com"),
        ("GIT_AUTHOR_DATE", "2026-01-01T00:00:00Z"),
        ("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z"),
    ]);
    command
}
