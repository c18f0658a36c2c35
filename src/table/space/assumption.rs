//! What is assumed of a request: a set of paths, and answers to questions. No request contradicts itself, so an answer that leaves no
//! request is refused.

use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;

use ahash::RandomState;

use crate::pipeline::certificate::ClientCertificate;
use crate::table::space::atoms::{Atom, Atoms, Literal, Topic};
use crate::table::space::certificates::{address, certificate};
use crate::table::space::machine::{Form, Machine};
use crate::table::space::paths::PathSet;
use crate::table::space::preflight::is_preflight_twice;
use crate::table::space::request::Value;
use crate::table::space::search::Found;
use crate::table::space::texts::{Kind, Texts};
use crate::table::space::values::{Answers, Searches, possible, values};
use crate::value::path::{PathGlob, Segment, normalise};

/// What is assumed.
pub(super) struct Assumption<'a> {
    atoms: &'a Atoms,
    texts: &'a Texts,
    searches: &'a mut Searches,
    answers: Vec<Option<bool>>,
    topics: Vec<Answers>,
    /// The answers in the order given, each with whether it is unsure that a request gives it.
    trail: Vec<(Literal, bool)>,
    paths: PathSet,
    /// Paths of the set.
    samples: Vec<String>,
    path_searches: HashMap<(Vec<u32>, Vec<u32>), Found, RandomState>,
}

/// What a request is made of.
pub(super) struct Parts {
    pub(super) path: String,
    pub(super) values: Vec<Value>,
    pub(super) certificate: Option<ClientCertificate>,
    pub(super) ip: IpAddr,
}

impl<'a> Assumption<'a> {
    /// Nothing is assumed.
    pub(super) fn new(atoms: &'a Atoms, texts: &'a Texts, searches: &'a mut Searches) -> Self {
        Self {
            atoms,
            texts,
            searches,
            answers: vec![None; atoms.len()],
            topics: vec![Answers::default(); atoms.topics().len()],
            trail: Vec::new(),
            paths: PathSet { pieces: Vec::new(), below: true },
            samples: Vec::new(),
            path_searches: HashMap::default(),
        }
    }

    /// Begins anew with some paths.
    pub(super) fn begin(&mut self, paths: PathSet) {
        self.undo(0);
        self.samples = paths.samples();
        self.path_searches.clear();
        self.paths = paths;
    }

    /// The paths.
    pub(super) fn paths(&self) -> &PathSet {
        &self.paths
    }

    /// All questions.
    pub(super) fn atoms(&self) -> &Atoms {
        self.atoms
    }

    /// The answer to a question, if it is known.
    pub(super) fn answer(&self, atom: u32) -> Option<bool> {
        self.answers[atom as usize]
    }

    /// The answers that were given, in order.
    pub(super) fn literals(&self) -> Vec<Literal> {
        self.trail.iter().map(|(literal, _)| *literal).collect()
    }

    /// Whether there surely is such a request.
    pub(super) fn is_certain(&self) -> bool {
        self.paths.is_certain() && self.trail.iter().all(|(_, unsure)| !unsure)
    }

    /// How many answers were given.
    pub(super) fn depth(&self) -> usize {
        self.trail.len()
    }

    /// Takes back all answers but the first ones.
    pub(super) fn undo(&mut self, depth: usize) {
        while self.trail.len() > depth {
            let Some((literal, _)) = self.trail.pop() else { return };
            self.answers[literal.0 as usize] = None;
            self.topics[self.atoms.topic(literal.0) as usize].pop(literal);
        }
    }

    /// Gives an answer; says whether there may be a request that gives it. If not, it is to be taken back.
    pub(super) fn assume(&mut self, literal: Literal) -> bool {
        self.answers[literal.0 as usize] = Some(literal.1);
        let topic = self.atoms.topic(literal.0) as usize;
        self.topics[topic].push(literal, self.atoms);
        let found = self.look(topic, literal);
        self.trail.push((literal, found == Found::Unknown));
        found != Found::Nothing
    }

    /// Whether a request gives the answers about a topic, of which one is new.
    fn look(&mut self, topic: usize, added: Literal) -> Found {
        let answers = &self.topics[topic];
        let there_is = |is: bool| if is { Found::Text(Vec::new()) } else { Found::Nothing };
        match &self.atoms.topics()[topic] {
            Topic::Value(Kind::Header, name) if is_preflight_twice(name, answers, self.atoms) => Found::Nothing,
            Topic::Value(kind, _) => possible(*kind, answers, added, self.atoms, self.texts, self.searches),
            Topic::Certificate => there_is(certificate(answers, self.atoms).is_some()),
            Topic::Network => there_is(address(answers, self.atoms).is_some()),
            // who may call with which key is not looked into: there may be such a caller
            Topic::Caller => Found::Unknown,
            Topic::Path => self.path(topic),
        }
    }

