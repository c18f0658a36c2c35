//! `bodyRewrite`: replaces texts in the bodies of answers.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use memchr::memmem::Finder;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::{Code, Severity};
use crate::pipeline::body::{BrokenOff, Transform};
use crate::pipeline::coding::Coding;
use crate::pipeline::exchange::{Exchange, Step};
use crate::pipeline::plugin::{CompileContext, Plugin, PluginType};
use crate::value::Scalar as _;
use crate::value::media_type::{MediaTypes, essence};
use crate::value::search::SearchPattern;
use crate::value::size::Size;

/// Replaces texts in answers, such as the name that a backend has for itself in its links.
///
/// An answer is held until it is whole, for a text may stand anywhere; one that is larger than `maxSize`, before or after, passes
/// unchanged. Its coding stays. Streams of events, parts of a file and what says `cache-control: no-transform` are left as they are.
/// To write into HTML pages, `htmlPatch` needs no memory.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct BodyRewriteConfig {
    /// What is replaced, one after the other.
    #[schemars(length(min = 1, max = 100))]
    pub replace: Vec<Replacement>,
    /// The media types in which it is.
    #[serde(default = "types")]
    #[schemars(length(min = 1), extend("uniqueItems" = true))]
    pub types: Vec<MediaTypes>,
    /// Larger answers pass unchanged.
    #[serde(default = "max_size")]
    #[schemars(example = &"256KiB")]
    pub max_size: Size,
}

/// One text that is replaced: either `text` or `regex`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Replacement {
    /// The text that is searched for, as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096), example = &"http://shop.internal:8080")]
    pub text: Option<String>,
    /// The regular expression that is searched for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regex: Option<SearchPattern>,
    /// What stands there afterwards. With `regex`, `$1` or `$name` is what a group has found, and `$$` a dollar sign.
    #[schemars(length(max = 4096), example = &"https://shop.example")]
    pub with: String,
}

fn example() -> serde_json::Value {
    serde_json::json!({
        "replace": [
            { "text": "http://shop.internal:8080", "with": "https://shop.example" },
            { "regex": "/v[12]/(\\w+)", "with": "/v3/$1" },
        ],
    })
}

/// What is text, or built like it.
const TYPES: [&str; 7] = [
    "text/*",
    "application/javascript",
    "application/json",
    "application/*+json",
    "application/xml",
    "application/*+xml",
    "image/svg+xml",
];

#[expect(clippy::expect_used, reason = "the texts are fixed")]
fn types() -> Vec<MediaTypes> {
    TYPES.iter().map(|text| MediaTypes::parse(text).expect("a literal")).collect()
}

fn max_size() -> Size {
    Size::from_mib(1)
}

/// The compiled plugin.
pub struct BodyRewrite {
    types: Vec<MediaTypes>,
    most: usize,
    searches: Arc<[Search]>,
}

/// What is searched for, and what stands there afterwards.
enum Search {
    Text(Box<Finder<'static>>, Box<[u8]>),
    Regex(SearchPattern, Box<[u8]>),
}

impl PluginType for BodyRewrite {
    type Config = BodyRewriteConfig;
    const CODES: &'static [&'static Code] = &[&NO_SEARCH];

    fn compile(config: &BodyRewriteConfig, context: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        let searches: Vec<Option<Search>> = config.replace.iter().map(Search::of).collect();
        for (n, _) in searches.iter().enumerate().filter(|(_, search)| search.is_none()) {
            let message = "a replacement has either `text` or `regex`";
            context.report(&NO_SEARCH, format!("/replace/{n}"), message, "write one of them, and what stands there `with`");
        }
        let searches: Option<Arc<[Search]>> = searches.into_iter().collect();
        let most = usize::try_from(config.max_size.bytes()).unwrap_or(usize::MAX);
        Some(Box::new(Self { types: config.types.clone(), most, searches: searches? }))
    }
}

impl Search {
    fn of(replacement: &Replacement) -> Option<Self> {
        let with = replacement.with.as_bytes().into();
        match (&replacement.text, &replacement.regex) {
            (Some(text), None) => Some(Self::Text(Box::new(Finder::new(text).into_owned()), with)),
            (None, Some(regex)) => Some(Self::Regex(regex.clone(), with)),
            _ => None,
        }
    }

    /// A text with all that is found replaced; `None` if it would become longer than it may.
    fn replaced<'a>(&self, text: Cow<'a, [u8]>, most: usize) -> Option<Cow<'a, [u8]>> {
        let mut out = Vec::new();
        let mut from = 0;
        let mut add = |at: Range<usize>, write: &dyn Fn(&mut Vec<u8>)| {
            out.extend_from_slice(&text[from..at.start]);
            write(&mut out);
            from = at.end;
            out.len() <= most
        };
        let fits = match self {
            Self::Text(finder, with) => {
                let length = finder.needle().len();
                finder.find_iter(&text).all(|at| add(at..at + length, &|out| out.extend_from_slice(with)))
            }
            Self::Regex(pattern, with) => pattern
                .regex()
                .captures_iter(&text)
                .all(|found| found.get(0).is_none_or(|whole| add(whole.range(), &|out| found.expand(with, out)))),
        };
        if from == 0 && out.is_empty() {
            return Some(text);
        }
        out.extend_from_slice(&text[from..]);
        (fits && out.len() <= most).then_some(Cow::Owned(out))
    }
}

