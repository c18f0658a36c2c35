//! `gw rollback`: puts an older release in force again, under a new number.

use jiff::Timestamp;

use crate::cli::Exit;
use crate::cli::output::{Layout, Output};
use crate::cli::store::{Signing, Store, Waiting};
use crate::deploy::release::{Target, show};

/// Arguments of `gw rollback`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The number of the release to go back to, or the first digits of its bundle's digest. The default is the newest one with
    /// another bundle than the one in force, or what the others run if only some nodes run that.
    #[arg(value_name = "RELEASE", value_parser = Target::parse)]
    target: Option<Target>,
    #[command(flatten)]
    store: Store,
    #[command(flatten)]
    signing: Signing,
    #[command(flatten)]
    waiting: Waiting,
    /// How the release is shown.
    #[arg(long, short, value_name = "FORMAT", default_value = "human")]
    output: Layout,
}

pub fn run(arguments: Arguments, output: &mut Output) -> Exit {
    let done = roll_back(&arguments, output);
    output.verdict(done)
}

fn roll_back(arguments: &Arguments, output: &mut Output) -> Result<Exit, String> {
    let (key, trust) = arguments.signing.read()?;
    let releases = arguments.store.open()?;
    let target = arguments.target.as_ref().unwrap_or(&Target::Previous);
    let restored = releases.roll_back(target, &trust, key.as_ref(), Timestamp::now());
    let release = restored.map_err(|error| error.to_string())?;
    output.show(arguments.output, || show::release_line(&release), || show::release_document(&release));
    arguments.waiting.wait(&arguments.store.store, &release, output)
}
