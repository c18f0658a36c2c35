//! Maglev's table: a consistent hash that is one look-up, nearly even, and stable when targets come and go (Eisenbud et al.,
//! NSDI 2016, section 3.4), with weights.

use crate::pipeline::upstream::balancing::{mix, stable_hash};

/// How many places the table has: a prime, the same for every backend, for a table of another size would move every key.
const PLACES: usize = 16_381;

/// Which target each place belongs to, as an index into the list that the table was made of.
pub(super) struct Maglev(Box<[u16]>);

/// Where a target would like to stand: first at `next`, then every `skip` places on.
struct Preference {
    next: usize,
    skip: usize,
    /// What it has saved up: a target takes a place for each whole one.
    credit: f64,
    income: f64,
}

impl Maglev {
    /// The table of these targets, by name and weight. The order of the targets decides nothing but their indices.
    pub(super) fn new(targets: &[(&str, u32)]) -> Self {
        let heaviest = f64::from(targets.iter().map(|(_, weight)| *weight).max().unwrap_or(1).max(1));
        let mut preferences: Vec<(usize, Preference)> = targets
            .iter()
            .map(|(name, weight)| {
                let hash = stable_hash(name.as_bytes());
                let (next, skip) = (place(hash), 1 + reduce(mix(hash ^ u64::MAX), PLACES - 1));
                Preference { next, skip, credit: 1.0, income: f64::from(*weight) / heaviest }
            })
            .enumerate()
            .collect();
        preferences.sort_by_key(|(index, _)| targets[*index].0);
        let mut places = vec![u16::MAX; PLACES];
        let mut left = if targets.is_empty() { 0 } else { PLACES };
        while left > 0 {
            for (index, preference) in &mut preferences {
                preference.credit += preference.income;
                if left == 0 || preference.credit < 1.0 {
                    continue;
                }
                preference.credit -= 1.0;
                while places[preference.next] != u16::MAX {
                    preference.next = (preference.next + preference.skip) % PLACES;
                }
                places[preference.next] = u16::try_from(*index).unwrap_or(0);
                left -= 1;
            }
        }
        Self(places.into())
    }

    /// The target of a key. Other numbers of the attempt give the key's next choices, in an order of its own.
    pub(super) fn find(&self, key: u64, attempt: u32) -> Option<usize> {
        let key = if attempt == 0 { key } else { mix(key.wrapping_add(u64::from(attempt))) };
        self.0.get(place(key)).map(|index| usize::from(*index))
    }
}

fn place(hash: u64) -> usize {
    reduce(hash, PLACES)
}

fn reduce(hash: u64, below: usize) -> usize {
    usize::try_from(hash % below as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};

    use super::{Maglev, PLACES};
    use crate::pipeline::upstream::balancing::mix;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("http://10.0.{}.{}:8080", n / 256, n % 256)).collect()
    }

    fn table(names: &[String]) -> Maglev {
        Maglev::new(&names.iter().map(|name| (name.as_str(), 1)).collect::<Vec<_>>())
    }

    fn owners<'n>(table: &Maglev, names: &'n [String]) -> Vec<&'n str> {
        (0..20_000).map(|key| names[table.find(mix(key), 0).unwrap()].as_str()).collect()
    }

    #[test]
    fn it_is_a_prime() {
        assert!((2..PLACES).take_while(|n| n * n <= PLACES).all(|n| !PLACES.is_multiple_of(n)));
    }

    #[test]
    fn places_follow_weights() {
        let table = Maglev::new(&[("a", 1), ("b", 3)]);
        let places = |target| table.0.iter().filter(|place| **place == target).count();
        assert!(places(0).abs_diff(PLACES / 4) < 3, "{}", places(0));
        assert_eq!(places(0) + places(1), PLACES);
    }

    #[test]
    fn a_key_has_other_choices() {
        let table = table(&names(4));
        let choices: std::collections::BTreeSet<_> = (0..32).filter_map(|attempt| table.find(7, attempt)).collect();
        assert_eq!(choices.len(), 4);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Who is added takes its share of the keys; of the others no more move than a few in a hundred.
        #[test]
        fn few_keys_move_when_a_target_comes_or_goes(count in 2_usize..40, gone in 0_usize..40) {
            let (all, mut fewer) = (names(count), names(count));
            let gone = fewer.remove(gone % count);
            let (before, after) = (table(&all), table(&fewer));
            let (before, after) = (owners(&before, &all), owners(&after, &fewer));
            let moved = before.iter().zip(&after).filter(|(b, a)| b != a && **b != gone).count();
            prop_assert!(moved < before.len() / 10, "{moved} of {} moved without need", before.len());
        }

        /// Each target has its share, whatever the order in which they are written.
        #[test]
        fn shares_are_even_and_no_order_counts(count in 1_usize..60) {
            let (names, mut reversed) = (names(count), names(count));
            reversed.reverse();
            let (one, other) = (table(&names), table(&reversed));
            prop_assert_eq!(owners(&one, &names), owners(&other, &reversed));
            let places = |target| one.0.iter().filter(|place| usize::from(**place) == target).count();
            prop_assert!((0..count).all(|target| places(target).abs_diff(PLACES / count) <= 1));
        }
    }
}