impl Plugin for BodyRewrite {
    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        exchange.ask_for_readable();
        Step::Continue
    }

    fn on_response(&self, exchange: &mut Exchange<'_>) {
        let response = &exchange.response;
        let content_type = response.fields.get("content-type").unwrap_or_default();
        if matches!(response.status, 206 | 304)
            || response.fields.get("content-range").is_some()
            || response.is_sealed()
            || essence(content_type).eq_ignore_ascii_case(b"text/event-stream")
            || !self.types.iter().any(|types| types.matches(content_type))
            || exchange.body_length().is_some_and(|length| length > self.most as u64)
        {
            return;
        }
        let Ok(coding) = Coding::of_answer(exchange.response) else { return };
        let held = Some(BytesMut::new());
        exchange.transform_content(coding, Rewriting { searches: Arc::clone(&self.searches), most: self.most, held });
    }
}

/// Holds a body until it is whole, or too large.
struct Rewriting {
    searches: Arc<[Search]>,
    most: usize,
    /// Nothing once it has become too large.
    held: Option<BytesMut>,
}

impl Transform for Rewriting {
    fn take(&mut self, piece: Option<Bytes>) -> Result<Bytes, BrokenOff> {
        let Some(held) = &mut self.held else { return Ok(piece.unwrap_or_default()) };
        let Some(piece) = piece else {
            let whole = std::mem::take(held).freeze();
            let found = self.searches.iter().try_fold(Cow::Borrowed(&whole[..]), |text, one| one.replaced(text, self.most));
            let changed = match found {
                Some(Cow::Owned(text)) => Some(Bytes::from(text)),
                Some(Cow::Borrowed(_)) | None => None,
            };
            return Ok(changed.unwrap_or(whole));
        };
        held.extend_from_slice(&piece);
        if held.len() <= self.most {
            return Ok(Bytes::new());
        }
        Ok(self.held.take().unwrap_or_default().freeze())
    }
}

static NO_SEARCH: Code = Code {
    id: "GW3030",
    name: "replacement-without-search",
    severity: Severity::Error,
    page: "\
# GW3030: replacement-without-search

A replacement of `bodyRewrite` says what is searched for in one way: as a `text`, or as a `regex`. With neither there is nothing to
find, and with both it would not be clear what is.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: shop }
spec:
  public: true
  plugins:
    - bodyRewrite: { replace: [{ with: \"https://shop.example\" }] }
    - respond: { body: \"see http://shop.internal\" }
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: shop }
spec:
  public: true
  plugins:
    - bodyRewrite: { replace: [{ text: \"http://shop.internal\", with: \"https://shop.example\" }] }
    - respond: { body: \"see http://shop.internal\" }
```
",
};

#[cfg(test)]
mod tests {
    use super::{Replacement, Rewriting, Search};
    use crate::pipeline::body::Transform as _;
    use bytes::{Bytes, BytesMut};

    fn rewritten(pieces: &[&'static str], most: usize, replace: serde_json::Value) -> String {
        let replace: Vec<Replacement> = serde_json::from_value(replace).unwrap();
        let searches = replace.iter().map(|one| Search::of(one).unwrap()).collect();
        let mut rewriting = Rewriting { searches, most, held: Some(BytesMut::new()) };
        let mut out = Vec::new();
        for piece in pieces.iter().map(|piece| Some(Bytes::from_static(piece.as_bytes()))).chain([None]) {
            out.extend_from_slice(&rewriting.take(piece).unwrap());
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn texts_are_found_wherever_pieces_end() {
        let replace = serde_json::json!([{ "text": "cat", "with": "dog" }, { "regex": "d(o)g?", "with": "<$1>" }]);
        assert_eq!(rewritten(&["a c", "a", "t, do"], 100, replace.clone()), "a <o>, <o>");
        assert_eq!(rewritten(&["nothing"], 100, replace.clone()), "nothing");
        assert_eq!(rewritten(&[], 100, replace), "");
    }

    #[test]
    fn what_is_or_becomes_too_large_passes_unchanged() {
        let replace = serde_json::json!([{ "text": "a", "with": "aaaa" }]);
        assert_eq!(rewritten(&["aa"], 8, replace.clone()), "aaaaaaaa");
        assert_eq!(rewritten(&["aaa"], 8, replace.clone()), "aaa");
        assert_eq!(rewritten(&["aaaaa", "aaaa"], 8, replace), "aaaaaaaaa");
    }
}
