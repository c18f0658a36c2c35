//! `folder`: a site from a folder of files beside the manifest, served from memory.

use std::sync::Arc;

use crate::backend::files::{Rules, Site, site_config};
use crate::pipeline::backend::{Backend, BackendContext, BackendType, Local};
use crate::pipeline::exchange::{Exchange, Step};
use crate::value::name::AssetPath;

site_config! {
    /// A folder of files, up to 64 MiB. It is read with the manifests and is part of the table: a changed file is a new
    /// table, swapped in as a whole. Files and folders whose name begins with a dot are left out, and none of its files is a manifest.
    /// A file that is there in a coding too (`app.js.br`, `app.js.zst` or `app.js.gz`) is sent so to whoever takes that.
    #[schemars(example = example())]
    pub struct FolderConfig {
        /// The folder.
        #[schemars(extend("x-gw-asset" = "folder"))]
        pub path: AssetPath,
        /// Whether a folder without an index is answered with a list of what is in it.
        #[serde(default)]
        pub listing: bool,
    }
}

fn example() -> serde_json::Value {
    serde_json::json!({ "path": "site", "index": "index.html", "notFound": "404.html" })
}

/// The compiled backend.
pub struct FolderBackend(Site);

impl BackendType for FolderBackend {
    type Config = FolderConfig;

    fn compile(config: &FolderConfig, context: &mut BackendContext<'_>) -> Option<Backend> {
        let files = context.folder("/path", &config.path)?;
        let rules = Rules { listing: config.listing, ..config.rules() };
        let complete = rules.check(&files, &format!("the folder `{}`", config.path.as_str().escape_debug()), context);
        complete.then(|| Backend::Local(Arc::new(Self(Site::new(&files, rules)))))
    }
}

impl Local for FolderBackend {
    fn answer(&self, exchange: &mut Exchange<'_>) -> Step {
        self.0.answer(exchange)
    }
}
