//! The texts that a request can hold at all: normalised paths, values of header fields, of cookies and of the query.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use ahash::RandomState;

use crate::table::space::machine::{Form, Machine, Words};
use crate::table::space::paths::Others;
use crate::table::space::search::{Found, Part, find};
use crate::value::path::Shape;

/// Where a text stands in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// In a header field: what HTTP lets a value be (RFC 9110, 5.5), in any encoding.
    Header,
    /// In a cookie, without the quotes and spaces around it.
    Cookie,
    /// In the query, decoded.
    Query,
}

/// The machines of all regular expressions that were asked for.
#[derive(Default)]
pub(super) struct Texts {
    patterns: RefCell<HashMap<Box<str>, Option<Rc<Machine>>, RandomState>>,
    shapes: RefCell<HashMap<Shape, Option<Rc<Machine>>, RandomState>>,
    /// Those that were asked for last.
    words: RefCell<Option<KnownWords>>,
    segments: RefCell<HashMap<Others, Found, RandomState>>,
    path: OnceCell<[Option<Machine>; 2]>,
    values: [OnceCell<Option<Machine>>; 3],
}

/// Of segments that are none of more words than these, nothing is kept.
const KEPT_WORDS: usize = 16;

type KnownWords = (Arc<[Arc<str>]>, Rc<Machine>);

/// A segment of a normalised path, and what escapes may stand in it: see `value::path::normalise`.
const SEGMENT: &str = concat!(
    r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]",
    r"|%(?:2[0-9ABC]|3[ABCDEF]|40|5[BDE]|60|7[BCD])",
    r"|%C2%[AB][0-9A-F]|%(?:C[3-9A-F]|D[0-9A-F])%[89AB][0-9A-F]",
    r"|%E0%[AB][0-9A-F]%[89AB][0-9A-F]|%(?:E[1-9ABCEF])%[89AB][0-9A-F]%[89AB][0-9A-F]",
    r"|%ED%[89][0-9A-F]%[89AB][0-9A-F]",
    r"|%F0%[9AB][0-9A-F]%[89AB][0-9A-F]%[89AB][0-9A-F]",
    r"|%F[1-3]%[89AB][0-9A-F]%[89AB][0-9A-F]%[89AB][0-9A-F]",
    r"|%F4%8[0-9A-F]%[89AB][0-9A-F]%[89AB][0-9A-F])",
);

/// What makes a path refused, or change: dot segments, also with a parameter, and what is escaped twice.
const REFUSED: &str = concat!(
    r"(?:.*/)?\.\.?(?:/.*)?",
    r"|(?:.*/)?\.\.?(?:;|%3B|%25).*",
    r"|.*%25(?:25)*(?:2[EeFf]|5[Cc]|[01][0-9A-Fa-f]|7[Ff]).*",
);

impl Texts {
    /// The machine of a regular expression; `None` if it cannot be one.
    pub(super) fn pattern(&self, text: &str) -> Option<Rc<Machine>> {
        let mut known = self.patterns.borrow_mut();
        if let Some(known) = known.get(text) {
            return known.clone();
        }
        let made = Machine::pattern(text).map(Rc::new);
        known.insert(text.into(), made.clone());
        made
    }

    /// The machine of a shape, for one segment. A parameter never takes none of it.
    pub(super) fn shape(&self, shape: &Shape) -> Option<Rc<Machine>> {
        let mut known = self.shapes.borrow_mut();
        if let Some(known) = known.get(shape) {
            return known.clone();
        }
        let made = shape_machine(shape).map(Rc::new);
        known.insert(shape.clone(), made.clone());
        made
    }

    /// The machine of some words.
    pub(super) fn words(&self, words: &Arc<[Arc<str>]>) -> Rc<Machine> {
        let mut last = self.words.borrow_mut();
        if let Some((_, machine)) = last.as_ref().filter(|(known, _)| Arc::ptr_eq(known, words)) {
            return Rc::clone(machine);
        }
        let made = Rc::new(Machine::Words(Words::new(words.iter().map(|text| text.as_bytes()))));
        *last = Some((Arc::clone(words), Rc::clone(&made)));
        made
    }

