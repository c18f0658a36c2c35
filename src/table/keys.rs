//! The index over the API keys of one `Auth`: by id, and by the hash of a token that comes from elsewhere.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ahash::RandomState;

use crate::pipeline::keys::{Key, Keys};
use crate::pipeline::plan::Plan;
use crate::value::sha256::Sha256;

/// The keys of one `Auth`.
#[derive(Default)]
pub struct KeyIndex {
    keys: Box<[Key]>,
    ids: HashMap<Box<str>, u32, RandomState>,
    tokens: HashMap<Sha256, u32, RandomState>,
}

impl KeyIndex {
    /// An index over keys whose ids differ, as do the hashes of their tokens.
    pub fn new(keys: Vec<Key>) -> Self {
        let mut index = Self { keys: keys.into(), ..Self::default() };
        for (key, at) in index.keys.iter().zip(0..) {
            index.ids.insert(key.consumer.id.clone(), at);
            index.tokens.extend(key.secrets.iter().filter(|secret| secret.whole).map(|secret| (secret.sha256, at)));
        }
        index
    }

    /// All keys.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }
}

impl Keys for KeyIndex {
    fn by_id(&self, id: &str) -> Option<&Key> {
        self.ids.get(id).and_then(|at| self.keys.get(*at as usize))
    }

    fn by_token(&self, hash: &Sha256) -> Option<&Key> {
        self.tokens.get(hash).and_then(|at| self.keys.get(*at as usize))
    }

    fn has_tokens(&self) -> bool {
        !self.tokens.is_empty()
    }

    fn plans(&self) -> Vec<Arc<Plan>> {
        let plans = self.keys.iter().filter_map(|key| key.plan.as_ref()).map(|plan| (Arc::as_ptr(plan).addr(), plan));
        plans.collect::<BTreeMap<_, _>>().into_values().cloned().collect()
    }
}
