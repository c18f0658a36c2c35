//! What is kept, by key and within a size; and which keys are being asked for, so that one request asks for all.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moka::ops::compute::Op;
use moka::sync::Cache;
use tokio::sync::watch;

use crate::pipeline::head::Fields;
use crate::plugins::cache::entry::Entry;

/// The most answers to one key that differ by what `Vary` names.
const MOST_VARIANTS: usize = 32;

/// How long it is remembered that what a key gives is not kept: requests for it need not wait for each other.
const PASSING: Duration = Duration::from_secs(10);

/// How many such keys are remembered.
const MOST_PASSING: u64 = 10_000;

/// How many answers are asked for anew at once while nobody waits.
const MOST_RENEWALS: usize = 64;

/// The answers of one plugin.
pub(super) struct Store {
    kept: Cache<Arc<str>, Arc<[Arc<Entry>]>>,
    passing: Cache<Arc<str>, ()>,
    flights: Mutex<HashMap<Arc<str>, watch::Receiver<Landed>>>,
    renewals: AtomicUsize,
}

/// What came of asking for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Landed {
    /// Nothing yet.
    Not,
    /// An answer, which is kept.
    Kept,
    /// An answer that is not.
    Passed,
    /// Nothing: whoever asked is gone.
    Lost,
}

/// Who asks for a key.
pub(super) enum Joined {
    /// The one who came here.
    Lead(Lead),
    /// Another one, who will say what came of it.
    Wait(watch::Receiver<Landed>),
}

/// The right and the duty to ask for a key, until it is dropped.
pub(super) struct Lead {
    store: Arc<Store>,
    key: Arc<str>,
    tell: watch::Sender<Landed>,
    landed: Landed,
    renews: bool,
}

impl Store {
    /// A store for so many bytes.
    pub(super) fn new(most: u64) -> Self {
        let weigh = |key: &Arc<str>, entries: &Arc<[Arc<Entry>]>| {
            let weight = key.len() + entries.iter().map(|entry| entry.weight()).sum::<usize>();
            u32::try_from(weight).unwrap_or(u32::MAX)
        };
        Self {
            kept: Cache::builder().max_capacity(most).weigher(weigh).build(),
            passing: Cache::builder().max_capacity(MOST_PASSING).time_to_live(PASSING).build(),
            flights: Mutex::default(),
            renewals: AtomicUsize::new(0),
        }
    }

    /// The answer to a request with these fields, and whether there is any for its key.
    pub(super) fn find(&self, key: &str, asked: &Fields) -> (Option<Arc<Entry>>, bool) {
        let Some(entries) = self.kept.get(key) else { return (None, false) };
        (entries.iter().find(|entry| entry.answers(asked)).cloned(), true)
    }

    /// Keeps an answer in the place of those that answer the same requests.
    pub(super) fn keep(&self, key: &Arc<str>, entry: Entry) {
        let entry = Arc::new(entry);
        self.kept.entry(Arc::clone(key)).and_compute_with(|before| {
            let before = before.map(moka::Entry::into_value);
            let others = before.iter().flat_map(|before| before.iter()).filter(|other| other.vary != entry.vary);
            Op::Put([Arc::clone(&entry)].into_iter().chain(others.cloned()).take(MOST_VARIANTS).collect())
        });
        self.passing.invalidate(key);
    }

    /// Forgets what is kept for a key.
    pub(super) fn forget(&self, key: &str) {
        self.kept.invalidate(key);
    }

    /// Remembers that what a key gives is not kept.
    pub(super) fn note_passing(&self, key: &Arc<str>) {
        self.passing.insert(Arc::clone(key), ());
    }

    /// Whether what a key gave last was not kept.
    pub(super) fn is_passing(&self, key: &str) -> bool {
        self.passing.contains_key(key)
    }

    /// Asks for a key, unless another one does.
    pub(super) fn join(self: &Arc<Self>, key: &Arc<str>) -> Joined {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(key) {
            return Joined::Wait(flight.clone());
        }
        let (tell, told) = watch::channel(Landed::Not);
        flights.insert(Arc::clone(key), told);
        Joined::Lead(Lead { store: Arc::clone(self), key: Arc::clone(key), tell, landed: Landed::Lost, renews: false })
    }

    /// Asks for a key while nobody waits, unless another one does or too many are being asked for.
    pub(super) fn renew(self: &Arc<Self>, key: &Arc<str>) -> Option<Lead> {
        let Joined::Lead(mut lead) = self.join(key) else { return None };
        lead.renews = self.renewals.fetch_add(1, Ordering::Relaxed) < MOST_RENEWALS;
        if !lead.renews {
            self.renewals.fetch_sub(1, Ordering::Relaxed);
        }
        Some(lead).filter(|lead| lead.renews)
    }
}

/// Says what came of a key, if somebody else may wait for it.
pub(super) fn land(lead: Option<Lead>, landed: Landed) {
    if let Some(mut lead) = lead {
        lead.landed = landed;
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.store.flights.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
        if self.renews {
            self.store.renewals.fetch_sub(1, Ordering::Relaxed);
        }
        self.tell.send_replace(self.landed);
    }
}
