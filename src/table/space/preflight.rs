//! CORS preflights: by which method the rules of a table are tried, see [`RouteTable::find`](crate::table::RouteTable::find). Here no
//! request announces several, as no browser does.

use std::collections::{BTreeMap, BTreeSet};

use crate::pipeline::condition::{FieldCondition, Test};
use crate::pipeline::preflight::REQUEST_METHOD;
use crate::table::RouteTable;
use crate::table::route::CompiledRoute;
use crate::table::space::assumption::Assumption;
use crate::table::space::atoms::{Atom, Atoms};
use crate::table::space::decide::{Candidate, Question};
use crate::table::space::methods::MethodSet;
use crate::table::space::texts::Kind;
use crate::table::space::tree::Place;
use crate::table::space::values::Answers;
use crate::value::method::Method;

/// The questions that tell preflights and what they announce.
pub(super) struct Preflights {
    origin: u32,
    announces: u32,
    /// Whether this one is announced: of each method that a rule names.
    methods: BTreeMap<Method, u32>,
}

/// By which method rules are tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum By {
    /// The request's own.
    #[default]
    Own,
    /// That depends on whether it is a preflight.
    Unknown,
    /// The one that is announced, which is one of these; by its own if the route so found answers no preflights.
    Announced(MethodSet),
}

impl Preflights {
    /// The questions for a table; `None` if none of its routes answers preflights.
    pub(super) fn new(table: &RouteTable, atoms: &mut Atoms) -> Option<Self> {
        if !table.routes.iter().any(CompiledRoute::answers_preflights) {
            return None;
        }
        let mut number =
            |name: &str, test| atoms.number(Atom::Value(Kind::Header, FieldCondition { name: name.to_owned(), test }));
        let (origin, announces) = (number("origin", Test::Present), number(REQUEST_METHOD, Test::Present));
        let named = table.router.rules().iter().flat_map(|rule| &rule.conditions.methods);
        let named: BTreeSet<&Method> = named.collect();
        let of_method = |method: &Method| number(REQUEST_METHOD, Test::Equals(method.to_string()));
        let numbers: Vec<u32> = named.iter().copied().map(of_method).collect();
        Some(Self { origin, announces, methods: named.into_iter().cloned().zip(numbers).collect() })
    }

    /// By which method the rules of a list are tried, or what is to be asked before that is known.
    pub(super) fn by(
        &self,
        (candidates, list): (&[Candidate], &[Place]),
        assumption: &Assumption<'_>,
        methods: &MethodSet,
    ) -> Result<By, Question> {
        let options = MethodSet::of(&[Method::Options]);
        let both = methods.and(&options);
        if both.is_empty() {
            return Ok(By::Own);
        }
        if both != *methods {
            return Err(Question::Methods(options));
        }
        for atom in [self.origin, self.announces] {
            match assumption.answer(atom) {
                None => return Err(Question::Literal((atom, true))),
                Some(false) => return Ok(By::Own),
                Some(true) => {}
            }
        }
        let named: BTreeSet<&Method> = list.iter().flat_map(|at| candidates[*at as usize].methods.listed()).collect();
        for (method, atom) in self.methods.iter().filter(|(method, _)| named.contains(method)) {
            match assumption.answer(*atom) {
                None => return Err(Question::Literal((*atom, true))),
                Some(false) => {}
                Some(true) => return Ok(By::Announced(MethodSet::of(std::slice::from_ref(method)))),
            }
        }
        let named: Vec<Method> = named.into_iter().cloned().collect();
        Ok(By::Announced(if named.is_empty() { MethodSet::every() } else { MethodSet::of(&named).not() }))
    }
}

/// Whether answers about the values of a field are those of a request that announces several methods.
pub(super) fn is_preflight_twice(name: &str, answers: &Answers, atoms: &Atoms) -> bool {
    let is_method =
        |atom: &&u32| matches!(atoms.get(**atom), Atom::Value(_, FieldCondition { test: Test::Equals(_), .. }));
    name == REQUEST_METHOD && answers.yes.iter().filter(is_method).count() > 1
}
