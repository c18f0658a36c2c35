//! The rules of tables as they are decided: conditions as questions, and what each rule means as a number.

use std::collections::HashMap;
use std::time::Duration;

use ahash::RandomState;

use crate::pipeline::certificate::CertificateCondition;
use crate::pipeline::condition::FieldCondition;
use crate::pipeline::retries::Retries;
use crate::pipeline::split::SplitBy;
use crate::pipeline::when::Guard;
use crate::table::route::{CompiledRoute, Patience};
use crate::table::router::{Conditions, PathMatch, Rule};
use crate::table::space::assumption::Assumption;
use crate::table::space::atoms::{Atom, Atoms, Literal};
use crate::table::space::decide::{Asked, Candidate, Question};
use crate::table::space::methods::MethodSet;
use crate::table::space::preflight::Preflights;
use crate::table::space::texts::Kind;
use crate::table::{Digest, RouteTable};

/// The rules of some tables.
#[derive(Default)]
pub(super) struct Rules<'t> {
    pub(super) atoms: Atoms,
    routes: HashMap<RouteKey<'t>, u32, RandomState>,
    meanings: HashMap<(u32, &'t Conditions, &'t str), u32, RandomState>,
}

/// All that a route does.
#[derive(PartialEq, Eq, Hash)]
struct RouteKey<'t> {
    name: &'t str,
    steps: Vec<(Digest, Option<&'t Guard>)>,
    ends: Vec<(Digest, u32, Patience)>,
    split_by: Option<&'t SplitBy>,
    mirror: Option<(Digest, u32)>,
    retries: Option<&'t Retries>,
    request: Duration,
    parameters: &'t [Box<str>],
}

/// The rules of one table, by their rank.
pub(super) struct Ranked {
    pub(super) candidates: Vec<Candidate>,
    pub(super) preflights: Option<Preflights>,
    /// Equal numbers mean the same, for the same path.
    pub(super) meanings: Vec<u32>,
    /// The questions of each step of each route that runs under conditions.
    pub(super) guards: HashMap<(u32, usize), GuardQuestions, RandomState>,
}

/// The conditions of a step.
pub(super) struct GuardQuestions {
    pub(super) methods: MethodSet,
    /// One of these holds, if there are any.
    pub(super) paths: Vec<u32>,
    /// One of these holds, if there are any.
    pub(super) networks: Vec<u32>,
    /// Whether a client certificate is asked for, by literals among these.
    pub(super) certified: bool,
    /// All of these hold.
    pub(super) literals: Vec<Literal>,
}

impl Ranked {
    /// Whether a step runs for the assumed requests, which come in where this is asked of clients.
    pub(super) fn runs(
        &self,
        step: (u32, usize),
        asked: Asked,
        assumption: &Assumption<'_>,
        methods: &MethodSet,
    ) -> Result<bool, Question> {
        match self.guards.get(&step) {
            // whoever is asked for no certificate shows none
            Some(guard) if guard.certified && asked == Asked::Never => Ok(false),
            Some(guard) => guard.holds(assumption, methods),
            None => Ok(true),
        }
    }
}

impl GuardQuestions {
    /// Whether the conditions of a step hold for the assumed requests.
    fn holds(&self, assumption: &Assumption<'_>, methods: &MethodSet) -> Result<bool, Question> {
        let both = methods.and(&self.methods);
        let fails = |(atom, wanted): &Literal| assumption.answer(*atom).is_some_and(|answer| answer != *wanted);
        let none = |list: &[u32]| !list.is_empty() && list.iter().all(|atom| assumption.answer(*atom) == Some(false));
        if both.is_empty() || self.literals.iter().any(fails) || none(&self.paths) || none(&self.networks) {
            return Ok(false);
        }
        if both != *methods {
            return Err(Question::Methods(self.methods.clone()));
        }
        for list in [&self.paths, &self.networks] {
            let met = list.is_empty() || list.iter().any(|atom| assumption.answer(*atom) == Some(true));
            let open = list.iter().find(|atom| assumption.answer(**atom).is_none());
            if let (false, Some(atom)) = (met, open) {
                return Err(Question::Literal((*atom, true)));
            }
        }
        let open = self.literals.iter().find(|(atom, _)| assumption.answer(*atom).is_none());
        open.map_or(Ok(true), |literal| Err(Question::Literal(*literal)))
    }
}

