//! Mistakes that could be made in a table, each a table of its own: cases that are good find them.
//!
//! A mutant is the compiled table with one part changed. It is found if a case that passed fails with it, or a statement that held
//! doesn't; one that survives shows what none looks at. Only cases that could see the change are played, and statements are decided
//! again if no case does.

use std::fmt::Write as _;
use std::sync::Arc;
use std::thread;

use serde::Serialize;

use crate::deploy::explain::Place;
use crate::deploy::test::case::Planned;
use crate::deploy::test::check::mismatches;
use crate::deploy::test::parts::{Journal, Parts};
use crate::deploy::test::stage::{Got, Stage};
use crate::deploy::test::statement::Claim;
use crate::deploy::test::written::Written;
use crate::deploy::test::{TestError, change};
use crate::pipeline::head::RequestHead;
use crate::proxy::http1::parse;
use crate::table::router::{NoTrace, Outcome, Router};

/// How many mutants are tried at most, spread over all that there are.
pub const MOST: usize = 1000;

/// What became of the mutants of a table.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mutation {
    /// How many of them were found, in percent, rounded down; 100 if there is none.
    pub score: usize,
    /// How many were found by a case.
    pub found: usize,
    /// How many there are.
    pub total: usize,
    /// Those that no case finds: of the gateway, and then in the order of the routes.
    pub survivors: Vec<Survivor>,
}

/// A mutant that no case finds.
#[derive(Debug, Serialize)]
pub struct Survivor {
    /// The route; none if it is the gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// What is different.
    pub change: String,
    /// Where the part is written that was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// A change of a table.
pub struct Mutant {
    /// The index of the route; none if it is the gateway.
    pub route: Option<usize>,
    /// What is different, in words.
    pub change: String,
    /// Where it is written.
    pub place: Option<Place>,
    /// Which requests may notice.
    pub sight: Sight,
    /// Makes the change.
    pub apply: Box<dyn Fn(&mut Parts) + Send + Sync>,
}

/// Which requests may notice a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// All of them.
    All,
    /// Those that get another rule by it.
    Rules,
    /// Those of the route for which this plugin would run or does.
    Plugin(usize),
    /// Those of the route that get to this backend's place.
    End,
}

/// A case as it was played to the table itself.
pub struct Passed<'a> {
    /// The case.
    pub case: &'a Planned<'a>,
    /// What became of it.
    pub got: &'a Got,
    /// The request as the router sees it; none where that is not told by its bytes alone.
    head: Option<RequestHead>,
}

impl<'a> Passed<'a> {
    /// The case and what became of it.
    pub fn new(case: &'a Planned<'a>, got: &'a Got, parts: &Parts) -> Self {
        let mut head = RequestHead::default();
        let script = &case.script;
        let trusted = parts.settings.trusted_proxies.iter().any(|network| network.contains(script.caller.ip));
        let read = parse(&script.bytes, &parts.settings.limits, &mut head);
        Self { case, got, head: read.is_ok().then_some(head).filter(|_| !trusted) }
    }

    fn may_see(&self, mutant: &Mutant, parts: &Parts, router: Option<&Router>) -> bool {
        let rule = self.got.rule.and_then(|rule| parts.rules.get(rule as usize));
        let of_route = rule.is_some_and(|rule| Some(rule.route as usize) == mutant.route);
        match (mutant.sight, &self.head, router) {
            // which rule a preflight meets depends on what its route does, too
            (Sight::Rules, Some(head), Some(router)) if head.announced_method().is_none() => {
                let found = router.find(self.case.script.caller.listener, head, &mut NoTrace);
                match (found, self.got.rule) {
                    (Outcome::Found(hit), Some(rule)) => hit.rule != rule,
                    // who calls is found out on the way, and the methods that are allowed may be others
                    (Outcome::Found(_) | Outcome::AsksCaller(_) | Outcome::MethodNotAllowed(_), None)
                    | (_, Some(_)) => true,
                    (Outcome::NotFound | Outcome::Forbidden, None) => self.got.status == 405,
                }
            }
            (Sight::Rules | Sight::All, ..) => true,
            (Sight::Plugin(step), ..) => of_route && self.got.answered.is_none_or(|answered| answered >= step),
            (Sight::End, ..) => of_route && self.got.backend.is_some(),
        }
    }
}

