//! Where the tables of the node come from: a folder, or the releases of a store.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::system::uname;

use crate::cli::run::Arguments;
use crate::cli::store::{Receipts, Trusted, location, open};
use crate::deploy::follow::{Follower, Source};
use crate::deploy::release::canary::parse_label;
use crate::deploy::release::receipt::{EVERY, ReportTo, check_node_name};
use crate::deploy::release::{Identity, Kept, ReleaseFollower, Terms};
use crate::deploy::watch::Watch;
use crate::proxy::metrics::Metrics;
use crate::value::duration::Duration;

/// The folder that the node keeps things in, if none is named.
pub(super) const STATE_DIR: &str = "state";

/// Arguments of `gw run` about releases.
#[derive(clap::Args)]
pub struct StoreArguments {
    /// Follow the releases of a store in place of a folder of manifests; see `gw apply` for its address. The last good one is kept on this node, which starts from it if there is no newer one that it can use.
    #[arg(long, env = "GW_STORE", value_name = "URL", conflicts_with = "folder")]
    store: Option<String>,
    #[command(flatten)]
    trusted: Trusted,
    /// The environment to run in, by the name of its `Environment`: releases for another one are refused.
    #[arg(long, env = "GW_ENV", value_name = "NAME")]
    env: Option<String>,
    /// The folder that the node keeps things in: the last good release and the newest one that it has seen, and the counts of quotas,
    /// in `state` unless another one is named; accounts with authorities and the certificates that they have issued, which are ordered only if it is named.
    /// Gateways that share it order each certificate once.
    #[arg(long, env = "GW_STATE_DIR", value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// How often the store is asked for a new release.
    #[arg(long, env = "GW_POLL", value_name = "DURATION", default_value = "5s")]
    poll: Duration,
    /// The name of this node in receipts. The default is the name of the machine.
    #[arg(long, env = "GW_NODE", value_name = "NAME", value_parser = check_node_name)]
    node: Option<String>,
    /// A label of this node, by which `gw apply --canary` finds it. May be given several times.
    #[arg(long = "label", env = "GW_LABELS", value_name = "NAME=VALUE", value_delimiter = ',', value_parser = parse_label)]
    labels: Vec<(String, String)>,
    /// How often a receipt is written although nothing has changed, at most every 30 seconds: whoever isn't heard for 90 is silent.
    #[arg(long, env = "GW_RECEIPT_EVERY", value_name = "DURATION", default_value = "30s")]
    receipt_every: Duration,
    #[command(flatten)]
    receipts: Receipts,
}

impl StoreArguments {
    /// Where this node writes receipts and under which name, if there is a store that they can be written to.
    pub(super) fn report_to(&self) -> Result<Option<ReportTo>, String> {
        let Some(releases) = &self.store else { return Ok(None) };
        let Some(store) = self.receipts.open_for_writing(releases)? else { return Ok(None) };
        Ok(Some(ReportTo { store, node: self.identity()?, every: self.receipt_every.get().min(EVERY) }))
    }

    /// Who this node is.
    fn identity(&self) -> Result<Identity, String> {
        let machine = || check_node_name(&uname().nodename().to_string_lossy());
        let name = self.node.clone().map_or_else(machine, Ok)?;
        Ok(Identity { name, labels: self.labels.iter().cloned().collect() })
    }

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
        let StoreArguments { store, trusted, env, state_dir, poll, .. } = &arguments.releases;
        let Some(url) = store else {
            let folder = &arguments.folder;
            return Ok(Self { source: Box::new(Follower::new(folder, env.clone())), watch: Watch::new(folder) });
        };
        let trust = trusted.named()?;
        let releases = open(url)?;
        let state = state_dir.as_deref().unwrap_or(Path::new(STATE_DIR));
        let kept = Arc::new(Kept::open(state).map_err(|error| error.to_string())?);
        let location = location(url)?;
        let watch = Watch::every(poll.get(), location.folder().map(PathBuf::as_path));
        let identity = arguments.releases.identity()?;
        let terms = Terms { trust, environment: env.clone(), identity, kept, metrics: Arc::clone(metrics) };
        let source = ReleaseFollower::start(releases, terms, watch.waker()).map_err(|error| error.to_string())?;
        Ok(Self { source: Box::new(source), watch })
    }
}
