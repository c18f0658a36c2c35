//! What a node has taken for later: so many requests of a subject at a time, counted in the shared store before they come.
//!
//! They are used up within a second or lost, so that a node lets through at most one batch less one more than the store knows of.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ahash::RandomState;

use crate::pipeline::limits::store::Call;

/// How long what was taken may be used, in nanoseconds.
const LASTS: u64 = 1_000_000_000;

/// Below so many subjects nothing is forgotten.
const FEW: usize = 1024;

/// What a store gave: how many, and its marks after that, each as the two numbers that it keeps.
#[derive(Clone, Debug)]
pub struct Granted {
    /// How many were taken.
    pub taken: u32,
    /// The clock that it was decided by, in nanoseconds since 1970.
    pub now: u64,
    /// The marks.
    pub pairs: Vec<(u64, u64)>,
}

/// What a node has taken, by owner and subject.
#[derive(Clone, Default)]
pub struct Batches(Arc<Mutex<HashMap<Box<str>, Batch, RandomState>>>);

struct Batch {
    left: u32,
    /// When what is left is lost, by the clock of this node.
    until: u64,
    granted: Granted,
    /// Whether a batch is being taken: whoever comes meanwhile takes one for itself.
    taking: bool,
}

/// What was found for a call.
pub struct Found {
    /// What may be used, if something was left.
    pub granted: Option<Granted>,
    all: Batches,
    subject: Box<str>,
    now: u64,
    /// How many are to be taken.
    wanted: u32,
    /// Whether this call takes a batch, and has not kept it yet.
    taking: bool,
}

impl Batches {
    /// Uses one up that is left, or says how many are to be taken.
    pub fn find(&self, call: Call<'_>, batch: u32) -> Found {
        let subject: Box<str> = format!("{}\n{}", call.owner, call.subject).into();
        let mut all = self.lock();
        if all.len() >= FEW.max(all.capacity()) {
            all.retain(|_, batch| batch.taking || batch.until > call.now);
        }
        let nothing = Granted { taken: 0, now: 0, pairs: Vec::new() };
        let known = all.entry(subject.clone()).or_insert(Batch { left: 0, until: 0, granted: nothing, taking: false });
        let usable = known.left > 0 && known.until > call.now;
        let granted = usable.then(|| {
            known.left -= 1;
            Granted { now: call.now, ..known.granted.clone() }
        });
        let taking = !usable && !std::mem::replace(&mut known.taking, true);
        drop(all);
        let wanted = if taking { batch } else { 1 };
        Found { granted, all: self.clone(), subject, now: call.now, wanted, taking }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Batch, RandomState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Found {
    /// How many are to be taken.
    pub fn wanted(&self) -> u32 {
        self.wanted
    }

    /// Keeps what was taken beyond the one that this call uses.
    pub fn keep(mut self, granted: &Granted) {
        if std::mem::take(&mut self.taking)
            && let Some(batch) = self.all.lock().get_mut(&self.subject)
        {
            let (left, until) = (granted.taken.saturating_sub(1), self.now.saturating_add(LASTS));
            *batch = Batch { left, until, granted: granted.clone(), taking: false };
        }
    }
}

impl Drop for Found {
    fn drop(&mut self) {
        if self.taking
            && let Some(batch) = self.all.lock().get_mut(&self.subject)
        {
            batch.taking = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Batches, Granted, LASTS};
    use crate::pipeline::limits::store::Call;
    use crate::pipeline::limits::window::Window;

    #[test]
    fn one_call_takes_a_batch_and_others_use_it_up_while_it_lasts() {
        let (batches, windows): (_, Arc<[Window]>) = (Batches::default(), Arc::new([]));
        let find = |now| batches.find(Call { windows: &windows, owner: "key", subject: "a", now }, 3);
        let (first, second) = (find(1), find(1));
        assert_eq!((first.wanted(), second.wanted()), (3, 1), "one takes a batch at a time");
        second.keep(&Granted { taken: 1, now: 1, pairs: Vec::new() });
        first.keep(&Granted { taken: 3, now: 1, pairs: Vec::new() });
        assert!(find(2).granted.is_some() && find(2).granted.is_some());
        let third = find(2);
        assert_eq!((third.granted.is_none(), third.wanted()), (true, 3));
        drop(third);
        let fourth = find(2);
        assert_eq!(fourth.wanted(), 3, "who gave up takes none");
        fourth.keep(&Granted { taken: 3, now: 2, pairs: Vec::new() });
        assert!(find(2 + LASTS).granted.is_none(), "what was left is lost");
    }
}
