//! Runs the tests of manifests: each case is a request that goes through the whole data plane, with one server in place of all that
//! the table names, and random values in place of secrets. Statements over all requests are proved.

mod case;
mod change;
mod check;
mod coverage;
mod credential;
mod generate;
mod human;
mod junit;
mod mutants;
mod parts;
mod propose;
mod sample;
mod several;
mod stage;
mod statement;
mod written;

pub use generate::generate;
pub use human::human;
pub use junit::junit;
pub use several::{Ran, Report, run_folder};

use std::io;

use serde::Serialize;

use crate::compiler::Compiled;
use crate::deploy::explain::Place;
use crate::deploy::load::LoadError;
use crate::deploy::test::case::{CaseError, Planned, planned};
use crate::deploy::test::check::{Mismatch, mismatches};
use crate::deploy::test::coverage::{Coverage, coverage};
use crate::deploy::test::mutants::{Mutation, Passed, mutation};
use crate::deploy::test::parts::Parts;
use crate::deploy::test::stage::{Got, Stage};
use crate::deploy::test::statement::claims;
use crate::deploy::test::written::Written;
use crate::proxy::rehearsal::RehearsalError;

/// What became of the tests of manifests in an environment.
#[derive(Debug, Serialize)]
pub struct Run {
    /// The environment, if the manifests have any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// How many cases and statements there are.
    pub total: usize,
    /// How many of them are statements.
    pub statements: usize,
    /// How many of them failed.
    pub failed: usize,
    /// All of them, by the names of their objects: cases first, in the order of their places.
    pub cases: Vec<CaseReport>,
    /// What they get to, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
    /// Which mistakes they would find, if that was asked for; nothing if a case failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mutation: Option<Mutation>,
}

/// What became of a case or a statement.
#[derive(Debug, Serialize)]
pub struct CaseReport {
    /// The object that it stands in, as `namespace/name` unless the namespace is `default`.
    pub test: String,
    /// Its name.
    pub name: String,
    /// Where it is written.
    pub place: Place,
    /// The expectations that do not hold.
    pub mismatches: Vec<Mismatch>,
}

/// Why tests could not be run.
#[derive(Debug, thiserror::Error)]
pub enum TestError {
    /// The manifests could not be read.
    #[error(transparent)]
    Folder(#[from] LoadError),
    /// A case is no request.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// The data plane could not be made ready.
    #[error(transparent)]
    Rehearsal(#[from] RehearsalError),
    /// A request could not be sent.
    #[error("a request cannot be sent: {0}")]
    Send(#[from] io::Error),
}

/// What is asked of tests.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Only cases whose name holds this text.
    pub filter: Option<String>,
    /// What they get to.
    pub coverage: bool,
    /// Which mistakes they would find.
    pub mutation: bool,
}

/// Runs the tests of what was compiled for an environment, whose table is taken out of it; `None` if it has none.
///
/// # Errors
/// If a case is no request, or the data plane cannot be made ready.
fn run(compiled: &mut Compiled, environment: Option<String>, wanted: &Wanted) -> Result<Option<Run>, TestError> {
    let Some(table) = compiled.table.take() else { return Ok(None) };
    let claims = claims(compiled, &table.settings, wanted.filter.as_deref())?;
    let claimed: Vec<CaseReport> = claims.iter().map(|claim| claim.report(&table)).collect();
    let parts = Parts::of(table);
    let cases = planned(compiled, &parts.settings, wanted.filter.as_deref())?;
    let mut stage = Stage::new(&parts)?;
    let seen = cases.iter().map(|case| stage.play(&case.script, &parts)).collect::<io::Result<Vec<Got>>>()?;
    let mut reports: Vec<CaseReport> = cases.iter().zip(&seen).map(|(case, got)| CaseReport::new(case, got)).collect();
    reports.extend(claimed);
    reports.sort_by(|one, other| one.test.cmp(&other.test));
    let failed = reports.iter().filter(|case| !case.mismatches.is_empty()).count();
    let written = Written::of(compiled);
    let mutation = (wanted.mutation && failed == 0).then(|| {
        let passed: Vec<Passed<'_>> =
            cases.iter().zip(&seen).map(|(case, got)| Passed::new(case, got, &parts)).collect();
        mutation(&parts, &written, &passed, &claims)
    });
    Ok(Some(Run {
        environment,
        total: reports.len(),
        statements: claims.len(),
        failed,
        cases: reports,
        coverage: wanted.coverage.then(|| coverage(&parts, &written, &seen)),
        mutation: mutation.transpose()?,
    }))
}

impl CaseReport {
    fn new(case: &Planned<'_>, got: &Got) -> Self {
        Self {
            test: case.object.address.short(),
            name: case.name.to_owned(),
            place: case.place("/name"),
            mismatches: mismatches(case, got),
        }
    }
}
