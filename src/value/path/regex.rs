//! Regular expressions over whole paths: the `pathRegex` of a match.

use std::fmt;

use crate::value::path::segment::require_ascii;
use crate::value::regex::Pattern;
use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// A regular expression that a whole normalised path has to match.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PathRegex(Pattern);

impl PathRegex {
    /// Its text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// What every path that it matches begins with; may be empty. The longest is tried first.
    pub fn literal_prefix(&self) -> &str {
        self.0.literal_prefix()
    }

    /// A text that it matches, if a simple one is found.
    pub fn sample(&self) -> Option<String> {
        self.0.sample()
    }

    /// Whether it matches a normalised path.
    pub fn matches(&self, path: &str) -> bool {
        path.starts_with(self.literal_prefix()) && self.0.is_match(path)
    }
}

impl fmt::Display for PathRegex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Scalar for PathRegex {
    const FORMAT: &'static str = "gw-path-regex";
    const DESCRIPTION: &'static str = "A regular expression that the whole path matches, as it is normalised: escapes other than of \
         letters, digits, `-`, `.`, `_` and `~` stay, in upper case.";
    const EXAMPLES: &'static [&'static str] = &["/v[12]/.*", "/(fr|en)/[a-z-]+\\.html"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        require_ascii(text)?;
        let pattern = Pattern::parse(text)?;
        if !pattern.literal_prefix().is_empty() && !pattern.literal_prefix().starts_with('/') {
            return Err(ScalarError::new("a path begins with `/`").suggest(format!("/{text}")));
        }
        Ok(Self(pattern))
    }
}

scalar!(PathRegex);

#[cfg(test)]
mod tests {
    use super::{PathRegex, Scalar};

    #[test]
    fn the_whole_path_is_matched() {
        let regex = PathRegex::parse("/v[12]/.*").unwrap();
        assert!(regex.matches("/v1/") && regex.matches("/v2/a/b"));
        assert!(!regex.matches("/v3/") && !regex.matches("/x/v1/") && !regex.matches("/v1"));
        assert_eq!(regex.literal_prefix(), "/v");
        assert!(PathRegex::parse(r".*\.php").unwrap().matches("/a/b.php"));
    }

    #[test]
    fn what_could_never_match_is_refused() {
        assert_eq!(PathRegex::parse("api/.*").unwrap_err().suggestion.as_deref(), Some("/api/.*"));
        assert_eq!(PathRegex::parse("/é").unwrap_err().help.as_deref(), Some("`é` comes as `%C3%A9`"));
        assert!(PathRegex::parse("/(a").is_err());
    }
}
