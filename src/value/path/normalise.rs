//! The one normalisation of request paths, before they are matched and forwarded (RFC 3986, 6.2.2).
//!
//! What is matched is what is sent upstream, so a path that two servers may read differently is refused. It knows
//! no query and no `*`: the caller has dealt with both.

use crate::value::percent;

/// Why a request's path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It is empty, or begins with something else.
    #[error("a path begins with `/`")]
    NotAbsolute,
    /// Too many `..`.
    #[error("`..` leads above the root")]
    AboveRoot,
    /// A `%` alone.
    #[error("`%` is not followed by two hexadecimal digits")]
    Escape,
    /// `?` or `#`.
    #[error("`?` and `#` are no part of a path")]
    Delimiter,
    /// `\`, `%5c` or `%2f`: some servers end a segment there, others don't.
    #[error("a backslash, or an escaped slash or backslash")]
    Slash,
    /// A control character, escaped or not.
    #[error("a control character")]
    Control,
    /// Not UTF-8 after decoding, or an overlong form of it.
    #[error("not UTF-8 when decoded")]
    NotUtf8,
    /// `..;x`: some servers cut the parameter off, and then see a dot segment.
    #[error("a dot segment with a parameter")]
    DotParameter,
    /// `%252f` and the like: what is refused, escaped twice.
    #[error("a dot, a slash, a backslash or a control character is escaped twice")]
    EscapedTwice,
}

/// Writes the normal form of a path into `out`, which is empty after an error. What is in normal form is copied.
///
/// Escapes of unreserved characters are decoded, the others written in upper case; what a path may not hold is
/// escaped; empty segments are dropped, then dot segments resolved. The result begins with `/` and is ASCII.
///
/// # Errors
/// The path is refused: it is malformed, or could mean two things.
pub fn normalise(raw: &[u8], out: &mut String) -> Result<(), PathError> {
    out.clear();
    let path = raw.strip_prefix(b"/").ok_or(PathError::NotAbsolute)?;
    if is_normal(raw)
        && let Ok(text) = std::str::from_utf8(raw)
    {
        out.push_str(text);
        return Ok(());
    }
    resolve(path, out).inspect_err(|_| out.clear())
}

/// Whether nothing has to change; says no to the rarer paths for which this takes a closer look.
fn is_normal(path: &[u8]) -> bool {
    let mut previous = 0;
    path.iter().all(|&byte| {
        let suspect = previous == b'/' && (byte == b'/' || byte == b'.');
        previous = byte;
        !suspect && (is_plain(byte) || byte == b'/')
    })
}

fn resolve(path: &[u8], out: &mut String) -> Result<(), PathError> {
    let mut segments = path.split(|byte| *byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        let start = out.len();
        out.push('/');
        encode(segment, out)?;
        let above = match &out[start + 1..] {
            "" | "." => start,
            ".." => out[..start].rfind('/').ok_or(PathError::AboveRoot)?,
            kept => {
                check(kept)?;
                continue;
            }
        };
        out.truncate(above);
        if segments.peek().is_none() {
            out.push('/');
        }
    }
    Ok(())
}

/// Writes the normal form of a segment, or of a part of one.
pub(super) fn encode(segment: &[u8], out: &mut String) -> Result<(), PathError> {
    let mut rest = segment;
    while let Some((unit, after)) = next(rest)? {
        rest = after;
        match unit.byte {
            b'/' | b'\\' => return Err(PathError::Slash),
            b'?' | b'#' if !unit.escaped => return Err(PathError::Delimiter),
            byte if byte.is_ascii_control() => return Err(PathError::Control),
            byte if !byte.is_ascii() => rest = encode_character(byte, rest, out)?,
            byte if is_unreserved(byte) || !unit.escaped && is_plain(byte) => out.push(char::from(byte)),
            byte => push_escape(byte, out),
        }
    }
    Ok(())
}

/// Refuses a normalised segment that someone behind us could read as another one.
pub(super) fn check(segment: &str) -> Result<(), PathError> {
    if let Some(rest) = segment.strip_prefix("..").or_else(|| segment.strip_prefix('.'))
        && [";", "%3B", "%25"].iter().any(|parameter| rest.starts_with(parameter))
    {
        return Err(PathError::DotParameter);
    }
    let escaped_twice = segment.match_indices("%25").any(|(at, percent)| {
        let digits = segment[at + percent.len()..].trim_start_matches("25").as_bytes();
        matches!(digits, [high, low, ..] if percent::byte(*high, *low).is_some_and(is_dangerous))
    });
    if escaped_twice { Err(PathError::EscapedTwice) } else { Ok(()) }
}

struct Unit {
    byte: u8,
    escaped: bool,
}

/// The next byte, decoded, and what is behind it.
fn next(rest: &[u8]) -> Result<Option<(Unit, &[u8])>, PathError> {
    match rest {
        [] => Ok(None),
        [b'%', high, low, after @ ..] => {
            let byte = percent::byte(*high, *low).ok_or(PathError::Escape)?;
            Ok(Some((Unit { byte, escaped: true }, after)))
        }
        [b'%', ..] => Err(PathError::Escape),
        [byte, after @ ..] => Ok(Some((Unit { byte: *byte, escaped: false }, after))),
    }
}

