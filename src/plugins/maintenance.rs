//! `maintenance`: a page for all but a few, while something behind the gateway is being worked on.

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::exchange::{Content, Exchange, Step};
use crate::pipeline::plugin::{CompileContext, Plugin, PluginType};
use crate::value::duration::Duration;
use crate::value::network::Network;
use crate::value::path::PathGlob;

/// A page for everybody, but for those who are allowed through. `enabled: false` beside it switches it off. Plugins above it run for
/// everybody, those below it and the backend only for those who get through.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct MaintenanceConfig {
    /// The status of the answer.
    #[serde(default = "unavailable")]
    #[schemars(range(min = 200, max = 599))]
    pub status: u16,
    /// The heading of the page.
    #[serde(default = "title")]
    #[schemars(length(min = 1, max = 200), example = &"Back at noon")]
    pub title: String,
    /// What the page says below its heading, as plain text; a client that doesn't ask for HTML gets it as it is.
    #[serde(default = "text")]
    #[schemars(length(min = 1, max = 10_000), example = &"The shop is being moved.")]
    pub text: String,
    /// After how long clients may ask again. The default is not to say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"10m")]
    pub retry_after: Option<Duration>,
    /// Who gets through all the same.
    #[serde(default)]
    pub allow: Allow,
}

/// Who gets through: a request for which one of these holds.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Allow {
    /// The client's address lies in one of these networks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub networks: Vec<Network>,
    /// The path matches one of these patterns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub paths: Vec<PathGlob>,
}

fn example() -> serde_json::Value {
    serde_json::json!({
        "title": "Back at noon",
        "text": "The shop is being moved.",
        "retryAfter": "30m",
        "allow": { "networks": ["10.0.0.0/8"], "paths": ["/healthz"] },
    })
}

fn unavailable() -> u16 {
    503
}

fn title() -> String {
    "Down for maintenance".into()
}

fn text() -> String {
    "We are working on it. Please try again later.".into()
}

/// The compiled plugin.
pub struct Maintenance {
    status: u16,
    retry_after: Option<String>,
    allow: Allow,
    html: Bytes,
    plain: Bytes,
}

impl PluginType for Maintenance {
    type Config = MaintenanceConfig;

    fn compile(config: &MaintenanceConfig, _: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        Some(Box::new(Self {
            status: config.status,
            retry_after: config.retry_after.map(|wait| wait.get().as_millis().div_ceil(1000).to_string()),
            allow: config.allow.clone(),
            html: page(&config.title, &config.text).into(),
            plain: format!("{}\n\n{}\n", config.title, config.text).into(),
        }))
    }
}

fn page(title: &str, text: &str) -> String {
    let (title, text) = (escaped(title), escaped(text));
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>{title}</title>\
         <body style=\"font:16px/1.5 system-ui,sans-serif;max-width:36em;margin:15vh auto;padding:0 1em\">\
         <h1>{title}</h1><p style=\"white-space:pre-line\">{text}</p></body></html>\n"
    )
}

/// A text as HTML says it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

impl Plugin for Maintenance {
    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        let Allow { networks, paths } = &self.allow;
        let path = &exchange.request.path;
        if networks.iter().any(|network| network.contains(exchange.client.ip)) || paths.iter().any(|p| p.matches(path)) {
            return Step::Continue;
        }
        let accepted = exchange.request.fields.received("accept").unwrap_or_default();
        let html = accepted.windows(9).any(|kind| kind == b"text/html");
        let (media_type, body) = if html { ("text/html", &self.html) } else { ("text/plain", &self.plain) };
        let fields = &mut exchange.response.fields;
        exchange.response.status = self.status;
        fields.set("content-type", format!("{media_type}; charset=utf-8").as_bytes());
        fields.set("cache-control", b"no-store");
        fields.set("vary", b"accept");
        if let Some(seconds) = &self.retry_after {
            fields.set("retry-after", seconds.as_bytes());
        }
        Step::Answer(Content::Bytes(body.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::page;

    #[test]
    fn what_is_written_is_text() {
        let page = page("a < b", "<script>\"&\"</script>");
        assert!(page.contains("<h1>a &lt; b</h1>") && page.contains("&lt;script&gt;&quot;&amp;&quot;"), "{page}");
    }
}
