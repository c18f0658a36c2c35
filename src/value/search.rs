//! Regular expressions that are searched for in a text, in the linear-time syntax of the `regex` crate.

use std::fmt;

use regex::bytes::{Regex, RegexBuilder};

use crate::value::regex::{Pattern, SIZE_LIMIT};
use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// A regular expression that is searched for. What it finds is never empty, for that is found everywhere.
#[derive(Clone, Debug)]
pub struct SearchPattern {
    text: Box<str>,
    regex: Regex,
}

impl SearchPattern {
    /// The expression, for bytes that need not be UTF-8.
    pub fn regex(&self) -> &Regex {
        &self.regex
    }
}

impl fmt::Display for SearchPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Scalar for SearchPattern {
    const FORMAT: &'static str = "gw-search";
    const DESCRIPTION: &'static str =
        "A regular expression that is searched for (syntax of Rust's `regex`: no look-around, no backreferences).";
    const EXAMPLES: &'static [&'static str] = &["http://[a-z]+\\.internal", "v[12]\\b"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        // what is wrong with it, is wrong with it as a pattern for whole values
        Pattern::parse(text)?;
        let build = RegexBuilder::new(text).size_limit(SIZE_LIMIT).build();
        let regex = build.map_err(|_| ScalarError::new("this regular expression is too large when compiled"))?;
        if regex.is_match(b"") {
            return Err(ScalarError::new("this regular expression also finds nothing, which is everywhere")
                .help("write `+` for `*`, or something around it"));
        }
        Ok(Self { text: text.into(), regex })
    }
}

scalar!(SearchPattern);

#[cfg(test)]
mod tests {
    use super::{Scalar as _, SearchPattern};

    #[test]
    fn what_is_found_is_something() {
        assert!(SearchPattern::parse("a+").unwrap().regex().is_match(b"\xffba"));
        for bad in ["a*", "^", "", "a|", "(", "(?=a)"] {
            assert!(SearchPattern::parse(bad).is_err(), "{bad}");
        }
    }
}
