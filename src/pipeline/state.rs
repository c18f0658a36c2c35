//! State that outlives a swap: counters, caches, keys of issuers. It is found by meaning, and lasts as long as a table uses it.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Everything that is remembered from one table to the next, by its type and by what it means.
#[derive(Default)]
pub struct StatePool(Mutex<HashMap<(TypeId, Box<str>), Remembered>>);

/// Lasts as long as somebody has it.
type Remembered = Weak<dyn Any + Send + Sync>;

impl StatePool {
    /// The state with this meaning, made where nobody has it.
    pub fn get_or<T: Any + Send + Sync>(&self, meaning: &str, make: impl FnOnce() -> T) -> Arc<T> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (TypeId::of::<T>(), Box::from(meaning));
        let found = all.get(&key).and_then(Weak::upgrade).and_then(|state| state.downcast::<T>().ok());
        found.unwrap_or_else(|| {
            let state: Arc<T> = Arc::new(make());
            let shared: Arc<dyn Any + Send + Sync> = Arc::clone(&state) as _;
            all.insert(key, Arc::downgrade(&shared));
            state
        })
    }

    /// Forgets what nobody has any more.
    pub fn forget_unused(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, state| state.strong_count() > 0);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::StatePool;

    #[test]
    fn state_is_found_by_type_and_meaning_as_long_as_somebody_has_it() {
        let pool = StatePool::default();
        let one = pool.get_or("a", || 1_u32);
        assert!(Arc::ptr_eq(&one, &pool.get_or("a", || 2_u32)));
        assert_eq!((*pool.get_or("a", || 3_u64), *pool.get_or("b", || 4_u32)), (3, 4));
        drop(one);
        assert_eq!(*pool.get_or("a", || 5_u32), 5, "nobody had it");
    }
}
