//! `compress`: answers are coded with gzip, brotli or zstd, as the client likes it (RFC 9110, 8.4 and 12.5.3).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::coding::{Coding, Effort, Encoder, accepted};
use crate::pipeline::exchange::Exchange;
use crate::pipeline::head::{ResponseHead, elements};
use crate::pipeline::plugin::{CompileContext, Plugin, PluginType};
use crate::value::Scalar as _;
use crate::value::media_type::{MediaTypes, essence};
use crate::value::size::Size;

/// Compresses answers for clients that take it. What is compressed already, parts of a file, streams of events and what says
/// `cache-control: no-transform` are never touched. What comes slowly is sent as it comes. The entity tag of an answer becomes a weak
/// one.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct CompressConfig {
    /// The codings that are offered. Of those that a client likes best, the first one is used.
    #[serde(default = "codings")]
    #[schemars(length(min = 1), extend("uniqueItems" = true))]
    pub codings: Vec<Coding>,
    /// The media types that are compressed.
    #[serde(default = "types")]
    #[schemars(length(min = 1), extend("uniqueItems" = true), example = types_example())]
    pub types: Vec<MediaTypes>,
    /// Answers that are known to be smaller are sent as they are: there is nothing to win.
    #[serde(default = "min_size")]
    #[schemars(example = &"512B")]
    pub min_size: Size,
    /// How much work is put into it.
    #[serde(default)]
    pub effort: Effort,
}

fn example() -> serde_json::Value {
    serde_json::json!({ "codings": ["br", "gzip"], "types": ["text/*", "application/json"], "minSize": "512B" })
}

fn types_example() -> serde_json::Value {
    serde_json::json!(["text/*", "application/json"])
}

fn codings() -> Vec<Coding> {
    vec![Coding::Zstd, Coding::Br, Coding::Gzip]
}

/// What is text, or built like it.
const TYPES: [&str; 14] = [
    "text/*",
    "application/javascript",
    "application/json",
    "application/*+json",
    "application/ndjson",
    "application/wasm",
    "application/xml",
    "application/*+xml",
    "application/vnd.ms-fontobject",
    "font/otf",
    "font/ttf",
    "image/bmp",
    "image/svg+xml",
    "image/x-icon",
];

#[expect(clippy::expect_used, reason = "the texts are fixed")]
fn types() -> Vec<MediaTypes> {
    TYPES.iter().map(|text| MediaTypes::parse(text).expect("a literal")).collect()
}

fn min_size() -> Size {
    Size::from_kib(1)
}

/// The compiled plugin.
pub struct Compress(CompressConfig);

impl PluginType for Compress {
    type Config = CompressConfig;

    fn compile(config: &CompressConfig, _: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        Some(Box::new(Self(config.clone())))
    }
}

impl Plugin for Compress {
    fn on_response(&self, exchange: &mut Exchange<'_>) {
        if exchange.response.status == 304 {
            return keep_weak(exchange);
        }
        let small = exchange.body_length().is_some_and(|length| length < self.0.min_size.bytes());
        if small || !self.concerns(exchange.response) {
            return;
        }
        exchange.response.varies_by("accept-encoding");
        let Some(coding) = accepted(exchange.request.fields.received_all("accept-encoding"), &self.0.codings) else {
            return;
        };
        exchange.response.fields.set("content-encoding", coding.name().as_bytes());
        exchange.transform(Encoder::new(coding, self.0.effort));
    }
}

impl Compress {
    /// Whether an answer is one that is compressed, if the client takes it.
    fn concerns(&self, response: &ResponseHead) -> bool {
        let fields = &response.fields;
        let Some(content_type) = fields.get("content-type") else { return false };
        let streams_events = essence(content_type).eq_ignore_ascii_case(b"text/event-stream");
        !matches!(response.status, 100..=199 | 204 | 206)
            && !streams_events
            && fields.get("content-encoding").is_none()
            && fields.get("content-range").is_none()
            && self.0.types.iter().any(|types| types.matches(content_type))
            && !response.is_sealed()
    }
}

/// Who asked with the weak tag of a compressed answer is told that one again, not the backend's own.
fn keep_weak(exchange: &mut Exchange<'_>) {
    let Some(tag) = exchange.response.fields.get("etag").filter(|tag| !tag.starts_with(b"W/")) else { return };
    let weak = [b"W/", tag].concat();
    let asked = exchange.request.fields.received_all("if-none-match");
    if elements(asked).any(|tag| tag == weak) {
        exchange.response.fields.set("etag", &weak);
    }
}
