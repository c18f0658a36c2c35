//! Content security policies (CSP Level 3), as far as their syntax goes: directives, and what may stand in their lists.

use std::fmt;

use crate::value::did_you_mean::did_you_mean;
use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// A content security policy: what a page may load, run and be shown in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ContentPolicy(Box<str>);

impl ContentPolicy {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ContentPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Directives whose list holds sources.
const SOURCE_LISTS: &[&str] = &[
    "base-uri",
    "child-src",
    "connect-src",
    "default-src",
    "fenced-frame-src",
    "font-src",
    "form-action",
    "frame-ancestors",
    "frame-src",
    "img-src",
    "manifest-src",
    "media-src",
    "object-src",
    "prefetch-src",
    "script-src",
    "script-src-attr",
    "script-src-elem",
    "style-src",
    "style-src-attr",
    "style-src-elem",
    "worker-src",
];

/// Directives with something else, or with nothing.
const OTHERS: &[&str] = &[
    "block-all-mixed-content",
    "plugin-types",
    "report-to",
    "report-uri",
    "require-trusted-types-for",
    "sandbox",
    "trusted-types",
    "upgrade-insecure-requests",
];

/// Sources that are words: they stand in quotes, for without them they would be hosts.
const KEYWORDS: &[&str] = &[
    "inline-speculation-rules",
    "none",
    "report-sample",
    "self",
    "strict-dynamic",
    "trusted-types-eval",
    "unsafe-allow-redirects",
    "unsafe-eval",
    "unsafe-hashes",
    "unsafe-inline",
    "wasm-unsafe-eval",
];

/// What a source in quotes begins with that is no word.
const QUOTED: &[&str] = &["nonce-", "sha256-", "sha384-", "sha512-"];

impl Scalar for ContentPolicy {
    const FORMAT: &'static str = "gw-content-policy";
    const DESCRIPTION: &'static str = "A content security policy: directives with `;` between them, each with its sources. Words such as `'self'` \
         stand in single quotes.";
    const EXAMPLES: &'static [&'static str] = &["default-src 'self'; img-src 'self' data: https://tiles.example"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        if let Some((at, c)) = text.char_indices().find(|(_, c)| !matches!(c, ' '..='~')) {
            return Err(ScalarError::new("a policy is one line of ASCII").range(at, at + c.len_utf8()));
        }
        if let Some(at) = text.find(',') {
            let error = ScalarError::new("a comma ends a policy: browsers read what follows as another one");
            return Err(error.help("sources have spaces between them, directives `;`").range(at, at + 1));
        }
        let (mut seen, mut start) = (Vec::new(), 0);
        for directive in text.split(';') {
            if let Some(name) = read_directive(text, directive, start, &seen)? {
                seen.push(name);
            }
            start += directive.len() + 1;
        }
        if seen.is_empty() {
            return Err(ScalarError::new("a policy has a directive, such as `default-src 'self'`"));
        }
        Ok(Self(text.into()))
    }
}

scalar!(ContentPolicy);

/// Checks a directive, which begins at `start`, and gives its name in lower case; `None` if nothing stands there.
fn read_directive(text: &str, directive: &str, start: usize, seen: &[String]) -> Result<Option<String>, ScalarError> {
    let mut words = directive.split(' ').filter(|word| !word.is_empty());
    let Some(written) = words.next() else { return Ok(None) };
    let at = |word: &str| {
        let from = word.as_ptr() as usize - directive.as_ptr() as usize + start;
        (from, from + word.len())
    };
    let name = written.to_ascii_lowercase();
    let (from, to) = at(written);
    if seen.contains(&name) {
        return Err(
            ScalarError::new(format!("`{name}` stands twice, and browsers read the first one only")).range(from, to)
        );
    }
    let is_source_list = SOURCE_LISTS.contains(&&*name);
    if !is_source_list && !OTHERS.contains(&&*name) {
        let error = ScalarError::new(format!("there is no directive `{}`", written.escape_debug())).range(from, to);
        return Err(match did_you_mean(&name, SOURCE_LISTS.iter().chain(OTHERS).copied()) {
            Some(near) => error.suggest(replaced(text, from, to, near)),
            None => error.help("a policy has directives such as `default-src`, `script-src` and `img-src`"),
        });
    }
    if !is_source_list {
        return Ok(Some(name));
    }
    let sources: Vec<&str> = words.collect();
    for source in &sources {
        let (from, to) = at(source);
        check_source(source, text, from, to)?;
        if source.eq_ignore_ascii_case("'none'") && sources.len() > 1 {
            return Err(
                ScalarError::new("`'none'` stands alone: beside other sources it has no effect").range(from, to)
            );
        }
    }
    Ok(Some(name))
}

