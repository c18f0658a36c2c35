//! The ways to choose one of several targets. Pure: what is known of the targets, and all randomness, come in as arguments.

use std::sync::atomic::{AtomicU32, Ordering};

use fastrand::Rng;

use crate::pipeline::upstream::balancing::Balancing;
use crate::proxy::balance::maglev::Maglev;
use crate::proxy::balance::turns::turns;

/// The share of its weight that a target gets when nothing is wrong with it; 0 is a target that gets nothing.
pub(super) const WHOLE: u32 = 1024;

/// How often a target that is not accepted is chosen again before all are looked at.
const ATTEMPTS: u32 = 8;

/// The targets of one priority, with the tables by which one of them is found in a moment.
pub(super) struct Tier {
    /// Their indices in the backend's list.
    members: Box<[u32]>,
    /// Their weights.
    weights: Box<[u32]>,
    /// The sum of the weights up to each, it included.
    sums: Box<[u32]>,
    /// The order of their turns.
    turns: Box<[u32]>,
    /// For a consistent hash.
    maglev: Option<Maglev>,
}

/// A target as the tables are made of it.
pub(super) struct Candidate<'a> {
    pub(super) index: u32,
    pub(super) name: &'a str,
    pub(super) weight: u32,
}

/// What is known of the targets as a request comes, by their indices in the backend's list.
pub(super) struct Sight<S, A> {
    /// The share of its weight that a target gets now.
    pub(super) share: S,
    /// How many requests are in flight at it.
    pub(super) active: A,
}

