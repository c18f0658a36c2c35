//! `clientCache`: how long browsers and shared caches on the way may keep answers (RFC 9111, 5.2; RFC 5861; RFC 8246).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::exchange::Exchange;
use crate::pipeline::plugin::{CompileContext, PLUGIN_SHAPE, Plugin, PluginType};
use crate::value::lifetime::Lifetime;
use crate::value::path::PathGlob;

/// What `cache-control` says of answers, by rules of which the first that fits decides. The gateway itself keeps nothing by it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct ClientCacheConfig {
    /// The rules, in the order in which they are tried. An answer that none fits is left as it is.
    #[schemars(length(min = 1, max = 1000))]
    pub rules: Vec<CacheRule>,
    /// Whether a rule decides also where the backend says something itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replace: bool,
}

/// For which answers it is, and how long they may be kept. All given conditions hold.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that a manifest may say")]
pub struct CacheRule {
    /// The path of the request matches one of these patterns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub paths: Vec<PathGlob>,
    /// The media type of the answer is one of these; `image/*` is all of a kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true), inner(regex(pattern = "^[a-z0-9.+-]+/([a-z0-9.+-]+|\\*)$")), example = types_example())]
    pub types: Vec<String>,
    /// The status of the answer is one of these. The default is those that caches keep by themselves, but for errors other than 404 and
    /// 410: 200, 203, 204, 206, 300, 301, 304, 308, 404, 410.
    #[serde(default = "statuses")]
    #[schemars(length(min = 1), extend("uniqueItems" = true), inner(range(min = 200, max = 599)), example = statuses_example())]
    pub statuses: Vec<u16>,
    /// How long it may be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Lifetime>,
    /// How long shared caches may keep it, in place of `maxAge`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_max_age: Option<Lifetime>,
    /// Whether only the browser of the user may keep it, and no shared cache.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
    /// Whether nobody may keep it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_store: bool,
    /// Whether whoever keeps it asks each time if it still holds.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub revalidate: bool,
    /// Whether it never changes as long as it may be kept, so that not even a reload asks for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub immutable: bool,
    /// For how long after that it may be shown while it is asked for anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_while_revalidate: Option<Lifetime>,
    /// For how long after that it may be shown where asking anew fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_if_error: Option<Lifetime>,
}

fn example() -> serde_json::Value {
    serde_json::json!({ "rules": [
        { "paths": ["/assets/**"], "maxAge": "365d", "immutable": true },
        { "types": ["text/html"], "revalidate": true },
    ] })
}

fn statuses_example() -> serde_json::Value {
    serde_json::json!([200, 304])
}

fn types_example() -> serde_json::Value {
    serde_json::json!(["image/*", "text/css"])
}

fn statuses() -> Vec<u16> {
    vec![200, 203, 204, 206, 300, 301, 304, 308, 404, 410]
}

impl CacheRule {
    /// What `cache-control` says.
    fn value(&self) -> String {
        if self.no_store {
            return "no-store".into();
        }
        let seconds = |name: &str, age: Option<Lifetime>| age.map(|age| format!("{name}={}", age.get().as_secs()));
        let flag = |name: &str, given: bool| given.then(|| name.to_owned());
        let directives = [
            flag("private", self.private),
            seconds("max-age", self.max_age),
            seconds("s-maxage", self.shared_max_age),
            flag("no-cache", self.revalidate),
            flag("immutable", self.immutable),
            seconds("stale-while-revalidate", self.stale_while_revalidate),
            seconds("stale-if-error", self.stale_if_error),
        ];
        directives.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// What contradicts itself in it: the field, and why.
    fn contradiction(&self) -> Option<(&'static str, &'static str)> {
        let ages = self.max_age.is_some() || self.shared_max_age.is_some();
        let stale = self.stale_while_revalidate.is_some() || self.stale_if_error.is_some();
        match () {
            () if self.no_store && (ages || stale || self.private || self.revalidate || self.immutable) => {
                Some(("/noStore", "what nobody may keep has no age"))
            }
            () if self.private && self.shared_max_age.is_some() => {
                Some(("/sharedMaxAge", "`private` keeps it from shared caches"))
            }
            () if self.immutable && (self.max_age.is_none() || self.revalidate) => {
                Some(("/immutable", "what never changes needs an age, and is not asked for anew"))
            }
            () if self.value().is_empty() => Some(("", "the rule does not say how long answers may be kept")),
            () => None,
        }
    }

    fn fits(&self, path: &str, status: u16, media_type: &[u8]) -> bool {
        self.statuses.contains(&status)
            && (self.paths.is_empty() || self.paths.iter().any(|glob| glob.matches(path)))
            && (self.types.is_empty() || self.types.iter().any(|kind| is_of(media_type, kind)))
    }
}

/// Whether a `content-type` is of a kind, such as `image/*`.
fn is_of(media_type: &[u8], kind: &str) -> bool {
    let essence = media_type.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
    match kind.strip_suffix('*') {
        Some(start) => essence.get(..start.len()).is_some_and(|own| own.eq_ignore_ascii_case(start.as_bytes())),
        None => essence.eq_ignore_ascii_case(kind.as_bytes()),
    }
}

/// The compiled plugin.
pub struct ClientCache {
    rules: Vec<(CacheRule, Box<str>)>,
    replace: bool,
}

impl PluginType for ClientCache {
    type Config = ClientCacheConfig;

