//! Whether the values of one name can answer some questions yes and others no.
//!
//! A name may come several times, and one value is enough for a yes: so each yes is looked for alone, among the values that are
//! yes to none of the noes.

use std::collections::HashMap;
use std::rc::Rc;

use ahash::RandomState;

use crate::pipeline::condition::Test;
use crate::table::space::atoms::{Atom, Atoms, Literal};
use crate::table::space::machine::{Machine, Words};
use crate::table::space::search::Found;
use crate::table::space::texts::{Kind, Texts, numbered};
use crate::value::regex::Pattern;

/// The answers about one topic so far, by the numbers of the questions.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers {
    pub(super) yes: Vec<u32>,
    pub(super) no: Vec<u32>,
    /// Those of `no` that are about regular expressions for values.
    patterns: Vec<u32>,
}

impl Answers {
    /// Adds one.
    pub(super) fn push(&mut self, (atom, answer): Literal, atoms: &Atoms) {
        if answer {
            self.yes.push(atom);
            return;
        }
        self.no.push(atom);
        if matches!(test(atoms, atom), Test::Regex(_)) {
            self.patterns.push(atom);
        }
    }

    /// Takes the last one back that was the same.
    pub(super) fn pop(&mut self, (_, answer): Literal) {
        if answer {
            self.yes.pop();
            return;
        }
        let last = self.no.pop();
        if last.is_some() && self.patterns.last() == last.as_ref() {
            self.patterns.pop();
        }
    }
}

/// What searches for values found, by the question and what it must not be.
pub(super) type Searches = HashMap<(u32, Vec<u32>), Found, RandomState>;

/// Whether there still are values that give some answers, after the last one was added.
pub(super) fn possible(
    kind: Kind,
    answers: &Answers,
    added: Literal,
    atoms: &Atoms,
    texts: &Texts,
    searches: &mut Searches,
) -> Found {
    let found = Found::Text(Vec::new());
    let is_text = |atom: &u32| matches!(test(atoms, *atom), Test::Equals(_));
    match (added.1, test(atoms, added.0)) {
        _ if answers.yes.is_empty() => found,
        (false, Test::Present) => Found::Nothing,
        // one text more that must not be: there are always others
        (false, Test::Equals(_)) if answers.patterns.is_empty() && answers.yes.iter().all(is_text) => found,
        _ => values(kind, answers, atoms, texts, searches).map_or_else(|failure| failure, |_| found),
    }
}

/// The values that give some answers; one for each yes.
pub(super) fn values(
    kind: Kind,
    answers: &Answers,
    atoms: &Atoms,
    texts: &Texts,
    searches: &mut Searches,
) -> Result<Vec<Vec<u8>>, Found> {
    if answers.yes.is_empty() {
        return Ok(Vec::new());
    }
    let no: Vec<(u32, &Test)> = answers.no.iter().map(|atom| (*atom, test(atoms, *atom))).collect();
    if no.iter().any(|(_, test)| matches!(test, Test::Present)) {
        return Err(Found::Nothing);
    }
    let patterns: Vec<(u32, &Pattern)> = no
        .iter()
        .filter_map(|(atom, test)| match test {
            Test::Regex(pattern) => Some((*atom, pattern)),
            _ => None,
        })
        .collect();
    let mut found = Vec::new();
    for atom in &answers.yes {
        let value = match test(atoms, *atom) {
            Test::Equals(text) => {
                let refused = patterns.iter().any(|(_, pattern)| pattern.is_match(text));
                if refused || !texts.has_value(kind, text) { Found::Nothing } else { Found::Text(text.clone().into()) }
            }
            // another value is there anyway
            Test::Present | Test::Absent if answers.yes.len() > 1 => continue,
            Test::Present | Test::Absent if patterns.is_empty() => Found::Text(fresh(&no)),
            test => {
                let excluded = no.iter().filter(|(_, no)| concerns(no, test)).map(|(atom, _)| *atom);
                let mut key = (*atom, excluded.collect::<Vec<_>>());
                key.1.sort_unstable();
                let known = searches.get(&key).cloned();
                known.unwrap_or_else(|| {
                    let found = search(kind, test, &key.1, atoms, texts);
                    searches.insert(key, found.clone());
                    found
                })
            }
        };
        match value {
            Found::Text(text) => found.push(text),
            other => return Err(other),
        }
    }
    Ok(found)
}

fn test(atoms: &Atoms, atom: u32) -> &Test {
    match atoms.get(atom) {
        Atom::Value(_, condition) => &condition.test,
        _ => &Test::Absent,
    }
}

/// Whether what must not be could be in the way of a value for a test.
fn concerns(no: &Test, test: &Test) -> bool {
    match (no, test) {
        (Test::Equals(value), Test::Regex(pattern)) => pattern.is_match(value),
        _ => true,
    }
}

/// A value that is equal to none of some.
fn fresh(no: &[(u32, &Test)]) -> Vec<u8> {
    let is_free = |text: &String| !no.iter().any(|(_, test)| matches!(test, Test::Equals(known) if known == text));
    numbered("x", "").find(is_free).unwrap_or_default().into()
}

fn search(kind: Kind, wanted: &Test, no: &[u32], atoms: &Atoms, texts: &Texts) -> Found {
    let mut machines: Vec<(Rc<Machine>, bool)> = Vec::new();
    let mut unseen = false;
    let mut add = |pattern: &Pattern, inside: bool, texts: &Texts| match texts.pattern(pattern.as_str()) {
        Some(machine) => machines.push((machine, inside)),
        None => unseen = true,
    };
    if let Test::Regex(pattern) = wanted {
        add(pattern, true, texts);
    }
    for atom in no {
        if let Test::Regex(pattern) = test(atoms, *atom) {
            add(pattern, false, texts);
        }
    }
    let words: Vec<&[u8]> = no
        .iter()
        .filter_map(|atom| match test(atoms, *atom) {
            Test::Equals(text) => Some(text.as_bytes()),
            _ => None,
        })
        .collect();
    if !words.is_empty() {
        machines.push((Rc::new(Machine::Words(Words::new(words.into_iter()))), false));
    }
    let parts: Vec<_> = machines.iter().map(|(machine, inside)| (&**machine, *inside)).collect();
    match texts.find_value(kind, &parts) {
        Found::Text(_) if unseen => Found::Unknown,
        found => found,
    }
}
