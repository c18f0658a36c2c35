//! An archive that is fetched beside requests, and served once it is there and is the one that was meant.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::{Request, StatusCode};
use tokio::time::sleep;

use crate::backend::files::{ArchiveError, Rules, Site, status, unpack};
use crate::backend::remote::{SharedClient, stand_in};
use crate::backend::zip::DownloadConfig;
use crate::net::{Client, NetError};
use crate::pipeline::assets::{ASSET_LIMIT, Folder};
use crate::pipeline::background::Task;
use crate::pipeline::exchange::{Exchange, Step};
use crate::pipeline::ready::{Ready, ReadyError};
use crate::value::sha256::Sha256;

/// How long is waited before what failed is tried again: first, and at most.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

/// A site from an archive that is fetched.
pub struct Fetched {
    site: Arc<ArcSwapOption<Site>>,
    plan: Plan,
    running: OnceLock<Running>,
}

/// What is fetched, and what is made of it.
#[derive(Clone)]
struct Plan {
    from: DownloadConfig,
    root: String,
    rules: Rules,
}

/// The files that a backend has, whichever table it is of.
type Kept = ArcSwapOption<Archive>;

/// The files of an archive.
struct Archive {
    sha256: Sha256,
    root: String,
    files: Arc<Folder>,
}

/// What lasts as long as the backend does.
struct Running {
    _kept: Arc<Kept>,
    _client: Option<SharedClient>,
    _task: Option<Task>,
}

/// Why an archive is not there.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Net(#[from] NetError),
    #[error("the address cannot be asked: {0}")]
    Address(#[from] http::Error),
    #[error("it was answered with {0}")]
    Status(StatusCode),
    #[error("it is another one: its SHA-256 is {0}")]
    Another(Sha256),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

impl Fetched {
    /// A site that is not there yet.
    pub fn new(from: DownloadConfig, root: String, rules: Rules) -> Self {
        Self { site: Arc::default(), plan: Plan { from, root, rules }, running: OnceLock::new() }
    }

    /// Begins to fetch the archive, unless the table before had it.
    ///
    /// # Errors
    /// If the client or its thread cannot be had.
    pub fn ready(&self, ready: &Ready<'_>) -> Result<(), ReadyError> {
        if self.running.get().is_some() {
            return Ok(());
        }
        let kept = ready.pool.get_or(ready.owner, Kept::empty);
        let mut running = Running { _kept: Arc::clone(&kept), _client: None, _task: None };
        let known = kept.load_full();
        if let Some(known) = &known {
            self.site.store(Some(Arc::new(Site::new(&known.files, self.plan.rules.clone()))));
        }
        if !known.is_some_and(|known| known.sha256 == self.plan.from.sha256 && known.root == self.plan.root) {
            let shared = SharedClient::of(ready)?;
            let (plan, site, owner) = (self.plan.clone(), Arc::clone(&self.site), ready.owner.to_owned());
            let fetching = fetch(plan, shared.client.clone(), kept, site, owner);
            running = Running { _client: Some(shared), _task: Some(ready.background.spawn(fetching)?), ..running };
        }
        // whoever was faster began the same
        let _ = self.running.set(running);
        Ok(())
    }

    /// Answers with a file of the archive.
    pub fn answer(&self, exchange: &mut Exchange<'_>) -> Step {
        if self.running.get().is_none() {
            return stand_in(exchange);
        }
        if let Some(site) = &*self.site.load() {
            return site.answer(exchange);
        }
        exchange.response.fields.set("retry-after", b"5");
        status(exchange, 503)
    }
}

/// Fetches an archive, as often as it takes.
async fn fetch(plan: Plan, client: Client, kept: Arc<Kept>, site: Arc<ArcSwapOption<Site>>, owner: String) {
    let (mut pause, longest) = RETRY;
    loop {
        match attempt(&plan, &client).await {
            Ok(files) => {
                let files = Arc::new(files);
                site.store(Some(Arc::new(Site::new(&files, plan.rules))));
                kept.store(Some(Arc::new(Archive { sha256: plan.from.sha256, root: plan.root, files })));
                tracing::info!(backend = %owner, "the archive is there");
                return;
            }
            // never the address: its query may be a signature
            Err(error) => tracing::warn!(backend = %owner, %error, "the archive cannot be fetched, trying again"),
        }
        sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
}

async fn attempt(plan: &Plan, client: &Client) -> Result<Folder, FetchError> {
    let request = Request::get(plan.from.url.to_string()).body(Bytes::new())?;
    let answer = client.send(request, ASSET_LIMIT).await?;
    if answer.status != StatusCode::OK {
        return Err(FetchError::Status(answer.status));
    }
    let found = Sha256::of(&answer.body);
    if found != plan.from.sha256 {
        return Err(FetchError::Another(found));
    }
    Ok(unpack(&answer.body, &plan.root)?)
}
