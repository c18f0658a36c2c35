//! `gw bisect`: finds the commit that changed what a request gets.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use serde_json::json;

use clap::ValueEnum;

use crate::cli::Exit;
use crate::cli::output::Output;
use crate::cli::plan::error;
use crate::deploy::bisect::{Bisected, Question, bisect};
use crate::deploy::explain::Asked;
use crate::deploy::git::{Commit, GitError, Repository};

/// Arguments of `gw bisect`.
#[derive(clap::Args)]
#[command(override_usage = "gw bisect [OPTIONS] --good <REV> [METHOD] <URL>")]
pub struct Arguments {
    /// The method, `GET` if it is left out, and the URL; or a path on `localhost`.
    #[arg(value_names = ["METHOD", "URL"], num_args = 1..=2, required = true)]
    request: Vec<String>,
    /// A revision of Git in which the request gets what it should.
    #[arg(long, value_name = "REV")]
    good: String,
    /// A later revision in which it gets something else.
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    bad: String,
    /// A header field of the request, such as `x-tenant: acme`.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// The address of the client.
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    ip: IpAddr,
    /// The folder of manifests.
    #[arg(long, value_name = "DIR", default_value = "gateway.d")]
    dir: PathBuf,
    /// The environment, by the name of its `Environment`; commits without it are passed over if they have others.
    #[arg(long, env = "GW_ENV", value_name = "NAME")]
    env: Option<String>,
    /// The listener that the request comes in by. The default is the one with the port of the URL, else the first that speaks its
    /// scheme.
    #[arg(long, value_name = "NAME")]
    listener: Option<String>,
    /// How the outcome is shown.
    #[arg(long, short, value_name = "FORMAT", default_value = "human")]
    output: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Human,
    Json,
}

pub fn run(arguments: Arguments, output: &mut Output) -> Exit {
    match bisected(arguments) {
        Ok(text) => {
            output.data(&text);
            Exit::Ok
        }
        Err(message) => {
            output.note(&message);
            Exit::Error
        }
    }
}

fn bisected(arguments: Arguments) -> Result<String, String> {
    let (method, url) = match arguments.request.as_slice() {
        [method, url] => (method.as_str(), url),
        [url, ..] => ("GET", url),
        [] => return Err(error("a URL is missing")),
    };
    let mut asked = Asked::new(method, url, &arguments.headers, arguments.ip).map_err(error)?;
    asked.listener = arguments.listener;
    let repository = Repository::of(&arguments.dir).map_err(error)?;
    let (good, bad) = (repository.commit(&arguments.good), repository.commit(&arguments.bad));
    let shown = arguments.dir.display().to_string();
    let environment = arguments.env.as_deref();
    let question = Question { repository: &repository, shown: &shown, environment, asked: &asked };
    let found = bisect(&question, &good.map_err(error)?, &bad.map_err(error)?).map_err(error)?;
    match arguments.output {
        Format::Human => human(&found, &repository).map_err(error),
        Format::Json => json(&found, &repository).map_err(error),
    }
}

fn human(found: &Bisected, repository: &Repository) -> Result<String, GitError> {
    let mut out = format!("{} changed it\n{}\n", found.commit.as_str(), repository.about(&found.commit)?);
    if !found.doubtful.is_empty() {
        let names: Vec<&str> = found.doubtful.iter().map(Commit::short).collect();
        // Writing into a string cannot fail.
        let _ = writeln!(out, "or one before it that has errors: {}", names.join(", "));
    }
    let _ = write!(out, "\nbefore\n{}\nafter\n{}", found.before, found.after);
    Ok(out)
}

fn json(found: &Bisected, repository: &Repository) -> Result<String, GitError> {
    let doubtful: Vec<&str> = found.doubtful.iter().map(Commit::as_str).collect();
    let shown = json!({
        "formatVersion": 1,
        "commit": found.commit.as_str(),
        "about": repository.about(&found.commit)?,
        "orOneOf": doubtful,
        "before": found.before,
        "after": found.after,
    });
    Ok(format!("{shown:#}\n"))
}
