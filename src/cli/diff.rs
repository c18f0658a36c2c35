//! `gw diff`: says what changes between two sets of manifests.

use std::path::PathBuf;

use crate::cli::Exit;
use crate::cli::failed::Failed;
use crate::cli::output::Output;
use crate::cli::plan::{Shows, error, read, valid};
use crate::cli::store::Trusted;
use crate::deploy::plan::plan;
use crate::deploy::plan::side::Origin;

/// Arguments of `gw diff`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The old ones: a folder, a bundle, a store or `STORE#RELEASE`, or a revision of Git, `REVISION:FOLDER` for another folder of it.
    #[arg(value_name = "OLD")]
    old: String,
    /// The new ones, named in the same way.
    #[arg(value_name = "NEW")]
    new: String,
    /// The folder of manifests that is looked for in revisions of Git.
    #[arg(long, value_name = "DIR", default_value = "gateway.d")]
    dir: PathBuf,
    #[command(flatten)]
    trusted: Trusted,
    /// The environment, by the name of its `Environment`.
    #[arg(long, env = "GW_ENV", value_name = "NAME")]
    env: Option<String>,
    /// Exit with 2 if there are changes.
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    shows: Shows,
}

pub fn run(arguments: Arguments, output: &mut Output) -> Exit {
    match compared(&arguments, output) {
        Ok(true) if arguments.detailed_exitcode => Exit::Changes,
        Ok(_) => Exit::Ok,
        Err(failed) => failed.tell(output),
    }
}

/// Whether anything changes.
fn compared(arguments: &Arguments, output: &mut Output) -> Result<bool, Failed> {
    let environment = arguments.env.as_deref().filter(|name| !name.is_empty());
    let named =
        |name: &str| read(&arguments.dir, environment, &arguments.trusted, |reader| reader.named(name)).map_err(error);
    let (old, new) = (named(&arguments.old)?, named(&arguments.new)?);
    if let (Origin::Nothing(why), Origin::Nothing(_)) = (&old.origin, &new.origin) {
        return Err(error(format!("there is no manifest on either side: {why}")).into());
    }
    valid(&new, output)?;
    // going on from what is wrong is how it is mended
    if let Err(failed) = valid(&old, output) {
        failed.tell(output);
    }
    let plan = plan(&old, &new);
    arguments.shows.show(&plan, output)?;
    Ok(plan.has_changes())
}
