//! Decides which of some rules a request gets, for all requests at once: where the answer depends on something that isn't assumed yet,
//! both are assumed, one after the other. It follows `router::find` rule by rule, and can follow two tables side by side.

use std::sync::Arc;

use crate::table::space::assumption::Assumption;
use crate::table::space::atoms::{CERTIFICATE, Literal};
use crate::table::space::methods::MethodSet;
use crate::table::space::preflight::{By, Preflights};
use crate::table::space::tree::Place;

/// A rule, but for its path.
#[derive(Debug)]
pub(super) struct Candidate {
    /// What is asked of the path by a regular expression, and of header fields, cookies and the query.
    pub(super) literals: Box<[Literal]>,
    pub(super) methods: MethodSet,
    /// What is asked of the client's certificate.
    pub(super) certificate: Box<[Literal]>,
    /// Whether its route answers CORS preflights.
    pub(super) answers_preflights: bool,
    /// The questions whether its `auth` finds out who calls, and whether that is one that it is for.
    pub(super) consumer: Option<(u32, u32)>,
    /// The `auth` that guards all of its requests.
    pub(super) auth: Option<Arc<str>>,
}

/// What a listener asks of its clients, for one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Asked {
    /// Nobody listens.
    Nothing,
    /// No certificate.
    Never,
    /// A certificate, if there is one.
    Optional,
    /// A certificate.
    Required,
}

/// The rules of one table that are tried for some paths, in order.
pub(super) struct Side<'a> {
    pub(super) candidates: &'a [Candidate],
    pub(super) list: &'a [Place],
    pub(super) asked: Asked,
    pub(super) preflights: Option<&'a Preflights>,
}

/// What a request gets from one table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum End {
    Found(Place),
    NotAllowed(MethodSet),
    Forbidden,
    NotFound,
    /// The handshake fails without a certificate.
    Refused,
    NotListening,
}

/// How far a side is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// The index of the next one in its list.
    pub(super) next: usize,
    /// Those that the method fails, if nothing else does.
    pub(super) pending: Vec<Place>,
    pub(super) by: By,
    /// What rules that were right but for the caller demand of those behind them.
    pub(super) guards: Guards,
    pub(super) end: Option<End>,
}

/// What rules that failed by nothing else than who calls demand of those behind them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Guards {
    /// They ask for a certificate.
    certificate: bool,
    /// They have the same `auth`.
    auth: Option<Arc<str>>,
}

impl Guards {
    fn admit(&self, candidate: &Candidate) -> bool {
        (!self.certificate || !candidate.certificate.is_empty()) && (self.auth.is_none() || self.auth == candidate.auth)
    }
}

/// What must be known to go on.
pub(super) enum Question {
    Literal(Literal),
    Methods(MethodSet),
}

