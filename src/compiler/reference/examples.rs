//! One complete manifest for each kind, plugin and backend, from the examples of their types.

use serde_json::{Value, json};

use crate::auth::AUTHS;
use crate::backend::BACKENDS;
use crate::compiler::manifest::{API_VERSION, KINDS};
use crate::compiler::schema;
use crate::pipeline::plugin::NeedOfCaller;
use crate::plugins::{PLUGINS, PluginInfo};

/// A manifest that shows something.
#[derive(Clone, Debug)]
pub struct Example {
    /// The kind, plugin or backend that it shows.
    pub of: &'static str,
    /// The manifest.
    pub manifest: Value,
}

impl Example {
    /// Its text.
    pub fn yaml(&self) -> String {
        serde_yaml::to_string(&self.manifest).unwrap_or_default()
    }
}

/// The examples of all kinds, plugins, backends and ways of authenticating.
pub fn examples() -> Vec<Example> {
    let kinds = KINDS.iter().map(|kind| Example { of: kind.name, manifest: of_kind(kind.name) });
    let plugins = PLUGINS.iter().map(|plugin| Example { of: plugin.name, manifest: of_plugin(plugin) });
    let backends = BACKENDS.iter().map(|name| Example { of: name, manifest: of_choice("Backend", name) });
    let auths = AUTHS.iter().map(|name| Example { of: name, manifest: of_choice("Auth", name) });
    kinds.chain(plugins).chain(backends).chain(auths).collect()
}

/// The first example in the schema of a kind, at a place in it.
fn first(kind: &str, pointer: &str) -> Option<Value> {
    let schema = schema::named(kind)?;
    schema::at(&schema, pointer)?.get("examples")?.as_array()?.first().cloned()
}

fn manifest(kind: &str, name: &str, spec: &Value) -> Value {
    json!({ "apiVersion": API_VERSION, "kind": kind, "metadata": { "name": name }, "spec": spec })
}

pub(super) fn of_kind(kind: &str) -> Value {
    match first(kind, "/spec") {
        Some(spec) => manifest(kind, if kind == "Gateway" { "edge" } else { "shop" }, &spec),
        // A kind that is a choice is shown by the first thing to choose.
        None => of_choice(kind, if kind == "Auth" { AUTHS[0] } else { BACKENDS[0] }),
    }
}

fn of_plugin(plugin: &PluginInfo) -> Value {
    let config = first("Route", &format!("/spec/plugins/0/{}", plugin.name)).unwrap_or_default();
    let mut spec = json!({ "match": [{ "path": "/orders/{id}" }], "plugins": [{ plugin.name: config }] });
    match plugin.caller {
        NeedOfCaller::None => spec["public"] = true.into(),
        NeedOfCaller::Finds => {}
        NeedOfCaller::Needs => {
            spec["plugins"] = json!([{ "auth": { "anyOf": ["partners"] } }, { plugin.name: config }]);
        }
    }
    if !plugin.answers {
        spec["backend"] = "shop".into();
    }
    manifest("Route", "orders", &spec)
}

fn of_choice(kind: &str, name: &str) -> Value {
    let config = first(kind, &format!("/spec/{name}")).unwrap_or_default();
    manifest(kind, "shop", &json!({ name: config }))
}
