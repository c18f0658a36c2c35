//! `disableHttp10`: refuses HTTP/1.0, which hardly anybody speaks but scanners and old scripts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::exchange::{Content, Exchange, Step};
use crate::pipeline::plugin::{CompileContext, Plugin, PluginType};
use crate::pipeline::version::Version;

/// Answers requests over HTTP/1.0 with 505. Health checks of some balancers still speak it.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = serde_json::Map::new())]
pub struct DisableHttp10Config {}

/// The compiled plugin.
pub struct DisableHttp10;

impl PluginType for DisableHttp10 {
    type Config = DisableHttp10Config;

    fn compile(_: &DisableHttp10Config, _: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        Some(Box::new(Self))
    }
}

impl Plugin for DisableHttp10 {
    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        if exchange.request.version > Version::Http10 {
            return Step::Continue;
        }
        exchange.response.status = 505;
        Step::Answer(Content::Empty)
    }
}
