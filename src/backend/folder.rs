//! `folder`: a site from a folder of files beside the manifest, served from memory.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backend::files::{FileServer, Settings};
use crate::pipeline::assets::ASSET;
use crate::pipeline::backend::{Backend, BackendContext, BackendType, Local};
use crate::pipeline::exchange::{Exchange, Step};
use crate::value::name::AssetPath;

/// A folder of files, up to 64 MiB. It is read with the manifests and is part of the table: a changed file is a new
/// table, swapped in as a whole. Files and folders whose name begins with a dot are left out, and none of its files is a manifest.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct FolderConfig {
    /// The folder.
    #[schemars(extend("x-gw-asset" = "folder"))]
    pub path: AssetPath,
    /// The file that answers for a folder.
    #[serde(default = "index")]
    #[schemars(length(min = 1), example = &"index.html")]
    pub index: String,
    /// A file of the folder that is the body of a 404. The default is the gateway's own page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"404.html")]
    pub not_found: Option<String>,
}

fn example() -> serde_json::Value {
    serde_json::json!({ "path": "site", "index": "index.html", "notFound": "404.html" })
}

fn index() -> String {
    "index.html".into()
}

/// The compiled backend.
pub struct FolderBackend(FileServer);

impl BackendType for FolderBackend {
    type Config = FolderConfig;

    fn compile(config: &FolderConfig, context: &mut BackendContext<'_>) -> Option<Backend> {
        let files = (context.folder)(&config.path)?;
        if let Some(page) = config.not_found.as_ref().filter(|page| !files.contains_key(page.as_str())) {
            let message = format!("the folder has no file `{}`", page.escape_debug());
            context.report(&ASSET, "/notFound", message, format!("the path is relative to `{}`", config.path));
            return None;
        }
        let settings = Settings { index: config.index.clone(), not_found: config.not_found.clone() };
        Some(Backend::Local(Arc::new(Self(FileServer::new(files, settings)))))
    }
}

impl Local for FolderBackend {
    fn answer(&self, exchange: &mut Exchange<'_>) -> Step {
        self.0.answer(exchange)
    }
}
