//! `gw code`: explains a diagnostic.

use crate::cli::Exit;
use crate::cli::output::Output;
use crate::compiler::reference;

/// Arguments of `gw code`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The number or name of a diagnostic, such as `GW1201` or `unknown-field`. Without it all are listed.
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

pub fn run(arguments: Arguments, output: &mut Output) -> Exit {
    match arguments.code.as_deref().map(reference::code) {
        None => output.data(&reference::code_list()),
        Some(Ok(code)) => output.data(code.page),
        Some(Err(message)) => {
            output.note(&format!("error: {message}\n"));
            return Exit::Error;
        }
    }
    Exit::Ok
}
