//! OpenAPI documents as they are shown: where they come from, which servers they speak of.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::{Value, json};
use url::Url;

use crate::backend::swagger_ui::{DOCUMENT, DOCUMENT_SOURCE, DocumentConfig, SwaggerUiConfig};
use crate::pipeline::backend::BackendContext;
use crate::value::name::AssetPath;
use crate::value::web_url::WebUrl;

/// A document.
pub struct Document {
    /// What it is called.
    pub name: String,
    /// Where it is on the site.
    pub path: String,
    /// The origins of other servers that it speaks of, as far as they are known.
    pub origins: BTreeSet<String>,
    /// What is shown.
    pub source: Source,
}

/// Where a document comes from.
pub enum Source {
    /// What was read with the manifests.
    File(Bytes),
    /// What is asked for.
    Url(WebUrl),
}

/// A document as it is shown.
pub struct Shown {
    /// Its bytes.
    pub bytes: Bytes,
    /// Whether it is JSON; if not, it is taken for YAML.
    pub is_json: bool,
}

/// The documents of a backend; `None` after a problem was reported.
pub fn read(config: &SwaggerUiConfig, context: &mut BackendContext<'_>) -> Option<Vec<Document>> {
    let mut complete = config.server.as_deref().is_none_or(|server| is_server(server, context));
    let mut documents: Vec<Document> = Vec::new();
    for (index, document) in config.documents.iter().enumerate() {
        let pointer = format!("/documents/{index}");
        if documents.iter().any(|known| known.name == document.name.as_str()) {
            let message = format!("two documents are called `{}`", document.name);
            context.report(&DOCUMENT_SOURCE, format!("{pointer}/name"), message, "give each a name of its own");
            complete = false;
        }
        let made = one(document, &pointer, config.server.as_deref(), context);
        complete &= made.is_some();
        documents.extend(made);
    }
    complete.then_some(documents)
}

fn is_server(server: &str, context: &mut BackendContext<'_>) -> bool {
    let is_one = (server.starts_with('/') && !server.starts_with("//")) || origin(server).is_some();
    if !is_one {
        let message = format!("`{}` is no server that requests can be sent to", server.escape_debug());
        context.report(&DOCUMENT, "/server", message, "write a path such as `/`, or a URL with `https://`");
    }
    is_one
}

fn one(config: &DocumentConfig, pointer: &str, server: Option<&str>, context: &mut BackendContext<'_>) -> Option<Document> {
    let name = config.name.to_string();
    match (&config.file, &config.url) {
        (Some(file), None) => {
            let pointer = format!("{pointer}/file");
            let bytes = context.file(&pointer, file)?.bytes;
            let (shown, origins) = match check(file, &bytes, server) {
                Ok(checked) => checked,
                Err(why) => {
                    let message = format!("`{}` cannot be shown: {why}", file.as_str().escape_debug());
                    context.report(&DOCUMENT, pointer, message, "name an OpenAPI document");
                    return None;
                }
            };
            let ending = if shown.is_json { "json" } else { "yaml" };
            Some(Document { path: format!("documents/{name}.{ending}"), name, origins, source: Source::File(shown.bytes) })
        }
        (None, Some(url)) => {
            let origins = server.and_then(origin).into_iter().collect();
            Some(Document { path: format!("documents/{name}"), name, origins, source: Source::Url(url.clone()) })
        }
        (given, _) => {
            let message = match given {
                Some(_) => "`file` and `url` are two documents",
                None => "nothing says where this document is",
            };
            context.report(&DOCUMENT_SOURCE, pointer, message, "write `file` or `url`");
            None
        }
    }
}

