//! `methods`: refuses requests by their method.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::exchange::{Content, Exchange, Step};
use crate::pipeline::plugin::{CompileContext, PLUGIN_SHAPE, Plugin, PluginType};
use crate::value::method::Method;

/// Which methods get any further; others are answered with 405. Unlike `methods` in `match`, it never lets a request fall through to
/// another route.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct MethodsConfig {
    /// The only methods that are let through. The default is every one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub allow: Vec<Method>,
    /// Methods that are not let through, whatever `allow` says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub deny: Vec<Method>,
}

fn example() -> serde_json::Value {
    serde_json::json!({ "allow": ["GET", "HEAD", "POST"] })
}

/// What is said to be allowed where all but some are.
const COMMON: &[Method] =
    &[Method::Get, Method::Head, Method::Post, Method::Put, Method::Patch, Method::Delete, Method::Options];

/// The compiled plugin.
pub struct Methods {
    config: MethodsConfig,
    /// What `Allow` says.
    allowed: Box<[u8]>,
}

impl PluginType for Methods {
    type Config = MethodsConfig;

    fn compile(config: &MethodsConfig, context: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        if config.allow.is_empty() && config.deny.is_empty() {
            let help = "write for example `allow: [GET, HEAD]`, or remove the plugin";
            context.report(&PLUGIN_SHAPE, "", "`methods` refuses nothing", help);
            return None;
        }
        let listed = if config.allow.is_empty() { COMMON } else { &config.allow };
        let allowed: Vec<&str> = listed.iter().filter(|one| !config.deny.contains(one)).map(Method::as_str).collect();
        Some(Box::new(Self { config: config.clone(), allowed: allowed.join(", ").into_bytes().into() }))
    }
}

impl Plugin for Methods {
    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        let (MethodsConfig { allow, deny }, method) = (&self.config, &exchange.request.method);
        if (allow.is_empty() || allow.contains(method)) && !deny.contains(method) {
            return Step::Continue;
        }
        exchange.response.status = 405;
        exchange.response.fields.set("allow", &self.allowed);
        Step::Answer(Content::Empty)
    }
}
