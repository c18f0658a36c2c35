//! What was found out lately: a map of bounded size whose entries end. It is for caches and counts that requests share, and never for
//! what must not be forgotten: under pressure old entries go before their time.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hash};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// So that workers seldom wait for one another.
const SHARDS: usize = 16;

/// A bounded map with an end for each entry. Each shard has a young and an old half: when the young one is full, it becomes the old one,
/// and what was old is forgotten. So nothing is ever searched for what is to go.
pub struct Recent<K, V> {
    shards: Box<[Mutex<Shard<K, V>>]>,
    hasher: RandomState,
    /// The most entries of half a shard.
    half: usize,
}

struct Shard<K, V> {
    young: HashMap<K, (V, Instant)>,
    old: HashMap<K, (V, Instant)>,
}

impl<K: Hash + Eq, V: Clone> Recent<K, V> {
    /// For about so many entries at most.
    pub fn new(entries: usize) -> Self {
        let shard = || Mutex::new(Shard { young: HashMap::new(), old: HashMap::new() });
        let shards = std::iter::repeat_with(shard).take(SHARDS).collect();
        Self { shards, hasher: RandomState::new(), half: (entries / SHARDS / 2).max(1) }
    }

    /// The value of a key, and when it ends.
    pub fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q, now: Instant) -> Option<(V, Instant)>
    where
        K: Borrow<Q>,
    {
        let mut shard = self.shard(key);
        if let Some((value, end)) = shard.young.get(key) {
            return (*end > now).then(|| (value.clone(), *end));
        }
        let (key, (value, end)) = shard.old.remove_entry(key).filter(|(_, (_, end))| *end > now)?;
        let found = (value.clone(), end);
        self.put_into(&mut shard, key, value, end);
        Some(found)
    }

    /// Keeps a value until then.
    pub fn put(&self, key: K, value: V, end: Instant) {
        let mut shard = self.shard(&key);
        shard.old.remove(&key);
        self.put_into(&mut shard, key, value, end);
    }

    /// Puts another value in place of one that has not ended, at once.
    pub fn change(&self, key: K, now: Instant, change: impl FnOnce(Option<V>) -> (V, Instant)) {
        let mut shard = self.shard(&key);
        let old = shard.old.remove(&key);
        let found = shard.young.remove(&key).or(old).filter(|(_, end)| *end > now);
        let (value, end) = change(found.map(|(value, _)| value));
        self.put_into(&mut shard, key, value, end);
    }

    /// Forgets a key.
    pub fn forget<Q: Hash + Eq + ?Sized>(&self, key: &Q)
    where
        K: Borrow<Q>,
    {
        let mut shard = self.shard(key);
        shard.young.remove(key);
        shard.old.remove(key);
    }

    fn put_into(&self, shard: &mut Shard<K, V>, key: K, value: V, end: Instant) {
        if shard.young.len() >= self.half && !shard.young.contains_key(&key) {
            shard.old = std::mem::take(&mut shard.young);
        }
        shard.young.insert(key, (value, end));
    }

    fn shard<Q: Hash + ?Sized>(&self, key: &Q) -> MutexGuard<'_, Shard<K, V>> {
        let index = usize::try_from(self.hasher.hash_one(key) >> 32).unwrap_or_default() % self.shards.len();
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Recent;

    #[test]
    fn entries_end_and_are_bounded() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let recent = Recent::new(64);
        recent.put("a", 1, start + second);
        assert_eq!(recent.get("a", start), Some((1, start + second)));
        assert_eq!(recent.get("a", start + second), None);
        recent.change("a", start, |value| (value.unwrap_or(0) + 1, start + second));
        recent.change("b", start + second, |value| (value.unwrap_or(7), start + 2 * second));
        assert_eq!((recent.get("a", start).unwrap().0, recent.get("b", start).unwrap().0), (2, 7));
        recent.forget("a");
        assert_eq!(recent.get("a", start), None);

        let many = Recent::new(64);
        (0..10_000).for_each(|n| many.put(n, n, start + second));
        let kept = (0..10_000).filter(|n| many.get(n, start).is_some()).count();
        assert!((16..=64).contains(&kept), "{kept}");
    }

    #[test]
    fn what_is_used_is_kept() {
        let start = Instant::now();
        let recent = Recent::new(64);
        recent.put(u32::MAX, 1, start + Duration::from_secs(1));
        for n in 0..1000 {
            recent.put(n, 0, start + Duration::from_secs(1));
            assert!(recent.get(&u32::MAX, start).is_some(), "after {n}");
        }
    }
}
