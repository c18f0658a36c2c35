//! The table of all codes, from the tables of those who find the problems.

use crate::auth;
use crate::backend;
use crate::compiler::{check, environment, lint, lower, policy, resolve, shape, syntax};
use crate::diagnostic::Code;
use crate::pipeline::{assets, header_edits, plugin};
use crate::plugins::PLUGINS;

/// All codes, sorted by their number.
pub fn all() -> Vec<&'static Code> {
    let tables =
        [syntax::CODES, check::CODES, shape::CODES, environment::CODES, resolve::CODES, lower::CODES, policy::CODES];
    let shared = [
        &assets::ASSET,
        &plugin::UNKNOWN_PARAMETER,
        &plugin::UNKNOWN_CALLER,
        &plugin::PLUGIN_SHAPE,
        &header_edits::TRANSPORT_HEADER,
    ];
    let mut codes: Vec<&'static Code> = tables.into_iter().flatten().copied().chain(shared).collect();
    codes.extend(auth::CODES.iter().copied().flatten());
    codes.extend(PLUGINS.iter().flat_map(|plugin| plugin.codes));
    codes.extend(backend::CODES.iter().flat_map(|codes| *codes));
    codes.extend(lint::LINTS.iter().map(|lint| lint.code));
    codes.sort_by_key(|code| code.id);
    codes
}

#[cfg(test)]
mod tests {
    use super::all;

    #[test]
    fn numbers_and_names_are_unique() {
        let codes = all();
        assert!(codes.windows(2).all(|pair| pair[0].id < pair[1].id));
        let mut names: Vec<_> = codes.iter().map(|code| code.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), codes.len());
    }
}
