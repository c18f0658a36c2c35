//! The literal segments of a path condition: from them alone it shows of most pairs of conditions that no path meets both.

use smallvec::SmallVec;

use crate::table::router::PathMatch;
use crate::value::path::Segment;

/// The segments of a path condition.
pub(super) struct Outline<'p> {
    /// Literal ones, and `None` for a parameter.
    segments: SmallVec<[Option<&'p str>; 8]>,
    /// Whether others may come behind them.
    below: bool,
}

impl<'p> Outline<'p> {
    /// That of a condition.
    pub(super) fn new(path: &'p PathMatch) -> Self {
        let literal = |text: &'p str| text.split('/').skip(1).map(Some).collect();
        match path {
            PathMatch::Template(template) => {
                let segment = |segment: &'p Segment| match segment {
                    Segment::Literal(text) => Some(&**text),
                    Segment::Parameter(_) => None,
                };
                Self { segments: template.segments().iter().map(segment).collect(), below: false }
            }
            PathMatch::Regex(regex) => {
                let whole = regex.literal_prefix().rsplit_once('/').map_or("", |(segments, _)| segments);
                Self { segments: literal(whole), below: true }
            }
            PathMatch::Prefix(_) | PathMatch::Any => Self { segments: literal(path.as_str()), below: true },
        }
    }

    /// Whether some path may meet both.
    pub(super) fn meets(&self, other: &Self) -> bool {
        let (own, its) = (self.segments.len(), other.segments.len());
        let alike = |(a, b): (Option<&str>, Option<&str>)| a.is_none() || b.is_none() || a == b;
        (own >= its || self.below)
            && (its >= own || other.below)
            && self.segments.iter().copied().zip(other.segments.iter().copied()).all(alike)
    }
}

#[cfg(test)]
mod tests {
    use super::Outline;
    use crate::table::router::PathMatch;

    fn path(text: &str) -> PathMatch {
        match text.split_once(' ') {
            Some(("prefix", text)) => PathMatch::Prefix(text.parse().unwrap()),
            Some(("regex", text)) => PathMatch::Regex(text.parse().unwrap()),
            _ => PathMatch::Template(text.parse().unwrap()),
        }
    }

    #[test]
    fn literals_keep_paths_apart() {
        for (a, b, meets) in [
            ("/a", "/a", true),
            ("/a", "/b", false),
            ("/a/b", "/{x}/b", true),
            ("/a/b", "/{x}/c", false),
            ("/a/{x}", "/{y}", false),
            ("prefix /a", "/a", true),
            ("prefix /a", "/a/b", true),
            ("prefix /a/b", "/a", false),
            ("prefix /a/b", "prefix /a", true),
            ("prefix /a/b", "prefix /b", false),
            ("regex /a/[bc]/.*", "/a/d", true),
            ("regex /a/[bc]/.*", "prefix /b", false),
            ("prefix /", "regex .*", true),
        ] {
            let (a, b) = (path(a), path(b));
            assert_eq!(Outline::new(&a).meets(&Outline::new(&b)), meets, "{a:?} {b:?}");
            assert_eq!(Outline::new(&b).meets(&Outline::new(&a)), meets, "{b:?} {a:?}");
        }
    }
}
