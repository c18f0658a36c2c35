//! Names of the variables that a `Gateway` declares, and where a text refers to one: `${var.NAME}`.

use std::fmt;

use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// The name of a variable.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VariableName(Box<str>);

impl VariableName {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VariableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Scalar for VariableName {
    const FORMAT: &'static str = "gw-variable-name";
    const DESCRIPTION: &'static str =
        "The name of a variable: letters, digits and `_`, at most 63, beginning with a letter.";
    const EXAMPLES: &'static [&'static str] = &["geoHost", "workers"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        let begins = text.starts_with(|c: char| c.is_ascii_alphabetic());
        if begins && text.len() <= 63 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Ok(Self(text.into()));
        }
        Err(ScalarError::new("the name of a variable is letters, digits and `_`, at most 63, and begins with a letter"))
    }
}

scalar!(VariableName);

/// What a reference to a variable begins with.
pub const OPENING: &str = "${var.";

/// A piece of a text with references to variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Text as it is, references of other kinds included.
    Text(&'a str),
    /// `$${var.`, which stands for a literal `${var.`.
    Escaped,
    /// A reference: the name, which may be none, and the bytes that it stands at.
    Variable(&'a str, (usize, usize)),
}

/// The pieces of a text.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let (mut pieces, mut from) = (Vec::new(), 0);
    let mut search = 0;
    while let Some(at) = text[search..].find(OPENING).map(|at| at + search) {
        search = at + OPENING.len();
        if text[from..at].ends_with('$') {
            pieces.extend([Piece::Text(&text[from..at - 1]), Piece::Escaped]);
            from = search;
            continue;
        }
        let Some(end) = text[search..].find('}').map(|end| end + search) else { break };
        pieces.extend([Piece::Text(&text[from..at]), Piece::Variable(&text[search..end], (at, end + 1))]);
        (from, search) = (end + 1, end + 1);
    }
    pieces.push(Piece::Text(&text[from..]));
    pieces.retain(|piece| *piece != Piece::Text(""));
    pieces
}

#[cfg(test)]
mod tests {
    use super::{Piece, Scalar, VariableName, pieces};

    #[test]
    fn references_are_found_and_escaped_ones_are_not() {
        let text = "a-${var.b}/$${var.c}${path.d}${var.e}";
        let expected = [
            Piece::Text("a-"),
            Piece::Variable("b", (2, 10)),
            Piece::Text("/"),
            Piece::Escaped,
            Piece::Text("c}${path.d}"),
            Piece::Variable("e", (29, 37)),
        ];
        assert_eq!(pieces(text), expected);
        assert_eq!(pieces("${var.open"), [Piece::Text("${var.open")]);
        assert_eq!(pieces("${var.}"), [Piece::Variable("", (0, 7))]);
        assert_eq!(pieces(""), []);
    }

    #[test]
    fn names_are_identifiers() {
        assert!(["a", "geoHost", "a_1"].iter().all(|name| VariableName::parse(name).is_ok()));
        assert!(["", "1a", "_a", "a-b", "a.b", &"a".repeat(64)].iter().all(|name| VariableName::parse(name).is_err()));
    }
}
