//! `gw apply`: puts a folder of manifests in force for all that follow a store of releases.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use bytes::Bytes;
use jiff::Timestamp;

use crate::cli::Exit;
use crate::cli::output::{Layout, Output};
use crate::cli::store::{Signing, Store};
use crate::deploy::bundle::{Origin, build};
use crate::deploy::release::{Current, Release, Releases, show};
use crate::diagnostic::render;
use crate::table::Digest;

/// Arguments of `gw apply`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder of manifests.
    #[arg(default_value = "gateway.d", value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    store: Store,
    #[command(flatten)]
    signing: Signing,
    /// The environment that the release is for, by the name of its `Environment`.
    #[arg(long, env = "GW_ENV", value_name = "NAME")]
    env: Option<String>,
    /// Publish without asking, which needs a terminal.
    #[arg(long)]
    yes: bool,
    /// How many releases the store keeps; older ones are removed with what only they need. Without it all are kept.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    keep: Option<u64>,
    /// How the release is shown.
    #[arg(long, short, value_name = "FORMAT", default_value = "human")]
    output: Layout,
}

pub fn run(arguments: Arguments, output: &mut Output) -> Exit {
    let done = apply(&arguments, output);
    output.verdict(done)
}

fn apply(arguments: &Arguments, output: &mut Output) -> Result<(), String> {
    let (key, trust) = arguments.signing.read()?;
    let releases = arguments.store.open()?;
    let bundle = packed(arguments, output)?;
    let current = releases.current(&trust).map_err(|error| error.to_string())?;
    if let Some(release) = current.release.as_ref().filter(|now| now.statement.bundle == Digest::of_bytes(&bundle)) {
        output.note("nothing to apply: this is what is released already\n");
        output.show(arguments.output, || show::release_line(release), || show::release_document(release));
        return Ok(());
    }
    agree(arguments, &releases, &current, output)?;
    let published = releases.publish(&current, &bundle, key.as_ref(), Timestamp::now(), None);
    let release = published.map_err(|error| error.to_string())?;
    output.show(arguments.output, || show::release_line(&release), || show::release_document(&release));
    retain(&releases, &release, arguments.keep, output);
    Ok(())
}

/// The bundle of the folder, if nothing in it is an error.
fn packed(arguments: &Arguments, output: &mut Output) -> Result<Bytes, String> {
    let origin = Origin::of(&arguments.folder, arguments.env.clone());
    let built = build(&arguments.folder, &origin).map_err(|error| error.to_string())?;
    let (sources, diagnostics) = (&built.compiled.sources, &built.compiled.diagnostics);
    if !diagnostics.is_empty() {
        let style = output.log_style;
        output.note(&(render::FORMATS[0].render)(&render::Report { sources, diagnostics, style }));
    }
    built.bundle.map(Bytes::from).ok_or_else(|| "nothing is released: the manifests have errors".to_owned())
}

/// Asks whether to go on, or is told in advance.
fn agree(arguments: &Arguments, releases: &Releases, current: &Current, output: &mut Output) -> Result<(), String> {
    if arguments.yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err("there is no terminal to ask on: say `--yes` to publish".to_owned());
    }
    let next = current.release.as_ref().map_or(1, |release| release.statement.serial.saturating_add(1));
    output.note(&format!("publish release {next} to {}? Only `yes` does: ", releases.name()));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(|error| error.to_string())?;
    if answer.trim() == "yes" { Ok(()) } else { Err("nothing was published".to_owned()) }
}

fn retain(releases: &Releases, newest: &Release, keep: Option<u64>, output: &mut Output) {
    let Some(keep) = keep else { return };
    match releases.retain(&newest.statement, keep) {
        Ok(0) => {}
        Ok(removed) => output.note(&format!("removed {removed} old releases\n")),
        Err(error) => output.note(&format!("warning: old releases could not be removed: {error}\n")),
    }
}
