//! Counts in memory. A rate takes 29 to 57 bytes for each subject, and is forgotten when it says nothing any more; a quota keeps
//! the subject's name as well, for it is shown and written to disk.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ahash::RandomState;

use crate::pipeline::limits::store::{Call, Care, Deciding, Decision, LimitStore, Used};
use crate::pipeline::limits::window::{Mark, Marks, Taking, Window, take};

/// How many parts there are, each with a lock of its own. All marks of a subject lie in one.
const PARTS: usize = 64;

/// The most marks of rates in one part: 4,194,304 in all.
const MOST: usize = 65_536;

/// The most counts of quotas in one part: 2,097,152 in all.
const MOST_QUOTAS: usize = 32_768;

/// Below so many, nothing is forgotten.
const FEW: usize = 256;

/// What a mark is found by: 128 bits of a hash with keys that nobody knows outside, so that nobody can aim at another subject.
type Key = (u64, u64);

/// The counts of one node.
pub struct Memory {
    parts: [Mutex<Part>; PARTS],
    hashes: (RandomState, RandomState),
}

#[derive(Default)]
struct Part {
    /// The theoretical arrival times of rates.
    rates: HashMap<Key, u64, RandomState>,
    quotas: HashMap<Key, Quota, RandomState>,
    /// The quotas that have changed since they were collected.
    changed: Vec<Key>,
    /// How often something was forgotten that still counted: it decides which half goes next.
    forgot: u32,
}

struct Quota {
    name: QuotaName,
    mark: Mark,
    /// Whether it is among the changed.
    changed: bool,
}

/// What a quota's count is known by, wherever it is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QuotaName {
    /// Whose limit it is.
    pub owner: Box<str>,
    /// Who is counted.
    pub subject: Box<str>,
    /// The window.
    pub window: Box<str>,
}

impl Default for Memory {
    fn default() -> Self {
        let parts = std::array::from_fn(|_| Mutex::default());
        Self { parts, hashes: (RandomState::new(), RandomState::new()) }
    }
}

impl Memory {
    /// The quotas that have changed since this was asked last, with their marks.
    pub fn changed(&self) -> Vec<(QuotaName, Mark)> {
        let mut all = Vec::new();
        for part in &self.parts {
            let mut part = lock(part);
            for key in std::mem::take(&mut part.changed) {
                if let Some(quota) = part.quotas.get_mut(&key) {
                    quota.changed = false;
                    all.push((quota.name.clone(), quota.mark));
                }
            }
        }
        all
    }

    /// Adds a count that was kept elsewhere to the one that is here.
    pub fn restore(&self, name: QuotaName, kept: Mark) {
        let key = self.key(&name.owner, &name.subject, &name.window);
        let mut part = self.part(&name.owner, &name.subject);
        let quota = part.quotas.entry(key).or_insert(Quota { name, mark: Mark::default(), changed: false });
        let own = quota.mark;
        quota.mark = match own {
            own if own.at == kept.at => Mark { count: own.count + kept.count, ..own },
            own if own.at > kept.at => own,
            _ => kept,
        };
        if own.count > 0 && !std::mem::replace(&mut quota.changed, true) {
            part.changed.push(key);
        }
    }

    /// Notes marks of quotas that were decided elsewhere.
    pub fn note(&self, call: Call<'_>, marks: &[Mark]) {
        let mut part = self.part(call.owner, call.subject);
        for (window, mark) in call.windows.iter().zip(marks).filter(|(window, _)| window.is_quota()) {
            part.keep_quota(self.key(call.owner, call.subject, &window.name), call, window, *mark);
        }
    }

    /// Notes quotas as changed, for they could not be written.
    pub fn mark_changed(&self, names: impl Iterator<Item = QuotaName>) {
        for QuotaName { owner, subject, window } in names {
            let key = self.key(&owner, &subject, &window);
            let mut part = self.part(&owner, &subject);
            let known = part.quotas.get_mut(&key).map(|quota| std::mem::replace(&mut quota.changed, true));
            if known == Some(false) {
                part.changed.push(key);
            }
        }
    }

    /// Forgets quotas whose period lies two or more before the newest one of the same window; the names of those.
    pub fn forget_ended(&self) -> Vec<QuotaName> {
        let mut all: HashMap<Box<str>, u64> = HashMap::new();
        for part in &self.parts {
            for (window, at) in newest(lock(part).quotas.values()) {
                let known = all.entry(window).or_default();
                *known = at.max(*known);
            }
        }
        let mut gone = Vec::new();
        for part in &self.parts {
            let forgotten = |_: &Key, quota: &mut Quota| !quota.changed && is_ended(quota, &all);
            gone.extend(lock(part).quotas.extract_if(forgotten).map(|(_, quota)| quota.name));
        }
        gone
    }

