//! `requestCookies`: edits the cookies that are sent upstream.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::exchange::{Exchange, Place, Step};
use crate::pipeline::plugin::{CompileContext, Needed, PLUGIN_SHAPE, Plugin, PluginType};
use crate::value::Scalar as _;
use crate::value::cookie::{CookieName, is_cookie_byte};
use crate::value::template::Template;

/// Which cookies of the upstream's request are kept, removed and set, in this order. The rest stays as it came.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct RequestCookiesConfig {
    /// The only cookies that are kept. The default is all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub keep: Vec<CookieName>,
    /// Cookies to remove.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub remove: Vec<CookieName>,
    /// Cookies to set. One whose value is missing, or holds what no cookie can (RFC 6265, 4.1.1), is removed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = set_example(), extend("propertyNames" = { "format": CookieName::FORMAT }))]
    pub set: BTreeMap<CookieName, Template>,
}

fn example() -> serde_json::Value {
    serde_json::json!({ "remove": ["_ga", "_gid"], "set": { "tenant": "${path.id}" } })
}

fn set_example() -> serde_json::Value {
    serde_json::json!({ "tenant": "${path.id}" })
}

/// The compiled plugin.
pub struct RequestCookies(RequestCookiesConfig);

impl PluginType for RequestCookies {
    type Config = RequestCookiesConfig;

    fn compile(config: &RequestCookiesConfig, context: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        let before = context.problems.len();
        if config.keep.is_empty() && config.remove.is_empty() && config.set.is_empty() {
            let help = "write for example `remove: [_ga]`, or remove the plugin";
            context.report(&PLUGIN_SHAPE, "", "`requestCookies` changes nothing", help);
        }
        for (name, template) in &config.set {
            context.check_params(&format!("/set/{name}"), template, Needed::Sometimes);
        }
        (context.problems.len() == before).then(|| Box::new(Self(config.clone())) as _)
    }
}

impl Plugin for RequestCookies {
    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        let cookies = self.edited(exchange);
        let fields = &mut exchange.request.fields;
        fields.remove("cookie");
        if !cookies.is_empty() {
            fields.add("cookie", &cookies);
        }
        Step::Continue
    }
}

impl RequestCookies {
    fn edited(&self, exchange: &Exchange<'_>) -> Vec<u8> {
        let RequestCookiesConfig { keep, remove, set } = &self.0;
        let fields = exchange.request.fields.iter().filter(|(name, _)| *name == b"cookie");
        let pairs = fields.flat_map(|(_, value)| value.split(|b| *b == b';')).map(<[u8]>::trim_ascii);
        let mut kept: Vec<Vec<u8>> = Vec::new();
        for pair in pairs.filter(|pair| !pair.is_empty()) {
            let name = pair.split(|b| *b == b'=').next().unwrap_or_default();
            let is = |other: &CookieName| other.as_str().as_bytes() == name;
            if (keep.is_empty() || keep.iter().any(is)) && !remove.iter().any(is) && !set.keys().any(is) {
                kept.push(pair.to_vec());
            }
        }
        for (name, template) in set {
            let value = exchange.render(template, Place::Field).filter(|value| value.bytes().all(is_cookie_byte));
            kept.extend(value.map(|value| format!("{name}={value}").into_bytes()));
        }
        kept.join(&b"; "[..])
    }
}
