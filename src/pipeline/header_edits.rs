//! Edits of header fields, the same for requests and answers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::{Code, Severity};
use crate::pipeline::exchange::{Exchange, Place};
use crate::pipeline::head::Fields;
use crate::pipeline::plugin::{CompileContext, Needed};
use crate::value::Scalar as _;
use crate::value::header::HeaderName;
use crate::value::template::Template;

/// Which header fields are removed, set and added, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct HeaderEdits {
    /// Fields to remove, with all their values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<HeaderName>,
    /// Fields to set: all values that were there are replaced. A field whose value is missing is removed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = set_example(), extend("propertyNames" = { "format": HeaderName::FORMAT }))]
    pub set: BTreeMap<HeaderName, Template>,
    /// Fields to add beside the values that are there. A field whose value is missing is not added.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = add_example(), extend("propertyNames" = { "format": HeaderName::FORMAT }))]
    pub add: BTreeMap<HeaderName, Template>,
}

fn example() -> serde_json::Value {
    serde_json::json!({ "remove": ["x-debug"], "set": { "x-order": "${path.id}" }, "add": { "vary": "origin" } })
}

fn set_example() -> serde_json::Value {
    serde_json::json!({ "x-tenant": "${path.tenant}" })
}

fn add_example() -> serde_json::Value {
    serde_json::json!({ "vary": "origin" })
}

impl HeaderEdits {
    /// Reports what cannot work; whether nothing was.
    pub fn check(&self, context: &mut CompileContext<'_>) -> bool {
        let before = context.problems.len();
        for (i, name) in self.remove.iter().enumerate() {
            Self::check_name(name, &format!("/remove/{i}"), context);
        }
        for (key, fields) in [("set", &self.set), ("add", &self.add)] {
            for (name, template) in fields {
                let pointer = format!("/{key}/{name}");
                Self::check_name(name, &pointer, context);
                context.check_params(&pointer, template, Needed::Sometimes);
            }
        }
        context.problems.len() == before
    }

    /// Reports a field that belongs to the connection.
    pub fn check_name(name: &HeaderName, pointer: &str, context: &mut CompileContext<'_>) {
        if !name.is_transport() {
            return;
        }
        let help = match name.as_str() {
            "host" => "set `hostHeader` or `hostName` of the backend",
            _ => "leave it out: the gateway writes it for each connection",
        };
        let message = format!("`{name}` belongs to the connection, a plugin cannot change it");
        context.report(&TRANSPORT_HEADER, pointer, message, help);
    }

    /// Makes the edits to the fields that `select` picks from the exchange.
    pub fn apply(&self, exchange: &mut Exchange<'_>, select: for<'a> fn(&'a mut Exchange<'_>) -> &'a mut Fields) {
        for name in &self.remove {
            select(exchange).remove(name.as_str());
        }
        for (name, template) in &self.set {
            if let Some(text) = template.literal() {
                select(exchange).set(name.as_str(), text.as_bytes());
                continue;
            }
            match exchange.render(template, Place::Field) {
                Some(value) => select(exchange).set(name.as_str(), value.as_bytes()),
                None => select(exchange).remove(name.as_str()),
            }
        }
        for (name, template) in &self.add {
            if let Some(value) = exchange.render(template, Place::Field) {
                select(exchange).add(name.as_str(), value.as_bytes());
            }
        }
    }
}

/// A plugin that edits a field of the connection or the framing.
pub static TRANSPORT_HEADER: Code = Code {
    id: "GW3002",
    name: "transport-header",
    severity: Severity::Error,
    page: "\
# GW3002: transport-header

Fields such as `Connection`, `Content-Length`, `Transfer-Encoding` and `Host` say how a message is framed on one connection
(RFC 9110, 7.6.1; RFC 9112, 6). The gateway writes them for each connection; a plugin that could change them could make two
requests out of one.

```yaml wrong
apiVersion: gw/v1
kind: Backend
metadata: { name: web }
spec: { echo: {} }
---
apiVersion: gw/v1
kind: Route
metadata: { name: web }
spec:
  public: true
  plugins: [{ requestHeaders: { set: { host: web.internal } } }]
  backend: web
```

```yaml right
apiVersion: gw/v1
kind: Backend
metadata: { name: web }
spec: { http: { targets: [{ url: \"http://127.0.0.1:3000\" }], hostName: web.internal } }
---
apiVersion: gw/v1
kind: Route
metadata: { name: web }
spec: { public: true, backend: web }
```
",
};
