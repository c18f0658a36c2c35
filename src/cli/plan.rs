//! `gw plan`: says what a change of manifests changes.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;

use crate::cli::failed::Failed;
use crate::cli::output::Output;
use crate::cli::store::{Trusted, open};
use crate::cli::{Exit, shown};
use crate::deploy::plan::base::Reader;
use crate::deploy::plan::side::{Side, SideError};
use crate::deploy::plan::{FORMATS, Format, Look, Plan, plan};

/// Arguments of `gw plan`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder of manifests.
    #[arg(default_value = "gateway.d", value_name = "DIR")]
    dir: PathBuf,
    /// What is compared with: a folder, a bundle, a store or `STORE#RELEASE`, or a revision of Git, `REVISION:FOLDER` for another folder
    /// of it. The default is what the store has in force, else where a pull request leaves the branch that it goes into, else what is
    /// checked out, else nothing.
    #[arg(long, value_name = "REF|DIR|BUNDLE|STORE")]
    base: Option<String>,
    /// The store of releases whose release in force is compared with, if `--base` names nothing.
    #[arg(long, env = "GW_STORE", value_name = "URL")]
    store: Option<String>,
    #[command(flatten)]
    trusted: Trusted,
    /// The environment that the plan is for, by the name of its `Environment`.
    #[arg(long, env = "GW_ENV", value_name = "NAME")]
    env: Option<String>,
    /// Save the plan, for `gw apply` to carry out exactly that. It is JSON and holds no secret.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Exit with 2 if there are changes.
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    shows: Shows,
}

/// How a plan is shown.
#[derive(clap::Args)]
pub struct Shows {
    /// How changes are shown; several formats go to the files that `--output-file` names.
    #[arg(long, short, value_name = "FORMAT", value_parser = formats())]
    output: Vec<String>,
    /// A file for each `--output` after the first, in the same order.
    #[arg(long, value_name = "FILE")]
    output_file: Vec<PathBuf>,
    /// The most bytes of Markdown; what does not fit is counted. A comment on GitHub holds 65536.
    #[arg(long, value_name = "N", default_value_t = 60_000, value_parser = clap::value_parser!(u32).range(2_000..))]
    max_bytes: u32,
}

fn formats() -> PossibleValuesParser {
    PossibleValuesParser::new(FORMATS.iter().map(|format| format.name))
}

pub fn run(arguments: Arguments, output: &mut Output) -> Exit {
    match made(&arguments, output) {
        Ok(plan) if arguments.detailed_exitcode && plan.has_changes() => Exit::Changes,
        Ok(_) => Exit::Ok,
        Err(failed) => failed.tell(output),
    }
}

fn made(arguments: &Arguments, output: &mut Output) -> Result<Plan, Failed> {
    let environment = arguments.env.as_deref().filter(|name| !name.is_empty());
    let target = Side::folder(&arguments.dir, environment).map_err(error)?;
    valid(&target, output)?;
    let store = arguments.store.as_ref().filter(|store| !store.is_empty());
    let base = read(&arguments.dir, environment, &arguments.trusted, |reader| match (&arguments.base, store) {
        (Some(name), _) => reader.named(name),
        (None, Some(store)) => reader.store(store, None),
        (None, None) => reader.natural(),
    })
    .map_err(error)?;
    let plan = plan(&base, &target);
    if let Some(file) = &arguments.out {
        let text = serde_json::to_string_pretty(&plan).map_err(error)? + "\n";
        fs::write(file, text).map_err(|e| error(format!("cannot write {}: {e}", file.display())))?;
    }
    arguments.shows.show(&plan, output)?;
    Ok(plan)
}

/// Reads a set of manifests by its name.
pub fn read(
    folder: &Path,
    environment: Option<&str>,
    trusted: &Trusted,
    choose: impl Fn(&Reader<'_>) -> Result<Side, SideError>,
) -> Result<Side, String> {
    let trust = trusted.if_named()?;
    let variables = &|name: &str| env::var(name).ok();
    choose(&Reader { folder, environment, open: &open, trust: &trust, variables }).map_err(|error| error.to_string())
}

/// Whether manifests may be put in force.
///
/// # Errors
/// With everything that is wrong with them.
pub fn valid(side: &Side, output: &Output) -> Result<(), Failed> {
    if side.compiled.diagnostics.has_errors() { Err(Failed::invalid(&side.compiled, output)) } else { Ok(()) }
}

/// An error as it is said.
pub fn error(error: impl std::fmt::Display) -> String {
    format!("error: {error}\n")
}

impl Shows {
    /// Shows a plan.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn show(&self, plan: &Plan, output: &mut Output) -> Result<(), String> {
        let named = |name: &String| FORMATS.iter().find(|format| format.name == name).unwrap_or(&FORMATS[0]);
        let formats: Vec<&Format> =
            if self.output.is_empty() { vec![&FORMATS[0]] } else { self.output.iter().map(named).collect() };
        let max_bytes = usize::try_from(self.max_bytes).unwrap_or(usize::MAX);
        shown::show(&formats, &self.output_file, output, |format, style| {
            (format.render)(plan, &Look { style, max_bytes })
        })
        .map_err(error)
    }
}
