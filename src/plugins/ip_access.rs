//! `ipAccess`: refuses requests by the address of the client.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::exchange::{Content, Exchange, Step};
use crate::pipeline::plugin::{CompileContext, PLUGIN_SHAPE, Plugin, PluginType};
use crate::value::network::{Network, NetworkSet};

/// From which addresses requests get any further; others are answered with 403. The client's address is that of the connection, or
/// what a trusted proxy says (`trustedProxies` of the `Gateway`).
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example(), extend("x-gw-security" = "whom it lets in"))]
pub struct IpAccessConfig {
    /// The only networks that are let in. The default is all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub allow: Vec<Network>,
    /// Networks that are not let in, whatever `allow` says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub deny: Vec<Network>,
}

fn example() -> serde_json::Value {
    serde_json::json!({ "allow": ["10.0.0.0/8", "2001:db8::/32"], "deny": ["10.66.0.0/16"] })
}

/// The compiled plugin.
pub struct IpAccess {
    allow: Option<NetworkSet>,
    deny: NetworkSet,
}

impl PluginType for IpAccess {
    type Config = IpAccessConfig;

    fn compile(config: &IpAccessConfig, context: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        if config.allow.is_empty() && config.deny.is_empty() {
            let help = "write for example `allow: [10.0.0.0/8]`, or remove the plugin";
            context.report(&PLUGIN_SHAPE, "", "`ipAccess` refuses nobody", help);
            return None;
        }
        let allow = (!config.allow.is_empty()).then(|| NetworkSet::of(&config.allow));
        Some(Box::new(Self { allow, deny: NetworkSet::of(&config.deny) }))
    }
}

impl Plugin for IpAccess {
    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        let ip = exchange.client.ip;
        if self.allow.as_ref().is_none_or(|allow| allow.contains(ip)) && !self.deny.contains(ip) {
            return Step::Continue;
        }
        exchange.response.status = 403;
        Step::Answer(Content::Empty)
    }
}
