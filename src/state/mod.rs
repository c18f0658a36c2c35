//! What keeps counts: in the memory of this node, in a file of it, in a Redis that nodes share.
//!
//! How it is decided whether something may be asked for stands in `pipeline::limits`; here is only where its marks are.

mod batches;
mod file;
mod kept;
mod memory;
mod redis;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::pipeline::background::Background;
use crate::pipeline::limits::Limiter;
use crate::pipeline::limits::in_flight::InFlight;
use crate::pipeline::limits::place::{RedisState, State};
use crate::pipeline::limits::store::{LimitStore, StoreFailure};
use crate::pipeline::limits::tally::Tallies;
use crate::pipeline::secrets::Secrets;
use crate::state::file::Taken;
use crate::state::kept::Kept;
use crate::state::memory::Memory;
use crate::state::redis::{Endpoint, Redis};

/// Where a node keeps what it counts.
#[derive(Clone, Debug, Default)]
pub struct Node {
    /// The folder that paths of files are relative to; without it all counts are in memory, and no Redis is asked.
    pub folder: Option<PathBuf>,
    /// Whether another gateway is about to give its file up to this one.
    pub takes_over: bool,
}

/// The counts of a process, whatever tables say of where they are kept.
pub struct Counts {
    node: Node,
    memory: Arc<Memory>,
    in_flight: InFlight,
    tallies: Arc<Tallies>,
    own: Alive<Option<PathBuf>, Kept>,
    shared: Alive<Reached, Redis>,
}

/// How a Redis is reached, with the secrets that this takes. It is never shown.
type Reached = (RedisState, Vec<u8>, Option<Vec<u8>>);

/// What a table that may still be in force counts with, by where that is.
struct Alive<K, T>(Mutex<Vec<(K, Weak<T>)>>);

impl Counts {
    /// Counts of a node.
    pub fn new(node: Node) -> Self {
        let (memory, in_flight, tallies) = (Arc::default(), InFlight::default(), Arc::default());
        Self { node, memory, in_flight, tallies, own: Alive::default(), shared: Alive::default() }
    }

    /// What keeps the counts where a table says so. Tables that say the same count together.
    ///
    /// # Errors
    /// If they cannot be kept there.
    pub fn limiter(
        &self,
        state: &State,
        secrets: &Secrets,
        background: &Background,
    ) -> Result<Arc<Limiter>, StoreFailure> {
        let folder = self.node.folder.as_deref();
        let path = folder.zip(state.file.as_ref()).map(|(folder, file)| folder.join(&file.path));
        let taken = if self.node.takes_over { Taken::Wait } else { Taken::Refuse };
        let own = self.own.get_or(path, |path| Ok(Kept::new(&self.memory, path.clone(), taken)))?;
        let shared: Option<Arc<dyn LimitStore>> = match state.redis.as_ref().filter(|_| folder.is_some()) {
            None => None,
            Some(redis) => {
                let reached = reached(redis, secrets)?;
                Some(self.shared.get_or(reached, |reached| connect(reached, background))?)
            }
        };
        let (in_flight, tallies) = (self.in_flight.clone(), Arc::clone(&self.tallies));
        Ok(Arc::new(Limiter { own, shared, in_flight, tallies, clock: now }))
    }

    /// Writes what has changed, and lets go of files: another process counts on in them.
    pub fn give_up(&self) {
        self.own.each(Kept::give_up);
    }
}

impl<K, T> Default for Alive<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: PartialEq, T> Alive<K, T> {
    fn get_or(&self, key: K, make: impl FnOnce(&K) -> Result<T, StoreFailure>) -> Result<Arc<T>, StoreFailure> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(_, value)| value.strong_count() > 0);
        if let Some(value) = all.iter().find(|(known, _)| *known == key).and_then(|(_, value)| value.upgrade()) {
            return Ok(value);
        }
        let value = Arc::new(make(&key)?);
        all.push((key, Arc::downgrade(&value)));
        Ok(value)
    }

    fn each(&self, act: impl Fn(&T)) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter_map(|(_, value)| value.upgrade()).for_each(|value| act(&value));
    }
}

fn reached(redis: &RedisState, secrets: &Secrets) -> Result<Reached, StoreFailure> {
    let url = secrets.line(&redis.url).ok_or_else(|| StoreFailure("the URL of Redis is not there".into()))?;
    let ca = redis.ca.as_ref().and_then(|ca| secrets.content(ca)).map(<[u8]>::to_vec);
    Ok((redis.clone(), url.to_vec(), ca))
}

fn connect((redis, url, ca): &Reached, background: &Background) -> Result<Redis, StoreFailure> {
    let url = String::from_utf8(url.clone()).map_err(|_| StoreFailure("the URL of Redis is not text".into()))?;
    let endpoint = Endpoint { url, cluster: redis.cluster, ca: ca.clone(), timeout: redis.timeout.get() };
    Redis::new(endpoint, &redis.prefix, background)
}

/// The clock of this machine, in nanoseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
