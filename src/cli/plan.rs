//! `gw plan`: says what a change of manifests changes.

use std::env;
use std::fs;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;

use crate::cli::output::Output;
use crate::cli::{Exit, shown};
use crate::deploy::plan::side::Side;
use crate::deploy::plan::{FORMATS, Format, Look, Plan, base, plan};
use crate::diagnostic::render;

/// Arguments of `gw plan`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder of manifests.
    #[arg(default_value = "gateway.d", value_name = "DIR")]
    dir: PathBuf,
    /// What is compared with: a folder, or a revision of Git, `REVISION:FOLDER` for another folder of it. The default is where a pull
    /// request leaves the branch that it goes into, else what is checked out, else nothing.
    #[arg(long, value_name = "REF|DIR")]
    base: Option<String>,
    /// The environment, by the name of its `Environment`.
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
        Err(message) => {
            output.note(&message);
            Exit::Error
        }
    }
}

fn made(arguments: &Arguments, output: &mut Output) -> Result<Plan, String> {
    let environment = arguments.env.as_deref();
    let target = Side::folder(&arguments.dir, environment).map_err(error)?;
    valid(&target, output)?;
    let base = match &arguments.base {
        Some(name) => base::named(name, &arguments.dir, environment),
        None => base::natural(&arguments.dir, environment, &|name| env::var(name).ok()),
    };
    let plan = plan(&base.map_err(error)?, &target);
    if let Some(file) = &arguments.out {
        let text = serde_json::to_string_pretty(&plan).map_err(error)? + "\n";
        fs::write(file, text).map_err(|e| error(format!("cannot write {}: {e}", file.display())))?;
    }
    arguments.shows.show(&plan, output)?;
    Ok(plan)
}

/// Whether manifests may be put in force; if not, everything that is wrong with them.
pub fn valid(side: &Side, output: &Output) -> Result<(), String> {
    if !side.compiled.diagnostics.has_errors() {
        return Ok(());
    }
    let (sources, diagnostics) = (&side.compiled.sources, &side.compiled.diagnostics);
    let report = render::Report { sources, diagnostics, style: output.log_style };
    Err((render::FORMATS[0].render)(&report))
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
