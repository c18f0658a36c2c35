//! `swaggerUi`: pages that show OpenAPI documents, and by which an API can be tried out. All they need is in the program.

mod dist;
mod document;
mod page;

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{Request, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backend::files::{CacheRule, Rules, Site, index_name, status};
use crate::backend::remote::{SharedClient, stand_in};
use crate::backend::swagger_ui::document::{Document, Source};
use crate::diagnostic::{Code, Severity};
use crate::net::NetError;
use crate::pipeline::assets::{Asset, Folder};
use crate::pipeline::backend::{Backend, BackendContext, BackendType, Local};
use crate::pipeline::exchange::{Content, Exchange, Resume, Step};
use crate::pipeline::ready::{Ready, ReadyError};
use crate::value::Scalar as _;
use crate::value::lifetime::Lifetime;
use crate::value::method::Method;
use crate::value::name::{AssetPath, Name};
use crate::value::path::PathGlob;
use crate::value::web_url::WebUrl;

/// Swagger UI for OpenAPI documents. Browsers load nothing from elsewhere, and a content security policy sees to it. It answers paths from
/// `/` on: behind a prefix, take that away with `rewrite: { stripPrefix: /docs }`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct SwaggerUiConfig {
    /// The title of the page.
    #[serde(default = "title")]
    #[schemars(length(min = 1), example = &"Geo API")]
    pub title: String,
    /// The documents. The first one is shown, the others can be chosen.
    #[schemars(length(min = 1, max = 64))]
    pub documents: Vec<DocumentConfig>,
    /// Where requests are sent that are tried out, in place of the `servers` of the documents, which are in JSON then and of OpenAPI 3:
    /// a path of the host that shows the page, such as `/`, or a URL. Another host has to allow it by `cors`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), example = &"/")]
    pub server: Option<String>,
    /// Whether requests can be tried out.
    #[serde(default = "yes")]
    pub try_it_out: bool,
}

fn example() -> serde_json::Value {
    serde_json::json!({ "title": "Geo API", "documents": [{ "name": "v1", "url": "http://geo.internal:3000/openapi.json" }], "server": "/" })
}

fn title() -> String {
    "API documentation".to_owned()
}

fn yes() -> bool {
    true
}

/// An OpenAPI document: a file, or a URL.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = serde_json::json!({ "name": "v1", "file": "assets/openapi.json" }))]
pub struct DocumentConfig {
    /// What it is called where it is chosen.
    #[schemars(example = &"v1")]
    pub name: Name,
    /// The document beside the manifest, in JSON or YAML. It is part of the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-gw-asset" = "file"), example = &"assets/openapi.json")]
    pub file: Option<AssetPath>,
    /// Where the gateway asks for the document each time the page is shown, in place of `file`: at most 8 MiB. Browsers ask the gateway, so
    /// they need not be let in there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<WebUrl>,
}

/// The most bytes of a document that is asked for.
const DOCUMENT_LIMIT: u64 = 8 << 20;

/// The compiled backend.
pub struct SwaggerUi {
    site: Site,
    documents: Vec<Document>,
    server: Option<String>,
    client: OnceLock<SharedClient>,
}

impl BackendType for SwaggerUi {
    type Config = SwaggerUiConfig;
    const CODES: &'static [&'static Code] = &[&DOCUMENT, &DOCUMENT_SOURCE];

    fn compile(config: &SwaggerUiConfig, context: &mut BackendContext<'_>) -> Option<Backend> {
        let documents = document::read(config, context)?;
        let mut files: Folder = dist::files();
        let mut add = |path: &str, bytes: Bytes| files.insert(path.into(), Asset::new(bytes, None));
        add(&index_name(), page::index(&config.title, &documents).into());
        add("start.js", page::start(config, &documents).into());
        for document in &documents {
            if let Source::File(bytes) = &document.source {
                add(&document.path, bytes.clone());
            }
        }
        let site = Site::new(&Arc::new(files), rules());
        let site = site.with_field("content-security-policy", &page::content_policy(&documents));
        let site = site.with_field("referrer-policy", "no-referrer");
        Some(Backend::Local(Arc::new(Self { site, documents, server: config.server.clone(), client: OnceLock::new() })))
    }
}

/// What never changes under its name is kept, and the rest asked for.
fn rules() -> Rules {
    let rule = |path: &str, max_age, immutable| {
        let paths = PathGlob::parse(path).into_iter().collect();
        CacheRule { paths, max_age, immutable }
    };
    let cache = vec![
        rule(&format!("/{}/**", dist::VERSION), Lifetime::from_secs(365 * 24 * 60 * 60), true),
        rule("/**", Lifetime::none(), false),
    ];
    Rules { index: index_name(), clean_urls: false, fallback: None, not_found: None, listing: false, cache }
}

