//! Ordering certificates from an authority while the gateway runs (ACME, RFC 8555; when to renew, RFC 9773), and keeping them where
//! several gateways find them.
//!
//! It works beside the data plane, on a thread of its own: whatever fails here changes nothing of what is served. It sees the table in
//! force, and gives what it has to the slots of the certificates there.

mod account;
mod client;
mod folder;
mod kept;
mod order;
mod orderer;
mod schedule;
mod store;
mod trouble;
mod watcher;

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

use crate::acme::folder::FolderStore;
use crate::acme::kept::Kept;
use crate::acme::orderer::Orderer;
use crate::acme::store::Store;
use crate::acme::watcher::{Watcher, take_in};
use crate::proxy::live::Live;
use crate::proxy::tls::Issued;
use crate::table::RouteTable;
use crate::value::https_url::HttpsUrl;

/// Orders the certificates of a gateway.
pub struct Acme {
    issued: Arc<Issued>,
    store: Option<Arc<dyn Store>>,
    /// The authorities for which there is somewhere to keep things.
    begun: Mutex<BTreeSet<HttpsUrl>>,
}

/// The thread that orders; it ends with this value.
pub struct AcmeThread {
    stop: oneshot::Sender<()>,
    thread: thread::JoinHandle<()>,
}

impl Acme {
    /// Keeps what there is in the folder for the state of a node, if it has one.
    pub fn new(state: Option<&Path>) -> Self {
        let store = state.map(|state| Arc::new(FolderStore::new(state)) as Arc<dyn Store>);
        Self { issued: Arc::default(), store, begun: Mutex::default() }
    }

    /// What authorities have issued: where the data plane looks.
    pub fn issued(&self) -> Arc<Issued> {
        Arc::clone(&self.issued)
    }

    /// Makes ready what is kept of the certificates of a table, before it is put in force. What was not issued yet is ordered later.
    ///
    /// # Errors
    /// If certificates are ordered and there is nowhere to keep them.
    pub fn prepare(&self, table: &RouteTable) -> Result<(), String> {
        for (name, _, acme) in table.ordered() {
            let Some(store) = &self.store else {
                return Err(format!(
                    "the certificate `{name}` is ordered by ACME, and there is no folder to keep it in: start with `--state-dir DIR`"
                ));
            };
            let kept = Kept::of(store, &acme.directory);
            self.begin(&kept, &acme.directory)
                .map_err(|error| format!("the folder of `--state-dir` cannot be used: {error}"))?;
            let slot = self.issued.slot(name.as_str());
            if slot.current().is_none_or(|current| *current.authority != *kept.authority()) {
                take_in(&kept, name.as_str(), &slot);
            }
        }
        Ok(())
    }

    /// Makes ready that something can be kept, once: what happens to the folder later stops no table.
    fn begin(&self, kept: &Kept, directory: &HttpsUrl) -> io::Result<()> {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if !begun.contains(directory) {
            kept.begin()?;
            begun.insert(directory.clone());
        }
        Ok(())
    }

    /// Begins to order what the tables in force say.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(&self, live: Live) -> io::Result<Option<AcmeThread>> {
        let Some(store) = self.store.clone() else { return Ok(None) };
        let issued = self.issued();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new().name("acme".into()).spawn(move || {
            runtime.block_on(async {
                let watcher = Watcher::new(live.clone(), Arc::clone(&store), issued).run();
                let orderer = Orderer::new(live, store, fastrand::Rng::new()).run();
                tokio::select! {
                    () = watcher => {}
                    () = orderer => {}
                    _ = stopped => {}
                }
            });
            // not waiting for a name that is being looked up
            runtime.shutdown_background();
        })?;
        Ok(Some(AcmeThread { stop, thread }))
    }
}

impl AcmeThread {
    /// Ends it; an order that is under way is given up.
    pub fn stop(self) {
        drop(self.stop);
        let _ = self.thread.join();
    }
}
