//! `gw render`: prints manifests as they are in an environment.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::cli::Exit;
use crate::cli::failed::Failed;
use crate::cli::output::Output;
use crate::compiler::environment::render::Rendering;
use crate::compiler::{Manifests, compile};
use crate::deploy::load::{read_assets, read_folder};

/// Arguments of `gw render`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder of manifests.
    #[arg(default_value = "gateway.d", value_name = "DIR")]
    folder: PathBuf,
    /// The environment, by the name of its `Environment`.
    #[arg(long, env = "GW_ENV", value_name = "NAME")]
    env: Option<String>,
    /// How manifests are printed: as YAML a comment says where an environment changed a value, as JSON a list.
    #[arg(long, short, value_name = "FORMAT", default_value = "yaml")]
    output: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Yaml,
    Json,
}

pub fn run(arguments: Arguments, output: &mut Output) -> Exit {
    match rendered(&arguments, output) {
        Ok(text) => {
            output.data(&text);
            Exit::Ok
        }
        Err(failed) => failed.tell(output),
    }
}

fn rendered(arguments: &Arguments, output: &Output) -> Result<String, Failed> {
    let error = |error: &dyn std::fmt::Display| format!("error: {error}\n");
    let environment = arguments.env.as_deref();
    let parsed = Manifests::read(read_folder(&arguments.folder).map_err(|e| error(&e))?.files).parse(environment);
    let assets = read_assets(&arguments.folder, &parsed.asset_requests());
    let rendering = Rendering::of(&parsed, environment);
    let compiled = compile(parsed, &assets);
    if compiled.diagnostics.has_errors() {
        return Err(Failed::invalid(&compiled, output));
    }
    match arguments.output {
        Format::Yaml => Ok(rendering.yaml()),
        Format::Json => Ok(rendering.json().map_err(|e| error(&e))?),
    }
}
