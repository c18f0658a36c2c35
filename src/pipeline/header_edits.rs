//! Edits of header fields, the same for requests and answers.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::diagnostic::{Code, Severity};
use crate::pipeline::exchange::{Exchange, Place};
use crate::pipeline::head::Fields;
use crate::pipeline::plugin::{CompileContext, Needed, Part};
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
    #[schemars(extend("uniqueItems" = true))]
    pub remove: Vec<HeaderName>,
    /// Fields to set: all values that were there are replaced. A field whose value is missing is removed.
    #[serde(default, deserialize_with = "unique_names", skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = set_example(), extend("propertyNames" = { "format": HeaderName::FORMAT }))]
    pub set: BTreeMap<HeaderName, Template>,
    /// Fields to add beside the values that are there. A field whose value is missing is not added.
    #[serde(default, deserialize_with = "unique_names", skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = add_example(), extend("propertyNames" = { "format": HeaderName::FORMAT }))]
    pub add: BTreeMap<HeaderName, Template>,
}

fn example() -> serde_json::Value {
    serde_json::json!({ "remove": ["x-debug"], "set": { "x-order": "${path.id}" }, "add": { "vary": "origin" } })
}

/// Reads header fields, each name once: `X-A` and `x-a` are the same, of which one would be lost.
///
/// # Errors
/// A name is none or stands twice, or a value is none.
pub fn unique_names<'de, D, V>(deserializer: D) -> Result<BTreeMap<HeaderName, V>, D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de>,
{
    deserializer.deserialize_map(UniqueNames(PhantomData))
}

struct UniqueNames<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for UniqueNames<V> {
    type Value = BTreeMap<HeaderName, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("header fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some(name) = map.next_key::<HeaderName>()? {
            if fields.contains_key(&name) {
                map.next_value_seed(Again(&name))?;
            }
            let value = map.next_value()?;
            fields.insert(name, value);
        }
        Ok(fields)
    }
}

/// Fails in place of a value, so that the error is at its name and not at the whole map.
struct Again<'a>(&'a HeaderName);

impl<'de> DeserializeSeed<'de> for Again<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, _: D) -> Result<(), D::Error> {
        Err(D::Error::custom(format!("the header field `{}` stands twice: case does not matter", self.0)))
    }
}

fn set_example() -> serde_json::Value {
    serde_json::json!({ "x-tenant": "${path.tenant}" })
}

fn add_example() -> serde_json::Value {
    serde_json::json!({ "vary": "origin" })
}

impl HeaderEdits {
    /// Reports what cannot work; whether nothing was.
    pub fn check(&self, of: Message, context: &mut CompileContext<'_>) -> bool {
        let before = context.problems.len();
        for (i, name) in self.remove.iter().enumerate() {
            of.check_name(name, &format!("/remove/{i}"), context);
        }
        for (key, fields) in [("set", &self.set), ("add", &self.add)] {
            for (name, template) in fields {
                let pointer = format!("/{key}/{name}");
                of.check_name(name, &pointer, context);
                context.check_params(&pointer, template, Needed::Sometimes);
            }
        }
        context.problems.len() == before
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

/// Whose fields are edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// Those of the request that is sent upstream.
    Request,
    /// Those of the answer.
    Answer,
}

impl Message {
    /// Reports a field that the gateway writes itself.
    pub fn check_name(self, name: &HeaderName, pointer: &str, context: &mut CompileContext<'_>) {
        let (message, help) = match (name.as_str(), self) {
            ("host", _) => (
                "belongs to the connection, a plugin cannot change it",
                "set `hostHeader` or `hostName` of the backend",
            ),
            _ if name.is_transport() => (
                "belongs to the connection, a plugin cannot change it",
                "leave it out: the gateway writes it for each connection",
            ),
            (_, Self::Request) if name.is_of_the_hop() => (
                "is written by the gateway in each request, a plugin cannot change it",
                "leave it out, or choose a name of your own",
            ),
            _ => return,
        };
        context.report(&TRANSPORT_HEADER, pointer, format!("`{name}` {message}"), help).part = Part::Name;
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
requests out of one. In requests it also writes those that say which way the request took: `Via`, `Forwarded`, `X-Forwarded-For`,
`X-Forwarded-Host`, `X-Forwarded-Proto` and `X-Request-Id`.

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
