//! `gw apply`: puts a folder of manifests in force for all that follow a store of releases, or carries out a saved plan.

mod canary;

use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use bytes::Bytes;
use jiff::Timestamp;

use crate::cli::Exit;
use crate::cli::apply::canary::CanaryArguments;
use crate::cli::output::{Layout, Output};
use crate::cli::store::{Signing, Waiting, open};
use crate::deploy::bundle::{Origin, build};
use crate::deploy::plan::side::Side;
use crate::deploy::plan::{FORMATS, Look, Plan, plan};
use crate::deploy::release::{Current, Purpose, Release, ReleaseError, Releases, SigningKey, Trust, show};
use crate::diagnostic::render;
use crate::table::Digest;

/// Arguments of `gw apply`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder of manifests, or a plan that `gw plan --out` saved: then exactly that is applied, without a question, or nothing.
    #[arg(default_value = "gateway.d", value_name = "PLAN|DIR")]
    path: PathBuf,
    /// The folder of manifests of a saved plan, in place of the one that it names.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The store of releases: a folder, or `s3://BUCKET/PREFIX?region=REGION`.
    #[arg(long, env = "GW_STORE", value_name = "URL")]
    store: Option<String>,
    #[command(flatten)]
    signing: Signing,
    /// The environment that the release is for, by the name of its `Environment`.
    #[arg(long, env = "GW_ENV", value_name = "NAME")]
    env: Option<String>,
    /// Publish without asking, which needs a terminal.
    #[arg(long)]
    yes: bool,
    /// Publish although most routes are removed.
    #[arg(long)]
    allow_mass_delete: bool,
    /// How many releases the store keeps; older ones are removed with what only they need. Without it all are kept.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    keep: Option<u64>,
    #[command(flatten)]
    canary: CanaryArguments,
    #[command(flatten)]
    waiting: Waiting,
    /// How the release is shown.
    #[arg(long, short, value_name = "FORMAT", default_value = "human")]
    output: Layout,
}

/// Why nothing was published.
enum Stop {
    /// Something is wrong.
    Error(String),
    /// It must not be, for it is not what was reviewed.
    Blocked(String),
}

impl Stop {
    fn error(error: impl std::fmt::Display) -> Self {
        Self::Error(error.to_string())
    }

    fn blocked(why: impl std::fmt::Display) -> Self {
        Self::Blocked(why.to_string())
    }
}

pub fn run(arguments: Arguments, output: &mut Output) -> Exit {
    let (exit, message) = match apply(&arguments, output) {
        Ok(exit) => return exit,
        Err(Stop::Error(message)) => (Exit::Error, message),
        Err(Stop::Blocked(message)) => (Exit::Blocked, message),
    };
    output.note(&format!("error: {message}\n"));
    exit
}

fn apply(arguments: &Arguments, output: &mut Output) -> Result<Exit, Stop> {
    let wanted = Wanted::read(arguments)?;
    let to = To::open(arguments)?;
    let To { releases, trust, .. } = &to;
    let bundle = packed(&wanted, output)?;
    let current = releases.current(trust).map_err(Stop::error)?;
    if let Some(release) = current.release.as_ref().filter(|now| is_in_force(now, &bundle)) {
        if let Some(saved) = &wanted.saved {
            saved.check_target(Some(release.statement.table.to_string())).map_err(Stop::blocked)?;
        }
        output.note("nothing to apply: this is what is released already\n");
        output.show(arguments.output, || show::release_line(release), || show::release_document(release));
        return arguments.waiting.wait(to.address, release, output).map_err(Stop::Error);
    }
    let plan = planned(&wanted, releases, &current, &bundle)?;
    if wanted.saved.is_none() {
        let look = Look { style: output.log_style, max_bytes: usize::MAX };
        output.note(&(FORMATS[0].render)(&plan, &look));
    }
    if current.release.is_some() && plan.base.digest.is_none() && !arguments.allow_mass_delete {
        return Err(Stop::blocked(
            "what is in force cannot be read, so it is not known what would be removed: say `--allow-mass-delete` to replace it",
        ));
    }
    if plan.routes.is_mass_delete() && !arguments.allow_mass_delete {
        let (removed, before) = (plan.routes.removed, plan.routes.before);
        return Err(Stop::Blocked(format!(
            "{removed} of {before} routes would be removed: say `--allow-mass-delete` if that is meant"
        )));
    }
    if wanted.saved.is_none() {
        agree(arguments, releases, &current, output).map_err(Stop::Error)?;
    }
    let purpose = arguments.canary.purpose(arguments, &to, &bundle)?;
    let release = published(&wanted, &to, &current, &bundle, purpose)?;
    output.show(arguments.output, || show::release_line(&release), || show::release_document(&release));
    let Some(release) = arguments.canary.attempt(arguments, &to, release, &bundle, output)? else {
        return Ok(Exit::Blocked);
    };
    retain(releases, &release, arguments.keep, output);
    arguments.waiting.wait(to.address, &release, output).map_err(Stop::Error)
}

