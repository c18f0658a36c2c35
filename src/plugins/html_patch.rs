//! `htmlPatch`: writes something into HTML pages on their way to the browser.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::exchange::{Exchange, Step};
use crate::pipeline::html::{Insertions, Place, ask_for_page, insert};
use crate::pipeline::plugin::{CompileContext, Plugin, PluginType};

/// Writes HTML into the head or the body of pages, while they are sent: no page is held back, however large it is.
///
/// A page is an answer of type `text/html` that has a doctype or a tag `html`, `head` or `body`: parts of pages that scripts ask for
/// are left as they are. So are pages in UTF-16, pages in a coding other than gzip, brotli and zstd, and what says `cache-control:
/// no-transform`. In a page whose charset is not UTF-8, characters outside of ASCII are written as references such as `&#233;`,
/// which scripts don't read. A `content-security-policy` of the page holds for what is written, too. A page loses its `etag` and
/// `last-modified`, for it changes with the manifest.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct HtmlPatchConfig {
    /// Written at the beginning of the head, before everything that the page has there.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 65_536), example = &"<base href=/app/>")]
    pub prepend_head: String,
    /// Written at the end of the head.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 65_536), example = &"<link rel=stylesheet href=/brand.css>")]
    pub append_head: String,
    /// Written at the beginning of the body.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 65_536), example = &"<p class=banner>This is the staging site.</p>")]
    pub prepend_body: String,
    /// Written at the end of the body.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 65_536), example = &"<script src=/dev.js></script>")]
    pub append_body: String,
}

fn example() -> serde_json::Value {
    serde_json::json!({
        "appendHead": "<link rel=stylesheet href=/brand.css>",
        "appendBody": "<script src=/dev.js></script>",
    })
}

/// The compiled plugin.
pub struct HtmlPatch(Arc<Insertions>);

impl PluginType for HtmlPatch {
    type Config = HtmlPatchConfig;

    fn compile(config: &HtmlPatchConfig, _: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        let insertions = Insertions::default()
            .with(Place::HeadStart, &config.prepend_head)
            .with(Place::HeadEnd, &config.append_head)
            .with(Place::BodyStart, &config.prepend_body)
            .with(Place::BodyEnd, &config.append_body);
        Some(Box::new(Self(Arc::new(insertions))))
    }
}

impl Plugin for HtmlPatch {
    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        ask_for_page(exchange);
        Step::Continue
    }

    fn on_response(&self, exchange: &mut Exchange<'_>) {
        insert(exchange, &self.0);
    }
}
