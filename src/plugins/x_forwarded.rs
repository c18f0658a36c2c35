//! `xForwarded`: what the upstream is told of who asks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::exchange::{Exchange, Step};
use crate::pipeline::forwarding::{Forwarding, ForwardingField};
use crate::pipeline::plugin::{CompileContext, Plugin, PluginType};

/// Which fields say to the upstream who asks, how and for which host. Without the plugin these are `x-forwarded-for`,
/// `x-forwarded-proto` and `x-forwarded-host`. All others that a client or a proxy sent are dropped, so that nothing is left to be
/// forged.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct XForwardedConfig {
    /// The fields that are sent. The default is none, for an upstream that is not to know its callers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub send: Vec<ForwardingField>,
}

fn example() -> serde_json::Value {
    serde_json::json!({ "send": ["for", "proto", "host", "port", "forwarded"] })
}

/// The compiled plugin.
pub struct XForwarded(Forwarding);

impl PluginType for XForwarded {
    type Config = XForwardedConfig;

    fn compile(config: &XForwardedConfig, _: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        Some(Box::new(Self(Forwarding::of(&config.send))))
    }
}

impl Plugin for XForwarded {
    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        exchange.upstream.forwarding = Some(self.0);
        Step::Continue
    }
}
