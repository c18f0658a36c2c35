//! `gw init`: writes a folder to start from.

use std::path::PathBuf;

use crate::cli::Exit;
use crate::cli::output::Output;
use crate::deploy::starter;

/// Arguments of `gw init`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder; what it holds already is never overwritten.
    #[arg(default_value = "gateway.d", value_name = "DIR")]
    folder: PathBuf,
}

pub fn run(arguments: Arguments, output: &mut Output) -> Exit {
    let folder = arguments.folder;
    match starter::write(&folder) {
        Ok(()) => {
            output.data(&starter::next_steps(&folder));
            Exit::Ok
        }
        Err(error) => {
            output.note(&format!("error: {error}\n"));
            Exit::Error
        }
    }
}
