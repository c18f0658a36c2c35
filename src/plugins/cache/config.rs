//! The fields of `cache` in a manifest.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::value::duration::Duration;
use crate::value::header::HeaderName;
use crate::value::size::Size;

/// Keeps answers, and gives them to whoever asks for the same (RFC 9111). What the backend says in `cache-control` is heeded, and
/// `vary` too; a request that changes something makes what was kept of its path go.
///
/// Everybody gets the same answer. So what is `private` or sets a cookie is not kept, unless the backend calls it `public`, and
/// requests of known callers pass by, unless `key.callers` says how they are told apart. Write it below `auth`. What clients say in
/// `cache-control`, as a browser does on a reload, is not heeded but for `only-if-cached`: nobody can make the backend work harder by
/// it. Each answer says in `cache-status` what became of it (RFC 9211). A part of a file is given from a whole one that is kept, and
/// passes by else.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct CacheConfig {
    /// How long answers are kept, whatever the backend says of it, `no-store` included. Only `private` and cookies are still
    /// heeded. The default is what the backend says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"1h")]
    pub ttl: Option<Duration>,
    /// How long answers are kept of which the backend says nothing. The default is a tenth of their age by `last-modified`, a day at
    /// most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"5m")]
    pub default_ttl: Option<Duration>,
    /// How long it is kept that there is nothing (status 404 or 410), where the backend doesn't say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"10s")]
    pub negative_ttl: Option<Duration>,
    /// Only answers with one of these statuses are kept. The default is every status of which the backend says for how long, and
    /// with `ttl` 200, 203, 204, 301, 308, 404 and 410.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(range(min = 200, max = 599)), extend("uniqueItems" = true), example = serde_json::json!([200]))]
    pub statuses: Vec<u16>,
    /// For how long after its time an answer is still given at once, while it is asked for anew beside, where the backend doesn't say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"30s")]
    pub stale_while_revalidate: Option<Duration>,
    /// For how long after its time an answer is still given if the backend fails (status 500, 502, 503 or 504, or no answer), where
    /// the backend doesn't say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"1h")]
    pub stale_if_error: Option<Duration>,
    /// What makes two requests ask for the same. The scheme and the path always do.
    #[serde(default)]
    pub key: KeyConfig,
    /// How much memory the answers of this route take; those that were not asked for the longest go first. Another size begins with
    /// an empty cache.
    #[serde(default = "max_size")]
    #[schemars(example = &"256MiB")]
    pub max_size: Size,
    /// Larger answers are not kept.
    #[serde(default = "max_answer")]
    #[schemars(example = &"1MiB")]
    pub max_answer: Size,
    /// Write another number to begin with an empty cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(example = 1)]
    pub epoch: u32,
}

/// What makes two requests ask for the same.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct KeyConfig {
    /// Whether the same path of different hosts is the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignore_host: bool,
    /// Whether the query doesn't count at all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_query: bool,
    /// The parameters of the query that count, in any order. The default is the whole query as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("uniqueItems" = true), example = serde_json::json!(["page", "lang"]))]
    pub query: Option<Vec<String>>,
    /// The parameters of the query that don't count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true), example = serde_json::json!(["utm_source", "fbclid"]))]
    pub ignore_query: Vec<String>,
    /// Header fields of the request that count, beside those that the answer's `vary` names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true), example = serde_json::json!(["x-tenant"]))]
    pub headers: Vec<HeaderName>,
    /// What becomes of requests of callers whom an `auth` above let in, or that carry `authorization`.
    #[serde(default)]
    pub callers: Callers,
}

/// What becomes of requests of known callers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Callers {
    /// They pass by: nothing is kept of them, and nothing that is kept is given to them.
    #[default]
    Pass,
    /// Each caller has answers of its own: by its API key, its identity, or what it sends in `authorization`.
    Apart,
    /// All callers who get here get the same answers, for the backend answers them all the same.
    Together,
}

fn example() -> serde_json::Value {
    serde_json::json!({
        "ttl": "1h",
        "statuses": [200],
        "key": { "ignoreQuery": ["utm_source"] },
        "staleIfError": "1d",
        "maxSize": "256MiB",
    })
}

fn max_size() -> Size {
    Size::from_mib(64)
}

fn max_answer() -> Size {
    Size::from_mib(4)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(epoch: &u32) -> bool {
    *epoch == 0
}

#[cfg(test)]
mod tests {
    use super::{CacheConfig, Callers, example};

    #[test]
    fn the_example_is_one() {
        let config: CacheConfig = serde_json::from_value(example()).unwrap();
        assert_eq!(config.statuses, [200]);
        assert_eq!(config.key.callers, Callers::Pass);
    }
}
