//! `rewrite`: changes the path that is sent upstream, never what was matched.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::{Code, Severity};
use crate::pipeline::exchange::{Content, Exchange, Place, Step};
use crate::pipeline::plugin::{CompileContext, Needed, Plugin, PluginType};
use crate::value::path::{PathPrefix, normalise};
use crate::value::template::{Part, Template};

/// How the path is changed: `stripPrefix`, then `addPrefix`; or `path` alone.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct RewriteConfig {
    /// A prefix to take away, by whole segments. A path that doesn't begin with it is left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strip_prefix: Option<PathPrefix>,
    /// A prefix to put in front.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub add_prefix: Option<PathPrefix>,
    /// The whole new path, in place of `stripPrefix` and `addPrefix`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"/orders/${path.id}")]
    pub path: Option<Template>,
}

fn example() -> serde_json::Value {
    serde_json::json!({ "stripPrefix": "/shop", "addPrefix": "/v2" })
}

/// The compiled plugin.
pub struct Rewrite(RewriteConfig);

impl PluginType for Rewrite {
    type Config = RewriteConfig;
    const CODES: &'static [&'static Code] = &[&REWRITE_SHAPE];

    fn compile(config: &RewriteConfig, context: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        let before = context.problems.len();
        let edits = config.strip_prefix.is_some() || config.add_prefix.is_some();
        match &config.path {
            None if !edits => {
                let help = "write `stripPrefix`, `addPrefix` or `path`";
                context.report(&REWRITE_SHAPE, "", "`rewrite` does not say how the path is changed", help);
            }
            Some(_) if edits => {
                let help = "write either `path`, or `stripPrefix` and `addPrefix`";
                context.report(&REWRITE_SHAPE, "/path", "`path` replaces the whole path, the prefixes would have no effect", help);
            }
            Some(path) => {
                context.check_params("/path", path, Needed::Always);
                let literal: String = path.parts().iter().map(literal).collect();
                if !path.to_string().starts_with('/') {
                    context.report(&REWRITE_SHAPE, "/path", "a path begins with `/`", "write for example `/orders/${path.id}`");
                } else if literal.contains(['?', '#']) || normalise(literal.as_bytes(), &mut String::new()).is_err() {
                    let help = "write the path alone, without a query, and without what could mean two paths (`%2f`, `..;`)";
                    context.report(&REWRITE_SHAPE, "/path", "no request can be sent to this path", help);
                }
            }
            None => {}
        }
        (context.problems.len() == before).then(|| Box::new(Self(config.clone())) as _)
    }
}

/// A part of a path, with a plain word for what a request fills in.
fn literal(part: &Part) -> &str {
    match part {
        Part::Text(text) => text,
        Part::Reference(_) => "x",
    }
}

impl Plugin for Rewrite {
    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        let Some(path) = self.rewritten(exchange) else {
            exchange.response.status = 400;
            return Step::Answer(Content::Empty);
        };
        exchange.upstream.path = Some(path);
        Step::Continue
    }
}

impl Rewrite {
    /// The new path; `None` if what the request filled in would make it mean something else, as `..` would.
    fn rewritten(&self, exchange: &Exchange<'_>) -> Option<String> {
        if let Some(template) = &self.0.path {
            let (filled, mut path) = (exchange.render(template, Place::Url)?, String::new());
            normalise(filled.as_bytes(), &mut path).ok()?;
            return Some(path);
        }
        let path = exchange.upstream_path();
        let rest = self.0.strip_prefix.as_ref().and_then(|prefix| prefix.strip(path)).unwrap_or(path);
        let prefix = self.0.add_prefix.as_ref().map_or("", |prefix| prefix.as_str().trim_end_matches('/'));
        let slash = if rest.starts_with('/') { "" } else { "/" };
        Some(format!("{prefix}{slash}{rest}"))
    }
}

static REWRITE_SHAPE: Code = Code {
    id: "GW3102",
    name: "rewrite-shape",
    severity: Severity::Error,
    page: "\
# GW3102: rewrite-shape

`rewrite` changes the path in one of two ways: by prefixes (`stripPrefix`, then `addPrefix`), or as a whole (`path`, which begins
with `/`).

```yaml wrong
apiVersion: gw/v1
kind: Backend
metadata: { name: orders }
spec: { echo: {} }
---
apiVersion: gw/v1
kind: Route
metadata: { name: orders }
spec:
  match: [{ pathPrefix: /shop }]
  public: true
  plugins: [{ rewrite: { stripPrefix: /shop, path: /orders } }]
  backend: orders
```

```yaml right
apiVersion: gw/v1
kind: Backend
metadata: { name: orders }
spec: { echo: {} }
---
apiVersion: gw/v1
kind: Route
metadata: { name: orders }
spec:
  match: [{ pathPrefix: /shop }]
  public: true
  plugins: [{ rewrite: { stripPrefix: /shop, addPrefix: /orders } }]
  backend: orders
```
",
};
