//! `remoteAssets`: a site whose files another web server has, passed on as they are asked for.

use std::sync::Arc;

use http::Method as Verb;
use url::Url;

use crate::backend::files::site_config;
use crate::backend::remote::{Origin, RemoteSite};
use crate::pipeline::backend::{Backend, BackendContext, BackendType, Local};
use crate::pipeline::exchange::{Exchange, Step};
use crate::pipeline::ready::{Ready, ReadyError};
use crate::value::duration::Duration;
use crate::value::percent::encode_path;
use crate::value::web_url::WebUrl;

site_config! {
    /// Files of another web server. Only `GET` and `HEAD` get there, with nothing that the client said of itself; conditions and ranges are
    /// answered by what that server says of a file. Its redirects and errors are a 502, its silence a 504. With the plugin `cache` before it,
    /// files are asked for once. A server that is an API belongs into a backend of the kind `http`.
    #[schemars(example = example())]
    pub struct RemoteAssetsConfig {
        /// Where the files are: what stands behind the path of a request is put behind this URL.
        #[schemars(example = &"https://assets.example/handbook/")]
        pub url: WebUrl,
        /// How long a file that was not there is not asked for again.
        #[serde(default = "crate::backend::remote::absent_for")]
        #[schemars(example = &"10s")]
        pub absent_for: Duration,
    }
}

fn example() -> serde_json::Value {
    serde_json::json!({ "url": "https://assets.example/handbook/", "notFound": "404.html" })
}

/// The compiled backend.
pub struct RemoteAssets {
    base: Url,
    site: RemoteSite,
}

impl BackendType for RemoteAssets {
    type Config = RemoteAssetsConfig;

    fn compile(config: &RemoteAssetsConfig, _: &mut BackendContext<'_>) -> Option<Backend> {
        let base = Url::parse(&config.url.to_string()).ok()?;
        let site = RemoteSite::new(config.rules(), config.absent_for.get());
        Some(Backend::Local(Arc::new(Self { base, site })))
    }
}

impl Local for RemoteAssets {
    fn ready(&self, ready: &Ready<'_>) -> Result<(), ReadyError> {
        self.site.ready(ready, Arc::new(WebServer(self.base.clone())), self.base.as_str())
    }

    fn answer(&self, exchange: &mut Exchange<'_>) -> Step {
        self.site.answer(exchange)
    }
}

/// A web server, or a part of one.
struct WebServer(Url);

impl Origin for WebServer {
    fn url(&self, path: &str, _: &Verb) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}/{}", self.0.path().trim_end_matches('/'), encode_path(path)));
        url
    }
}
