//! Patterns for media types (RFC 9110, 8.3.1): one type, all of a kind, or all that are built on the same format.

use std::fmt;

use crate::value::method::is_token;
use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// A pattern such as `application/json`, `text/*` or `application/*+json`, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MediaTypes(Box<str>);

impl MediaTypes {
    /// Whether a `content-type` is of such a type. Its parameters don't matter.
    pub fn matches(&self, content_type: &[u8]) -> bool {
        let essence = essence(content_type);
        let Some((start, end)) = self.0.split_once('*') else {
            return essence.eq_ignore_ascii_case(self.0.as_bytes());
        };
        let (start, end) = (start.as_bytes(), end.as_bytes());
        essence.len() > start.len() + end.len()
            && essence[..start.len()].eq_ignore_ascii_case(start)
            && essence[essence.len() - end.len()..].eq_ignore_ascii_case(end)
    }
}

/// A `content-type` without its parameters.
pub fn essence(content_type: &[u8]) -> &[u8] {
    content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii()
}

impl fmt::Display for MediaTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Scalar for MediaTypes {
    const FORMAT: &'static str = "gw-media-types";
    const DESCRIPTION: &'static str = "A media type such as `application/json`, all types of a kind such as `text/*`, or all types with a suffix such as `application/*+json`.";
    const EXAMPLES: &'static [&'static str] = &["text/*", "application/json", "application/*+json"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        if let Some((bare, _)) = text.split_once(';') {
            let error = ScalarError::new("a media type is written without parameters: it stands for all of them");
            let bare = bare.trim();
            return Err(if Self::parse(bare).is_ok() { error.suggest(bare) } else { error });
        }
        let wrong = || ScalarError::new("a media type is a type, `/` and a subtype, such as `text/html` or `text/*`");
        let (kind, subtype) = text.split_once('/').ok_or_else(wrong)?;
        let plain = |name: &str| !name.is_empty() && name.bytes().all(|byte| is_token(byte) && byte != b'*');
        let subtype_is_right = match subtype.strip_prefix('*') {
            None => plain(subtype),
            Some("") => true,
            Some(suffix) => suffix.strip_prefix('+').is_some_and(plain),
        };
        if !plain(kind) || !subtype_is_right {
            return Err(wrong());
        }
        Ok(Self(text.to_ascii_lowercase().into()))
    }
}

scalar!(MediaTypes);

#[cfg(test)]
mod tests {
    use super::{MediaTypes, Scalar as _};

    #[test]
    fn patterns_match_what_they_say() {
        for (pattern, content_type, matches) in [
            ("text/html", "text/html", true),
            ("text/html", "Text/HTML ; charset=utf-8", true),
            ("text/html", "text/html5", false),
            ("text/*", "text/css", true),
            ("text/*", "text/", false),
            ("text/*", "application/text", false),
            ("application/*+json", "application/problem+json", true),
            ("application/*+json", "application/json", false),
            ("application/*+json", "application/+json", false),
            ("text/*", "", false),
        ] {
            let pattern = MediaTypes::parse(pattern).unwrap();
            assert_eq!(pattern.matches(content_type.as_bytes()), matches, "{pattern} {content_type}");
        }
        for bad in ["", "text", "text/", "/html", "*/*", "text/*html", "text/*+", "te xt/html", "text/ht*ml"] {
            assert!(MediaTypes::parse(bad).is_err(), "{bad}");
        }
        let suggestion = MediaTypes::parse("text/html; charset=utf-8").unwrap_err().suggestion;
        assert_eq!(suggestion, Some("text/html".into()));
    }
}
