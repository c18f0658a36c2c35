//! `gw diff`: says what changes between two sets of manifests.

use std::path::PathBuf;

use crate::cli::Exit;
use crate::cli::output::Output;
use crate::cli::plan::{Shows, error};
use crate::deploy::plan::side::Origin;
use crate::deploy::plan::{base, plan};

/// Arguments of `gw diff`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The old ones: a folder, or a revision of Git, `REVISION:FOLDER` for another folder of it.
    #[arg(value_name = "OLD")]
    old: String,
    /// The new ones, named in the same way.
    #[arg(value_name = "NEW")]
    new: String,
    /// The folder of manifests that is looked for in revisions of Git.
    #[arg(long, value_name = "DIR", default_value = "gateway.d")]
    dir: PathBuf,
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
        Err(message) => {
            output.note(&message);
            Exit::Error
        }
    }
}

/// Whether anything changes.
fn compared(arguments: &Arguments, output: &mut Output) -> Result<bool, String> {
    let environment = arguments.env.as_deref();
    let old = base::named(&arguments.old, &arguments.dir, environment).map_err(error)?;
    let new = base::named(&arguments.new, &arguments.dir, environment).map_err(error)?;
    if let (Origin::Nothing(why), Origin::Nothing(_)) = (&old.origin, &new.origin) {
        return Err(error(format!("there is no manifest on either side: {why}")));
    }
    let plan = plan(&old, &new);
    arguments.shows.show(&plan, output)?;
    Ok(plan.has_changes())
}
