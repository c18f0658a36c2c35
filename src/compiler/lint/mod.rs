//! The table of lints: named rules with levels. A new one is one file in this folder and one line here.

mod after_answer;
mod below_auth;
mod cache_above_auth;
mod no_sign_of_trouble;
mod partly_shadowed;
mod protection_removed;
mod public_route;
mod shadowed;
mod unrouted_host;
mod unused_auth;
mod unused_backend;
mod unused_certificate;
mod unused_plan;

use std::cell::OnceCell;

use crate::compiler::manifest::gateway::Level;
use crate::compiler::object::Object;
use crate::compiler::resolve::Model;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Severity, Span};
use crate::table::RouteTable;
use crate::table::space::{Shadow, shadows};

/// A rule that a manifest may break without being wrong in itself.
pub struct Lint {
    /// Its name, by which `Gateway` sets its level.
    pub name: &'static str,
    /// What it looks for, in one sentence.
    pub summary: &'static str,
    /// Its code; the code's severity is the default level.
    pub code: &'static Code,
    /// Looks for it.
    pub check: Check,
}

/// How a lint looks for what it is about.
pub enum Check {
    /// In what manifests say.
    Model(fn(&Model, &mut Vec<Diagnostic>)),
    /// In what they do together.
    Table(fn(&Made<'_>, &mut Vec<Diagnostic>)),
}

/// A table, and where it comes from.
pub struct Made<'a> {
    /// The objects.
    pub model: &'a Model,
    /// The table that they make.
    pub table: &'a RouteTable,
    /// Where each rule of its router is written, by its index.
    pub places: &'a [Span],
    /// Its routes, by their index.
    routes: Vec<&'a Object>,
    /// What is shadowed, once it is asked for.
    shadows: OnceCell<Vec<Shadow>>,
}

impl<'a> Made<'a> {
    /// A table that is about to be looked at.
    pub fn new(model: &'a Model, table: &'a RouteTable, places: &'a [Span]) -> Self {
        let routes = model.objects.iter().filter(|object| object.address.kind == "Route").collect();
        Self { model, table, places, routes, shadows: OnceCell::new() }
    }

    /// The rules, and parts of them, that no request can meet.
    pub fn shadows(&self) -> &[Shadow] {
        self.shadows.get_or_init(|| shadows(self.table))
    }

    /// The route of a rule.
    pub fn route(&self, rule: u32) -> Option<&Object> {
        let route = self.table.router.rules().get(rule as usize)?.route;
        self.routes.get(route as usize).copied()
    }

    /// Where a rule is written.
    pub fn place(&self, rule: u32) -> Option<Span> {
        self.places.get(rule as usize).copied()
    }
}

/// All lints, in the order of their names.
pub const LINTS: &[Lint] = &[
    after_answer::LINT,
    below_auth::LINT,
    cache_above_auth::LINT,
    no_sign_of_trouble::LINT,
    partly_shadowed::LINT,
    protection_removed::LINT,
    public_route::LINT,
    shadowed::LINT,
    unrouted_host::LINT,
    unused_auth::LINT,
    unused_backend::LINT,
    unused_certificate::LINT,
    unused_plan::LINT,
];

/// The level of each lint.
pub struct Levels(Vec<(&'static Lint, Level)>);

impl Levels {
    /// The default levels, with those that `set` gives for the names of lints.
    pub fn new(set: impl Fn(&str) -> Option<Level>) -> Self {
        let default = |lint: &Lint| match lint.code.severity {
            Severity::Error => Level::Error,
            Severity::Warning => Level::Warn,
            Severity::Note => Level::Note,
        };
        Self(LINTS.iter().map(|lint| (lint, set(lint.name).unwrap_or_else(|| default(lint)))).collect())
    }

    fn of(&self, code: &Code) -> Option<Level> {
        self.0.iter().find(|(lint, _)| lint.code == code).map(|(_, level)| *level)
    }
}

/// Looks in what manifests say for everything that is not switched off.
pub fn run(model: &Model, levels: &Levels) -> Diagnostics {
    look(
        levels,
        |_| true,
        |check, found| {
            if let Check::Model(check) = check {
                check(model, found);
            }
        },
    )
}

/// Whom manifests are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// Who writes or reviews them.
    Author,
    /// A gateway that serves by them.
    Gateway,
}

/// Looks in what manifests do together for everything that is not switched off; for a gateway, for what would refuse the table.
pub fn run_on_table(made: &Made<'_>, levels: &Levels, reader: Reader) -> Diagnostics {
    let matters = |level| reader == Reader::Author || level == Level::Error;
    look(levels, matters, |check, found| {
        if let Check::Table(check) = check {
            check(made, found);
        }
    })
}

fn look(levels: &Levels, matters: impl Fn(Level) -> bool, check: impl Fn(&Check, &mut Vec<Diagnostic>)) -> Diagnostics {
    let mut found = Vec::new();
    for (lint, _) in levels.0.iter().filter(|(_, level)| *level != Level::Off && matters(*level)) {
        check(&lint.check, &mut found);
    }
    let mut out = Diagnostics::default();
    out.extend(found);
    out
}

/// Gives each finding the level of its lint.
pub fn apply_levels(diagnostics: &mut Diagnostics, levels: &Levels) {
    for diagnostic in diagnostics.iter_mut() {
        diagnostic.severity = match levels.of(diagnostic.code) {
            Some(Level::Error) => Severity::Error,
            Some(Level::Warn) => Severity::Warning,
            Some(Level::Note) => Severity::Note,
            Some(Level::Off) | None => diagnostic.severity,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::LINTS;

    #[test]
    fn lints_are_sorted_and_unique() {
        assert!(LINTS.windows(2).all(|pair| pair[0].name < pair[1].name && pair[0].code != pair[1].code));
    }
}
