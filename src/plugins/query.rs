//! `query`: edits the query that is sent upstream, never what was matched.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::exchange::{Exchange, Place, Step, UpstreamQuery};
use crate::pipeline::plugin::{CompileContext, Needed, PLUGIN_SHAPE, Plugin, PluginType};
use crate::value::percent;
use crate::value::template::Template;

/// Which query parameters of the upstream's request are kept, removed, set and added, in this order. The rest stays as it came.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct QueryConfig {
    /// The only parameters that are kept. The default is all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true), inner(length(min = 1)), example = names_example())]
    pub keep: Vec<String>,
    /// Parameters to remove, with all their values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true), inner(length(min = 1)), example = names_example())]
    pub remove: Vec<String>,
    /// Parameters to set: all values that were there are replaced. One whose value is missing is removed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = set_example())]
    pub set: BTreeMap<String, Template>,
    /// Parameters to add beside the values that are there. One whose value is missing is not added.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = set_example())]
    pub add: BTreeMap<String, Template>,
}

fn example() -> serde_json::Value {
    serde_json::json!({ "remove": ["utm_source", "utm_medium"], "set": { "tenant": "${path.id}" } })
}

fn names_example() -> serde_json::Value {
    serde_json::json!(["utm_source"])
}

fn set_example() -> serde_json::Value {
    serde_json::json!({ "tenant": "${request.header.x-tenant}" })
}

/// The compiled plugin.
pub struct Query(QueryConfig);

impl PluginType for Query {
    type Config = QueryConfig;

    fn compile(config: &QueryConfig, context: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        let before = context.problems.len();
        let QueryConfig { keep, remove, set, add } = config;
        if keep.is_empty() && remove.is_empty() && set.is_empty() && add.is_empty() {
            let help = "write for example `remove: [utm_source]`, or remove the plugin";
            context.report(&PLUGIN_SHAPE, "", "`query` changes nothing", help);
        }
        for (field, parameters) in [("set", set), ("add", add)] {
            for (name, template) in parameters {
                let escaped = name.replace('~', "~0").replace('/', "~1");
                context.check_params(&format!("/{field}/{escaped}"), template, Needed::Sometimes);
            }
        }
        (context.problems.len() == before).then(|| Box::new(Self(config.clone())) as _)
    }
}

impl Plugin for Query {
    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        exchange.upstream.query = UpstreamQuery::Changed(self.edited(exchange));
        Step::Continue
    }
}

impl Query {
    fn edited(&self, exchange: &Exchange<'_>) -> String {
        let QueryConfig { keep, remove, set, add } = &self.0;
        let query = exchange.upstream_query().unwrap_or_default();
        let mut out = String::with_capacity(query.len());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let name = decoded(pair.split('=').next().unwrap_or_default());
            if (keep.is_empty() || keep.contains(&name)) && !remove.contains(&name) && !set.contains_key(&name) {
                separate(&mut out);
                out.push_str(pair);
            }
        }
        for (name, template) in set.iter().chain(add) {
            let Some(value) = exchange.render(template, Place::Field) else { continue };
            separate(&mut out);
            encode(name, &mut out);
            out.push('=');
            encode(&value, &mut out);
        }
        out
    }
}

fn separate(out: &mut String) {
    if !out.is_empty() {
        out.push('&');
    }
}

fn decoded(name: &str) -> String {
    String::from_utf8_lossy(&percent::decode(name.replace('+', " ").as_bytes())).into_owned()
}

fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // writing to a string never fails
            write!(out, "%{byte:02X}").unwrap_or_default();
        }
    }
}
