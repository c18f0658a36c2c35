//! Tags, comments and texts of HTML, as far as they have to be told apart to find a tag (WHATWG HTML, 13.2.5).

use memchr::{memchr, memmem};

/// What stands at the beginning of some HTML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// So many bytes without a `<` that begins something.
    Text(usize),
    /// The beginning of a start tag, with its name.
    Start(&'a [u8]),
    /// The beginning of an end tag.
    End(&'a [u8]),
    /// The beginning of a comment.
    Comment,
    /// The beginning of a doctype.
    Doctype,
    /// The beginning of what browsers take as a comment that ends with the next `>`.
    Bogus,
    /// Something whose name has not come whole.
    Unknown,
}

/// The longest name that is waited for. None that matters is longer; a longer one is taken for what has come of it.
const LONGEST_NAME: usize = 16;

/// What stands at the beginning; there is some.
pub(super) fn token(html: &[u8]) -> Token<'_> {
    if html[0] != b'<' {
        return Token::Text(memchr(b'<', html).unwrap_or(html.len()));
    }
    match html.get(1) {
        None => Token::Unknown,
        Some(b'!') => declaration(&html[2..]),
        Some(b'?') => Token::Bogus,
        Some(b'/') => match html.get(2) {
            None => Token::Unknown,
            Some(byte) if byte.is_ascii_alphabetic() => name(&html[2..]).map_or(Token::Unknown, Token::End),
            Some(_) => Token::Bogus,
        },
        Some(byte) if byte.is_ascii_alphabetic() => name(&html[1..]).map_or(Token::Unknown, Token::Start),
        Some(_) => Token::Text(1),
    }
}

fn declaration(rest: &[u8]) -> Token<'_> {
    let begins = |word: &[u8]| rest.len() >= word.len() && rest[..word.len()].eq_ignore_ascii_case(word);
    let may_begin = |word: &[u8]| rest.len() < word.len() && word[..rest.len()].eq_ignore_ascii_case(rest);
    match () {
        () if begins(b"--") => Token::Comment,
        () if begins(b"doctype") => Token::Doctype,
        () if may_begin(b"--") || may_begin(b"doctype") => Token::Unknown,
        () => Token::Bogus,
    }
}

/// The name of a tag, once its end has come.
fn name(html: &[u8]) -> Option<&[u8]> {
    let end = html.iter().position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>'));
    match end {
        Some(end) => Some(&html[..end]),
        None if html.len() > LONGEST_NAME => Some(html),
        None => None,
    }
}

/// What is skipped up to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Skipped {
    /// A tag, up to its `>`; within a value if a quote is open.
    Tag(Option<u8>),
    /// A comment, up to `-->`.
    Comment,
    /// Up to the next `>`.
    Bogus,
    /// The text of an element, up to its end tag.
    Raw(&'static [u8]),
}

/// Elements whose text holds no tags.
const RAW: [&[u8]; 9] =
    [b"script", b"style", b"textarea", b"title", b"xmp", b"iframe", b"noembed", b"noframes", b"plaintext"];

/// The element of that name, if its text holds no tags.
pub(super) fn raw(name: &[u8]) -> Option<&'static [u8]> {
    RAW.into_iter().find(|raw| raw.eq_ignore_ascii_case(name))
}

/// How many bytes of some HTML belong to what is skipped, and whether it ends there. What is left may be its end, which has not come
/// whole.
pub(super) fn skip(html: &[u8], skipped: &mut Skipped) -> (usize, bool) {
    match skipped {
        Skipped::Tag(quote) => skip_tag(html, quote),
        Skipped::Comment => match memmem::find(html, b"-->") {
            Some(at) => (at + 3, true),
            None => (html.len().saturating_sub(2), false),
        },
        Skipped::Bogus => memchr(b'>', html).map_or((html.len(), false), |at| (at + 1, true)),
        Skipped::Raw(name) => skip_raw(html, name),
    }
}

fn skip_tag(html: &[u8], quote: &mut Option<u8>) -> (usize, bool) {
    for (at, byte) in html.iter().enumerate() {
        match (*quote, byte) {
            (Some(open), byte) if open == *byte => *quote = None,
            (None, b'"' | b'\'') => *quote = Some(*byte),
            (None, b'>') => return (at + 1, true),
            _ => {}
        }
    }
    (html.len(), false)
}

/// The text of an element: its end tag itself is left.
fn skip_raw(html: &[u8], name: &[u8]) -> (usize, bool) {
    let mut from = 0;
    while let Some(at) = memchr(b'<', &html[from..]).map(|at| at + from) {
        let rest = &html[at..];
        let needed = name.len() + 3;
        let seen = rest.len().min(needed);
        let begins = rest.iter().zip(b"</".iter().chain(name)).all(|(a, b)| a.eq_ignore_ascii_case(b));
        let ends = rest.get(needed - 1).is_none_or(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>'));
        if begins && ends {
            return (at, seen == needed);
        }
        from = at + 1;
    }
    (html.len(), false)
}
