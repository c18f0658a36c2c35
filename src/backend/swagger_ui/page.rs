//! What of the site is written for one backend: the page, the script that starts it, and what its policy lets it do.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::json;

use crate::backend::files::escaped;
use crate::backend::swagger_ui::SwaggerUiConfig;
use crate::backend::swagger_ui::dist::VERSION;
use crate::backend::swagger_ui::document::Document;

/// The styles within the picture of the logo, which stand in the page and are let through by their hash.
const LOGO_STYLE: &str = "sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w=";

/// The page. Who has no scripts gets the documents themselves.
pub fn index(title: &str, documents: &[Document]) -> String {
    let title = escaped(title);
    let mut links = String::new();
    for Document { path, name, .. } in documents {
        let _ = write!(links, "<li><a href=\"{path}\">{name}</a></li>");
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <link rel=\"stylesheet\" href=\"{VERSION}/swagger-ui.css\">\n<link rel=\"stylesheet\" href=\"{VERSION}/page.css\">\n\
         <link rel=\"icon\" type=\"image/png\" href=\"{VERSION}/favicon-32x32.png\">\n</head>\n<body>\n\
         <noscript><h1>{title}</h1><p>Without scripts, here are the OpenAPI documents themselves:</p><ul>{links}</ul></noscript>\n\
         <div id=\"swagger-ui\"></div>\n<script src=\"{VERSION}/swagger-ui-bundle.js\"></script>\n\
         <script src=\"{VERSION}/swagger-ui-standalone-preset.js\"></script>\n<script src=\"start.js\"></script>\n</body>\n</html>\n"
    )
}

/// The script that starts it. Nothing is asked of a validator elsewhere.
pub fn start(config: &SwaggerUiConfig, documents: &[Document]) -> String {
    let urls: Vec<_> =
        documents.iter().map(|document| json!({ "name": document.name, "url": document.path })).collect();
    let methods: &[&str] =
        if config.try_it_out { &["get", "put", "post", "delete", "options", "head", "patch", "trace"] } else { &[] };
    let settings = json!({
        "dom_id": "#swagger-ui",
        "urls": urls,
        "deepLinking": true,
        "validatorUrl": null,
        "supportedSubmitMethods": methods,
        "layout": "StandaloneLayout",
    });
    format!(
        "window.ui = SwaggerUIBundle(Object.assign({settings}, {{\n  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],\n}}));\n"
    )
}

/// What the page may do (Content Security Policy, level 3): load what is here, and ask the servers of the documents that were read.
pub fn content_policy(documents: &[Document]) -> String {
    let asked: BTreeSet<&str> = documents.iter().flat_map(|document| &document.origins).map(String::as_str).collect();
    let mut connect = "'self'".to_owned();
    for origin in asked {
        let _ = write!(connect, " {origin}");
    }
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self' '{LOGO_STYLE}'; img-src 'self' data:; connect-src {connect}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    )
}