    fn compile(config: &ClientCacheConfig, context: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        let before = context.problems.len();
        for (i, rule) in config.rules.iter().enumerate() {
            if let Some((field, why)) = rule.contradiction() {
                let help = "write `maxAge`, `revalidate: true` or `noStore: true`, and what fits it";
                context.report(&PLUGIN_SHAPE, format!("/rules/{i}{field}"), why, help);
            }
        }
        let rules = config.rules.iter().map(|rule| (rule.clone(), rule.value().into())).collect();
        (context.problems.len() == before).then(|| Box::new(Self { rules, replace: config.replace }) as _)
    }
}

impl Plugin for ClientCache {
    fn on_response(&self, exchange: &mut Exchange<'_>) {
        let (path, status) = (&exchange.request.path, exchange.response.status);
        let fields = &mut exchange.response.fields;
        if !self.replace && (fields.get("cache-control").is_some() || fields.get("expires").is_some()) {
            return;
        }
        let media_type = fields.get("content-type").unwrap_or_default();
        if let Some((_, value)) = self.rules.iter().find(|(rule, _)| rule.fits(path, status, media_type)) {
            fields.remove("expires");
            fields.remove("pragma");
            fields.set("cache-control", value.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CacheRule, is_of};

    fn rule(text: &str) -> CacheRule {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn rules_are_written_as_rfc_9111_says() {
        for (text, value) in [
            (r#"{ "maxAge": "1h" }"#, "max-age=3600"),
            (r#"{ "noStore": true }"#, "no-store"),
            (
                r#"{ "private": true, "maxAge": "0s", "staleIfError": "1d" }"#,
                "private, max-age=0, stale-if-error=86400",
            ),
            (
                r#"{ "maxAge": "365d", "sharedMaxAge": "1m", "immutable": true }"#,
                "max-age=31536000, s-maxage=60, immutable",
            ),
            (r#"{ "revalidate": true }"#, "no-cache"),
        ] {
            assert_eq!((rule(text).value().as_str(), rule(text).contradiction()), (value, None), "{text}");
        }
    }

    #[test]
    fn contradictions_are_found() {
        for (text, field) in [
            ("{}", ""),
            (r#"{ "noStore": true, "maxAge": "1h" }"#, "/noStore"),
            (r#"{ "private": true, "sharedMaxAge": "1h" }"#, "/sharedMaxAge"),
            (r#"{ "immutable": true }"#, "/immutable"),
        ] {
            assert_eq!(rule(text).contradiction().map(|(field, _)| field), Some(field), "{text}");
        }
    }

    #[test]
    fn media_types_are_of_a_kind() {
        assert!(is_of(b"Image/PNG", "image/*") && is_of(b"text/css; charset=utf-8", "text/css"));
        assert!(!is_of(b"text/cssx", "text/css") && !is_of(b"", "image/*") && !is_of(b"imagery/x", "image/*"));
    }
}