    /// Looks for a normalised path in some sets.
    pub(super) fn find_path(&self, parts: &[Part<'_>]) -> Found {
        let [normal, refused] = self
            .path
            .get_or_init(|| [Machine::pattern(&format!("(?:/{SEGMENT}+)*/{SEGMENT}*")), Machine::pattern(REFUSED)]);
        let (Some(normal), Some(refused)) = (normal, refused) else { return Found::Unknown };
        let own: [Part<'_>; 2] = [(normal, true), (refused, false)];
        find(&own.into_iter().chain(parts.iter().copied()).collect::<Vec<_>>())
    }

    /// Looks for a segment with some conditions; what was found for few words is known from then on.
    pub(super) fn find_segment(&self, others: &Others) -> Found {
        let is_kept = others.not.len() <= KEPT_WORDS;
        if let Some(known) = self.segments.borrow().get(others).filter(|_| is_kept) {
            return known.clone();
        }
        let machines = others.machines(self);
        let found = machines.map_or(Found::Unknown, |machines| self.find_in_segment(&machines));
        if is_kept {
            self.segments.borrow_mut().insert(others.clone(), found.clone());
        }
        found
    }

    fn find_in_segment(&self, machines: &[(Rc<Machine>, bool)]) -> Found {
        let one = Machine::Form(Form::new(std::iter::once(None), false));
        let within: Vec<_> = machines.iter().map(|(m, inside)| (Machine::Segment(0, Rc::clone(m)), *inside)).collect();
        let parts = within.iter().map(|(machine, inside)| (machine, *inside));
        self.find_path(&std::iter::once((&one, true)).chain(parts).collect::<Vec<_>>())
    }

    /// Whether a value can come at all.
    pub(super) fn has_value(&self, kind: Kind, text: &str) -> bool {
        let Some(own) = self.value(kind) else { return true };
        let end = text.bytes().try_fold(own.start(), |state, byte| state.map(|state| own.step(state, byte)));
        end.flatten().is_some_and(|state| own.accepts(state))
    }

    fn value(&self, kind: Kind) -> Option<&Machine> {
        self.values[kind as usize].get_or_init(|| Machine::pattern(values(kind))).as_ref()
    }

    /// Looks for a value in some sets.
    pub(super) fn find_value(&self, kind: Kind, parts: &[Part<'_>]) -> Found {
        let Some(own) = self.value(kind) else { return Found::Unknown };
        find(&std::iter::once((own, true)).chain(parts.iter().copied()).collect::<Vec<_>>())
    }
}

fn shape_machine(shape: &Shape) -> Option<Machine> {
    let (before, after) = (regex::escape(&shape.before), regex::escape(&shape.after));
    let some = Machine::pattern(&format!("{before}[^/]+{after}"))?;
    let Some(pattern) = &shape.pattern else { return Some(some) };
    Some(Machine::all(vec![some, Machine::pattern(&format!("{before}(?:{pattern}){after}"))?]))
}

/// Texts with numbers in them, and before these one without: to find one that is none of some.
pub(super) fn numbered(before: &str, after: &str) -> impl Iterator<Item = String> {
    let first = format!("{before}{after}");
    std::iter::once(first).chain((1..u32::MAX).map(move |number| format!("{before}{number}{after}")))
}

/// What a value may be. A header field can hold bytes that are no UTF-8; a regular expression never matches those.
fn values(kind: Kind) -> &'static str {
    match kind {
        Kind::Header => r"(?-u:[!-~\x80-\xFF](?:[\t -~\x80-\xFF]*[!-~\x80-\xFF])?)?",
        Kind::Cookie => r#"(?:[^\s";\x00-\x1F\x7F](?:[^\x00-\x08\x0A-\x1F\x7F;]*[^\s";\x00-\x1F\x7F])?)?"#,
        Kind::Query => r"(?s:.*)",
    }
}

#[cfg(test)]
mod tests {
    use super::{Found, Kind, Texts};
    use crate::table::space::machine::{Form, Machine};
    use crate::value::path::normalise;

    #[test]
    fn paths_are_those_that_normalising_gives() {
        let texts = Texts::default();
        let mut normal = String::new();
        let pieces = [
            "a", "/", ".", "..", ";", "%3B", "%2E", "%25", "2F", "%C3%A9", "%C2%85", "%20", "%7e", "%2F", "%5C", "!",
            "%21",
        ];
        let every = Machine::Form(Form::new(std::iter::empty(), true));
        let count = pieces.len();
        for number in 0..count * count * count {
            let [a, b, c] = [number / count / count, number / count % count, number % count].map(|at| pieces[at]);
            let path = format!("/{a}{b}{c}");
            let is_normal = normalise(path.as_bytes(), &mut normal).is_ok() && normal == path;
            let only = texts.pattern(&regex::escape(&path)).unwrap();
            let found = texts.find_path(&[(&every, true), (&only, true)]);
            assert_eq!(found, if is_normal { Found::Text(path.clone().into()) } else { Found::Nothing }, "{path}");
        }
    }

    #[test]
    fn values_are_those_that_come() {
        let texts = Texts::default();
        for (kind, value, possible) in [
            (Kind::Header, "a b", true),
            (Kind::Header, " a", false),
            (Kind::Header, "a\n", false),
            (Kind::Header, "é", true),
            (Kind::Cookie, "a b", true),
            (Kind::Cookie, "a;b", false),
            (Kind::Cookie, "\"a\"", false),
            (Kind::Query, " a\n", true),
            (Kind::Query, "", true),
        ] {
            let only = texts.pattern(&regex::escape(value)).unwrap();
            assert_eq!(texts.find_value(kind, &[(&only, true)]) != Found::Nothing, possible, "{kind:?} {value:?}");
        }
        let any = texts.pattern("(?s).*").unwrap();
        assert_eq!(texts.find_value(Kind::Header, &[(&any, false)]), Found::Text(b"\x80".to_vec()));
    }
}