/// Writes a character outside ASCII, of which the first byte is read, and returns what is behind it.
fn encode_character<'a>(first: u8, mut rest: &'a [u8], out: &mut String) -> Result<&'a [u8], PathError> {
    let length = match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Err(PathError::NotUtf8),
    };
    let mut bytes = [first, 0, 0, 0];
    for byte in &mut bytes[1..length] {
        let (unit, after) = next(rest)?.ok_or(PathError::NotUtf8)?;
        (*byte, rest) = (unit.byte, after);
    }
    let bytes = &bytes[..length];
    let text = std::str::from_utf8(bytes).map_err(|_| PathError::NotUtf8)?;
    if text.chars().any(char::is_control) {
        return Err(PathError::Control);
    }
    for byte in bytes {
        push_escape(*byte, out);
    }
    Ok(rest)
}

fn push_escape(byte: u8, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    out.push(char::from(DIGITS[usize::from(byte >> 4)]));
    out.push(char::from(DIGITS[usize::from(byte & 15)]));
}

fn is_dangerous(byte: u8) -> bool {
    byte.is_ascii_control() || matches!(byte, b'.' | b'/' | b'\\')
}

/// RFC 3986, 2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// What may stand in a segment without an escape: `pchar` of RFC 3986, 3.3.
fn is_plain(byte: u8) -> bool {
    static PLAIN: [bool; 256] = {
        let mut table = [false; 256];
        let mut byte = 0_u8;
        while byte < 128 {
            let sub_delimiter =
                matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=');
            table[byte as usize] = is_unreserved(byte) || sub_delimiter || matches!(byte, b':' | b'@');
            byte += 1;
        }
        table
    };
    PLAIN[usize::from(byte)]
}

#[cfg(test)]
mod tests {
    use super::{PathError, normalise};

    fn normal(raw: &[u8]) -> Result<String, PathError> {
        let mut out = String::from("what was there");
        let result = normalise(raw, &mut out);
        assert!(result.is_ok() || out.is_empty());
        result.map(|()| out)
    }

    #[test]
    fn one_form_for_every_spelling() {
        for (raw, expected) in [
            ("/", "/"),
            ("/a/b", "/a/b"),
            ("/a/b/", "/a/b/"),
            ("/.well-known/x", "/.well-known/x"),
            ("/a..b/...", "/a..b/..."),
            ("/%61%2D%2e%5F%7e", "/a-._~"),
            ("/%3a%c3%A9", "/%3A%C3%A9"),
            ("/é[1]|{x}\"", "/%C3%A9%5B1%5D%7C%7Bx%7D%22"),
            ("/a//b///c//", "/a/b/c/"),
            ("//", "/"),
            ("/.", "/"),
            ("/./a/.", "/a/"),
            ("/a/..", "/"),
            ("/a/b/../c", "/a/c"),
            ("/a/%2e%2E/c/./d/..", "/c/"),
            ("/a//../b", "/b"),
            ("/a;v=1/b;w", "/a;v=1/b;w"),
            ("/100%25", "/100%25"),
            ("/%2541%253A", "/%2541%253A"),
            ("/a%3fb%23", "/a%3Fb%23"),
            ("/a b", "/a%20b"),
        ] {
            assert_eq!(normal(raw.as_bytes()).as_deref(), Ok(expected), "{raw}");
            assert_eq!(normal(expected.as_bytes()).as_deref(), Ok(expected), "{raw} again");
        }
    }

    #[test]
    fn what_could_mean_two_things_is_refused() {
        use PathError::{
            AboveRoot, Control, Delimiter, DotParameter, Escape, EscapedTwice, NotAbsolute, NotUtf8, Slash,
        };
        for (raw, expected) in [
            (&b""[..], NotAbsolute),
            (b"*", NotAbsolute),
            (b"a/b", NotAbsolute),
            (b"/..", AboveRoot),
            (b"/a/../../b", AboveRoot),
            (b"/%2e%2e/b", AboveRoot),
            (b"/%", Escape),
            (b"/%4", Escape),
            (b"/%4g", Escape),
            (b"/%+1", Escape),
            (b"/a?b", Delimiter),
            (b"/a#b", Delimiter),
            (b"/a%2fb", Slash),
            (b"/a%5Cb", Slash),
            (b"/a\\b", Slash),
            (b"/a%00", Control),
            (b"/a%0a", Control),
            (b"/a\x7f", Control),
            (b"/%c2%85", Control),
            (b"/%c0%ae", NotUtf8),
            (b"/%e0%80%af", NotUtf8),
            (b"/%ed%a0%80", NotUtf8),
            (b"/%c3", NotUtf8),
            (b"/%c3/%a9", NotUtf8),
            (b"/\xff", NotUtf8),
            (b"/a/..;/b", DotParameter),
            (b"/a/.;x", DotParameter),
            (b"/a/%2e%2e%3bx/b", DotParameter),
            (b"/a/..%253b/b", DotParameter),
            (b"/a%252fb", EscapedTwice),
            (b"/a%252Fb", EscapedTwice),
            (b"/a%255c", EscapedTwice),
            (b"/%252e%252e/", EscapedTwice),
            (b"/a%2500", EscapedTwice),
            (b"/a%25252f", EscapedTwice),
            (b"/a%25%32%66", EscapedTwice),
        ] {
            assert_eq!(normal(raw), Err(expected), "{}", String::from_utf8_lossy(raw));
        }
    }
}
