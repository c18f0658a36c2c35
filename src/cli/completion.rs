//! `gw completion`: prints the script by which a shell completes command lines.

use clap_complete::{Shell, generate};

use crate::cli::output::Output;
use crate::cli::{Exit, command};

/// Arguments of `gw completion`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The shell. For bash: `source <(gw completion bash)`.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

pub fn run(arguments: Arguments, output: &mut Output) -> Exit {
    let mut script = Vec::new();
    generate(arguments.shell, &mut command(), "gw", &mut script);
    output.data(&String::from_utf8_lossy(&script));
    Exit::Ok
}
