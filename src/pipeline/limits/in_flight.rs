//! How many requests of a subject are in flight, on this node.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The requests in flight, by whose limit it is and who is counted. Who has none is not remembered.
#[derive(Clone, Default)]
pub struct InFlight(Arc<Mutex<HashMap<Box<str>, u32>>>);

/// One request in flight, until this is dropped.
pub struct Place {
    all: InFlight,
    subject: Box<str>,
}

impl InFlight {
    /// A place for one more request, if fewer than so many are in flight.
    pub fn enter(&self, owner: &str, subject: &str, at_most: u32) -> Option<Place> {
        let subject: Box<str> = format!("{owner}\n{subject}").into();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get_mut(&subject) {
            Some(count) if *count >= at_most => return None,
            Some(count) => *count += 1,
            None => {
                all.insert(subject.clone(), 1);
            }
        }
        drop(all);
        Some(Place { all: self.clone(), subject })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get_mut(&self.subject) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                all.remove(&self.subject);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::InFlight;

    #[test]
    fn a_place_is_free_again_once_it_is_dropped() {
        let all = InFlight::default();
        let (one, two) = (all.enter("key", "a", 2), all.enter("key", "a", 2));
        assert!(
            one.is_some() && two.is_some() && all.enter("key", "a", 2).is_none() && all.enter("key", "b", 2).is_some()
        );
        drop(one);
        assert!(all.enter("key", "a", 2).is_some());
        drop(two);
        assert!(all.0.lock().unwrap().is_empty());
    }
}
