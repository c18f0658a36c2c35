//! Tells the linker to keep together what a start runs (`start.ld`): an idle gateway then holds a third less memory.
//!
//! Only for release builds that run on Linux, linked as Rust links by default: another linker may not read the script, and works without.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=src/start.ld");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    let chosen = env::var_os("RUSTC_LINKER").is_some()
        || env::var("CARGO_ENCODED_RUSTFLAGS").is_ok_and(|flags| flags.contains("link"));
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") && !chosen {
        let folder = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo::rustc-link-arg-bin=gw=-Wl,-T,{folder}/src/start.ld");
    }
}