    fn key(&self, owner: &str, subject: &str, window: &str) -> Key {
        let parts = (owner, subject, window);
        (self.hashes.0.hash_one(parts), self.hashes.1.hash_one(parts))
    }

    fn part(&self, owner: &str, subject: &str) -> MutexGuard<'_, Part> {
        let hash = self.hashes.0.hash_one((owner, subject));
        lock(&self.parts[usize::try_from(hash % PARTS as u64).unwrap_or(0)])
    }
}

fn lock(part: &Mutex<Part>) -> MutexGuard<'_, Part> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LimitStore for Memory {
    fn take(&self, call: Call<'_>, _: Care) -> Deciding {
        let Call { windows, owner, subject, now } = call;
        let keys: Vec<Key> = windows.iter().map(|window| self.key(owner, subject, &window.name)).collect();
        let mut part = self.part(owner, subject);
        let mut marks: Marks = windows.iter().zip(&keys).map(|(window, key)| part.mark(window, key)).collect();
        let Taking { taken, put_back } = take(windows, &mut marks, now, 1);
        if taken > 0 || put_back {
            for ((window, key), mark) in windows.iter().zip(keys).zip(&marks) {
                if window.is_quota() {
                    part.keep_quota(key, call, window, *mark);
                } else {
                    part.keep_rate(key, mark.at, now);
                }
            }
        }
        drop(part);
        Deciding::Now(Ok(Decision { granted: taken > 0, marks, now }))
    }

    fn used(&self, owner: &str, at_most: usize) -> Vec<Used> {
        let mut all = Vec::new();
        for part in &self.parts {
            let part = lock(part);
            all.extend(part.quotas.values().filter(|quota| *quota.name.owner == *owner).map(|quota| Used {
                owner: quota.name.owner.clone(),
                subject: quota.name.subject.clone(),
                window: quota.name.window.clone(),
                period: quota.mark.at,
                count: quota.mark.count,
            }));
        }
        all.sort_by(|a, b| (&a.subject, &a.window).cmp(&(&b.subject, &b.window)));
        all.truncate(at_most);
        all
    }
}

impl Part {
    fn mark(&self, window: &Window, key: &Key) -> Mark {
        if window.is_quota() {
            self.quotas.get(key).map(|quota| quota.mark).unwrap_or_default()
        } else {
            self.rates.get(key).map(|at| Mark { at: *at, count: 0 }).unwrap_or_default()
        }
    }

    fn keep_quota(&mut self, key: Key, call: Call<'_>, window: &Window, mark: Mark) {
        if self.quotas.len() >= MOST_QUOTAS && !self.quotas.contains_key(&key) {
            self.make_room_for_quotas();
        }
        let quota = self.quotas.entry(key).or_insert_with(|| {
            let (owner, subject, window) = (call.owner.into(), call.subject.into(), window.name.clone());
            Quota { name: QuotaName { owner, subject, window }, mark, changed: false }
        });
        quota.mark = mark;
        if !std::mem::replace(&mut quota.changed, true) {
            self.changed.push(key);
        }
    }

    fn keep_rate(&mut self, key: Key, at: u64, now: u64) {
        if self.rates.len() >= self.rates.capacity().clamp(FEW, MOST) && !self.rates.contains_key(&key) {
            self.make_room(now);
        }
        self.rates.insert(key, at);
    }

    /// Forgets the rates that are all there again, and where that is not enough half of those that are nearer to it than most.
    fn make_room(&mut self, now: u64) {
        self.rates.retain(|_, at| *at > now);
        if self.rates.len() >= MOST {
            let mean = mean(self.rates.values().map(|at| at - now));
            let half = self.half();
            self.rates.retain(|key, at| *at - now > mean || half(key));
        }
        if self.rates.len() * 4 < self.rates.capacity() {
            self.rates.shrink_to(self.rates.len() * 2);
        }
    }

    /// Forgets quotas of which the period has ended, and where that is not enough half of those that are used less than most.
    fn make_room_for_quotas(&mut self) {
        let newest = newest(self.quotas.values());
        self.quotas.retain(|_, quota| !is_ended(quota, &newest));
        if self.quotas.len() >= MOST_QUOTAS {
            let mean = mean(self.quotas.values().map(|quota| quota.mark.count));
            let half = self.half();
            self.quotas.retain(|key, quota| quota.mark.count > mean || half(key));
        }
        self.changed.retain(|key| self.quotas.contains_key(key));
    }

