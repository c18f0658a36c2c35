//! Path prefixes: the `pathPrefix` of a match.

use std::fmt;

use crate::value::path::segment::parse;
use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// A path and everything below it, in whole segments; a slash at its end makes no difference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PathPrefix(Box<str>);

impl PathPrefix {
    /// The prefix of every path.
    pub fn root() -> Self {
        Self::default()
    }

    /// Its text without a slash at the end, so that of the root is empty.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it matches a normalised path.
    pub fn matches(&self, path: &str) -> bool {
        self.strip(path).is_some()
    }

    /// What stands behind it in a normalised path that it matches: nothing, or a slash and the rest.
    pub fn strip<'p>(&self, path: &'p str) -> Option<&'p str> {
        path.strip_prefix(&*self.0).filter(|rest| rest.starts_with('/') || rest.is_empty() && !self.0.is_empty())
    }
}

impl fmt::Display for PathPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "/" } else { &self.0 })
    }
}

impl Scalar for PathPrefix {
    const FORMAT: &'static str = "gw-path-prefix";
    const DESCRIPTION: &'static str =
        "A path and everything below it, in whole segments: `/api` is `/api`, `/api/` and `/api/x`, not `/apiv2`.";
    const EXAMPLES: &'static [&'static str] = &["/", "/api"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        if let Some(at) = text.find('{') {
            return Err(ScalarError::new("a path prefix has no parameters")
                .help("use `path`, or `pathRegex` to match everything below")
                .range(at, at + 1));
        }
        parse(text, "a prefix already matches everything below it; `pathRegex` can match a `*` itself")?;
        Ok(Self(text.trim_end_matches('/').into()))
    }
}

scalar!(PathPrefix);

#[cfg(test)]
mod tests {
    use super::{PathPrefix, Scalar};

    #[test]
    fn a_prefix_matches_whole_segments() {
        for (prefix, shown, yes, no) in [
            ("/", "/", &["/", "/a", "/a/b"][..], &["", "a", "*"][..]),
            ("/api", "/api", &["/api", "/api/", "/api/x"], &["/apiv2", "/ap", "/"]),
            ("/api/", "/api", &["/api", "/api/", "/api/x"], &["/apiv2"]),
        ] {
            let parsed = PathPrefix::parse(prefix).unwrap();
            assert_eq!(parsed.to_string(), shown);
            for (paths, matches) in [(yes, true), (no, false)] {
                assert!(paths.iter().all(|path| parsed.matches(path) == matches), "{prefix} {paths:?}");
            }
        }
        assert_eq!(PathPrefix::parse("/"), Ok(PathPrefix::root()));
    }

    #[test]
    fn a_prefix_is_literal() {
        assert!(PathPrefix::parse("/a/{b}").unwrap_err().help.unwrap().contains("`path`"));
        assert!(["", "a", "/a/*", "/a?x", "/../a"].iter().all(|prefix| PathPrefix::parse(prefix).is_err()));
        assert_eq!(PathPrefix::parse("/a//").unwrap_err().suggestion.as_deref(), Some("/a/"));
    }
}
