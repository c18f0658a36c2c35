//! What is wrong with manifests in any of their environments: each problem once, with the environments in which it holds.

use std::collections::HashMap;

use crate::compiler::{AssetRequest, Compiled, Manifests, compile};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, SourceMap, Span};
use crate::pipeline::assets::Assets;
use crate::value::date::Date;

/// What is said of manifests.
pub struct Verdict {
    /// The texts, for showing places.
    pub sources: SourceMap,
    /// All problems, sorted by place.
    pub diagnostics: Diagnostics,
}

/// Compiles manifests for an environment, or for all in turn if none is chosen, as they are judged on a day. `read` reads the files
/// that they name.
pub fn validate(
    manifests: Manifests,
    environment: Option<&str>,
    today: Date,
    read: impl Fn(&[AssetRequest]) -> Assets,
) -> Verdict {
    let environments = manifests.environments();
    let check = |manifests: Manifests, environment: Option<&str>| {
        let parsed = manifests.parse(environment);
        let assets = read(&parsed.asset_requests());
        let mut compiled = compile(parsed, &assets);
        compiled.expire(today);
        let Compiled { sources, diagnostics, .. } = compiled;
        Verdict { sources, diagnostics }
    };
    if environment.is_some() || environments.is_empty() {
        return check(manifests, environment);
    }
    let mut manifests = manifests;
    let mut found = Found::default();
    for environment in &environments {
        let Verdict { sources, diagnostics } = check(manifests.clone(), Some(environment));
        // secrets that one of them showed stay hidden
        manifests.sources = sources;
        diagnostics.iter().for_each(|diagnostic| found.add(diagnostic, environment));
    }
    Verdict { sources: manifests.sources, diagnostics: found.diagnostics(environments.len()) }
}

/// What makes two problems the same one.
type Same = (&'static str, Severity, String, Vec<(Span, String)>);

/// The problems found so far, each with its environments.
#[derive(Default)]
struct Found<'a> {
    problems: Vec<(Diagnostic, Vec<&'a str>)>,
    index: HashMap<Same, usize>,
}

impl<'a> Found<'a> {
    fn add(&mut self, diagnostic: &Diagnostic, environment: &'a str) {
        let labels = diagnostic.labels.iter().map(|label| (label.span, label.message.clone())).collect();
        let same = (diagnostic.code.id, diagnostic.severity, diagnostic.message.clone(), labels);
        let at = *self.index.entry(same).or_insert_with(|| {
            self.problems.push((diagnostic.clone(), Vec::new()));
            self.problems.len() - 1
        });
        let environments = &mut self.problems[at].1;
        if environments.last() != Some(&environment) {
            environments.push(environment);
        }
    }

    /// All of them; those that don't hold in all environments say so.
    fn diagnostics(self, all: usize) -> Diagnostics {
        let mut out = Diagnostics::default();
        for (mut diagnostic, environments) in self.problems {
            if environments.len() < all {
                let names: Vec<String> = environments.iter().map(|name| format!("`{name}`")).collect();
                let noun = if names.len() == 1 { "environment" } else { "environments" };
                diagnostic.message = format!("{}, in the {noun} {}", diagnostic.message, names.join(", "));
            }
            out.push(diagnostic);
        }
        out.sort();
        out
    }
}
