//! The segments of a path pattern: literals, and parameters between literals.

use std::str::Split;

use crate::value::path::normalise;
use crate::value::regex::Pattern;
use crate::value::{Scalar, ScalarError};

/// How long the path of a pattern may be, in bytes.
const MAX_LENGTH: usize = 2048;

/// What stands between two slashes of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Segment {
    /// Itself, in normal form; empty behind a last slash.
    Literal(Box<str>),
    /// Anything of a shape.
    Parameter(Parameter),
}

/// A named part of a path, such as `{id:[0-9]+}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Parameter {
    /// What `${path.NAME}` says.
    pub name: Box<str>,
    /// What it matches.
    pub shape: Shape,
}

/// What a segment with a parameter matches, whatever the parameter is called.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shape {
    /// The literal in front of it.
    pub before: Box<str>,
    /// What it matches; anything if absent.
    pub pattern: Option<Pattern>,
    /// The literal behind it.
    pub after: Box<str>,
}

impl Segment {
    /// Whether it matches a segment of a normalised path.
    pub fn matches(&self, segment: &str) -> bool {
        match self {
            Self::Literal(text) => **text == *segment,
            Self::Parameter(parameter) => parameter.shape.matches(segment),
        }
    }
}

impl Shape {
    /// Whether it is a parameter that takes any segment, but an empty one.
    pub fn is_plain(&self) -> bool {
        self.before.is_empty() && self.after.is_empty() && self.pattern.is_none()
    }

    /// Whether it matches a segment of a normalised path; a parameter never takes none of it.
    pub fn matches(&self, segment: &str) -> bool {
        // An empty literal is not compared: the masked load of `memcmp` stalls on the address that an empty box holds.
        let fits = (self.before.is_empty() || segment.starts_with(&*self.before))
            && (self.after.is_empty() || segment.ends_with(&*self.after))
            && segment.len() > self.before.len() + self.after.len();
        let value = || &segment[self.before.len()..segment.len() - self.after.len()];
        fits && self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(value()))
    }
}

/// Cuts the first segment off a path without its leading slash; nothing is left behind the last one.
pub fn cut(path: &str) -> (&str, Option<&str>) {
    match path.bytes().position(|byte| byte == b'/') {
        Some(slash) => (&path[..slash], Some(&path[slash + 1..])),
        None => (path, None),
    }
}

/// Matches the first segments of a path, and returns the other ones.
pub(super) fn strip<'p>(segments: &[Segment], path: &'p str) -> Option<Split<'p, char>> {
    let mut parts = path.strip_prefix('/')?.split('/');
    segments.iter().all(|segment| parts.next().is_some_and(|part| segment.matches(part))).then_some(parts)
}

/// Reads the path of a pattern; `star` says what to write instead of a `*`.
pub(super) fn parse(text: &str, star: &str) -> Result<Vec<Segment>, ScalarError> {
    if !text.starts_with('/') {
        return Err(ScalarError::new("a path begins with `/`").suggest(format!("/{text}")));
    }
    if text.len() > MAX_LENGTH {
        return Err(ScalarError::new(format!("a path pattern has at most {MAX_LENGTH} bytes")));
    }
    let mut reader = Reader { text, at: 0, star, normal: String::new(), wrong: None };
    let mut segments = Vec::new();
    while reader.at < text.len() {
        reader.at += 1;
        segments.extend(reader.segment()?);
    }
    if let Some((start, end)) = reader.wrong {
        return Err(ScalarError::new("the path of a pattern is written in its normal form")
            .help("requests are normalised before they are matched, so any other form would never match")
            .range(start, end)
            .suggest(reader.normal));
    }
    names_are_unique(text, &segments)?;
    Ok(segments)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    star: &'a str,
    /// The text as it should be, as far as it is read.
    normal: String,
    /// The first place where that differs.
    wrong: Option<(usize, usize)>,
}