impl<'t> Rules<'t> {
    /// Adds the rules of a table, in the order of their ranks.
    pub(super) fn add(&mut self, table: &'t RouteTable, ranked: &[&'t Rule]) -> Ranked {
        let mut guards = HashMap::default();
        for (route, index) in table.routes.iter().zip(0..) {
            for (number, step) in route.pipeline.iter().enumerate() {
                if let Some(guard) = &step.guard {
                    guards.insert((index, number), self.guard(guard));
                }
            }
        }
        let routes: Vec<u32> = table.routes.iter().map(|route| self.route(route)).collect();
        Ranked {
            candidates: self.candidates(table, ranked),
            preflights: Preflights::new(table, &mut self.atoms),
            meanings: ranked.iter().map(|rule| self.meaning(routes[rule.route as usize], rule)).collect(),
            guards,
        }
    }

    /// Rules as they are decided.
    pub(super) fn candidates(&mut self, table: &RouteTable, ranked: &[&Rule]) -> Vec<Candidate> {
        let answers: Vec<bool> = table.routes.iter().map(CompiledRoute::answers_preflights).collect();
        ranked.iter().map(|rule| self.candidate(rule, answers[rule.route as usize])).collect()
    }

    fn candidate(&mut self, rule: &Rule, answers_preflights: bool) -> Candidate {
        let conditions = &rule.conditions;
        let regex = match &rule.path {
            PathMatch::Regex(regex) => Some((self.atoms.number(Atom::Regex(regex.clone())), true)),
            PathMatch::Any | PathMatch::Template(_) | PathMatch::Prefix(_) => None,
        };
        let mut literals: Vec<Literal> = regex.into_iter().collect();
        literals.extend(self.values(&conditions.headers, &conditions.cookies, &conditions.query));
        Candidate {
            literals: literals.into(),
            methods: MethodSet::of(&conditions.methods),
            certificate: self.certificate(conditions.certificate.as_ref()).into(),
            answers_preflights,
            consumer: conditions.consumer.as_ref().map(|consumer| {
                let known = self.atoms.number(Atom::Known(rule.auth.clone()));
                (known, self.atoms.number(Atom::Consumer(consumer.clone())))
            }),
            auth: rule.auth.clone(),
        }
    }

    fn values(
        &mut self,
        headers: &[FieldCondition],
        cookies: &[FieldCondition],
        query: &[FieldCondition],
    ) -> Vec<Literal> {
        let all = |kind, list: &[FieldCondition]| -> Vec<(Atom, bool)> {
            list.iter().map(|condition| Atom::value(kind, condition)).collect()
        };
        let atoms = [all(Kind::Header, headers), all(Kind::Cookie, cookies), all(Kind::Query, query)].into_iter();
        atoms.flatten().map(|(atom, answer)| (self.atoms.number(atom), answer)).collect()
    }

    fn certificate(&mut self, condition: Option<&CertificateCondition>) -> Vec<Literal> {
        let Some(condition) = condition else { return Vec::new() };
        let san = condition.san.clone().map(Atom::San);
        let subject = condition.subject.clone().map(Atom::Subject);
        let atoms = [Atom::Certificate].into_iter().chain(san).chain(subject);
        atoms.map(|atom| (self.atoms.number(atom), true)).collect()
    }

    fn guard(&mut self, guard: &Guard) -> GuardQuestions {
        let mut literals = self.values(&guard.headers, &guard.cookies, &guard.query);
        let certified = guard.certificate.is_some();
        literals.extend(self.certificate(guard.certificate.as_ref()));
        literals.extend(guard.authenticated.map(|known| (self.atoms.number(Atom::Known(None)), known)));
        let consumer = guard.consumer.clone().map(Atom::Consumer);
        literals.extend(consumer.map(|consumer| (self.atoms.number(consumer), true)));
        GuardQuestions {
            methods: MethodSet::of(&guard.methods),
            paths: guard.paths.iter().map(|glob| self.atoms.number(Atom::Glob(glob.clone()))).collect(),
            networks: guard.networks.iter().map(|network| self.atoms.number(Atom::Network(*network))).collect(),
            literals,
            certified,
        }
    }

    fn route(&mut self, route: &'t CompiledRoute) -> u32 {
        let key = RouteKey {
            name: &route.name,
            steps: route.pipeline.iter().map(|step| (step.meaning, step.guard.as_ref())).collect(),
            ends: route.ends.iter().map(|end| (end.meaning, end.weight, end.timeouts)).collect(),
            split_by: route.split_by.as_ref(),
            mirror: route.mirror.as_ref().map(|mirror| (mirror.end.meaning, mirror.percent)),
            retries: route.retries.as_ref(),
            request: route.request,
            parameters: &route.parameters,
        };
        number(&mut self.routes, key)
    }

    /// A path without parameters means what its place says; of others the text matters too.
    fn meaning(&mut self, route: u32, rule: &'t Rule) -> u32 {
        let path = match &rule.path {
            PathMatch::Template(template) if !template.is_exact() => template.as_str(),
            PathMatch::Regex(regex) => regex.as_str(),
            PathMatch::Any | PathMatch::Template(_) | PathMatch::Prefix(_) => "",
        };
        number(&mut self.meanings, (route, &rule.conditions, path))
    }
}

fn number<K: std::hash::Hash + Eq>(numbers: &mut HashMap<K, u32, RandomState>, key: K) -> u32 {
    let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
    *numbers.entry(key).or_insert(next)
}