impl Local for SwaggerUi {
    fn ready(&self, ready: &Ready<'_>) -> Result<(), ReadyError> {
        if self.documents.iter().any(|document| matches!(document.source, Source::Url(_))) && self.client.get().is_none() {
            let _ = self.client.set(SharedClient::of(ready)?);
        }
        Ok(())
    }

    fn answer(&self, exchange: &mut Exchange<'_>) -> Step {
        let path = exchange.upstream_path().trim_start_matches('/');
        let asked = self.documents.iter().find(|document| document.path == path);
        match asked.map(|document| &document.source) {
            Some(Source::Url(url)) if matches!(exchange.request.method, Method::Get | Method::Head) => {
                self.ask(url, exchange)
            }
            _ => self.site.answer(exchange),
        }
    }
}

impl SwaggerUi {
    /// Asks for a document where it is.
    fn ask(&self, url: &WebUrl, exchange: &mut Exchange<'_>) -> Step {
        let Some(SharedClient { client, .. }) = self.client.get() else { return stand_in(exchange) };
        let (client, server) = (client.clone(), self.server.clone());
        let request = Request::get(url.to_string()).header("accept", "application/json, application/yaml").body(Bytes::new());
        let Ok(request) = request else { return status(exchange, 502) };
        Step::Pending(Box::pin(async move {
            let answer = client.send(request, DOCUMENT_LIMIT).await;
            let resume: Resume = Box::new(move |exchange| match answer {
                Ok(answer) if answer.status == StatusCode::OK => show(&answer.body, server.as_deref(), exchange),
                Err(NetError::Timeout) => status(exchange, 504),
                Ok(_) | Err(_) => status(exchange, 502),
            });
            resume
        }))
    }
}

/// Shows a document that was asked for.
fn show(bytes: &Bytes, server: Option<&str>, exchange: &mut Exchange<'_>) -> Step {
    let shown = document::served_by(bytes, server);
    let fields = &mut exchange.response.fields;
    fields.set("content-type", if shown.is_json { b"application/json" } else { b"application/yaml" });
    fields.set("cache-control", b"no-cache");
    fields.set("x-content-type-options", b"nosniff");
    exchange.response.status = 200;
    Step::Answer(Content::Bytes(shown.bytes))
}

static DOCUMENT: Code = Code {
    id: "GW3112",
    name: "api-document",
    severity: Severity::Error,
    page: "\
# GW3112: api-document

A file that a `swaggerUi` backend shows is no OpenAPI document: a JSON object with `openapi` or `swagger`, or a YAML file. With `server`, it
is one of OpenAPI 3 in JSON, for only there the gateway writes the server in: a path or a URL.

```yaml wrong
apiVersion: gw/v1
kind: Backend
metadata: { name: docs }
spec: { swaggerUi: { documents: [{ name: v1, file: data.json }] } }
---
apiVersion: gw/v1
kind: Route
metadata: { name: docs }
spec: { public: true, backend: docs }
```

```yaml right
apiVersion: gw/v1
kind: Backend
metadata: { name: docs }
spec: { swaggerUi: { documents: [{ name: v1, file: openapi.json }] } }
---
apiVersion: gw/v1
kind: Route
metadata: { name: docs }
spec: { public: true, backend: docs }
```
",
};

static DOCUMENT_SOURCE: Code = Code {
    id: "GW3113",
    name: "api-document-source",
    severity: Severity::Error,
    page: "\
# GW3113: api-document-source

Each document of a `swaggerUi` backend is a file beside the manifest or something that the gateway asks for by its URL, and has a name of
its own, by which it is chosen.

```yaml wrong
apiVersion: gw/v1
kind: Backend
metadata: { name: docs }
spec: { swaggerUi: { documents: [{ name: v1 }] } }
---
apiVersion: gw/v1
kind: Route
metadata: { name: docs }
spec: { public: true, backend: docs }
```

```yaml right
apiVersion: gw/v1
kind: Backend
metadata: { name: docs }
spec: { swaggerUi: { documents: [{ name: v1, url: \"http://geo.internal:3000/openapi.json\" }] } }
---
apiVersion: gw/v1
kind: Route
metadata: { name: docs }
spec: { public: true, backend: docs }
```
",
};
