//! `removeSecurityHeaders`: takes away what makes browsers protect their users, for trying things out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::exchange::Exchange;
use crate::pipeline::header_edits::Message;
use crate::pipeline::plugin::{CompileContext, Plugin, PluginType};
use crate::value::Scalar as _;
use crate::value::header::HeaderName;

/// Removes from answers the fields by which browsers protect their users, so that a page can be shown in a frame of another site during
/// development, for example. What plugins below it and the backend set is removed. In an environment called `prod` or `production`
/// it is an error.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example(), extend("x-gw-security" = "how browsers protect users"))]
pub struct RemoveSecurityHeadersConfig {
    /// The fields.
    #[serde(default = "all")]
    #[schemars(length(min = 1), extend("uniqueItems" = true))]
    pub headers: Vec<HeaderName>,
}

fn example() -> serde_json::Value {
    serde_json::json!({ "headers": ["x-frame-options", "content-security-policy"] })
}

const ALL: &[&str] = &[
    "content-security-policy",
    "content-security-policy-report-only",
    "cross-origin-embedder-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "permissions-policy",
    "referrer-policy",
    "strict-transport-security",
    "x-content-type-options",
    "x-frame-options",
    "x-xss-protection",
];

fn all() -> Vec<HeaderName> {
    ALL.iter().filter_map(|name| HeaderName::parse(name).ok()).collect()
}

/// The compiled plugin.
pub struct RemoveSecurityHeaders(Vec<HeaderName>);

impl PluginType for RemoveSecurityHeaders {
    type Config = RemoveSecurityHeadersConfig;

    fn compile(config: &RemoveSecurityHeadersConfig, context: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        let before = context.problems.len();
        for (i, name) in config.headers.iter().enumerate() {
            Message::Answer.check_name(name, &format!("/headers/{i}"), context);
        }
        (context.problems.len() == before).then(|| Box::new(Self(config.headers.clone())) as _)
    }
}

impl Plugin for RemoveSecurityHeaders {
    fn on_response(&self, exchange: &mut Exchange<'_>) {
        for name in &self.0 {
            exchange.response.fields.remove(name.as_str());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ALL, all};

    #[test]
    fn all_of_them_are_names() {
        assert_eq!(all().len(), ALL.len());
    }
}
