//! The search for a text that is in some sets and in none of others: the shortest is found, or that there is none.

use std::collections::HashSet;

use ahash::RandomState;
use smallvec::SmallVec;

use crate::table::space::bytes::Classes;
use crate::table::space::machine::{Machine, State};

/// How many states a search looks at before it gives up.
const LIMIT: usize = 30_000;

/// A set, and whether the text is to be in it.
pub(super) type Part<'m> = (&'m Machine, bool);

/// What a search ends in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A text.
    Text(Vec<u8>),
    /// There is none.
    Nothing,
    /// It was given up.
    Unknown,
}

type States = SmallVec<[State; 6]>;

/// Looks for a text.
pub(super) fn find(parts: &[Part<'_>]) -> Found {
    let mut classes = Classes::new();
    for (machine, _) in parts {
        machine.split(&mut classes);
    }
    let bytes = classes.representatives();
    let start: States = parts.iter().map(|(machine, _)| machine.start()).collect();
    let mut known: HashSet<States, RandomState> = HashSet::default();
    // each state that is reached, with the one before it and the byte between them
    let mut reached: Vec<(States, usize, u8)> = vec![(start.clone(), 0, 0)];
    known.insert(start);
    let mut at = 0;
    while at < reached.len() {
        if is_wanted(parts, &reached[at].0) {
            return Found::Text(text(&reached, at));
        }
        if reached.len() > LIMIT {
            return Found::Unknown;
        }
        for &byte in &bytes {
            let Some(next) = step(parts, &reached[at].0, byte) else { continue };
            if known.insert(next.clone()) {
                reached.push((next, at, byte));
            }
        }
        at += 1;
    }
    Found::Nothing
}

fn is_wanted(parts: &[Part<'_>], states: &States) -> bool {
    parts
        .iter()
        .zip(states)
        .all(|((machine, inside), state)| state.is_some_and(|state| machine.accepts(state)) == *inside)
}

/// The states after a byte; `None` if nothing wanted is reached from there.
fn step(parts: &[Part<'_>], states: &States, byte: u8) -> Option<States> {
    let mut next = States::new();
    for ((machine, inside), state) in parts.iter().zip(states) {
        let state = state.and_then(|state| machine.step(state, byte));
        if *inside && state.is_none() {
            return None;
        }
        next.push(state);
    }
    Some(next)
}

fn text(reached: &[(States, usize, u8)], mut at: usize) -> Vec<u8> {
    let mut text = Vec::new();
    while at != 0 {
        text.push(reached[at].2);
        at = reached[at].1;
    }
    text.reverse();
    text
}

#[cfg(test)]
mod tests {
    use super::{Found, find};
    use crate::table::space::machine::{Form, Machine, Words};

    fn pattern(text: &str) -> Machine {
        Machine::pattern(text).unwrap()
    }

    fn check(parts: &[(&Machine, bool)], expected: Option<&str>) {
        let expected = expected.map_or(Found::Nothing, |text| Found::Text(text.into()));
        assert_eq!(find(parts), expected);
    }

    #[test]
    fn a_text_is_found_or_there_is_none() {
        let (digits, even) = (pattern("[0-9]+"), pattern("[0-9]*[02468]"));
        check(&[(&digits, true), (&even, false)], Some("1"));
        check(&[(&digits, false), (&even, true)], None);
        let words = Machine::Words(Words::new([&b"1"[..], b"3", b"13"].into_iter()));
        check(&[(&digits, true), (&even, false), (&words, false)], Some("5"));
        check(&[(&words, true), (&pattern("..+"), true)], Some("13"));
        check(&[(&pattern(".*"), false)], Some("\n"));
    }

    #[test]
    fn paths_are_read_by_their_segments() {
        let form = Machine::Form(Form::new([Some("a"), None].into_iter(), true));
        let third = Machine::Segment(1, pattern("[0-9]b?").into());
        check(&[(&form, true), (&third, true)], Some("/a/0"));
        check(&[(&form, true), (&third, true), (&pattern(".*b"), true)], Some("/a/0b"));
        check(&[(&form, true), (&third, true), (&pattern(".*c"), true)], Some("/a/0/c"));
        check(&[(&form, true), (&pattern("/b.*"), true)], None);
        let all = Machine::all(vec![form, third]);
        check(&[(&all, false), (&pattern("/a/[0-9b]+"), true)], Some("/a/b"));
        let every = Machine::Form(Form::new(std::iter::empty(), true));
        check(&[(&every, true), (&pattern("/.+"), true)], Some("/x"));
    }
}