fn check_source(source: &str, text: &str, from: usize, to: usize) -> Result<(), ScalarError> {
    let lower = source.to_ascii_lowercase();
    let is_word = |word: &str| KEYWORDS.contains(&word);
    let wrong = |message: String| ScalarError::new(message).range(from, to);
    let Some(inner) = lower.strip_prefix('\'') else {
        let bare = lower.trim_matches(['\'', '"']);
        if is_word(bare) || QUOTED.iter().any(|start| bare.starts_with(start)) {
            let quoted = format!("'{}'", source.trim_matches(['\'', '"']));
            let error = wrong(format!("`{}` is read as a host", source.escape_debug()));
            return Err(error.suggest(replaced(text, from, to, &quoted)).help(format!("write `{quoted}`")));
        }
        return match source.find(['"', '\'']) {
            Some(_) => Err(wrong(format!("`{}` is no source", source.escape_debug()))),
            None => Ok(()),
        };
    };
    let word = inner.strip_suffix('\'').unwrap_or(inner);
    let is_valued = |start: &&str| word.strip_prefix(*start).is_some_and(|value| !value.is_empty());
    if inner.ends_with('\'') && (is_word(word) || QUOTED.iter().any(is_valued)) {
        return Ok(());
    }
    let error = wrong(format!("there is no source `{}`", source.escape_debug()));
    let is_unvalued = QUOTED.iter().any(|start| word.starts_with(start));
    let near =
        if is_word(word) { Some(word) } else { did_you_mean(word, KEYWORDS.iter().copied()).filter(|_| !is_unvalued) };
    Err(match near {
        Some(near) => error.suggest(replaced(text, from, to, &format!("'{near}'"))),
        None => error.help("in quotes stand words such as `'self'`, and hashes such as `'sha256-…'`"),
    })
}

fn replaced(text: &str, from: usize, to: usize, instead: &str) -> String {
    format!("{}{instead}{}", &text[..from], &text[to..])
}

#[cfg(test)]
mod tests {
    use super::{ContentPolicy, Scalar};

    #[test]
    fn policies_are_read() {
        for text in [
            "default-src 'self'",
            "default-src 'none'; script-src 'self' 'nonce-abc' 'sha256-xyz=' https://cdn.example:8443/js/ *.example wss: data:;",
            "upgrade-insecure-requests; sandbox allow-scripts allow-forms; report-to csp",
            "Frame-Ancestors 'self' https://a.example; trusted-types a b 'allow-duplicates'",
            "img-src *; object-src",
        ] {
            assert_eq!(ContentPolicy::parse(text).map(|policy| policy.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn mistakes_are_found_at_their_place() {
        for (text, wrong, suggestion) in [
            ("default-src self", "self", Some("default-src 'self'")),
            ("default-src 'slf'", "'slf'", Some("default-src 'self'")),
            ("a; img-src *", "a", None),
            ("img-src *; scrip-src 'self'", "scrip-src", Some("img-src *; script-src 'self'")),
            ("img-src *; IMG-SRC a.example", "IMG-SRC", None),
            ("img-src 'none' a.example", "'none'", None),
            ("img-src *, default-src *", ",", None),
            ("img-src 'self", "'self", Some("img-src 'self'")),
            ("script-src nonce-abc", "nonce-abc", Some("script-src 'nonce-abc'")),
            ("script-src 'nonce-'", "'nonce-'", None),
            ("img-src é", "é", None),
        ] {
            let error = ContentPolicy::parse(text).unwrap_err();
            assert_eq!(error.range.map(|(from, to)| &text[from..to]), Some(wrong), "{text}");
            assert_eq!(error.suggestion.as_deref(), suggestion, "{text}");
        }
        assert!(ContentPolicy::parse(" ; ").is_err());
    }
}
