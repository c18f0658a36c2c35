//! Statements over all requests: whether they hold is proved by the engine that knows what a table does with all of them.

use crate::compiler::manifest::Spec;
use crate::compiler::manifest::test::{Requests, Statement};
use crate::compiler::{Compiled, Object, object_name};
use crate::deploy::explain::{Place, listener_named};
use crate::deploy::test::CaseReport;
use crate::deploy::test::case::{CaseError, full_name};
use crate::deploy::test::check::Mismatch;
use crate::diagnostic::SourceMap;
use crate::table::RouteTable;
use crate::table::settings::Settings;
use crate::table::space::{Authentication, Outcome, Runs, Scope, Survey, Treatment, survey};

/// How many kinds of requests are shown that contradict a statement.
const SHOWN: usize = 3;

/// A statement that can be decided.
pub struct Claim<'a> {
    object: &'a Object,
    index: usize,
    statement: &'a Statement,
    /// The name of the route that is expected, as logs have it.
    route: Option<String>,
    scope: Scope,
    sources: &'a SourceMap,
}

/// The statements whose name holds a text, in the order of their objects and places.
///
/// # Errors
/// At the first one that names a listener which doesn't exist.
pub fn claims<'a>(
    compiled: &'a Compiled,
    settings: &Settings,
    filter: Option<&str>,
) -> Result<Vec<Claim<'a>>, CaseError> {
    let sources = &compiled.sources;
    let tests = compiled.objects.iter().filter_map(|object| match &object.spec {
        Some(Spec::Test(spec)) => Some((object, spec)),
        _ => None,
    });
    let all = tests.flat_map(|(object, spec)| spec.statements.iter().enumerate().map(move |(i, one)| (object, i, one)));
    let wanted = all.filter(|(object, _, statement)| {
        filter.is_none_or(|filter| full_name(object, &statement.name).contains(filter))
    });
    let claims = wanted.map(|(object, index, statement)| {
        let expected = statement.expect.route.as_ref();
        let route = expected.map(|route| object_name(route.namespace(&object.address.namespace), route.name()));
        let claim = Claim { object, index, statement, route, scope: scope_of(&statement.for_all), sources };
        for (i, name) in statement.for_all.listeners.iter().enumerate() {
            listener_named(name.as_str(), settings)
                .map_err(|error| CaseError { place: claim.place(&format!("/forAll/listeners/{i}")), error })?;
        }
        Ok(claim)
    });
    claims.collect()
}

fn scope_of(requests: &Requests) -> Scope {
    let Requests { listeners, hosts, paths, methods } = requests;
    let listeners = listeners.iter().map(ToString::to_string).collect();
    Scope { listeners, hosts: hosts.clone(), paths: paths.clone(), methods: methods.clone() }
}

impl Claim<'_> {
    fn place(&self, pointer: &str) -> Place {
        Place::of(self.sources, self.object.place(&format!("/spec/statements/{}{pointer}", self.index)))
    }

    /// Whether it is proved for a table.
    pub fn holds(&self, table: &RouteTable) -> bool {
        let Survey { classes, unknown } = self.survey(table);
        classes.is_empty() && unknown.is_empty()
    }

    /// What became of it.
    pub fn report(&self, table: &RouteTable) -> CaseReport {
        let mut found = contradictions(&self.survey(table));
        let more = found.len().saturating_sub(SHOWN);
        found.truncate(SHOWN);
        if more > 0 {
            found.push(format!("something else for {more} more kinds of requests"));
        }
        let (what, expected) = match (&self.route, self.statement.expect.no_route) {
            (Some(route), _) => ("route", route.clone()),
            (None, true) => ("noRoute", "no route".to_owned()),
            (None, false) => ("authenticated", "a caller who proves who it is".to_owned()),
        };
        let place = self.place(&format!("/expect/{what}"));
        let mismatch =
            |got: String| Mismatch { what: what.to_owned(), expected: expected.clone(), got, place: place.clone() };
        CaseReport {
            test: self.object.address.short(),
            name: self.statement.name.clone(),
            place: self.place("/name"),
            mismatches: found.into_iter().map(mismatch).collect(),
        }
    }

    /// What some of its requests get that contradicts it.
    fn survey(&self, table: &RouteTable) -> Survey {
        survey(table, &self.scope, &[Runs::Authenticating], &|treatment: &Treatment| match &treatment.outcome {
            // no request comes in
            Outcome::Refused | Outcome::NotListening => false,
            Outcome::Routed(routed) => {
                let is_open = routed.authentication == Authentication::None && treatment.runs != [true];
                let other = self.route.as_ref().map(|expected| *routed.route != **expected);
                other.unwrap_or(self.statement.expect.no_route || is_open)
            }
            _ => self.route.is_some(),
        })
    }
}

fn contradictions(survey: &Survey) -> Vec<String> {
    let found = survey.classes.iter().map(|(Treatment { outcome, .. }, class)| match &class.witness {
        Some(request) => format!("{outcome}, for {request}, one of {class}"),
        None => format!("perhaps {outcome}, for {class}"),
    });
    found.chain(survey.unknown.iter().map(|class| format!("what could not be found out for {class}"))).collect()
}
