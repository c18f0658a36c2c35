//! Tells the program which Git commit a release is built from: `GW_COMMIT` of the environment, else what is checked out.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=GW_COMMIT");
    // a build for development is of no commit, and is not made anew by each one
    let release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let commit = env::var("GW_COMMIT").ok().or_else(|| if release { checked_out() } else { None });
    println!("cargo::rustc-env=GW_COMMIT={}", commit.unwrap_or_default());
}

fn checked_out() -> Option<String> {
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    println!("cargo::rerun-if-changed={log}");
    git(&["rev-parse", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
