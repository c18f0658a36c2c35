//! `robots`: what search engines are told, in `/robots.txt` (RFC 9309) and with each answer.

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::exchange::{Content, Exchange, Step};
use crate::pipeline::plugin::{CompileContext, Plugin, PluginType};
use crate::value::method::Method;

/// What search engines and other robots are told. It keeps nobody out: those that mean well do as they are told. `/robots.txt` is
/// answered where it is a path of this route; `x-robots-tag` is sent with every answer, also of files that are no pages.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that a manifest may say")]
pub struct RobotsConfig {
    /// Whether they may list pages in their results.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub index: bool,
    /// Whether they may follow the links of pages.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub follow: bool,
    /// Whether they may show copies of pages that they keep.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub archive: bool,
    /// The whole text of `/robots.txt`. The default asks them to stay away, or with `index` to come to all pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512_000), example = &"User-agent: *\nDisallow: /search\n")]
    pub text: Option<String>,
    /// Whether `/robots.txt` is answered here, and not by the backend.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    #[schemars(extend("default" = true))]
    pub answer: bool,
}

fn example() -> serde_json::Value {
    serde_json::json!({ "index": true, "follow": true, "archive": true, "text": "User-agent: *\nDisallow: /search\n" })
}

fn yes() -> bool {
    true
}

const PATH: &str = "/robots.txt";
const STAY_AWAY: &str = "User-agent: *\nDisallow: /\n";
const COME: &str = "User-agent: *\nAllow: /\n";

/// The compiled plugin.
pub struct Robots {
    text: Option<Bytes>,
    tag: Option<Box<str>>,
}

impl PluginType for Robots {
    type Config = RobotsConfig;

    fn compile(config: &RobotsConfig, _: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        let text = config.text.clone().unwrap_or_else(|| if config.index { COME } else { STAY_AWAY }.into());
        Some(Box::new(Self { text: config.answer.then(|| text.into()), tag: tag(config) }))
    }
}

/// What `x-robots-tag` says; nothing where all is allowed.
fn tag(config: &RobotsConfig) -> Option<Box<str>> {
    let rules = [(config.index, "noindex"), (config.follow, "nofollow"), (config.archive, "noarchive")];
    let forbidden: Vec<&str> = rules.iter().filter(|(allowed, _)| !allowed).map(|(_, rule)| *rule).collect();
    (!forbidden.is_empty()).then(|| forbidden.join(", ").into())
}

impl Plugin for Robots {
    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        let is_read = matches!(exchange.request.method, Method::Get | Method::Head);
        let Some(text) = self.text.as_ref().filter(|_| is_read && exchange.request.path == PATH) else {
            return Step::Continue;
        };
        exchange.response.status = 200;
        exchange.response.fields.set("content-type", b"text/plain; charset=utf-8");
        Step::Answer(Content::Bytes(text.clone()))
    }

    fn on_response(&self, exchange: &mut Exchange<'_>) {
        if let Some(tag) = &self.tag {
            exchange.response.fields.set("x-robots-tag", tag.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{RobotsConfig, tag};

    #[test]
    fn what_is_not_allowed_is_said() {
        for (config, said) in [
            ("{}", Some("noindex, nofollow, noarchive")),
            (r#"{ "follow": true }"#, Some("noindex, noarchive")),
            (r#"{ "index": true, "follow": true, "archive": true }"#, None),
        ] {
            let config: RobotsConfig = serde_json::from_str(config).unwrap();
            assert_eq!(tag(&config).as_deref(), said);
        }
    }
}