impl Tier {
    pub(super) fn new(candidates: &[Candidate<'_>], balancing: &Balancing) -> Self {
        let weights: Vec<u32> = candidates.iter().map(|candidate| candidate.weight).collect();
        let mut sum = 0;
        let sums = weights.iter().map(|weight| {
            sum += weight;
            sum
        });
        let named: Vec<(&str, u32)> = candidates.iter().map(|candidate| (candidate.name, candidate.weight)).collect();
        Self {
            members: candidates.iter().map(|candidate| candidate.index).collect(),
            sums: sums.collect(),
            turns: turns(&weights).into(),
            weights: weights.into(),
            maglev: matches!(balancing, Balancing::Hash(_)).then(|| Maglev::new(&named)),
        }
    }

    pub(super) fn members(&self) -> &[u32] {
        &self.members
    }

    /// The target whose turn it is. One that is not accepted loses its turn.
    pub(super) fn in_turn<S, A>(&self, turn: &AtomicU32, sight: &Sight<S, A>, random: &mut Rng) -> Option<u32>
    where
        S: Fn(u32) -> u32,
    {
        for _ in 0..ATTEMPTS {
            let turn = turn.fetch_add(1, Ordering::Relaxed) as usize % self.turns.len().max(1);
            let target = self.members[*self.turns.get(turn)? as usize];
            if accepts((sight.share)(target), random) {
                return Some(target);
            }
        }
        self.at_random(sight, None, random)
    }

    /// A target at random by weight, other than `except`.
    pub(super) fn at_random<S, A>(&self, sight: &Sight<S, A>, except: Option<u32>, random: &mut Rng) -> Option<u32>
    where
        S: Fn(u32) -> u32,
    {
        let total = *self.sums.last()?;
        for _ in 0..ATTEMPTS {
            let point = random.u32(..total);
            let target = self.members[self.sums.partition_point(|sum| *sum <= point)];
            if Some(target) != except && accepts((sight.share)(target), random) {
                return Some(target);
            }
        }
        self.of_all(sight, except, random)
    }

    /// The same, looking at every target: for when few of them are usable.
    fn of_all<S, A>(&self, sight: &Sight<S, A>, except: Option<u32>, random: &mut Rng) -> Option<u32>
    where
        S: Fn(u32) -> u32,
    {
        let share = |i: usize| match self.members[i] {
            target if Some(target) == except => 0,
            target => u64::from((sight.share)(target)) * u64::from(self.weights[i]),
        };
        let total: u64 = (0..self.members.len()).map(share).sum();
        let mut point = if total == 0 { return None } else { random.u64(..total) };
        let found = (0..self.members.len()).find(|i| match point.checked_sub(share(*i)) {
            Some(rest) => {
                point = rest;
                false
            }
            None => true,
        });
        found.map(|i| self.members[i])
    }

    /// Of two different targets at random, the one with fewer requests for its weight (the power of two choices).
    pub(super) fn less_busy<S, A>(&self, sight: &Sight<S, A>, random: &mut Rng) -> Option<u32>
    where
        S: Fn(u32) -> u32,
        A: Fn(u32) -> u32,
    {
        let one = self.at_random(sight, None, random)?;
        let Some(other) = self.at_random(sight, Some(one), random) else { return Some(one) };
        // requests of one over its weight, compared with the other's, without a division
        let load = |target, of_other| u64::from((sight.active)(target)) * u64::from(self.weight(of_other));
        Some(if load(other, one) < load(one, other) { other } else { one })
    }

    fn weight(&self, target: u32) -> u32 {
        let position = self.members.iter().position(|member| *member == target);
        position.map_or(1, |position| self.weights[position])
    }

    /// The target of a key; if it is not accepted the key's next choice, the same for every request.
    pub(super) fn of_key<S, A>(&self, key: u64, sight: &Sight<S, A>) -> Option<u32>
    where
        S: Fn(u32) -> u32,
    {
        let maglev = self.maglev.as_ref()?;
        // what ramps up gets its keys one after the other, not some of each key's requests
        let mut steady = Rng::with_seed(key);
        for attempt in 0..ATTEMPTS {
            let target = *self.members.get(maglev.find(key, attempt)?)?;
            if accepts((sight.share)(target), &mut steady) {
                return Some(target);
            }
        }
        self.of_all(sight, None, &mut steady)
    }
}

/// Whether a target of a share is taken this time.
fn accepts(share: u32, random: &mut Rng) -> bool {
    share >= WHOLE || (share > 0 && random.u32(..WHOLE) < share)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use fastrand::Rng;

    use super::{Candidate, Sight, Tier, WHOLE};
    use crate::pipeline::upstream::balancing::{Balancing, KeyPart, mix};

    const NAMES: [&str; 4] = ["http://a", "http://b", "http://c", "http://d"];

    fn tier(weights: &[u32], balancing: &Balancing) -> Tier {
        let candidates: Vec<_> = (0..)
            .zip(weights)
            .map(|(index, weight)| Candidate { index, name: NAMES[index as usize], weight: *weight })
            .collect();
        Tier::new(&candidates, balancing)
    }

    fn all_well() -> Sight<impl Fn(u32) -> u32, impl Fn(u32) -> u32> {
        Sight { share: |_| WHOLE, active: |_| 0 }
    }

    /// How often each of four targets is chosen in so many requests, in parts of a thousand.
    fn shares(count: u32, mut choose: impl FnMut() -> Option<u32>) -> [u32; 4] {
        let mut counts = [0; 4];
        for _ in 0..count {
            counts[choose().unwrap() as usize] += 1;
        }
        counts.map(|n: u32| (n * 1000 + count / 2) / count)
    }

    #[track_caller]
    fn assert_near(shares: [u32; 4], expected: [u32; 4], within: u32) {
        assert!(shares.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= within), "{shares:?}, not {expected:?}");
    }

    #[test]
    fn turns_are_exact() {
        let (tier, turn, mut random) =
            (tier(&[4, 3, 2, 1], &Balancing::RoundRobin), AtomicU32::new(0), Rng::with_seed(1));
        assert_eq!(shares(10_000, || tier.in_turn(&turn, &all_well(), &mut random)), [400, 300, 200, 100]);
    }

    #[test]
    fn the_turns_of_a_target_that_is_down_are_spread_over_the_others() {
        let (tier, turn, mut random) =
            (tier(&[1, 1, 1, 1], &Balancing::RoundRobin), AtomicU32::new(0), Rng::with_seed(1));
        let sight = Sight { share: |target| if target == 1 { 0 } else { WHOLE }, active: |_: u32| 0 };
        assert_near(shares(9_000, || tier.in_turn(&turn, &sight, &mut random)), [333, 0, 333, 333], 1);
    }