impl Reader<'_> {
    /// Reads a segment up to its slash; an empty or dot segment is none.
    fn segment(&mut self) -> Result<Option<Segment>, ScalarError> {
        let start = self.at;
        let normal_start = self.normal.len();
        self.normal.push('/');
        let before = self.literal()?;
        if self.text[self.at..].starts_with('{') {
            let (name, pattern) = self.braces()?;
            let after = self.literal()?;
            if self.text[self.at..].starts_with('{') {
                return Err(ScalarError::new("a segment holds one parameter at most").range(start, self.segment_end()));
            }
            return Ok(Some(Segment::Parameter(Parameter { name, shape: Shape { before, pattern, after } })));
        }
        let whole = &self.text[start..self.at];
        normalise::check(&before).map_err(|error| ScalarError::new(error.to_string()).range(start, self.at))?;
        if whole == ".." {
            return Err(ScalarError::new("`..` is resolved before a request is matched").range(start, self.at));
        }
        if let Some(name) = whole.strip_prefix(':').filter(|name| is_name(name)) {
            return Err(ScalarError::new(format!("a parameter is written `{{{name}}}`"))
                .help(format!("write `{{{name}}}`; `pathRegex` can match a `:` itself"))
                .range(start, self.at)
                .suggest(format!("{}{{{name}}}{}", &self.text[..start], &self.text[self.at..])));
        }
        if whole == "." || whole.is_empty() && self.at < self.text.len() {
            self.wrong.get_or_insert((start - 1, self.at));
            self.normal.truncate(normal_start);
            return Ok(None);
        }
        Ok(Some(Segment::Literal(before)))
    }

    /// Reads up to the next brace or slash.
    fn literal(&mut self) -> Result<Box<str>, ScalarError> {
        let rest = &self.text[self.at..];
        let literal = &rest[..rest.find(['/', '{']).unwrap_or(rest.len())];
        let (start, end) = (self.at, self.at + literal.len());
        if let Some(at) = literal.find('*') {
            return Err(ScalarError::new("`*` means nothing here").help(self.star).range(start + at, start + at + 1));
        }
        if let Some(at) = literal.find('}') {
            return Err(ScalarError::new("this `}` closes nothing").range(start + at, start + at + 1));
        }
        let from = self.normal.len();
        normalise::encode(literal.as_bytes(), &mut self.normal)
            .map_err(|error| ScalarError::new(error.to_string()).range(start, end))?;
        let normal = &self.normal[from..];
        if normal != literal {
            self.wrong.get_or_insert((start, end));
        }
        self.at = end;
        Ok(normal.into())
    }

    /// Reads `{name}` or `{name:pattern}`.
    fn braces(&mut self) -> Result<(Box<str>, Option<Pattern>), ScalarError> {
        let open = self.at;
        let close = open
            + closing_brace(&self.text[open..])
                .ok_or_else(|| ScalarError::new("this `{` is not closed").range(open, open + 1))?;
        let inner = &self.text[open + 1..close];
        if let Some(at) = inner.find('/') {
            return Err(ScalarError::new("a parameter never crosses a `/`").range(open + 1 + at, open + 2 + at));
        }
        let (name, pattern) = inner.split_once(':').map_or((inner, None), |(name, pattern)| (name, Some(pattern)));
        if !is_name(name) {
            return Err(ScalarError::new(
                "the name of a parameter holds letters, digits and `_`, and begins with no digit",
            )
            .range(open + 1, open + 1 + name.len()));
        }
        let pattern = pattern.map(|text| parse_pattern(text, close - text.len())).transpose()?;
        self.normal.push_str(&self.text[open..=close]);
        self.at = close + 1;
        Ok((name.into(), pattern))
    }

    fn segment_end(&self) -> usize {
        self.text[self.at..].find('/').map_or(self.text.len(), |slash| self.at + slash)
    }
}

fn parse_pattern(text: &str, at: usize) -> Result<Pattern, ScalarError> {
    let range = (at, at + text.len());
    if let Err(error) = require_ascii(text) {
        return Err(error.range(range.0, range.1));
    }
    let pattern = Pattern::parse(text).map_err(|error| {
        let (start, end) = error.range.map_or(range, |(start, end)| (at + start, at + end));
        error.range(start, end)
    })?;
    if pattern.matches_only_empty() {
        return Err(ScalarError::new("a parameter is never empty, and this pattern matches nothing else")
            .range(range.0, range.1));
    }
    Ok(pattern)
}

/// Normalised paths are ASCII: a regular expression with anything else never matches as meant.
pub(super) fn require_ascii(regex: &str) -> Result<(), ScalarError> {
    let Some(character) = regex.chars().find(|c| !c.is_ascii()) else { return Ok(()) };
    let mut escaped = String::new();
    let mut buffer = [0; 4];
    let help = match normalise::encode(character.encode_utf8(&mut buffer).as_bytes(), &mut escaped) {
        Ok(()) => format!("`{character}` comes as `{escaped}`"),
        Err(error) => error.to_string(),
    };
    Err(ScalarError::new("paths are matched with their escapes, in ASCII").help(help))
}

/// Where the brace that opens a text is closed; `\` escapes one inside.
fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 0_u32;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'{' => depth += 1,
            b'}' if depth == 1 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn is_name(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && !text.is_empty()
}

fn names_are_unique(text: &str, segments: &[Segment]) -> Result<(), ScalarError> {
    let names = || {
        segments.iter().filter_map(|segment| match segment {
            Segment::Parameter(parameter) => Some(&parameter.name),
            Segment::Literal(_) => None,
        })
    };
    match names().enumerate().find(|(i, name)| names().take(*i).any(|other| other == *name)) {
        Some((_, name)) => {
            let at = text.rfind(&format!("{{{name}")).unwrap_or(0);
            let end = text[at..].find('}').map_or(text.len(), |length| at + length + 1);
            Err(ScalarError::new(format!("the parameter `{name}` stands twice in this path"))
                .help("give one of them another name")
                .range(at, end))
        }
        None => Ok(()),
    }
}
