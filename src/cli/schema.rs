//! `gw schema`: prints the JSON Schema of manifests.

use clap::builder::PossibleValuesParser;

use crate::cli::Exit;
use crate::cli::output::Output;
use crate::compiler::manifest::KINDS;
use crate::compiler::schema;

/// Arguments of `gw schema`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Only one kind, with everything in place of references.
    #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(KINDS.iter().map(|kind| kind.name)))]
    kind: Option<String>,
}

pub fn run(arguments: Arguments, output: &mut Output) -> Exit {
    let schema = match arguments.kind {
        Some(kind) => schema::named(&kind).unwrap_or_default(),
        None => schema::published(),
    };
    output.data(&schema::text(&schema));
    Exit::Ok
}
