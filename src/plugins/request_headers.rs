//! `requestHeaders`: edits the header fields that are sent upstream.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::exchange::{Exchange, Step};
use crate::pipeline::header_edits::{HeaderEdits, Message, unique_names};
use crate::pipeline::plugin::{CompileContext, Plugin, PluginType};
use crate::value::Scalar as _;
use crate::value::header::HeaderName;
use crate::value::secret::SecretRef;
use crate::value::template::Template;

/// Which header fields of the upstream's request are removed, set and added, in this order.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct RequestHeadersConfig {
    /// Fields to remove, with all their values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub remove: Vec<HeaderName>,
    /// Fields to set: all values that were there are replaced. A field whose value is missing is removed.
    #[serde(default, deserialize_with = "unique_names", skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = serde_json::json!({ "x-tenant": "${path.tenant}" }), extend("propertyNames" = { "format": HeaderName::FORMAT }))]
    pub set: BTreeMap<HeaderName, Template>,
    /// Fields to add beside the values that are there. A field whose value is missing is not added.
    #[serde(default, deserialize_with = "unique_names", skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = serde_json::json!({ "x-seen-by": "gw" }), extend("propertyNames" = { "format": HeaderName::FORMAT }))]
    pub add: BTreeMap<HeaderName, Template>,
    /// Fields to set to a secret, such as the credential that the upstream wants.
    #[serde(default, deserialize_with = "unique_names", skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = serde_json::json!({ "x-api-key": { "env": "UPSTREAM_TOKEN" } }), extend("propertyNames" = { "format": HeaderName::FORMAT }))]
    pub set_secret: BTreeMap<HeaderName, SecretRef>,
}

fn example() -> serde_json::Value {
    serde_json::json!({ "remove": ["x-debug"], "set": { "x-order": "${path.id}" }, "add": { "vary": "origin" } })
}

/// The compiled plugin.
pub struct RequestHeaders {
    edits: HeaderEdits,
    secrets: BTreeMap<HeaderName, SecretRef>,
}

impl PluginType for RequestHeaders {
    type Config = RequestHeadersConfig;

    fn compile(config: &RequestHeadersConfig, context: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        let before = context.problems.len();
        let edits = HeaderEdits { remove: config.remove.clone(), set: config.set.clone(), add: config.add.clone() };
        edits.check(Message::Request, context);
        for name in config.set_secret.keys() {
            Message::Request.check_name(name, &format!("/setSecret/{name}"), context);
        }
        context.secrets.extend(config.set_secret.values().map(SecretRef::line));
        (context.problems.len() == before).then(|| Box::new(Self { edits, secrets: config.set_secret.clone() }) as _)
    }
}

impl Plugin for RequestHeaders {
    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        self.edits.apply(exchange, |exchange| &mut exchange.request.fields);
        for (name, reference) in &self.secrets {
            if let Some(value) = exchange.secrets.line(reference) {
                exchange.request.fields.set_secret(name.as_str(), value);
            }
        }
        Step::Continue
    }
}
