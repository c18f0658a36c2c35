//! `gw replay`: says which requests of an access log get something else by other manifests.

use std::fs::File;
use std::io::{self, Read};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;

use clap::ValueEnum;

use crate::cli::Exit;
use crate::cli::failed::Failed;
use crate::cli::output::Output;
use crate::cli::plan::{error, read, valid};
use crate::cli::store::Trusted;
use crate::deploy::plan::side::Side;
use crate::deploy::replay::{Replay, Report};

/// Arguments of `gw replay`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder of manifests that would be in force.
    #[arg(default_value = "gateway.d", value_name = "DIR")]
    folder: PathBuf,
    /// The environment, by the name of its `Environment`.
    #[arg(long, env = "GW_ENV", value_name = "NAME")]
    env: Option<String>,
    /// The access log: the gateway's JSON, Envoy's JSON or the combined format, also mixed; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    log: PathBuf,
    /// What is compared with: a folder, a bundle, a store or `STORE#RELEASE`, else a revision of Git, `REVISION:FOLDER` for another
    /// folder of it.
    #[arg(long, value_name = "REF|DIR|BUNDLE|STORE")]
    base: String,
    #[command(flatten)]
    trusted: Trusted,
    /// The host of requests whose line says none, as in the combined format.
    #[arg(long, value_name = "HOST", default_value = "localhost")]
    host: String,
    /// How many threads decide. The default is one for each core.
    #[arg(long, value_name = "N")]
    threads: Option<NonZero<usize>>,
    /// How the outcome is shown.
    #[arg(long, short, value_name = "FORMAT", default_value = "human")]
    output: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Human,
    Json,
}

pub fn run(arguments: Arguments, output: &mut Output) -> Exit {
    match replayed(&arguments, output) {
        Ok(text) => {
            output.data(&text);
            Exit::Ok
        }
        Err(failed) => failed.tell(output),
    }
}

fn replayed(arguments: &Arguments, output: &Output) -> Result<String, Failed> {
    let environment = arguments.env.as_deref().filter(|name| !name.is_empty());
    let mut new = Side::folder(&arguments.folder, environment).map_err(error)?;
    valid(&new, output)?;
    let base = read(&arguments.folder, environment, &arguments.trusted, |reader| reader.named(&arguments.base));
    let mut old = base.map_err(error)?;
    valid(&old, output)?;
    let replay = Replay::new(&mut old.compiled, &mut new.compiled, &arguments.host);
    let Some(replay) = replay else { return Err(error("the manifests have errors").into()) };
    let log = |path: &Path| -> io::Result<Box<dyn Read>> {
        Ok(if path == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(path)?) })
    };
    let threads = arguments.threads.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZero::get);
    let report = log(&arguments.log).and_then(|log| replay.run(log, threads));
    let report = report.map_err(|e| error(format!("cannot read {}: {e}", arguments.log.display())))?;
    Ok(shown(&report, arguments.output).map_err(error)?)
}

fn shown(report: &Report, format: Format) -> serde_json::Result<String> {
    match format {
        Format::Human => Ok(report.human()),
        Format::Json => serde_json::to_string_pretty(report).map(|json| json + "\n"),
    }
}