    /// Another half of all keys each time.
    fn half(&mut self) -> impl Fn(&Key) -> bool + use<> {
        let bit = self.forgot % u64::BITS;
        self.forgot = self.forgot.wrapping_add(1);
        move |key| key.1 >> bit & 1 == 0
    }
}

fn mean(values: impl ExactSizeIterator<Item = u64>) -> u64 {
    let count = values.len().max(1) as u128;
    u64::try_from(values.map(u128::from).sum::<u128>() / count).unwrap_or(u64::MAX)
}

/// The newest period of each window.
fn newest<'a>(quotas: impl Iterator<Item = &'a Quota>) -> HashMap<Box<str>, u64> {
    let mut newest: HashMap<Box<str>, u64> = HashMap::new();
    for quota in quotas {
        let at = newest.entry(quota.name.window.clone()).or_default();
        *at = quota.mark.at.max(*at);
    }
    newest
}

/// Whether the period of a quota lies two or more before the newest one.
fn is_ended(quota: &Quota, newest: &HashMap<Box<str>, u64>) -> bool {
    newest.get(&quota.name.window).is_some_and(|newest| quota.mark.at + 2 <= *newest)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::{Mark, Memory, lock};
    use crate::pipeline::limits::calendar::Cycle;
    use crate::pipeline::limits::gcra::Pace;
    use crate::pipeline::limits::store::{Call, Care, Deciding, LimitStore as _};
    use crate::pipeline::limits::window::{Measure, Window};
    use crate::value::time_zone::TimeZone;

    const SECOND: u64 = 1_000_000_000;

    fn rate(requests: u32, per: u64) -> Arc<[Window]> {
        let pace = Pace::new(requests, Duration::from_secs(per), requests).unwrap();
        [Window { name: format!("{per}s").into(), measure: Measure::Rate(pace) }].into()
    }

    fn granted(memory: &Memory, windows: &Arc<[Window]>, subject: &str, now: u64) -> bool {
        match memory.take(Call { windows, owner: "a", subject, now }, Care::Each) {
            Deciding::Now(Ok(decision)) => decision.granted,
            _ => panic!(),
        }
    }

    #[test]
    fn subjects_are_forgotten_when_their_rate_is_all_there_again() {
        let (memory, windows) = (Memory::default(), rate(1, 10));
        for subject in 0..100_000 {
            assert!(granted(&memory, &windows, &subject.to_string(), 100 * SECOND));
        }
        assert!(!granted(&memory, &windows, "7", 109 * SECOND) && granted(&memory, &windows, "7", 110 * SECOND));
        for subject in 0..100_000 {
            assert!(granted(&memory, &windows, &format!("other {subject}"), 200 * SECOND));
        }
        let capacity = |part: &std::sync::Mutex<super::Part>| lock(part).rates.capacity();
        let all: usize = memory.parts.iter().map(capacity).sum();
        assert!(all <= 400_000, "{all} for 100,000 that count");
    }

    #[test]
    fn a_flood_of_subjects_is_bounded_and_those_that_wait_longest_are_remembered() {
        let (memory, day, hour) = (Memory::default(), rate(1, 86_400), rate(1, 3600));
        assert!(granted(&memory, &day, "known", SECOND));
        let mut part = lock(&memory.parts[0]);
        for key in 0..200_000 {
            part.keep_rate((key, key), SECOND + 3600 * SECOND, SECOND);
            assert!(part.rates.len() <= super::MOST);
        }
        assert!(part.rates.len() > super::MOST / 4, "not more is forgotten than has to be");
        drop(part);
        assert!(!granted(&memory, &day, "known", SECOND) && granted(&memory, &hour, "known", SECOND));
    }

    #[test]
    fn a_flood_of_quotas_is_bounded_and_those_that_are_used_most_are_remembered() {
        let memory = Memory::default();
        let measure = Measure::Quota { cycle: Cycle::Month, limit: 1_000_000, zone: TimeZone::utc() };
        let windows: Arc<[Window]> = [Window { name: "month".into(), measure }].into();
        for _ in 0..5 {
            assert!(granted(&memory, &windows, "known", SECOND));
        }
        let mut part = lock(&memory.parts[0]);
        for key in 0..100_000 {
            let call = Call { windows: &windows, owner: "a", subject: "flood", now: SECOND };
            part.keep_quota((key, key), call, &windows[0], Mark { at: 23_640, count: 1 });
            assert!(part.quotas.len() <= super::MOST_QUOTAS);
        }
        drop(part);
        assert!(memory.used("a", usize::MAX).iter().any(|used| *used.subject == *"known" && used.count == 5));
    }
}
