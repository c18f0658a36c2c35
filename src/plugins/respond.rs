//! `respond`: answers with a fixed status, fields and body; nothing is asked upstream.

use std::collections::BTreeMap;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::exchange::{Content, Exchange, Place, Step};
use crate::pipeline::header_edits::{HeaderEdits, Message, unique_names};
use crate::pipeline::plugin::{CompileContext, Plugin, PluginType};
use crate::value::Scalar as _;
use crate::value::header::HeaderName;
use crate::value::template::Template;

/// A fixed answer.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct RespondConfig {
    /// The status of the answer.
    #[serde(default = "ok")]
    #[schemars(range(min = 200, max = 599), example = 200)]
    pub status: u16,
    /// Header fields of the answer. A field whose value is missing is left out.
    #[serde(default, deserialize_with = "unique_names", skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = header_example(), extend("propertyNames" = { "format": HeaderName::FORMAT }))]
    pub headers: BTreeMap<HeaderName, Template>,
    /// The media type of the body.
    #[serde(default = "plain_text")]
    #[schemars(example = &"application/json")]
    pub content_type: Template,
    /// The body, sent as it is: references are not filled in. The default is an empty body; an error (status 400 and above)
    /// without a body and a `content-type` gets the gateway's own page.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 1_048_576), example = &"hello\n")]
    pub body: String,
}

fn example() -> serde_json::Value {
    serde_json::json!({
        "status": 503,
        "headers": { "retry-after": "120" },
        "contentType": "application/json",
        "body": "{ \"message\": \"back in two minutes\" }\n",
    })
}

fn header_example() -> serde_json::Value {
    serde_json::json!({ "cache-control": "no-store" })
}

fn ok() -> u16 {
    200
}

#[expect(clippy::expect_used, reason = "the text is fixed and holds no reference")]
fn plain_text() -> Template {
    "text/plain; charset=utf-8".parse().expect("a literal")
}

/// The compiled plugin.
pub struct Respond {
    status: u16,
    edits: HeaderEdits,
    content_type: Template,
    body: Bytes,
}

impl PluginType for Respond {
    type Config = RespondConfig;
    const ANSWERS: bool = true;

    fn compile(config: &RespondConfig, context: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        let edits = HeaderEdits { set: config.headers.clone(), ..HeaderEdits::default() };
        let before = context.problems.len();
        edits.check(Message::Answer, context);
        for problem in &mut context.problems[before..] {
            problem.pointer = problem.pointer.replacen("/set", "/headers", 1);
        }
        (context.problems.len() == before).then(|| {
            let body = Bytes::from(config.body.clone());
            Box::new(Self { status: config.status, edits, content_type: config.content_type.clone(), body }) as _
        })
    }
}

impl Plugin for Respond {
    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        exchange.response.status = self.status;
        if !self.body.is_empty() && let Some(media_type) = exchange.render(&self.content_type, Place::Field) {
            exchange.response.fields.set("content-type", media_type.as_bytes());
        }
        self.edits.apply(exchange, |exchange| &mut exchange.response.fields);
        Step::Answer(if self.body.is_empty() { Content::Empty } else { Content::Bytes(self.body.clone()) })
    }
}
