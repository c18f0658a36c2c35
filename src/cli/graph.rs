//! `gw graph`: draws listeners, routes, plugins and backends.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::cli::Exit;
use crate::cli::output::Output;
use crate::deploy::graph::{dot, graph, mermaid, svg};
use crate::deploy::load::compile_folder;
use crate::diagnostic::render;

/// Arguments of `gw graph`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder of manifests.
    #[arg(default_value = "gateway.d", value_name = "DIR")]
    folder: PathBuf,
    /// The environment, by the name of its `Environment`.
    #[arg(long, env = "GW_ENV", value_name = "NAME")]
    env: Option<String>,
    /// The language of the picture: Mermaid is drawn within Markdown, DOT by Graphviz, and SVG is drawn already.
    #[arg(long, short, value_name = "FORMAT", default_value = "mermaid")]
    output: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Mermaid,
    Dot,
    Svg,
}

pub fn run(arguments: Arguments, output: &mut Output) -> Exit {
    let compiled = match compile_folder(&arguments.folder, arguments.env.as_deref()) {
        Ok(compiled) => compiled,
        Err(error) => {
            output.note(&format!("error: {error}\n"));
            return Exit::Error;
        }
    };
    let Some(table) = &compiled.table else {
        let (sources, diagnostics) = (&compiled.sources, &compiled.diagnostics);
        let report = render::Report { sources, diagnostics, style: output.log_style };
        output.note(&(render::FORMATS[0].render)(&report));
        return Exit::Error;
    };
    let picture = graph(table);
    output.data(&match arguments.output {
        Format::Mermaid => mermaid(&picture),
        Format::Dot => dot(&picture),
        Format::Svg => svg(&picture),
    });
    Exit::Ok
}
