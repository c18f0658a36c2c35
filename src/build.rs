//! What a build tells the compiler and the linker: the Git commit that a release is built from, `GW_COMMIT` of the environment or else
//! what is checked out; and to keep together what a start runs (`start.ld`), so that an idle gateway holds a third less memory.
//! `tests/bench/start_order.py` makes that list anew; it is worth it after much code has moved.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=GW_COMMIT");
    println!("cargo::rerun-if-changed=src/start.ld");
    // a build for development is of no commit, and is not made anew by each one
    let release = is("PROFILE", "release");
    let commit = env::var("GW_COMMIT").ok().or_else(|| if release { checked_out() } else { None });
    println!("cargo::rustc-env=GW_COMMIT={}", commit.unwrap_or_default());
    if release && is("CARGO_CFG_TARGET_OS", "linux") && !has_own_linker() {
        let folder = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo::rustc-link-arg-bin=gw=-Wl,-T,{folder}/src/start.ld");
    }
}

fn is(name: &str, value: &str) -> bool {
    env::var(name).is_ok_and(|found| found == value)
}

/// Another linker than Rust's own choice may not read the script, and works without.
fn has_own_linker() -> bool {
    env::var_os("RUSTC_LINKER").is_some()
        || env::var("CARGO_ENCODED_RUSTFLAGS").is_ok_and(|flags| flags.contains("link"))
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
