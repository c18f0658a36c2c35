//! `gw history`: shows what a store of releases had in force.

use crate::cli::Exit;
use crate::cli::output::{Layout, Output};
use crate::cli::store::{Store, Trusted};
use crate::deploy::release::{Trust, show};

/// Arguments of `gw history`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    store: Store,
    #[command(flatten)]
    trusted: Trusted,
    /// How many releases are shown, the newest first.
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// How they are shown.
    #[arg(long, short, value_name = "FORMAT", default_value = "human")]
    output: Layout,
}

pub fn run(arguments: Arguments, output: &mut Output) -> Exit {
    let done = history(&arguments, output);
    output.verdict(done)
}

fn history(arguments: &Arguments, output: &mut Output) -> Result<Exit, String> {
    let trust = arguments.trusted.if_named()?;
    let releases = arguments.store.open()?;
    let history = releases.history(&trust, arguments.limit).map_err(|error| error.to_string())?;
    if matches!(trust, Trust::Anyone) {
        output.note("signatures were not verified: no `--trust-key` says by whom they must be\n");
    }
    output.show(arguments.output, || show::history_table(&history), || show::history_document(&history));
    Ok(Exit::Ok)
}
