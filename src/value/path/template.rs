//! Paths with parameters: the `path` of a match.

use std::fmt;
use std::ops::Range;

use crate::value::path::segment::{Segment, parse, strip};
use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// A whole path, in which a segment may hold a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PathTemplate {
    text: Box<str>,
    segments: Box<[Segment]>,
}

impl PathTemplate {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its segments, at least one; that of `/` is empty.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Whether it has no parameter, and so matches one path.
    pub fn is_exact(&self) -> bool {
        self.parameters().next().is_none()
    }

    /// The names of its parameters, in order.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Parameter(parameter) => Some(&*parameter.name),
            Segment::Literal(_) => None,
        })
    }

    /// Whether it matches a normalised path.
    pub fn matches(&self, path: &str) -> bool {
        strip(&self.segments, path).is_some_and(|mut rest| rest.next().is_none())
    }

    /// The parameters in a path that it matches, in order: each name with the bytes of its value.
    pub fn captures<'t>(&'t self, path: &str) -> impl Iterator<Item = (&'t str, Range<usize>)> {
        let mut at = 0;
        path.split('/').skip(1).zip(&self.segments).filter_map(move |(part, segment)| {
            let start = at + 1;
            at = start + part.len();
            let Segment::Parameter(parameter) = segment else { return None };
            let value = parameter.shape.capture(part)?;
            Some((&*parameter.name, start + value.start..start + value.end))
        })
    }
}

impl fmt::Display for PathTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Scalar for PathTemplate {
    const FORMAT: &'static str = "gw-path";
    const DESCRIPTION: &'static str = "A whole path. `{name}` matches a segment, or the part of one between literals; `{name:regex}` \
         gives it a pattern, which never crosses a `/`.";
    const EXAMPLES: &'static [&'static str] = &["/orders/{id}", "/tiles/{z:[0-9]+}/{y:[0-9]+}.png"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        let segments = parse(
            text,
            "`{name}` matches one segment, `pathPrefix` all below a path; `pathRegex` can match a `*` itself",
        )?;
        Ok(Self { text: text.into(), segments: segments.into() })
    }
}

scalar!(PathTemplate);

#[cfg(test)]
mod tests {
    use super::{PathTemplate, Scalar};

    #[test]
    fn a_template_matches_whole_paths() {
        for (template, yes, no) in [
            ("/", &["/"][..], &["", "/a"][..]),
            ("/a", &["/a"], &["/a/", "/", "/a/b", "/A"]),
            ("/a/", &["/a/"], &["/a"]),
            ("/{x}", &["/a", "/%20"], &["/", "/a/", "/a/b"]),
            ("/o/{id:[0-9]{2}}/x", &["/o/12/x"], &["/o/1/x", "/o/123/x", "/o//x"]),
            ("/{z:[0-9]+}/v{y}.png", &["/1/v2.png", "/1/v.png.png"], &["/1/v.png", "/a/v2.png", "/1/2.png"]),
            (r"/{x:\{[a-z]*}", &["/{a"], &["/a"]),
            ("/{x:.*}", &["/a"], &["/", "/a/b"]),
        ] {
            let parsed = PathTemplate::parse(template).unwrap();
            assert_eq!(parsed.to_string(), template);
            for (paths, matches) in [(yes, true), (no, false)] {
                assert!(paths.iter().all(|path| parsed.matches(path) == matches), "{template} {paths:?}");
            }
        }
    }

    #[test]
    fn parameters_are_captured_in_place() {
        let template = PathTemplate::parse("/{z}/x/v{y:[0-9]+}.png").unwrap();
        let path = "/ab/x/v12.png";
        let captured: Vec<_> = template.captures(path).map(|(name, at)| (name, &path[at])).collect();
        assert_eq!(captured, [("z", "ab"), ("y", "12")]);
        assert_eq!(template.parameters().collect::<Vec<_>>(), ["z", "y"]);
    }

    #[test]
    fn what_could_never_match_is_refused() {
        for (text, message, suggestion, range) in [
            ("a", "a path begins with `/`", Some("/a"), None),
            ("/a//b/./%7ec", "the path of a pattern is written in its normal form", Some("/a/b/~c"), Some((2, 3))),
            ("/é/{x}", "the path of a pattern is written in its normal form", Some("/%C3%A9/{x}"), Some((1, 3))),
            ("/a/../b", "`..` is resolved before a request is matched", None, Some((3, 5))),
            ("/a?b", "`?` and `#` are no part of a path", None, Some((1, 4))),
            ("/a%2Fb", "a backslash, or an escaped slash or backslash", None, Some((1, 6))),
            ("/a%252Fb", "a dot, a slash, a backslash or a control character is escaped twice", None, Some((1, 8))),
            ("/a/**", "`*` means nothing here", None, Some((3, 4))),
            ("/a}", "this `}` closes nothing", None, Some((2, 3))),
            ("/{a", "this `{` is not closed", None, Some((1, 2))),
            ("/{a:x/y}", "a parameter never crosses a `/`", None, Some((5, 6))),
            ("/{a}{b}/c", "a segment holds one parameter at most", None, Some((1, 7))),
            ("/{a}/{a}", "the parameter `a` stands twice in this path", None, Some((5, 8))),
            ("/a/:id/b", "a parameter is written `{id}`", Some("/a/{id}/b"), Some((3, 6))),
            ("/{x:[}", "this is no regular expression: unclosed character class", None, Some((4, 5))),
            ("/{x:}", "a parameter is never empty, and this pattern matches nothing else", None, Some((4, 4))),
            ("/{x:é}", "paths are matched with their escapes, in ASCII", None, Some((4, 6))),
        ] {
            let error = PathTemplate::parse(text).unwrap_err();
            assert_eq!(
                (error.message.as_str(), error.suggestion.as_deref(), error.range),
                (message, suggestion, range),
                "{text}"
            );
        }
        for bad in ["/{}", "/{1a}", "/{a-b}", "/{:x}", "/{é}", &format!("/{}", "a".repeat(3000))] {
            assert!(PathTemplate::parse(bad).is_err(), "{bad}");
        }
    }
}
