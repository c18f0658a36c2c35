//! Path patterns of a condition: the `paths` of a `when`.

use std::fmt;

use crate::value::path::segment::{Segment, parse, strip};
use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// What means "and everything below" at the end.
const BELOW: &str = "/**";

/// A path as in `path`, or with a last `/**` the path and everything below it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PathGlob {
    text: Box<str>,
    segments: Box<[Segment]>,
    below: bool,
}

impl PathGlob {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its segments.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Whether everything below is meant too.
    pub fn is_below(&self) -> bool {
        self.below
    }

    /// Whether it matches a normalised path.
    pub fn matches(&self, path: &str) -> bool {
        strip(&self.segments, path).is_some_and(|mut rest| self.below || rest.next().is_none())
    }
}

impl fmt::Display for PathGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Scalar for PathGlob {
    const FORMAT: &'static str = "gw-path-glob";
    const DESCRIPTION: &'static str = "A whole path, with parameters as in `path`; a last `/**` means everything below too: `/a/**` is `/a`, `/a/` and `/a/b`.";
    const EXAMPLES: &'static [&'static str] = &["/admin/**", "/orders/{id}"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        let base = text.strip_suffix(BELOW);
        let segments = match base {
            Some("") => Vec::new(),
            Some(base) if base.ends_with('/') => {
                let mended = format!("{}{BELOW}", base.trim_end_matches('/'));
                return Err(ScalarError::new("`/**` stands behind a segment").suggest(mended));
            }
            _ => parse(base.unwrap_or(text), "`{name}` matches one segment, a last `/**` everything below").map_err(
                |mut error| {
                    error.suggestion =
                        error.suggestion.map(|mended| if base.is_some() { mended + BELOW } else { mended });
                    error
                },
            )?,
        };
        Ok(Self { text: text.into(), segments: segments.into(), below: base.is_some() })
    }
}

scalar!(PathGlob);

#[cfg(test)]
mod tests {
    use super::{PathGlob, Scalar};

    #[test]
    fn a_last_double_star_means_everything_below() {
        for (glob, yes, no) in [
            ("/a/**", &["/a", "/a/", "/a/b/c"][..], &["/ab", "/"][..]),
            ("/**", &["/", "/a/b"], &["*"]),
            ("/u/{id:[0-9]+}/**", &["/u/1", "/u/1/x"], &["/u", "/u/x"]),
            ("/a", &["/a"], &["/a/", "/a/b"]),
        ] {
            let parsed = PathGlob::parse(glob).unwrap();
            assert_eq!(parsed.to_string(), glob);
            for (paths, matches) in [(yes, true), (no, false)] {
                assert!(paths.iter().all(|path| parsed.matches(path) == matches), "{glob} {paths:?}");
            }
        }
    }

    #[test]
    fn stars_stand_nowhere_else() {
        assert!(["/a/*", "/**/a", "/a**", "**", "/a/**/", "/***"].iter().all(|glob| PathGlob::parse(glob).is_err()));
        assert_eq!(PathGlob::parse("/a//**").unwrap_err().suggestion.as_deref(), Some("/a/**"));
        assert_eq!(PathGlob::parse("a/**").unwrap_err().suggestion.as_deref(), Some("/a/**"));
    }
}
