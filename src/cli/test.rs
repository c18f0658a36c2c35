//! `gw test`: runs the tests of a folder of manifests.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::cli::Exit;
use crate::cli::failed::Failed;
use crate::cli::output::Output;
use crate::cli::plan::error;
use crate::deploy::load::compile_folder;
use crate::deploy::test::{Ran, Report, Wanted, generate, human, junit, run_folder};

/// Arguments of `gw test`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder of manifests.
    #[arg(default_value = "gateway.d", value_name = "DIR")]
    folder: PathBuf,
    /// The only environment to test, by the name of its `Environment`. The default is all of them in turn.
    #[arg(long, env = "GW_ENV", value_name = "NAME")]
    env: Option<String>,
    /// How the outcome is shown.
    #[arg(long, short, value_name = "FORMAT", default_value = "human")]
    output: Format,
    /// Only the cases whose name, `TEST / CASE`, holds this text.
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,
    /// Say which routes, entries of `match` and plugins no case gets to.
    #[arg(long)]
    coverage: bool,
    /// Exit with 3 if the cases get to less than this share of them, in percent, in any environment.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    fail_under: Option<u8>,
    /// Try mistakes that could be made, such as a plugin left out, and say which of them nothing notices: at most 1,000, spread
    /// over the routes.
    #[arg(long)]
    mutate: bool,
    /// Print cases for the entries of `match` that no case gets to, with what happens now as what is expected; run none.
    #[arg(long, conflicts_with_all = ["output", "filter", "coverage", "fail_under", "mutate"])]
    generate: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Human,
    Json,
    Junit,
}

pub fn run(arguments: Arguments, output: &mut Output) -> Exit {
    let done = if arguments.generate { generated(&arguments, output) } else { tested(&arguments, output) };
    match done {
        Ok((text, exit)) => {
            output.data(&text);
            exit
        }
        Err(failed) => failed.tell(output),
    }
}

fn generated(arguments: &Arguments, output: &Output) -> Result<(String, Exit), Failed> {
    let mut compiled = compile_folder(&arguments.folder, arguments.env.as_deref()).map_err(error)?;
    match generate(&mut compiled).map_err(error)? {
        Some(text) => Ok((text, Exit::Ok)),
        None => Err(Failed::invalid(&compiled, output)),
    }
}

fn tested(arguments: &Arguments, output: &mut Output) -> Result<(String, Exit), Failed> {
    let wanted = Wanted {
        filter: arguments.filter.clone(),
        coverage: arguments.coverage || arguments.fail_under.is_some(),
        mutation: arguments.mutate,
    };
    let report = match run_folder(&arguments.folder, arguments.env.as_deref(), &wanted).map_err(error)? {
        Ran::Report(report) => report,
        Ran::Invalid(compiled) => return Err(Failed::invalid(&compiled, output)),
    };
    match &arguments.filter {
        Some(filter) if report.total == 0 => return Err(error(format!("no case has `{filter}` in its name")).into()),
        None if report.total == 0 => output.note(&format!("there is no `Test` in {}\n", arguments.folder.display())),
        _ => {}
    }
    let shown = match arguments.output {
        Format::Human => human(&report),
        Format::Json => serde_json::to_string_pretty(&report).map_err(error)? + "\n",
        Format::Junit => junit(&report),
    };
    Ok((shown, verdict(&report, arguments.fail_under)))
}

fn verdict(report: &Report, least: Option<u8>) -> Exit {
    let covered = report.runs.iter().filter_map(|run| run.coverage.as_ref()).map(|coverage| coverage.percent).min();
    let covered = covered.unwrap_or(100);
    let enough = least.is_none_or(|least| covered >= usize::from(least));
    if report.failed == 0 && enough { Exit::Ok } else { Exit::Blocked }
}
