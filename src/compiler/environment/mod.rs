//! What an environment makes of manifests, before anything else is checked: patches first, then the values of variables.
//!
//! Text is never templated: what is filled in is a scalar that was parsed, and every value keeps the place it is written at.

pub mod codes;
mod fill;
mod namespaces;
mod patch;
pub mod render;
pub mod several;
mod variables;

pub use codes::CODES;
pub use fill::Filled;

use crate::compiler::check::LITERAL_SECRET;
use crate::compiler::environment::codes::NO_ENVIRONMENT;
use crate::compiler::environment::namespaces::Namespaces;
use crate::compiler::environment::variables::Variables;
use crate::compiler::manifest::kind;
use crate::compiler::manifests::{ENVIRONMENT, Manifests, kind_of, name_of};
use crate::compiler::quote::listed;
use crate::compiler::resolve::GATEWAY;
use crate::compiler::syntax::{Document, Node};
use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::value::did_you_mean::did_you_mean;

/// What is known once the environment is chosen.
pub(super) struct Prepared {
    pub(super) variables: Variables,
    pub(super) namespaces: Namespaces,
    pub(super) problems: Diagnostics,
}

/// Chooses the environment, and applies its patches.
pub(super) fn prepare(manifests: &mut Manifests, chosen: Option<&str>) -> Prepared {
    let mut problems = Diagnostics::default();
    let found = manifests.documents_of(says_something);
    let (environments, gateways): (Vec<&Document>, Vec<&Document>) =
        found.into_iter().partition(|document| kind_of(&document.root) == Some(ENVIRONMENT));
    let gateway = gateways.first().copied();
    let known = gateway.map_or_else(|| is_all_known(manifests), |gateway| gateway.complete);
    let namespaces = gateway.map(|gateway| Namespaces::of(&gateway.root)).unwrap_or_default();
    let mut variables = Variables::declared(gateway.map(|gateway| &gateway.root), known, &mut problems);
    let environment = choose(&environments, chosen, &mut problems);
    for document in &environments {
        let values = variables.read(&document.root, &mut problems);
        if environment.is_some_and(|environment| std::ptr::eq(environment, &raw const document.root)) {
            variables.set(values);
        }
    }
    if environment.is_none() && !environments.is_empty() {
        variables.doubt();
    }
    if let Some(environment) = environment.cloned() {
        patch::apply(manifests, &environment, &namespaces, &mut problems);
    }
    Prepared { variables, namespaces, problems }
}

/// Whether a document says something of variables, namespaces or an environment.
fn says_something(root: &Node) -> bool {
    match kind_of(root) {
        Some(ENVIRONMENT) => true,
        Some(GATEWAY) => ["/spec/variables", "/spec/namespaces"].iter().any(|field| root.pointer(field).is_some()),
        _ => false,
    }
}

/// Whether no document can be a `Gateway` without that being seen.
fn is_all_known(manifests: &Manifests) -> bool {
    let mut documents = manifests.files.iter().flat_map(|file| &file.documents);
    manifests.files.iter().all(|file| file.diagnostics.is_empty())
        && documents.all(|document| kind_of(&document.root).and_then(kind).is_some())
}

fn choose<'a>(environments: &[&'a Document], chosen: Option<&str>, out: &mut Diagnostics) -> Option<&'a Node> {
    let is_chosen = |document: &&&Document| name_of(&document.root).is_some_and(|name| Some(name) == chosen);
    if let Some(found) = environments.iter().find(is_chosen) {
        return Some(&found.root);
    }
    let first = environments.first()?;
    let mut names: Vec<&str> = environments.iter().filter_map(|document| name_of(&document.root)).collect();
    names.sort_unstable();
    names.dedup();
    let message = match chosen {
        None => "there are environments, and none is chosen".to_owned(),
        Some(chosen) => format!("there is no `Environment` named `{}`", chosen.escape_debug()),
    };
    let place = first.root.pointer("/metadata/name").map_or(first.root.span, |name| name.span);
    let problem = Diagnostic::new(&NO_ENVIRONMENT, message).at(place, "");
    let problem = match chosen.and_then(|chosen| did_you_mean(chosen, names.iter().copied())) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem.help(format!("give one with `--env` or `GW_ENV`: {}", listed(&names))),
    };
    out.push(problem);
    None
}

/// Shows beside a problem of a value the place where a variable got it; an edit of the reference would not mend it.
pub(super) fn point_at_values(diagnostics: &mut Diagnostics, filled: &[Filled]) {
    if filled.is_empty() {
        return;
    }
    for diagnostic in diagnostics.iter_mut() {
        let about_values = !CODES.contains(&diagnostic.code) && diagnostic.code != &LITERAL_SECRET;
        let Some(span) = diagnostic.span().filter(|_| about_values) else { continue };
        let within: Vec<&Filled> = at(filled, span).collect();
        if !within.is_empty() {
            diagnostic.fix = None;
        }
        for Filled { variable, value, .. } in within {
            let message = format!("the value of `{variable}`");
            diagnostic.labels.push(crate::diagnostic::Label { span: *value, message });
        }
    }
}

/// What was filled in at a place, or around it.
pub(super) fn at(filled: &[Filled], span: Span) -> impl Iterator<Item = &Filled> {
    let end = filled.partition_point(|filled| (filled.place.source, filled.place.start) <= (span.source, span.start));
    filled[..end].iter().rev().take_while(move |filled| filled.place.holds(span))
}
