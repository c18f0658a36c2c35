//! `gw key`: makes and shows the keys that releases are signed with.

use std::path::PathBuf;

use clap::Subcommand;

use crate::cli::Exit;
use crate::cli::output::{Layout, Output};
use crate::deploy::release::{PublicKey, SigningKey};

/// Arguments of `gw key`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make a key: `gw.key` signs releases and is kept secret, `gw.pub` is what nodes trust.
    Generate(Generate),
    /// Print the public key of a key file.
    Show(Show),
}

#[derive(clap::Args)]
struct Generate {
    /// The folder that the two files are written to; a key that is there is never replaced.
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
}

#[derive(clap::Args)]
struct Show {
    /// The file of a private or a public key.
    #[arg(value_name = "FILE", default_value = "gw.key")]
    file: String,
    /// How the key is shown.
    #[arg(long, short, value_name = "FORMAT", default_value = "human")]
    output: Layout,
}

pub fn run(arguments: Arguments, output: &mut Output) -> Exit {
    let done = match arguments.action {
        Action::Generate(arguments) => generate(&arguments, output),
        Action::Show(arguments) => show(&arguments, output),
    };
    output.verdict(done)
}

fn generate(arguments: &Generate, output: &mut Output) -> Result<Exit, String> {
    let key = SigningKey::generate().map_err(|error| error.to_string())?;
    let (private, public) = key.write(&arguments.out).map_err(|error| error.to_string())?;
    let (private, public) = (private.display(), public.display());
    output.note(&format!("wrote {private}, which signs releases: keep it secret\nwrote {public}, which nodes trust\n"));
    output.data(&format!("{}\n", key.public()));
    Ok(Exit::Ok)
}

fn show(arguments: &Show, output: &mut Output) -> Result<Exit, String> {
    let key = PublicKey::of(&arguments.file).map_err(|error| error.to_string())?;
    let document = || serde_json::json!({ "formatVersion": "1.0", "publicKey": key.to_string(), "id": key.id() });
    output.show(arguments.output, || format!("{key}\n"), document);
    Ok(Exit::Ok)
}