/// Tries all mutants of a table on cases that pass and statements that hold.
///
/// # Errors
/// If the data plane cannot be made ready.
pub fn mutation(
    parts: &Parts,
    written: &Written<'_>,
    passed: &[Passed<'_>],
    claims: &[Claim<'_>],
) -> Result<Mutation, TestError> {
    let mut mutants = change::mutants(parts, written);
    if mutants.len() > MOST {
        let (total, mut at) = (mutants.len(), 0);
        mutants.retain(|_| {
            at += 1;
            at * MOST / total != (at - 1) * MOST / total
        });
    }
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let chunk = mutants.len().div_ceil(threads).max(1);
    let found = thread::scope(|scope| {
        let tried: Vec<_> =
            mutants.chunks(chunk).map(|chunk| scope.spawn(move || try_all(chunk, parts, (passed, claims)))).collect();
        let tried = tried.into_iter().map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        tried.collect::<Result<Vec<_>, TestError>>()
    })?;
    let found: Vec<bool> = found.into_iter().flatten().collect();
    let count = found.iter().filter(|found| **found).count();
    let survivors = mutants.iter().zip(&found).filter(|(_, found)| !**found).map(|(mutant, _)| Survivor {
        route: mutant.route.and_then(|route| Some(parts.routes.get(route)?.name.to_string())),
        change: mutant.change.clone(),
        place: mutant.place.clone(),
    });
    Ok(Mutation {
        score: (count * 100).checked_div(mutants.len()).unwrap_or(100),
        found: count,
        total: mutants.len(),
        survivors: survivors.collect(),
    })
}

/// What may find a mutant.
type Finders<'a> = (&'a [Passed<'a>], &'a [Claim<'a>]);

/// Whether a statement doesn't hold for a mutant.
fn contradicts(mutant: &Mutant, parts: &Parts, claims: &[Claim<'_>]) -> bool {
    if claims.is_empty() {
        return false;
    }
    let mut changed = parts.clone();
    (mutant.apply)(&mut changed);
    let table = changed.table(&Arc::<Journal>::default());
    claims.iter().any(|claim| !claim.holds(&table))
}

/// Whether each of some mutants is found.
fn try_all(mutants: &[Mutant], parts: &Parts, (passed, claims): Finders<'_>) -> Result<Vec<bool>, TestError> {
    let mut stage = None;
    let try_both = |mutant: &Mutant| -> Result<bool, TestError> {
        Ok(try_one(mutant, parts, passed, &mut stage)?
            || mutant.sight == Sight::Rules && contradicts(mutant, parts, claims))
    };
    mutants.iter().map(try_both).collect()
}

fn try_one(
    mutant: &Mutant,
    parts: &Parts,
    passed: &[Passed<'_>],
    stage: &mut Option<Stage>,
) -> Result<bool, TestError> {
    let mut changed = parts.clone();
    (mutant.apply)(&mut changed);
    let router = (mutant.sight == Sight::Rules).then(|| Arc::new(Router::new(changed.rules.clone())));
    let seeing: Vec<&Passed<'_>> = passed.iter().filter(|one| one.may_see(mutant, parts, router.as_deref())).collect();
    if seeing.is_empty() {
        return Ok(false);
    }
    let stage = match stage {
        Some(stage) => {
            stage.change(&changed)?;
            stage
        }
        None => stage.insert(Stage::new(&changed)?),
    };
    for one in seeing {
        let got = stage.play(&one.case.script, &changed)?;
        if !mismatches(one.case, &got).is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Mutation {
    /// It as text for people.
    pub fn human(&self) -> String {
        let mut out = format!("mutation score {} %: {} of {} mutants found\n", self.score, self.found, self.total);
        for one in &self.survivors {
            let place = one.place.as_ref().map_or_else(String::new, |place| format!("{place}: "));
            let what = one.route.as_ref().map_or_else(|| "gateway".to_owned(), |route| format!("route {route}"));
            // Writing into a string cannot fail.
            let _ = writeln!(out, "  {place}nothing notices the {what} {}", one.change);
        }
        out
    }
}