    #[test]
    fn a_share_of_a_weight_is_a_share_of_the_requests() {
        let (tier, turn, mut random) =
            (tier(&[1, 1, 1, 1], &Balancing::RoundRobin), AtomicU32::new(0), Rng::with_seed(2));
        let sight = Sight { share: |target| if target == 1 { WHOLE / 4 } else { WHOLE }, active: |_: u32| 0 };
        assert_near(shares(30_000, || tier.in_turn(&turn, &sight, &mut random)), [308, 77, 308, 308], 8);
    }

    #[test]
    fn chance_follows_weights() {
        let (tier, mut random) = (tier(&[4, 3, 2, 1], &Balancing::Random), Rng::with_seed(3));
        assert_near(shares(50_000, || tier.at_random(&all_well(), None, &mut random)), [400, 300, 200, 100], 8);
    }

    #[test]
    fn a_needle_is_found() {
        let (tier, turn, mut random) =
            (tier(&[1000, 1, 1000, 1000], &Balancing::Random), AtomicU32::new(0), Rng::with_seed(4));
        let sight = Sight { share: |target| u32::from(target == 1), active: |_: u32| 0 };
        assert_eq!(tier.at_random(&sight, None, &mut random), Some(1));
        assert_eq!(tier.in_turn(&turn, &sight, &mut random), Some(1));
        let nothing = Sight { share: |_: u32| 0, active: |_: u32| 0 };
        assert_eq!(tier.at_random(&nothing, None, &mut random), None);
    }

    /// With two targets both are always compared, so the idle one always wins.
    #[test]
    fn two_different_targets_are_compared() {
        let (tier, mut random) = (tier(&[1, 1], &Balancing::LeastRequests), Rng::with_seed(5));
        let sight = Sight { share: |_| WHOLE, active: |target| 1 - target };
        assert_eq!(shares(1_000, || tier.less_busy(&sight, &mut random)), [0, 1000, 0, 0]);
    }

    /// Of four, the busiest wins against nobody, the second busiest against one of the three others.
    #[test]
    fn the_less_busy_of_two_gets_it() {
        let (tier, mut random) = (tier(&[1, 1, 1, 1], &Balancing::LeastRequests), Rng::with_seed(6));
        let sight = Sight { share: |_| WHOLE, active: |target| target };
        assert_near(shares(60_000, || tier.less_busy(&sight, &mut random)), [500, 333, 167, 0], 8);
    }

    /// Held against its weight: three requests at a weight of four are fewer than one at a weight of one.
    #[test]
    fn load_is_for_its_weight() {
        let (tier, mut random) = (tier(&[4, 1], &Balancing::LeastRequests), Rng::with_seed(7));
        let sight = Sight { share: |_| WHOLE, active: |target| if target == 0 { 3 } else { 1 } };
        assert_eq!(shares(1_000, || tier.less_busy(&sight, &mut random)), [1000, 0, 0, 0]);
        assert_near(shares(50_000, || tier.less_busy(&all_well(), &mut random)), [800, 200, 0, 0], 8);
    }

    #[test]
    fn keys_are_spread_and_stay() {
        let tier = tier(&[1, 1, 1, 1], &Balancing::Hash(KeyPart::ClientAddress));
        let mut key = 0;
        let sight = all_well();
        let spread = shares(40_000, || {
            key += 1;
            tier.of_key(mix(key), &sight)
        });
        assert_near(spread, [250; 4], 10);
        let down = Sight { share: |target| if target == 2 { 0 } else { WHOLE }, active: |_: u32| 0 };
        for key in (0..1_000).map(mix) {
            let (before, after) = (tier.of_key(key, &sight).unwrap(), tier.of_key(key, &down).unwrap());
            assert!(before == after || before == 2, "a key moved whose target is well");
            assert_eq!(tier.of_key(key, &down), Some(after));
        }
    }
}
