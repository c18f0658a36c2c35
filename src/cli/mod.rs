//! The commands: one file each, with its arguments and `run()`, and no logic of its own.

mod apikey;
mod apply;
mod bisect;
mod code;
mod completion;
mod diff;
mod explain;
mod failed;
mod fmt;
mod graph;
mod history;
mod init;
mod key;
pub mod manual;
mod new;
mod output;
mod paths;
mod plan;
mod render;
mod replay;
mod rollback;
mod run;
mod schema;
mod shown;
mod status;
mod store;
mod test;
mod usage;
mod validate;
mod version;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches as _, Parser, Subcommand};

use crate::cli::output::Output;
use crate::compiler::policy::VIOLATION;
use crate::diagnostic::{Diagnostics, Severity};

/// What a command ends with. The numbers are the same for every command and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All is well; warnings are allowed.
    Ok = 0,
    /// An error, a wrong command line included.
    Error = 1,
    /// There are changes: `plan --detailed-exitcode`.
    Changes = 2,
    /// Blocked: a broken policy, `--deny-warnings`, a test that fails, a stale plan, a plan that removes most routes, a canary that was
    /// taken back.
    Blocked = 3,
    /// Published, but the nodes did not come along in time.
    NotFollowed = 4,
}

impl Exit {
    /// What manifests with errors end a command with: policies alone block, for nothing is wrong with the manifests themselves.
    fn of_errors(diagnostics: &Diagnostics) -> Self {
        let mut errors = diagnostics.iter().filter(|problem| problem.severity == Severity::Error);
        if errors.all(|problem| *problem.code == VIOLATION) { Self::Blocked } else { Self::Error }
    }
}

/// A declarative API gateway: manifests in Git, one immutable routing table, swapped atomically.
#[derive(Parser)]
#[command(name = "gw", version, disable_help_subcommand = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Makes the sum of all commands and their dispatch from one line for each.
macro_rules! commands {
    ($( #[doc = $doc:literal] $name:ident => $module:ident ),+ $(,)?) => {
        #[derive(Subcommand)]
        enum Command {
            $( #[doc = $doc] $name($module::Arguments), )+
        }

        impl Command {
            fn run(self, output: &mut Output) -> Exit {
                match self {
                    $( Self::$name(arguments) => $module::run(arguments, output), )+
                }
            }
        }
    };
}

commands! {
    /// Serve traffic by a folder of manifests, and follow its changes.
    Run => run,
    /// Check manifests, and say everything that is wrong with them.
    Validate => validate,
    /// Bring manifests into one layout; comments stay, and what they say never changes.
    Fmt => fmt,
    /// Say what a change of manifests changes, against the commit or branch that it starts from.
    Plan => plan,
    /// Say what changes between two sets of manifests.
    Diff => diff,
    /// Run the tests of manifests through the whole gateway, offline.
    Test => test,
    /// Say which requests of an access log get something else by other manifests.
    Replay => replay,
    /// Find the commit that changed what a request gets.
    Bisect => bisect,
    /// Draw listeners, routes, plugins and backends.
    Graph => graph,
    /// Say which route a request gets and why, and what is sent upstream.
    Explain => explain,
    /// Print manifests as they are in an environment, and where each value that it changed is from.
    Render => render,
    /// Publish a folder of manifests as a signed release.
    Apply => apply,
    /// Put an older release in force again, under a new number.
    Rollback => rollback,
    /// Show the releases of a store.
    History => history,
    /// Show which nodes run which release, and who refused it and why.
    Status => status,
    /// Make, rotate, block and show the API keys of consumers.
    Apikey => apikey,
    /// Show what API keys have used of their quotas, as a running gateway counts it.
    Usage => usage,
    /// Make and show the keys that releases are signed with.
    Key => key,
    /// Explain a diagnostic, or list all of them.
    Code => code,
    /// Print the JSON Schema of manifests, for editors and other tools.
    Schema => schema,
    /// Write a folder of manifests to start from.
    Init => init,
    /// Print a manifest to start from: what it needs, and as comments what else it may say.
    New => new,
    /// Print the script by which a shell completes command lines.
    Completion => completion,
    /// Print the version.
    Version => version,
}

/// Runs the program.
pub fn main() -> ExitCode {
    let mut output = Output::of_process();
    let parsed = command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    let exit = match parsed {
        Ok(cli) => cli.command.run(&mut output),
        Err(error) => {
            // Help and version go to standard output and are no errors; a wrong command line is 1, for 2 means "changes".
            let _ = error.print();
            if error.use_stderr() { Exit::Error } else { Exit::Ok }
        }
    };
    ExitCode::from(exit as u8)
}

/// The command line as clap knows it: what `--help` and the manual are made from.
pub fn command() -> clap::Command {
    Cli::command()
}
