//! The nearest of some known names to a mistyped one.

/// The known name nearest to `typed`, if it is near enough to be a slip of the hand.
pub fn did_you_mean<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = typed.to_ascii_lowercase();
    known
        .into_iter()
        .filter(|name| *name != typed)
        .map(|name| (distance(&lower, &name.to_ascii_lowercase()), name))
        .filter(|(score, name)| *score <= (name.len().max(typed.len()) / 3).max(1))
        .min_by_key(|(score, _)| *score)
        .map(|(_, name)| name)
}

/// Edits between two names; `max_age` and `maxAge` are the same name in two spellings.
fn distance(a: &str, b: &str) -> usize {
    let bare = |text: &str| text.replace(['_', '-'], "");
    if bare(a) == bare(b) {
        return 0;
    }
    strsim::damerau_levenshtein(a, b)
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn a_slip_is_found_and_a_stranger_is_not() {
        assert_eq!(did_you_mean("backnd", ["backend", "plugins"]), Some("backend"));
        assert_eq!(did_you_mean("max_age", ["maxAge", "maxBody"]), Some("maxAge"));
        assert_eq!(did_you_mean("cros", ["cors", "auth"]), Some("cors"));
        assert_eq!(did_you_mean("telemetry", ["cors", "auth"]), None);
    }
}