fn check(file: &AssetPath, bytes: &Bytes, server: Option<&str>) -> Result<(Shown, BTreeSet<String>), String> {
    let is_yaml = [".yaml", ".yml"].iter().any(|ending| file.as_str().ends_with(ending));
    if is_yaml {
        return match server {
            Some(_) => Err("`server` is written into documents in JSON only".to_owned()),
            None if std::str::from_utf8(bytes).is_err() => Err("it is not UTF-8".to_owned()),
            None => Ok((Shown { bytes: bytes.clone(), is_json: false }, BTreeSet::new())),
        };
    }
    let document: Value = serde_json::from_slice(bytes).map_err(|error| format!("it is no JSON: {error}"))?;
    if !["openapi", "swagger"].iter().any(|key| document.get(key).is_some_and(Value::is_string)) {
        return Err("it has neither `openapi` nor `swagger`".to_owned());
    }
    if server.is_some() && document.get("openapi").is_none() {
        return Err("`server` is written into documents of OpenAPI 3 only".to_owned());
    }
    let mut origins = BTreeSet::new();
    let shown = served_by(bytes, server);
    find_origins(&serde_json::from_slice(&shown.bytes).unwrap_or(document), &mut origins);
    Ok((shown, origins))
}

/// A document with the server of the manifest in place of its own, where it is one of OpenAPI 3 in JSON.
pub fn served_by(bytes: &Bytes, server: Option<&str>) -> Shown {
    let Ok(mut document) = serde_json::from_slice::<Value>(bytes) else {
        return Shown { bytes: bytes.clone(), is_json: false };
    };
    match (server, document.as_object_mut()) {
        (Some(server), Some(fields)) if fields.contains_key("openapi") => {
            fields.insert("servers".to_owned(), json!([{ "url": server }]));
            Shown { bytes: document.to_string().into(), is_json: true }
        }
        _ => Shown { bytes: bytes.clone(), is_json: true },
    }
}

/// The origins of the servers and of the places that give tokens, wherever in a document they stand.
fn find_origins(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match key.as_str() {
                    "tokenUrl" | "refreshUrl" | "openIdConnectUrl" => found.extend(value.as_str().and_then(origin)),
                    "servers" => {
                        let servers = value.as_array().into_iter().flatten();
                        found.extend(servers.filter_map(|server| origin(server.get("url")?.as_str()?)));
                    }
                    _ => find_origins(value, found),
                }
            }
            if let Some(host) = fields.get("host").and_then(Value::as_str).filter(|_| fields.contains_key("swagger")) {
                let schemes = fields.get("schemes").and_then(Value::as_array).into_iter().flatten();
                found.extend(schemes.filter_map(|scheme| origin(&format!("{}://{host}", scheme.as_str()?))));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| find_origins(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The origin of a URL with a host; a path is one of the page's own.
fn origin(url: &str) -> Option<String> {
    let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    // a host with placeholders is none that a policy could name
    Some(url.origin().ascii_serialization()).filter(|origin| !origin.contains(['{', '}', '%', ' ', ';', ',']))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::{find_origins, served_by};

    #[test]
    fn the_servers_of_a_document_are_found() {
        let document = json!({
            "openapi": "3.1.0",
            "servers": [{ "url": "https://api.example/v1" }, { "url": "/v1" }, { "url": "https://{region}.example" }],
            "paths": { "/x": { "get": { "servers": [{ "url": "http://files.example:8080/" }] } } },
            "components": { "securitySchemes": { "o": { "flows": { "clientCredentials": { "tokenUrl": "https://id.example/t" } } } } },
        });
        let mut found = BTreeSet::new();
        find_origins(&document, &mut found);
        let found: Vec<&str> = found.iter().map(String::as_str).collect();
        assert_eq!(found, ["http://files.example:8080", "https://api.example", "https://id.example"]);
        let mut found = BTreeSet::new();
        find_origins(&json!({ "swagger": "2.0", "host": "old.example", "schemes": ["https"] }), &mut found);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["https://old.example"]);
    }

    #[test]
    fn the_server_of_the_manifest_takes_their_place() {
        let document = br#"{"openapi":"3.0.0","servers":[{"url":"https://api.example"}],"paths":{}}"#;
        let shown = served_by(&document.to_vec().into(), Some("/"));
        let shown: Value = serde_json::from_slice(&shown.bytes).unwrap();
        assert_eq!(shown, json!({ "openapi": "3.0.0", "servers": [{ "url": "/" }], "paths": {} }));
        assert!(!served_by(&b"openapi: 3.0.0".to_vec().into(), Some("/")).is_json);
    }
}
