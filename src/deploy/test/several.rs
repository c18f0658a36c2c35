//! The tests of a folder in an environment, or in all of them in turn.

use std::path::Path;

use serde::Serialize;

use crate::compiler::{Compiled, Manifests, compile};
use crate::deploy::load::{read_assets, read_folder};
use crate::deploy::test::credential::give_secrets;
use crate::deploy::test::{Run, TestError, Wanted, run};

/// What became of the tests of a folder.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The version of this form.
    pub format_version: u32,
    /// How many cases there are in all environments.
    pub total: usize,
    /// How many of them failed.
    pub failed: usize,
    /// What became of them in each environment; one entry if there is none.
    pub runs: Vec<Run>,
}

/// What running the tests of a folder gave.
pub enum Ran {
    /// They ran.
    Report(Report),
    /// The manifests have errors.
    Invalid(Box<Compiled>),
}

/// Runs the tests of a folder in an environment, in each of them if none is chosen.
///
/// # Errors
/// If the folder can't be read, a case is no request, or the data plane can't be made ready.
pub fn run_folder(root: &Path, environment: Option<&str>, wanted: &Wanted) -> Result<Ran, TestError> {
    let manifests = Manifests::read(read_folder(root)?.files);
    let known = manifests.environments();
    let environments: Vec<Option<String>> = match environment {
        Some(chosen) => vec![Some(chosen.to_owned())],
        None if known.is_empty() => vec![None],
        None => known.iter().cloned().map(Some).collect(),
    };
    let mut runs = Vec::new();
    for environment in environments {
        let mut parsed = manifests.clone().parse(environment.as_deref());
        give_secrets(&mut parsed);
        let assets = read_assets(root, &parsed.asset_requests());
        let mut compiled = compile(parsed, &assets);
        match run(&mut compiled, environment.filter(|name| known.contains(name)), wanted)? {
            Some(run) => runs.push(run),
            None => return Ok(Ran::Invalid(Box::new(compiled))),
        }
    }
    let sum = |count: fn(&Run) -> usize| runs.iter().map(count).sum();
    Ok(Ran::Report(Report { format_version: 1, total: sum(|run| run.total), failed: sum(|run| run.failed), runs }))
}
