//! `echo`: shows the request back as JSON, so that a route can be tried without a server.

use std::sync::Arc;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::pipeline::backend::{Backend, BackendContext, BackendType, Local};
use crate::pipeline::exchange::{Content, Exchange, Step};

/// An end that shows the request back; it has no settings.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = Map::new())]
pub struct EchoConfig {}

/// Fields whose values are never shown: an echo must not become a way to read a cookie that scripts cannot.
const CREDENTIALS: &[&str] = &["authorization", "cookie", "proxy-authorization", "x-api-key"];

/// The compiled backend.
pub struct Echo;

impl BackendType for Echo {
    type Config = EchoConfig;

    fn compile(_: &EchoConfig, _: &mut BackendContext<'_>) -> Option<Backend> {
        Some(Backend::Local(Arc::new(Self)))
    }
}

impl Local for Echo {
    fn answer(&self, exchange: &mut Exchange<'_>) -> Step {
        let mut headers = Map::new();
        for (name, value) in exchange.request.fields.shown() {
            let name = String::from_utf8_lossy(name);
            let value = value.filter(|_| !CREDENTIALS.contains(&&*name));
            let shown = value.map_or_else(|| "(hidden)".into(), String::from_utf8_lossy);
            let values = headers.entry(name).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(values) = values {
                values.push(shown.into());
            }
        }
        let request = &exchange.request;
        let shown = json!({
            "route": exchange.route,
            "client": exchange.client.ip.to_string(),
            "method": request.method.as_str(),
            "host": request.host,
            "path": request.path,
            "upstreamPath": exchange.upstream_path(),
            "query": exchange.upstream_query(),
            "headers": headers,
        });
        exchange.response.status = 200;
        exchange.response.fields.set("content-type", b"application/json");
        exchange.response.fields.set("cache-control", b"no-store");
        Step::Answer(Content::Bytes(Bytes::from(format!("{shown:#}\n"))))
    }
}