/// Whether a release makes all nodes run a bundle.
fn is_in_force(release: &Release, bundle: &Bytes) -> bool {
    release.statement.canary.is_none() && release.statement.bundle == Digest::of_bytes(bundle)
}

/// Where a release goes, and who signs it.
struct To<'a> {
    address: &'a str,
    releases: Releases,
    key: Option<SigningKey>,
    trust: Trust,
}

impl<'a> To<'a> {
    fn open(arguments: &'a Arguments) -> Result<Self, Stop> {
        let address = arguments.store.as_deref().filter(|url| !url.is_empty()).ok_or_else(|| {
            Stop::error(
                "there is no store to publish to: name one by `--store`. A folder that `gw run` follows is applied by changing it",
            )
        })?;
        let (key, trust) = arguments.signing.read().map_err(Stop::Error)?;
        Ok(Self { address, releases: open(address).map_err(Stop::Error)?, key, trust })
    }
}

/// What is to be put in force.
struct Wanted {
    folder: PathBuf,
    /// The plan that was reviewed.
    saved: Option<Plan>,
    environment: Option<String>,
}

impl Wanted {
    fn read(arguments: &Arguments) -> Result<Self, Stop> {
        let environment = arguments.env.clone().filter(|name| !name.is_empty());
        if !arguments.path.is_file() {
            return Ok(Self { folder: arguments.path.clone(), saved: None, environment });
        }
        let name = arguments.path.display();
        let bytes = fs::read(&arguments.path).map_err(|e| Stop::Error(format!("cannot read {name}: {e}")))?;
        let plan = Plan::read(&bytes).map_err(|error| Stop::Error(format!("{name}: {error}")))?;
        if environment.is_some() && environment != plan.environment {
            let planned = plan.environment.as_deref().unwrap_or("none");
            return Err(Stop::Error(format!("the plan is for another environment, `{planned}`")));
        }
        let folder = arguments.dir.clone().or_else(|| plan.target.folder.clone().map(PathBuf::from));
        let folder = folder.ok_or_else(|| Stop::error("the plan names no folder: name one by `--dir`"))?;
        Ok(Self { folder, environment: plan.environment.clone(), saved: Some(plan) })
    }
}

/// The bundle of the folder, if nothing in it is an error.
fn packed(wanted: &Wanted, output: &mut Output) -> Result<Bytes, Stop> {
    let origin = Origin::of(&wanted.folder, wanted.environment.clone());
    let built = build(&wanted.folder, &origin).map_err(Stop::error)?;
    let (sources, diagnostics) = (&built.compiled.sources, &built.compiled.diagnostics);
    if !diagnostics.is_empty() {
        let style = output.log_style;
        output.note(&(render::FORMATS[0].render)(&render::Report { sources, diagnostics, style }));
    }
    built.bundle.map(Bytes::from).ok_or_else(|| match Exit::of_errors(diagnostics) {
        Exit::Blocked => Stop::blocked("nothing is released: a policy is broken"),
        _ => Stop::error("nothing is released: the manifests have errors"),
    })
}

/// What would change, which is what was reviewed if there is a saved plan.
fn planned(wanted: &Wanted, releases: &Releases, current: &Current, bundle: &Bytes) -> Result<Plan, Stop> {
    let base = Side::current(releases, current).map_err(Stop::error)?;
    // exactly what is published is planned: the folder may have changed since it was packed
    let target = Side::bundle(bundle, wanted.folder.display().to_string()).map_err(Stop::error)?;
    if let Some(saved) = &wanted.saved {
        saved.check(&base, &target).map_err(Stop::blocked)?;
    }
    Ok(plan(&base, &target))
}

fn published(
    wanted: &Wanted,
    to: &To<'_>,
    current: &Current,
    bundle: &Bytes,
    purpose: Purpose,
) -> Result<Release, Stop> {
    to.releases.publish(current, bundle, to.key.as_ref(), Timestamp::now(), purpose).map_err(|error| match error {
        ReleaseError::Moved if wanted.saved.is_some() => Stop::Blocked(format!("saved plan is stale: {error}")),
        error => Stop::error(error),
    })
}

/// Asks whether to go on, or is told in advance.
fn agree(arguments: &Arguments, releases: &Releases, current: &Current, output: &mut Output) -> Result<(), String> {
    if arguments.yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err("there is no terminal to ask on: say `--yes` to publish".to_owned());
    }
    let next = current.release.as_ref().map_or(1, |release| release.statement.serial.saturating_add(1));
    output.note(&format!("publish release {next} to {}? Only `yes` does: ", releases.name()));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(|error| error.to_string())?;
    if answer.trim() == "yes" { Ok(()) } else { Err("nothing was published".to_owned()) }
}

fn retain(releases: &Releases, newest: &Release, keep: Option<u64>, output: &mut Output) {
    let Some(keep) = keep else { return };
    match releases.retain(&newest.statement, keep) {
        Ok(0) => {}
        Ok(removed) => output.note(&format!("removed {removed} old releases\n")),
        Err(error) => output.note(&format!("warning: old releases could not be removed: {error}\n")),
    }
}
