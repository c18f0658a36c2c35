//! Problems of plugins and backends as diagnostics: their pointers as places.

use crate::compiler::object::Object;
use crate::compiler::quote::replacement;
use crate::diagnostic::Diagnostic;
use crate::pipeline::plugin::{Part, Problem};

/// The diagnostic of a problem in the config that the pointer `base` leads to.
pub(super) fn diagnostic(object: &Object, base: &str, problem: Problem) -> Diagnostic {
    let pointer = format!("{base}{}", problem.pointer);
    let found = object.problem(problem.code, problem.message);
    let mut diagnostic = match &problem.part {
        Part::Value => found.at(object.place(&pointer), ""),
        Part::Name => found.at(object.key_place(&pointer), ""),
        Part::Text { text, instead } => {
            let node = object.root.pointer(&pointer);
            let range = node.and_then(|node| node.as_str()?.find(text.as_str())).map(|at| (at, at + text.len()));
            let place = node.map_or_else(|| object.place(&pointer), |node| replacement::part(node, range));
            let found = found.at(place, "");
            match instead.as_ref().filter(|_| (place.end - place.start) as usize == text.len()) {
                Some(instead) => found.fix(format!("write `{instead}`"), place, instead),
                None => found,
            }
        }
    };
    diagnostic.help = problem.help;
    diagnostic
}
