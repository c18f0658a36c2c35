//! `readOnly`: lets nothing be changed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::exchange::{Content, Exchange, Step};
use crate::pipeline::plugin::{CompileContext, Plugin, PluginType};
use crate::value::method::Method;
use crate::value::path::PathGlob;

/// Lets only requests through that change nothing: `GET`, `HEAD` and `OPTIONS`. Others are answered with 405.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct ReadOnlyConfig {
    /// Paths where every method is let through all the same, such as a search that is asked by `POST`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub except: Vec<PathGlob>,
}

fn example() -> serde_json::Value {
    serde_json::json!({ "except": ["/search"] })
}

/// The compiled plugin.
pub struct ReadOnly(Vec<PathGlob>);

impl PluginType for ReadOnly {
    type Config = ReadOnlyConfig;

    fn compile(config: &ReadOnlyConfig, _: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        Some(Box::new(Self(config.except.clone())))
    }
}

impl Plugin for ReadOnly {
    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        let request = &exchange.request;
        let is_read = matches!(request.method, Method::Get | Method::Head | Method::Options);
        if is_read || self.0.iter().any(|path| path.matches(&request.path)) {
            return Step::Continue;
        }
        exchange.response.status = 405;
        exchange.response.fields.set("allow", b"GET, HEAD, OPTIONS");
        Step::Answer(Content::Empty)
    }
}
