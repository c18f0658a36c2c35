//! Percent-encoding (RFC 3986, 2.1).

use std::borrow::Cow;
use std::fmt::Write as _;

/// The byte that two hexadecimal digits stand for.
pub fn byte(high: u8, low: u8) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

/// Decodes a text; a `%` without two digits behind it stands for itself.
pub fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'%') {
        return text.into();
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        let decoded = match (first, tail) {
            (b'%', [high, low, ..]) => byte(*high, *low),
            _ => None,
        };
        out.push(decoded.unwrap_or(*first));
        rest = if decoded.is_some() { &tail[2..] } else { tail };
    }
    out.into()
}

/// A path as it stands in a URL: all but slashes and what needs no escape is escaped, colons too, so that it is never taken for a scheme.
pub fn encode_path(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{decode, encode_path};

    #[test]
    fn paths_are_escaped_for_urls() {
        assert_eq!(encode_path("a b/é:c.txt"), "a%20b/%C3%A9%3Ac.txt");
    }

    #[test]
    fn escapes_are_decoded_once() {
        for (text, decoded) in [
            ("a", "a"),
            ("%41%62", "Ab"),
            ("%2541", "%41"),
            ("%", "%"),
            ("%4", "%4"),
            ("%zz%", "%zz%"),
            ("%C3%a9", "é"),
        ] {
            assert_eq!(&*decode(text.as_bytes()), decoded.as_bytes(), "{text}");
        }
    }
}
