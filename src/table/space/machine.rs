//! Sets of texts as machines that read bytes: regular expressions, words, and paths by their segments.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use ahash::RandomState;
use regex_automata::MatchKind;
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_automata::util::{start, syntax};

use crate::table::space::bytes::Classes;

/// How large the automaton of one regular expression may be, in bytes.
const AUTOMATON_LIMIT: usize = 4 << 20;

/// A set of texts.
#[derive(Debug)]
pub(super) enum Machine {
    /// What a regular expression matches as a whole.
    Pattern(Box<Pattern>),
    /// Some words.
    Words(Words),
    /// Paths of a form.
    Form(Form),
    /// Paths of which the segment at an index, counted from 0, is in another set.
    Segment(u32, Rc<Machine>),
    /// What is in all of some sets.
    All(Box<All>),
}

/// Where a machine is; from `None` on nothing is in its set.
pub(super) type State = Option<u64>;

impl Machine {
    /// The machine of a regular expression; `None` if it is too large, or asks for what automata cannot see.
    pub(super) fn pattern(text: &str) -> Option<Self> {
        let automaton = dense::Builder::new()
            .configure(
                dense::Config::new()
                    .start_kind(StartKind::Anchored)
                    .match_kind(MatchKind::All)
                    .dfa_size_limit(Some(AUTOMATON_LIMIT))
                    .determinize_size_limit(Some(AUTOMATON_LIMIT)),
            )
            .syntax(syntax::Config::new().utf8(false))
            .thompson(thompson::Config::new().utf8(false))
            .build(&format!(r"\A(?:{text})\z"))
            .ok()?;
        let start = automaton.start_state(&start::Config::new().anchored(regex_automata::Anchored::Yes)).ok()?;
        Some(Self::Pattern(Box::new(Pattern { automaton, start })))
    }

    /// The machine of what is in all of some sets.
    pub(super) fn all(machines: Vec<Self>) -> Self {
        Self::All(Box::new(All { machines, states: RefCell::default() }))
    }

    /// Before anything is read.
    pub(super) fn start(&self) -> State {
        match self {
            Self::Pattern(pattern) => Some(u64::from(pattern.start.as_u32())),
            Self::Words(_) | Self::Form(_) => Some(0),
            Self::Segment(..) => Some(BEFORE),
            Self::All(all) => all.start(),
        }
    }

    /// After a further byte.
    pub(super) fn step(&self, state: u64, byte: u8) -> State {
        match self {
            Self::Pattern(pattern) => pattern.step(state, byte),
            Self::Words(words) => words.edges.get(&(state, byte)).copied(),
            Self::Form(form) => form.step(state, byte),
            Self::Segment(index, inner) => step_segment(*index, inner, state, byte),
            Self::All(all) => all.step(state, byte),
        }
    }

    /// Whether what was read is in the set.
    pub(super) fn accepts(&self, state: u64) -> bool {
        match self {
            Self::Pattern(pattern) => pattern.accepts(state),
            Self::Words(words) => words.ends.contains(&state),
            Self::Form(form) => form.accepts(state),
            Self::Segment(_, inner) => match state & PHASE {
                WITHIN => inner.accepts(state & !PHASE),
                phase => phase == BEHIND,
            },
            Self::All(all) => {
                let states = &all.states.borrow().list[index(state)];
                all.machines.iter().zip(states).all(|(machine, state)| machine.accepts(*state))
            }
        }
    }

    /// Tells bytes apart that it tells apart.
    pub(super) fn split(&self, classes: &mut Classes) {
        match self {
            Self::Pattern(pattern) => {
                let own = pattern.automaton.byte_classes();
                classes.split(|byte| u16::from(own.get(byte)));
            }
            Self::Words(words) => classes.split_alone(|byte| words.alphabet[usize::from(byte)]),
            Self::Form(form) => {
                classes.split_alone(|byte| byte == b'/' || form.items.contains(&Item::Byte(byte)));
            }
            Self::Segment(_, inner) => {
                classes.split_alone(|byte| byte == b'/');
                inner.split(classes);
            }
            Self::All(all) => all.machines.iter().for_each(|machine| machine.split(classes)),
        }
    }
}

/// A regular expression as an automaton.
#[derive(Debug)]
pub(super) struct Pattern {
    automaton: dense::DFA<Vec<u32>>,
    start: StateID,
}

impl Pattern {
    fn step(&self, state: u64, byte: u8) -> State {
        let next = self.automaton.next_state(id(state), byte);
        let is_over = self.automaton.is_dead_state(next) || self.automaton.is_quit_state(next);
        (!is_over).then(|| u64::from(next.as_u32()))
    }

