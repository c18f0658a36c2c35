//! `gw new`: prints a manifest to start from.

use crate::cli::Exit;
use crate::cli::output::Output;
use crate::compiler::reference;
use crate::value::name::Name;

/// Arguments of `gw new`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The kind of object, such as `Route`, in any case.
    #[arg(value_name = "KIND")]
    kind: String,
    /// Its name.
    #[arg(value_name = "NAME")]
    name: Name,
}

pub fn run(arguments: Arguments, output: &mut Output) -> Exit {
    match reference::manifest(&arguments.kind, &arguments.name) {
        Ok(written) => {
            output.data(&written.text);
            for (kind, name) in written.refers_to {
                output.note(&format!(
                    "It refers to the {kind} `{name}`: name yours there, or write it with `gw new {kind} {name}`.\n"
                ));
            }
            Exit::Ok
        }
        Err(message) => {
            output.note(&format!("error: {message}\n"));
            Exit::Error
        }
    }
}
