//! Names of objects and paths of files beside manifests.

use std::fmt;

use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// The name of an object, a plugin or a listener: what DNS (RFC 1123) allows in a label.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Box<str>);

impl Name {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Scalar for Name {
    const FORMAT: &'static str = "gw-name";
    const DESCRIPTION: &'static str =
        "A name: lower-case letters, digits and `-`, at most 63, beginning and ending with a letter or digit.";
    const EXAMPLES: &'static [&'static str] = &["shop", "geo-api"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        if is_label(text) {
            return Ok(Self(text.into()));
        }
        let error = ScalarError::new("a name holds only lower-case letters, digits and `-`, at most 63 of them");
        if text.contains('/') {
            return Err(error.help("write the name alone: it is looked up in the namespace of this object"));
        }
        let mended: String = text
            .to_ascii_lowercase()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect::<String>()
            .trim_matches('-')
            .to_owned();
        Err(if is_label(&mended) { error.suggest(mended) } else { error })
    }
}

scalar!(Name);

fn is_label(text: &str) -> bool {
    let ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    matches!(bytes, [first, .., last] if ok(*first) && ok(*last))
        && bytes.len() <= 63
        && bytes.iter().all(|b| ok(*b) || *b == b'-')
        || matches!(bytes, [only] if ok(*only))
}

/// A path of a file or folder, relative to the manifest that names it and inside the root folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AssetPath(Box<str>);

impl AssetPath {
    /// Its text, with `/` between segments.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AssetPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Scalar for AssetPath {
    const FORMAT: &'static str = "gw-asset-path";
    const DESCRIPTION: &'static str =
        "A path relative to this manifest, with `/` between segments; it stays inside the root folder.";
    const EXAMPLES: &'static [&'static str] = &["site", "assets/openapi.json"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        if text.is_empty() || text.contains('\0') {
            return Err(ScalarError::new("a path of a file cannot be empty"));
        }
        if text.starts_with('/') || text.contains('\\') || text.as_bytes().get(1) == Some(&b':') {
            return Err(ScalarError::new("the path of a file is relative to its manifest, with `/` between segments")
                .help("put the file beside the manifest and write for example `assets/page.html`"));
        }
        Ok(Self(text.into()))
    }
}

scalar!(AssetPath);

#[cfg(test)]
mod tests {
    use super::{AssetPath, Name, Scalar};

    #[test]
    fn names_are_dns_labels() {
        assert!(["a", "a1", "geo-api", "7"].iter().all(|n| Name::parse(n).is_ok()));
        assert!(["", "-a", "a-", "A", "a_b", "a.b", &"a".repeat(64)].iter().all(|n| Name::parse(n).is_err()));
        assert_eq!(Name::parse("Geo_Api").unwrap_err().suggestion.as_deref(), Some("geo-api"));
    }

    #[test]
    fn asset_paths_are_relative() {
        assert!(AssetPath::parse("site/../x").is_ok(), "whether it stays inside is decided where it is joined");
        assert!(["", "/etc/passwd", "a\\b", "c:/x"].iter().all(|p| AssetPath::parse(p).is_err()));
    }
}
