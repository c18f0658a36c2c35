//! `gw version`: prints the version.

use clap::ValueEnum;
use serde::Serialize;

use crate::cli::Exit;
use crate::cli::output::Output;
use crate::compiler::manifest::API_VERSION;
use crate::compiler::schema::SCHEMA_ID;

/// Arguments of `gw version`.
#[derive(clap::Args)]
pub struct Arguments {
    /// How it is shown.
    #[arg(long, short, value_name = "FORMAT", default_value = "human")]
    output: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Human,
    Json,
}

/// What is known of this build. A minor `formatVersion` only adds fields.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Build {
    format_version: &'static str,
    version: &'static str,
    api_version: &'static str,
    schema: &'static str,
    /// The Git commit that it was built from, if that is known.
    commit: Option<&'static str>,
}

pub fn run(arguments: Arguments, output: &mut Output) -> Exit {
    let build = Build {
        format_version: "1.0",
        version: env!("CARGO_PKG_VERSION"),
        api_version: API_VERSION,
        schema: SCHEMA_ID,
        commit: option_env!("GW_COMMIT").filter(|commit| !commit.is_empty()),
    };
    output.data(&match arguments.output {
        Format::Human => human(&build),
        // Nothing in it is a map whose keys are no strings, so this cannot fail.
        Format::Json => serde_json::to_string_pretty(&build).unwrap_or_default() + "\n",
    });
    Exit::Ok
}

fn human(build: &Build) -> String {
    let commit = build.commit.map(|commit| format!("commit {commit}\n")).unwrap_or_default();
    format!("gw {}\nmanifests {}\n{commit}", build.version, build.api_version)
}
