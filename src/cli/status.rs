//! `gw status`: shows the nodes that follow a store of releases.

use std::path::Path;

use jiff::Timestamp;

use crate::cli::Exit;
use crate::cli::output::{Layout, Output};
use crate::cli::plan::read;
use crate::cli::store::{Receipts, Store, Trusted};
use crate::deploy::release::fleet::Fleet;
use crate::deploy::release::show;

/// Arguments of `gw status`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Manifests, a folder of them or a revision of Git, `REVISION:FOLDER` for another folder of it than `gateway.d`: whether they are
    /// what is released is shown too.
    #[arg(value_name = "DIR|REF")]
    manifests: Option<String>,
    #[command(flatten)]
    store: Store,
    #[command(flatten)]
    trusted: Trusted,
    #[command(flatten)]
    receipts: Receipts,
    /// How it is shown.
    #[arg(long, short, value_name = "FORMAT", default_value = "human")]
    output: Layout,
}

pub fn run(arguments: Arguments, output: &mut Output) -> Exit {
    let done = status(&arguments, output);
    output.verdict(done)
}

fn status(arguments: &Arguments, output: &mut Output) -> Result<Exit, String> {
    let trust = arguments.trusted.if_named()?;
    let current = arguments.store.open()?.current(&trust).map_err(|error| error.to_string())?;
    let environment = current.release.as_ref().and_then(|release| release.statement.environment.clone());
    let receipts = arguments.receipts.open(&arguments.store.store)?;
    let fleet = Fleet::read(current.release, &*receipts, Timestamp::now()).map_err(|error| error.to_string())?;
    let drift = match &arguments.manifests {
        None => None,
        Some(name) => {
            let (folder, trusted) = (Path::new("gateway.d"), &arguments.trusted);
            let side = read(folder, environment.as_deref(), trusted, |reader| reader.named(name))?;
            Some(fleet.drift(side.origin.to_string(), side.compiled.table.map(|table| table.digest)))
        }
    };
    let drift = drift.as_ref();
    output.show(arguments.output, || show::status_text(&fleet, drift), || show::status_document(&fleet, drift));
    Ok(Exit::Ok)
}
