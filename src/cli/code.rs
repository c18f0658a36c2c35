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
    let Some(wanted) = arguments.code else {
        output.data(&reference::code_list());
        return Exit::Ok;
    };
    match reference::code(&wanted) {
        Ok(code) => {
            output.data(code.page);
            Exit::Ok
        }
        Err(message) => {
            output.note(&format!("error: {message}\n"));
            Exit::Error
        }
    }
}
