//! The table of lints: named rules with levels. A new one is one file in this folder and one line here.

mod after_answer;
mod no_sign_of_trouble;
mod public_route;
mod unrouted_host;
mod unused_backend;
mod unused_certificate;

use crate::compiler::manifest::gateway::Level;
use crate::compiler::resolve::Model;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Severity};

/// A rule that a manifest may break without being wrong in itself.
pub struct Lint {
    /// Its name, by which `Gateway` sets its level.
    pub name: &'static str,
    /// What it looks for, in one sentence.
    pub summary: &'static str,
    /// Its code; the code's severity is the default level.
    pub code: &'static Code,
    /// Looks for it.
    pub check: fn(&Model, &mut Vec<Diagnostic>),
}

/// All lints, in the order of their names.
pub const LINTS: &[Lint] = &[
    after_answer::LINT,
    no_sign_of_trouble::LINT,
    public_route::LINT,
    unrouted_host::LINT,
    unused_backend::LINT,
    unused_certificate::LINT,
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

/// Looks for everything that is not switched off.
pub fn run(model: &Model, levels: &Levels) -> Diagnostics {
    let mut found = Vec::new();
    for (lint, level) in &levels.0 {
        if *level != Level::Off {
            (lint.check)(model, &mut found);
        }
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
