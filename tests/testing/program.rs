//! The program, run to its end in a folder of manifests.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::support::folder_with;

/// A folder of manifests that is gone with its value.
pub struct Folder(PathBuf);

/// What a run of the program said, and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Folder {
    pub fn with(files: &[(&str, &str)]) -> Self {
        Self(folder_with(files))
    }

    pub fn path(&self) -> &PathBuf {
        &self.0
    }

    /// Runs `gw` in the folder.
    pub fn gw(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gw"));
        command.args(arguments).current_dir(&self.0).stdin(Stdio::null()).env("NO_COLOR", "1");
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
