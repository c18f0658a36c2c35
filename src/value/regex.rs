//! Regular expressions over whole values, in the linear-time syntax of the `regex` crate.
//!
//! No regular expression of a manifest can be made slow by a request: there is no backtracking, and its compiled
//! size is bounded.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use regex::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{self, Class, Hir, HirKind};

use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// What one compiled expression may weigh, in bytes.
pub(super) const SIZE_LIMIT: usize = 1 << 20;
/// How long its text may be, in bytes.
const MAX_LENGTH: usize = 4096;
/// How deep its groups may nest.
const NEST_LIMIT: u32 = 64;

/// A regular expression that a whole value has to match. Two are equal if their texts are.
#[derive(Clone)]
pub struct Pattern {
    text: Box<str>,
    regex: Regex,
    literal: Box<str>,
    only_empty: bool,
}

impl Pattern {
    /// Its text, without the anchors that it is compiled with.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it matches all of a value.
    pub fn is_match(&self, value: &str) -> bool {
        self.regex.is_match(value)
    }

    /// What every value that it matches begins with; may be empty.
    pub fn literal_prefix(&self) -> &str {
        &self.literal
    }

    /// A value that it matches, if the simplest that it seems to ask for is one.
    pub fn sample(&self) -> Option<String> {
        let parsed = ParserBuilder::new().nest_limit(NEST_LIMIT).build().parse(&self.text).ok()?;
        let mut sample = String::new();
        collect_sample(&parsed, &mut sample)?;
        self.is_match(&sample).then_some(sample)
    }

    /// Whether it matches nothing but the empty value.
    pub fn matches_only_empty(&self) -> bool {
        self.only_empty
    }
}

impl Scalar for Pattern {
    const FORMAT: &'static str = "gw-regex";
    const DESCRIPTION: &'static str = "A regular expression that the whole value matches (syntax of Rust's `regex`: no look-around, no backreferences).";
    const EXAMPLES: &'static [&'static str] = &["[0-9]+", "v[12]\\..*"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        if text.len() > MAX_LENGTH {
            return Err(ScalarError::new(format!("a regular expression has at most {MAX_LENGTH} bytes")));
        }
        let parsed = ParserBuilder::new().nest_limit(NEST_LIMIT).build().parse(text).map_err(|e| explain(&e))?;
        if parsed.properties().minimum_len().is_none() {
            return Err(ScalarError::new("this regular expression never matches"));
        }
        let mut literal = String::new();
        collect_literal(&parsed, &mut literal);
        // `\A` and `\z` ignore the flags that the text may set.
        let regex =
            RegexBuilder::new(&format!(r"\A(?:{text})\z")).size_limit(SIZE_LIMIT).build().map_err(
                |error| match error {
                    regex::Error::CompiledTooBig(_) => ScalarError::new(
                        "this regular expression is too large when compiled",
                    )
                    .help(
                        "bounded repetitions and Unicode classes multiply: write `[0-9]` for `\\d`, `+` for `{1,500}`",
                    ),
                    _ => ScalarError::new("this regular expression cannot stand inside a group")
                        .help("end a `(?x)` comment with a line break"),
                },
            )?;
        Ok(Self {
            text: text.into(),
            regex,
            literal: literal.into(),
            only_empty: parsed.properties().maximum_len() == Some(0),
        })
    }
}

scalar!(Pattern);

fn explain(error: &regex_syntax::Error) -> ScalarError {
    let (kind, span) = match error {
        regex_syntax::Error::Parse(error) => (error.kind().to_string(), error.span()),
        regex_syntax::Error::Translate(error) => (error.kind().to_string(), error.span()),
        _ => return ScalarError::new("this is no regular expression"),
    };
    ScalarError::new(format!("this is no regular expression: {kind}")).range(span.start.offset, span.end.offset)
}

/// Writes what an expression begins with; says whether it is nothing but that.
fn collect_literal(hir: &Hir, out: &mut String) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(literal) => std::str::from_utf8(&literal.0).map(|text| out.push_str(text)).is_ok(),
        HirKind::Capture(group) => collect_literal(&group.sub, out),
        HirKind::Concat(parts) => parts.iter().all(|part| collect_literal(part, out)),
        HirKind::Repetition(repetition) if repetition.min > 0 => {
            collect_literal(&repetition.sub, out);
            false
        }
        HirKind::Repetition(_) | HirKind::Class(_) | HirKind::Alternation(_) => false,
    }
}

/// How long a sample is at most, in bytes.
const SAMPLE_LIMIT: usize = 256;

/// Writes the simplest text that an expression seems to ask for.
fn collect_sample(hir: &Hir, out: &mut String) -> Option<()> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Capture(group) => collect_sample(&group.sub, out)?,
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| collect_sample(part, out))?,
        HirKind::Alternation(parts) => collect_sample(parts.first()?, out)?,
        HirKind::Repetition(repetition) => {
            for _ in 0..repetition.min {
                collect_sample(&repetition.sub, out)?;
            }
        }
        HirKind::Class(Class::Unicode(class)) => {
            let has = |c: &char| class.ranges().iter().any(|range| range.start() <= *c && *c <= range.end());
            let nice = ['x', 'a', '0', 'A'].into_iter().find(has);
            out.push(nice.or_else(|| class.ranges().first().map(hir::ClassUnicodeRange::start))?);
        }
        HirKind::Class(Class::Bytes(class)) => out.push(char::from(class.ranges().first()?.start())),
    }
    (out.len() <= SAMPLE_LIMIT).then_some(())
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl PartialOrd for Pattern {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Pattern {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl Hash for Pattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::{Pattern, Scalar};

    #[test]
    fn the_whole_value_is_matched() {
        let pattern = Pattern::parse("a|bc").unwrap();
        assert!(pattern.is_match("a") && pattern.is_match("bc"));
        assert!(!pattern.is_match("ac") && !pattern.is_match("abc") && !pattern.is_match("a\n"));
        assert!(!Pattern::parse("(?m)a$").unwrap().is_match("a\nb"), "flags don't loosen the anchors");
    }

    #[test]
    fn errors_point_at_the_place() {
        let error = Pattern::parse("ab[c").unwrap_err();
        assert_eq!(
            (error.message.as_str(), error.range),
            ("this is no regular expression: unclosed character class", Some((2, 3)))
        );
        for bad in ["a)(?:b", "[a&&b]", "(a", "(?=x)", r"(a)\1", r"\w{2000}", "(?x)a # c", &"(".repeat(100)] {
            assert!(Pattern::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_simple_value_is_found() {
        for (text, sample) in [
            ("/a/[0-9]+/.*", Some("/a/0/")),
            ("(b|a)[c-f]{2}x?", Some("acc")),
            (r"a\b-", Some("a-")),
            (r"\Ba|b", None),
            ("a{300}", None),
        ] {
            assert_eq!(Pattern::parse(text).unwrap().sample().as_deref(), sample, "{text}");
        }
    }

    #[test]
    fn what_it_begins_with_is_known() {
        for (text, literal) in [
            ("/a/b", "/a/b"),
            ("^/a/.*", "/a/"),
            ("/a/(b|c)d", "/a/"),
            ("/(a/b)+x", "/a/b"),
            ("/a?b", "/"),
            ("(?i)/a", "/"),
            ("a|b", ""),
            ("", ""),
        ] {
            assert_eq!(Pattern::parse(text).unwrap().literal_prefix(), literal, "{text}");
        }
    }
}