/// Who is told what requests get.
pub(super) trait Leaves {
    /// Whether nothing more is to be learnt from where the sides are.
    fn is_settled(&self, sides: &[Side<'_>], progress: &[Progress], methods: &MethodSet) -> bool;

    /// What all sides gave; or what is to be asked before that says enough.
    fn leaf(&mut self, assumption: &Assumption<'_>, methods: &MethodSet, ends: &[&End]) -> Option<Question>;

    /// Whether no more of what sides gave can be kept.
    fn is_full(&self) -> bool {
        false
    }

    /// Too much was to be looked at, or kept: of some of these requests it is not told what they get.
    fn unresolved(&mut self, assumption: &Assumption<'_>, methods: &MethodSet);
}

struct Frame {
    depth: usize,
    literal: Option<Literal>,
    methods: MethodSet,
    progress: Vec<Progress>,
}

/// Decides all requests with the assumed paths, and of these those with the given answers and methods.
pub(super) fn decide(
    sides: &[Side<'_>],
    (given, methods): (&[Literal], MethodSet),
    assumption: &mut Assumption<'_>,
    budget: &mut usize,
    leaves: &mut impl Leaves,
) {
    if !given.iter().all(|literal| assumption.assume(*literal)) {
        return;
    }
    let (start, all) = (assumption.depth(), methods.clone());
    let progress = sides.iter().map(begin).collect();
    let mut stack = vec![Frame { depth: start, literal: None, methods, progress }];
    while let Some(mut frame) = stack.pop() {
        assumption.undo(frame.depth);
        if frame.literal.is_some_and(|literal| !assumption.assume(literal)) {
            continue;
        }
        if *budget == 0 || leaves.is_full() {
            assumption.undo(start);
            leaves.unresolved(assumption, &all);
            return;
        }
        *budget -= 1;
        let Some(question) = advance(sides, assumption, &mut frame, leaves) else { continue };
        let depth = assumption.depth();
        let branches = match question {
            Question::Literal((atom, answer)) => {
                [(Some((atom, !answer)), frame.methods.clone()), (Some((atom, answer)), frame.methods)]
            }
            Question::Methods(set) => [(None, frame.methods.and(&set.not())), (None, frame.methods.and(&set))],
        };
        for (literal, methods) in branches {
            stack.push(Frame { depth, literal, methods, progress: frame.progress.clone() });
        }
    }
}

fn begin(side: &Side<'_>) -> Progress {
    let end = (side.asked == Asked::Nothing).then_some(End::NotListening);
    let answers = |place: &Place| side.candidates[*place as usize].answers_preflights;
    let is_known = side.preflights.is_none() || !side.list.iter().any(answers);
    Progress { end, by: if is_known { By::Own } else { By::Unknown }, ..Progress::default() }
}

/// Goes on until something must be asked.
fn advance(
    sides: &[Side<'_>],
    assumption: &mut Assumption<'_>,
    frame: &mut Frame,
    leaves: &mut impl Leaves,
) -> Option<Question> {
    loop {
        if leaves.is_settled(sides, &frame.progress, &frame.methods) {
            return None;
        }
        // the side with more left goes first, so that equal rests meet
        let open = (0..sides.len()).filter(|side| frame.progress[*side].end.is_none());
        let Some(side) = open.max_by_key(|side| sides[*side].list.len() - frame.progress[*side].next) else {
            let ends: Vec<&End> = frame.progress.iter().filter_map(|progress| progress.end.as_ref()).collect();
            return leaves.leaf(assumption, &frame.methods, &ends);
        };
        if let Some(question) = step(&sides[side], assumption, &frame.methods, &mut frame.progress[side]) {
            return Some(question);
        }
    }
}

/// Tries the next rule of a side.
fn step(
    side: &Side<'_>,
    assumption: &Assumption<'_>,
    methods: &MethodSet,
    progress: &mut Progress,
) -> Option<Question> {
    if side.asked == Asked::Required {
        match assumption.answer(CERTIFICATE) {
            None => return Some(Question::Literal((CERTIFICATE, true))),
            Some(false) => {
                progress.end = Some(End::Refused);
                return None;
            }
            Some(true) => {}
        }
    }
    let methods = match (&progress.by, side.preflights) {
        (By::Announced(announced), _) => announced,
        (By::Unknown, Some(preflights)) => match preflights.by((side.candidates, side.list), assumption, methods) {
            Ok(by) => {
                progress.by = by;
                return None;
            }
            Err(question) => return Some(question),
        },
        (By::Unknown | By::Own, _) => methods,
    };
    let is_announced = progress.by != By::Own;
    let Some(&place) = side.list.get(progress.next) else {
        if is_announced {
            *progress = Progress::default();
            return None;
        }
        return finish(side, assumption, progress);
    };
    let candidate = &side.candidates[place as usize];
    match look(candidate, side.asked, assumption, methods, &progress.guards) {
        Look::Asks(question) => return Some(question),
        Look::Fails => {}
        Look::FailsByMethod => progress.pending.push(place),
        Look::FailsByCertificate => progress.guards.certificate = true,
        Look::FailsByConsumer => progress.guards.auth.clone_from(&candidate.auth),
        Look::Holds if is_announced && !candidate.answers_preflights => {
            *progress = Progress::default();
            return None;
        }
        Look::Holds => progress.end = Some(End::Found(place)),
    }
    progress.next += 1;
    None
}

enum Look {
    Holds,
    Fails,
    FailsByMethod,
    FailsByCertificate,
    FailsByConsumer,
    Asks(Question),
}

fn look(
    candidate: &Candidate,
    asked: Asked,
    assumption: &Assumption<'_>,
    methods: &MethodSet,
    guards: &Guards,
) -> Look {
    let fails = |(atom, wanted): &Literal| assumption.answer(*atom).is_some_and(|answer| answer != *wanted);
    let unknown = |literals: &[Literal]| literals.iter().find(|(atom, _)| assumption.answer(*atom).is_none()).copied();
    if candidate.literals.iter().any(fails) {
        return Look::Fails;
    }
    let both = methods.and(&candidate.methods);
    if both.is_empty() {
        return Look::FailsByMethod;
    }
    if both != *methods {
        return Look::Asks(Question::Methods(candidate.methods.clone()));
    }
    if let Some(literal) = unknown(&candidate.literals) {
        return Look::Asks(Question::Literal(literal));
    }
    if !candidate.certificate.is_empty() {
        if asked == Asked::Never || candidate.certificate.iter().any(fails) {
            return Look::FailsByCertificate;
        }
        if let Some(literal) = unknown(&candidate.certificate) {
            return Look::Asks(Question::Literal(literal));
        }
    }
    let consumer = candidate.consumer.map_or(Look::Holds, |questions| look_at_caller(questions, assumption));
    match consumer {
        Look::Holds if !guards.admit(candidate) => Look::Fails,
        consumer => consumer,
    }
}

/// Whoever has no credential is let to the rule, whose `auth` refuses; whoever has one must be such a caller.
fn look_at_caller((known, meant): (u32, u32), assumption: &Assumption<'_>) -> Look {
    match (assumption.answer(known), assumption.answer(meant)) {
        (None, _) => Look::Asks(Question::Literal((known, true))),
        (Some(false), _) | (Some(true), Some(true)) => Look::Holds,
        (Some(true), None) => Look::Asks(Question::Literal((meant, true))),
        (Some(true), Some(false)) => Look::FailsByConsumer,
    }
}

/// No rule holds: which status says so.
fn finish(side: &Side<'_>, assumption: &Assumption<'_>, progress: &mut Progress) -> Option<Question> {
    if progress.guards != Guards::default() {
        progress.end = Some(End::Forbidden);
        return None;
    }
    let mut allowed: Option<MethodSet> = None;
    for place in &progress.pending {
        let candidate = &side.candidates[*place as usize];
        let answer = |(atom, _): &Literal| assumption.answer(*atom);
        if candidate.literals.iter().any(|literal| answer(literal).is_some_and(|given| given != literal.1)) {
            continue;
        }
        if let Some(literal) = candidate.literals.iter().find(|literal| answer(literal).is_none()) {
            return Some(Question::Literal(*literal));
        }
        allowed = Some(allowed.map_or_else(|| candidate.methods.clone(), |set| set.or(&candidate.methods)));
    }
    progress.end = Some(allowed.map_or(End::NotFound, End::NotAllowed));
    None
}
