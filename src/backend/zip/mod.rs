//! `zip`: a site from a ZIP archive, beside the manifest or fetched when the gateway starts.

mod download;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backend::files::{ArchiveError, Rules, Site, site_config, unpack};
use crate::backend::zip::download::Fetched;
use crate::diagnostic::{Code, Severity};
use crate::pipeline::backend::{Backend, BackendContext, BackendType, Local};
use crate::pipeline::exchange::{Exchange, Step};
use crate::pipeline::ready::{Ready, ReadyError};
use crate::value::https_url::HttpsUrl;
use crate::value::name::AssetPath;
use crate::value::sha256::Sha256;

site_config! {
    /// A ZIP archive of files, up to 64 MiB, or 256 MiB unpacked. An archive beside the manifest is read with the manifests and is part of
    /// the table: a changed one is a new table, swapped in as a whole. Files and folders whose name begins with a dot are left out.
    /// A file that is there in a coding too (`app.js.br`, `app.js.zst` or `app.js.gz`) is sent so to whoever takes that.
    #[schemars(example = example())]
    pub struct ZipConfig {
        /// The archive, beside the manifest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(extend("x-gw-asset" = "file"), example = &"assets/handbook.zip")]
        pub file: Option<AssetPath>,
        /// An archive that the gateway fetches when it starts, in place of `file`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub download: Option<DownloadConfig>,
        /// A folder in the archive that is the site. The default is all of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(min = 1), example = &"dist")]
        pub root: Option<String>,
        /// Whether a folder without an index is answered with a list of what is in it.
        #[serde(default)]
        pub listing: bool,
    }
}

fn example() -> serde_json::Value {
    serde_json::json!({ "file": "assets/handbook.zip", "index": "index.html" })
}

/// An archive that is fetched. Until it is there, the archive that this backend served before answers, or else a 503; what cannot be
/// fetched is tried again, for as long as it takes.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = serde_json::json!({ "url": "https://releases.example/handbook-1.2.zip", "sha256": "0".repeat(64) }))]
pub struct DownloadConfig {
    /// Where it is. No redirect is followed.
    #[schemars(example = &"https://releases.example/handbook-1.2.zip")]
    pub url: HttpsUrl,
    /// The SHA-256 of the archive in hex digits, as `sha256sum` prints it. What has another one is not served.
    pub sha256: Sha256,
}

/// The compiled backend.
pub enum ZipBackend {
    /// From an archive that was read with the manifests.
    Read(Site),
    /// From one that is fetched.
    Fetched(Fetched),
}

impl BackendType for ZipBackend {
    type Config = ZipConfig;
    const CODES: &'static [&'static Code] = &[&ARCHIVE, &ARCHIVE_SOURCE];

    fn compile(config: &ZipConfig, context: &mut BackendContext<'_>) -> Option<Backend> {
        let rules = Rules { listing: config.listing, ..config.rules() };
        let root = config.root.as_deref().unwrap_or_default();
        let backend = match (&config.file, &config.download) {
            (Some(file), None) => {
                let archive = context.file("/file", file)?;
                let name = file.as_str().escape_debug().to_string();
                let files = unpack(&archive.bytes, root).map_err(|error| refuse(&name, &error, context)).ok()?;
                if files.is_empty() && !root.is_empty() {
                    let message = format!("the archive `{name}` has no folder `{}`", root.escape_debug());
                    context.report(&ARCHIVE, "/root", message, "`unzip -l` lists what is in it");
                    return None;
                }
                if !rules.check(&files, &format!("the archive `{name}`"), context) {
                    return None;
                }
                Self::Read(Site::new(&Arc::new(files), rules))
            }
            (None, Some(download)) => Self::Fetched(Fetched::new(download.clone(), root.to_owned(), rules)),
            (Some(_), Some(_)) => {
                let message = "`file` and `download` are two archives, and one is served";
                context.report(&ARCHIVE_SOURCE, "/download", message, "keep one of them");
                return None;
            }
            (None, None) => {
                let help = "write `file` for one beside this manifest, or `download` for one that is fetched";
                context.report(&ARCHIVE_SOURCE, "", "`zip` does not say where the archive is", help);
                return None;
            }
        };
        Some(Backend::Local(Arc::new(backend)))
    }
}

fn refuse(name: &str, error: &ArchiveError, context: &mut BackendContext<'_>) {
    let message = format!("the archive `{name}` is not served: {error}");
    context.report(&ARCHIVE, "/file", message, "pack plain files only, for example with `zip -r site.zip .` in their folder");
}

impl Local for ZipBackend {
    fn ready(&self, ready: &Ready<'_>) -> Result<(), ReadyError> {
        match self {
            Self::Read(_) => Ok(()),
            Self::Fetched(fetched) => fetched.ready(ready),
        }
    }

    fn answer(&self, exchange: &mut Exchange<'_>) -> Step {
        match self {
            Self::Read(site) => site.answer(exchange),
            Self::Fetched(fetched) => fetched.answer(exchange),
        }
    }
}

static ARCHIVE: Code = Code {
    id: "GW3110",
    name: "archive",
    severity: Severity::Error,
    page: "\
# GW3110: archive

A ZIP archive that a `zip` backend names is not served: it is no archive or a damaged one, or it holds what no site needs and an attacker
likes: names that lead out of it, symbolic links, two entries of one name, entries that overlap, encrypted ones, or more than 256 MiB
and 20,000 entries.

```yaml wrong
apiVersion: gw/v1
kind: Backend
metadata: { name: handbook }
spec: { zip: { file: damaged.zip } }
---
apiVersion: gw/v1
kind: Route
metadata: { name: handbook }
spec: { public: true, backend: handbook }
```

```yaml right
apiVersion: gw/v1
kind: Backend
metadata: { name: handbook }
spec: { zip: { file: site.zip } }
---
apiVersion: gw/v1
kind: Route
metadata: { name: handbook }
spec: { public: true, backend: handbook }
```
",
};

static ARCHIVE_SOURCE: Code = Code {
    id: "GW3111",
    name: "archive-source",
    severity: Severity::Error,
    page: "\
# GW3111: archive-source

A `zip` backend serves one archive: one beside the manifest, which `file` names, or one that is fetched, which `download` describes.

```yaml wrong
apiVersion: gw/v1
kind: Backend
metadata: { name: handbook }
spec: { zip: { index: start.html } }
---
apiVersion: gw/v1
kind: Route
metadata: { name: handbook }
spec: { public: true, backend: handbook }
```

```yaml right
apiVersion: gw/v1
kind: Backend
metadata: { name: handbook }
spec: { zip: { file: site.zip, index: start.html } }
---
apiVersion: gw/v1
kind: Route
metadata: { name: handbook }
spec: { public: true, backend: handbook }
```
",
};
