//! The `gw` program: arguments in, exit code out. Everything it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    gw::cli::main()
}