    /// A path that gives the answers about paths.
    fn path(&mut self, topic: usize) -> Found {
        let answers = &self.topics[topic];
        let gives = |path: &String| {
            let holds = |atom: &u32| self.atoms.get(*atom).holds_for_path(path);
            answers.yes.iter().all(holds) && !answers.no.iter().any(holds)
        };
        if let Some(path) = self.samples.iter().find(|path| gives(path)) {
            return Found::Text(path.clone().into());
        }
        if self.paths.is_single() {
            return Found::Nothing;
        }
        if let Some(path) = answers.yes.iter().find_map(|atom| self.guess(*atom)).filter(gives) {
            self.samples.push(path.clone());
            return Found::Text(path.into());
        }
        let mut key = (answers.yes.clone(), answers.no.clone());
        key.0.sort_unstable();
        key.1.sort_unstable();
        if let Some(known) = self.path_searches.get(&key) {
            return known.clone();
        }
        let found = self.search_path(&key.0, &key.1);
        if let Found::Text(path) = &found {
            self.samples.push(String::from_utf8_lossy(path).into_owned());
        }
        self.path_searches.insert(key, found.clone());
        found
    }

    /// A path of the set that a regular expression matches, if its simplest text is one.
    fn guess(&self, atom: u32) -> Option<String> {
        let Atom::Regex(regex) = self.atoms.get(atom) else { return None };
        let (guess, mut normal) = (regex.sample()?, String::new());
        normalise(guess.as_bytes(), &mut normal).ok()?;
        (normal == guess && self.paths.contains(&guess)).then_some(guess)
    }

    fn search_path(&mut self, yes: &[u32], no: &[u32]) -> Found {
        let Some(mut machines) = self.paths.machines(self.texts) else { return Found::Unknown };
        let mut unseen = false;
        for (atom, inside) in yes.iter().map(|atom| (atom, true)).chain(no.iter().map(|atom| (atom, false))) {
            match path_machine(self.atoms.get(*atom), self.texts) {
                Some(machine) => machines.push((machine, inside)),
                None => unseen = true,
            }
        }
        let parts: Vec<_> = machines.iter().map(|(machine, inside)| (&**machine, *inside)).collect();
        match self.texts.find_path(&parts) {
            Found::Text(_) if unseen => Found::Unknown,
            found => found,
        }
    }

    /// A request that gives all answers, without its method, host and listener; `None` if none was found.
    pub(super) fn parts(&mut self) -> Option<Parts> {
        let (mut found, mut certificate_found, mut ip) = (Vec::new(), None, None);
        let mut path = self.samples.first().cloned();
        for topic in 0..self.topics.len() {
            let answers = &self.topics[topic];
            match &self.atoms.topics()[topic] {
                Topic::Value(kind, name) => {
                    let own = values(*kind, answers, self.atoms, self.texts, self.searches).ok()?;
                    found.extend(own.into_iter().map(|value| (*kind, name.clone(), value)));
                }
                Topic::Certificate => certificate_found = certificate(answers, self.atoms)?,
                Topic::Network => ip = address(answers, self.atoms),
                Topic::Caller if answers.yes.is_empty() => {}
                Topic::Caller => return None,
                Topic::Path => {
                    let Found::Text(text) = self.path(topic) else { return None };
                    path = Some(String::from_utf8_lossy(&text).into_owned());
                }
            }
        }
        let someone = || address(&Answers::default(), self.atoms);
        Some(Parts { path: path?, values: found, certificate: certificate_found, ip: ip.or_else(someone)? })
    }
}

/// The machine of a question about paths.
fn path_machine(atom: &Atom, texts: &Texts) -> Option<Rc<Machine>> {
    match atom {
        Atom::Regex(regex) => texts.pattern(regex.as_str()),
        Atom::Glob(glob) => glob_machine(glob, texts).map(Rc::new),
        _ => None,
    }
}

fn glob_machine(glob: &PathGlob, texts: &Texts) -> Option<Machine> {
    let texts_of = glob.segments().iter().map(|segment| match segment {
        Segment::Literal(text) => Some(&**text),
        Segment::Parameter(_) => None,
    });
    let mut machines = vec![Machine::Form(Form::new(texts_of, glob.is_below()))];
    for (segment, index) in glob.segments().iter().zip(0..) {
        if let Segment::Parameter(parameter) = segment {
            machines.push(Machine::Segment(index, texts.shape(&parameter.shape)?));
        }
    }
    Some(Machine::all(machines))
}