    fn accepts(&self, state: u64) -> bool {
        self.automaton.is_match_state(self.automaton.next_eoi_state(id(state)))
    }
}

fn id(state: u64) -> StateID {
    StateID::new(index(state)).unwrap_or(StateID::ZERO)
}

fn index(state: u64) -> usize {
    usize::try_from(state).unwrap_or(usize::MAX)
}

/// Some words, as a trie of bytes.
#[derive(Debug)]
pub(super) struct Words {
    edges: HashMap<(u64, u8), u64, RandomState>,
    ends: Vec<u64>,
    alphabet: Box<[bool; 256]>,
}

impl Words {
    /// The machine of some words.
    pub(super) fn new<'w>(words: impl Iterator<Item = &'w [u8]>) -> Self {
        let mut made = Self { edges: HashMap::default(), ends: Vec::new(), alphabet: Box::new([false; 256]) };
        for word in words {
            let end = word.iter().fold(0, |node, byte| {
                made.alphabet[usize::from(*byte)] = true;
                let next = made.edges.len() as u64 + 1;
                *made.edges.entry((node, *byte)).or_insert(next)
            });
            made.ends.push(end);
        }
        made
    }
}

/// A form of paths: bytes, and segments that may be anything.
#[derive(Debug, Default)]
pub(super) struct Form {
    items: Vec<Item>,
    below: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Byte(u8),
    Segment,
}

impl Form {
    /// The paths with these segments, `None` for any, and all below them if that is wanted.
    pub(super) fn new<'s>(segments: impl Iterator<Item = Option<&'s str>>, below: bool) -> Self {
        let mut items = Vec::new();
        for segment in segments {
            items.push(Item::Byte(b'/'));
            match segment {
                Some(text) => items.extend(text.bytes().map(Item::Byte)),
                None => items.push(Item::Segment),
            }
        }
        Self { items, below }
    }

    /// The state is the number of items that are behind; one more is anywhere below.
    fn step(&self, state: u64, byte: u8) -> State {
        let below = self.items.len() as u64 + 1;
        match self.items.get(index(state)) {
            _ if state == below => Some(below),
            Some(Item::Byte(wanted)) => (*wanted == byte).then_some(state + 1),
            Some(Item::Segment) if byte != b'/' => Some(state),
            Some(Item::Segment) => self.step(state + 1, byte),
            None => (self.below && byte == b'/').then_some(below),
        }
    }

    fn accepts(&self, state: u64) -> bool {
        let length = self.items.len() as u64;
        state >= length || state + 1 == length && self.items.last() == Some(&Item::Segment)
    }
}

/// The phases of [`Machine::Segment`]: before it the rest is the number of slashes, within it the inner state.
const PHASE: u64 = 3 << 62;
const BEFORE: u64 = 0;
const WITHIN: u64 = 1 << 62;
const BEHIND: u64 = 2 << 62;

fn step_segment(index: u32, inner: &Machine, state: u64, byte: u8) -> State {
    match (state & PHASE, byte) {
        (BEFORE, b'/') if state == u64::from(index) => inner.start().map(|inner| WITHIN | inner),
        (BEFORE, b'/') => Some(state + 1),
        (WITHIN, b'/') => inner.accepts(state & !PHASE).then_some(BEHIND),
        (WITHIN, _) => inner.step(state & !PHASE, byte).map(|inner| WITHIN | inner),
        _ => Some(state),
    }
}

/// Machines that read the same text: their states together are one of its own.
#[derive(Debug)]
pub(super) struct All {
    machines: Vec<Machine>,
    states: RefCell<States>,
}

#[derive(Debug, Default)]
struct States {
    numbers: HashMap<Vec<u64>, u64, RandomState>,
    list: Vec<Vec<u64>>,
}

impl All {
    fn start(&self) -> State {
        let states: Option<Vec<u64>> = self.machines.iter().map(Machine::start).collect();
        Some(self.states.borrow_mut().number(states?))
    }

    fn step(&self, state: u64, byte: u8) -> State {
        let next: Option<Vec<u64>> = {
            let states = &self.states.borrow().list[index(state)];
            self.machines.iter().zip(states).map(|(machine, state)| machine.step(*state, byte)).collect()
        };
        Some(self.states.borrow_mut().number(next?))
    }
}

impl States {
    fn number(&mut self, states: Vec<u64>) -> u64 {
        if let Some(number) = self.numbers.get(&states) {
            return *number;
        }
        let number = self.list.len() as u64;
        self.list.push(states.clone());
        self.numbers.insert(states, number);
        number
    }
}
