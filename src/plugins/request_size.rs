//! `requestSize`: bounds the bodies of requests below what the listener allows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::exchange::{Content, Exchange, Step};
use crate::pipeline::plugin::{CompileContext, Plugin, PluginType};
use crate::value::size::Size;

/// How large the body of a request may be; a larger one is answered with 413, before it is read if it says its length, else when it has
/// become too large. It narrows `limits.bodyBytes` of the `Gateway` and never widens it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct RequestSizeConfig {
    /// The most bytes.
    pub max: Size,
}

fn example() -> serde_json::Value {
    serde_json::json!({ "max": "64KiB" })
}

/// The compiled plugin.
pub struct RequestSize(u64);

impl PluginType for RequestSize {
    type Config = RequestSizeConfig;

    fn compile(config: &RequestSizeConfig, _: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        Some(Box::new(Self(config.max.bytes())))
    }
}

impl Plugin for RequestSize {
    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        let said = exchange.request.fields.received("content-length");
        let length = said.and_then(|text| std::str::from_utf8(text).ok()?.parse::<u64>().ok());
        if length.is_some_and(|length| length > self.0) {
            exchange.response.status = 413;
            return Step::Answer(Content::Empty);
        }
        let limit = &mut exchange.body_at_most;
        *limit = Some(limit.map_or(self.0, |other| other.min(self.0)));
        Step::Continue
    }
}
