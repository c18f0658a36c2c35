//! `httpsOnly`: sends whoever comes over plain HTTP to HTTPS, or refuses it.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::exchange::{Content, Exchange, Step};
use crate::pipeline::plugin::{CompileContext, Plugin, PluginType};
use crate::value::url::Scheme;

/// What becomes of a request over plain HTTP. How a client speaks to a trusted proxy in front counts, where that says so.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example(), extend("x-gw-security" = "what is encrypted"))]
pub struct HttpsOnlyConfig {
    /// Whether it is refused with a 403. The default is to send the client to the same URL over HTTPS with a 308, which keeps the
    /// method and the body; a request with a secret in it has been read by then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refuse: bool,
    /// The port that the client is sent to.
    #[serde(default = "https")]
    #[schemars(range(min = 1))]
    pub port: u16,
}

fn example() -> serde_json::Value {
    serde_json::json!({ "port": 8443 })
}

/// The port of a URL that names none.
const HTTPS: u16 = 443;

fn https() -> u16 {
    HTTPS
}

/// The compiled plugin.
pub struct HttpsOnly(HttpsOnlyConfig);

impl PluginType for HttpsOnly {
    type Config = HttpsOnlyConfig;

    fn compile(config: &HttpsOnlyConfig, _: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        Some(Box::new(Self(config.clone())))
    }
}

impl Plugin for HttpsOnly {
    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        if exchange.client.scheme == Scheme::Https {
            return Step::Continue;
        }
        exchange.response.status = match self.location(exchange) {
            _ if self.0.refuse => 403,
            None => 400,
            Some(location) => {
                exchange.response.fields.set("location", location.as_bytes());
                308
            }
        };
        Step::Answer(Content::Empty)
    }
}

impl HttpsOnly {
    /// The same URL over HTTPS; `None` where the client names no host.
    fn location(&self, exchange: &Exchange<'_>) -> Option<String> {
        let request = &exchange.request;
        let host = Some(&request.host).filter(|host| !host.is_empty())?;
        let mut location = format!("https://{host}");
        if self.0.port != HTTPS {
            write!(location, ":{}", self.0.port).ok()?;
        }
        location.push_str(&request.path);
        if let Some(query) = &request.query {
            location.push('?');
            location.push_str(query);
        }
        Some(location)
    }
}
