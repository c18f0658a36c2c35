//! Where the tables of the node come from: a folder, or the releases of a store.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::run::Arguments;
use crate::cli::store::{Trusted, location, open};
use crate::deploy::follow::{Follower, Source};
use crate::deploy::release::{Kept, ReleaseFollower};
use crate::deploy::watch::Watch;
use crate::proxy::metrics::Metrics;
use crate::value::duration::Duration;

/// Arguments of `gw run` about releases.
#[derive(clap::Args)]
pub struct StoreArguments {
    /// Follow the releases of a store in place of a folder of manifests: a folder, `s3://BUCKET/PREFIX?region=REGION`, or
    /// `https://HOST/PATH`. The last good one is kept on this node, which starts from it if there is no newer one that it can use.
    #[arg(long, env = "GW_STORE", value_name = "URL", conflicts_with = "folder")]
    store: Option<String>,
    #[command(flatten)]
    trusted: Trusted,
    /// The environment to run in, by the name of its `Environment`: releases for another one are refused.
    #[arg(long, env = "GW_ENV", value_name = "NAME")]
    env: Option<String>,
    /// The folder that the node keeps things in: the last good release and the newest one that it has seen, in `state` unless another
    /// one is named; accounts with authorities and the certificates that they have issued, which are ordered only if it is named.
    /// Gateways that share it order each certificate once.
    #[arg(long, env = "GW_STATE_DIR", value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// How often the store is asked for a new release.
    #[arg(long, env = "GW_POLL", value_name = "DURATION", default_value = "5s")]
    poll: Duration,
}

impl StoreArguments {
    /// The folder that the node keeps things in, if one is named.
    pub(super) fn state_dir(&self) -> Option<&Path> {
        self.state_dir.as_deref()
    }
}

/// What is followed, and what says when to look.
pub(super) struct Followed {
    pub(super) source: Box<dyn Source>,
    pub(super) watch: Watch,
}

impl Followed {
    /// What the arguments say.
    pub(super) fn open(arguments: &Arguments, metrics: &Arc<Metrics>) -> Result<Self, String> {
        let StoreArguments { store, trusted, env, state_dir, poll } = &arguments.releases;
        let Some(url) = store else {
            let folder = &arguments.folder;
            return Ok(Self { source: Box::new(Follower::new(folder, env.clone())), watch: Watch::new(folder) });
        };
        let trust = trusted.named()?;
        let releases = open(url)?;
        let kept = Kept::open(state_dir.as_deref().unwrap_or(Path::new("state"))).map_err(|error| error.to_string())?;
        let location = location(url)?;
        let watch = Watch::every(poll.get(), location.folder().map(PathBuf::as_path));
        let source = ReleaseFollower::new(releases, trust, env.clone(), kept, Arc::clone(metrics));
        Ok(Self { source: Box::new(source), watch })
    }
}
