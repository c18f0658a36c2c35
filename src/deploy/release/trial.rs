//! The trial of a canary: its nodes are compared with all others by what they write into their receipts, until something is worse or
//! the time is over. Receipts decide nothing but that: what is put in force was signed before.

use std::collections::BTreeSet;
use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::deploy::release::Release;
use crate::deploy::release::fleet::{Fleet, State};
use crate::deploy::release::traffic::Traffic;
use crate::deploy::store::Objects;
use crate::diagnostic::render::printable;
use crate::proxy::metrics::BUCKETS;

/// How often the receipts are read.
const LOOK: Duration = Duration::from_secs(1);

/// How many standard deviations apart two shares are that are no chance (one time in a thousand).
const SIGNIFICANT: f64 = 3.0;

/// The share of requests by whose duration nodes are compared: those that take longest.
const SLOWEST: f64 = 0.05;

/// What a canary is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// How long it is looked at.
    pub period: Duration,
    /// How many requests it has to answer in that time.
    pub requests: u64,
    /// By how much the share of its requests that fail, or are slow, may be higher than that of the others.
    pub tolerance: f64,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is worse.
    Good,
    /// Something is worse, or nothing is known.
    Bad(String),
}

/// Looks at a canary until it is judged. `tell` hears of it whenever there is something new.
pub fn attempt(release: &Release, receipts: &dyn Objects, terms: &Terms, mut tell: impl FnMut(&str)) -> Verdict {
    let (began, mut told, mut heard) = (Instant::now(), String::new(), BTreeSet::new());
    loop {
        let is_over = began.elapsed() >= terms.period;
        match Fleet::read(Some(release.clone()), receipts, Timestamp::now()) {
            Ok(fleet) => {
                let (canary, rest) = sides(&fleet);
                let line = format!("canary: {canary}; others: {rest}\n");
                if line != told {
                    tell(&line);
                    told = line;
                }
                if let Some(why) = lost(&fleet, &mut heard).or_else(|| worse(&canary, &rest, terms.tolerance)) {
                    return Verdict::Bad(why);
                }
                if is_over && canary.requests < terms.requests {
                    let (had, wanted) = (canary.requests, terms.requests);
                    return Verdict::Bad(format!(
                        "it has answered {had} requests, and {wanted} are needed to judge it"
                    ));
                }
                if is_over {
                    return Verdict::Good;
                }
            }
            Err(error) if is_over => return Verdict::Bad(format!("the receipts cannot be read: {error}")),
            Err(_) => {}
        }
        thread::sleep(LOOK.min(terms.period.saturating_sub(began.elapsed())));
    }
}

/// What the nodes of the canary and all others answered since they run the release.
fn sides(fleet: &Fleet) -> (Traffic, Traffic) {
    let (mut canary, mut rest) = (Traffic::default(), Traffic::default());
    for node in fleet.nodes.iter().filter(|node| node.state == State::Follows) {
        let Some(traffic) = &node.receipt.traffic else { continue };
        if node.canary { canary.add(traffic) } else { rest.add(traffic) }
    }
    (canary, rest)
}

/// What is wrong with the nodes themselves, of which some were heard before.
fn lost(fleet: &Fleet, heard: &mut BTreeSet<String>) -> Option<String> {
    for node in fleet.nodes.iter().filter(|node| node.canary) {
        let name = || printable(&node.receipt.node);
        match node.state {
            State::Refuses => return Some(format!("{} refuses it", name())),
            State::Silent if heard.contains(&node.receipt.node) => return Some(format!("{} is silent", name())),
            State::Silent => {}
            State::Follows | State::Behind => {
                heard.insert(node.receipt.node.clone());
            }
        }
    }
    None
}

/// What is worse on the canary than elsewhere, if anything surely is.
fn worse(canary: &Traffic, rest: &Traffic, tolerance: f64) -> Option<String> {
    let of_canary = |count: u64| Share { count, of: canary.requests };
    let of_rest = |count: u64| Share { count, of: rest.requests };
    let (errors, usual) = (of_canary(canary.errors), of_rest(rest.errors));
    if errors.is_above(usual, tolerance) {
        return Some(format!("{errors} of its answers are errors, and {usual} of the others'"));
    }
    let is_slow = |bucket: &usize| of_rest(rest.slower_than(*bucket)).value() <= SLOWEST;
    let bucket = (0..BUCKETS.len()).find(is_slow).filter(|_| rest.requests > 0)?;
    let (slow, usual) = (of_canary(canary.slower_than(bucket)), of_rest(rest.slower_than(bucket)));
    slow.is_above(usual, tolerance.max(SLOWEST)).then(|| {
        let bound = Duration::from_secs_f64(BUCKETS[bucket]);
        format!("{slow} of its answers take longer than {bound:?}, and {usual} of the others'")
    })
}

/// Some of many.
#[derive(Clone, Copy)]
struct Share {
    count: u64,
    of: u64,
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more digits")]
impl Share {
    fn value(self) -> f64 {
        if self.of == 0 { 0.0 } else { self.count as f64 / self.of as f64 }
    }

    /// Whether it is surely above another one by more than a tolerance (a test of two proportions).
    fn is_above(self, other: Self, tolerance: f64) -> bool {
        let difference = self.value() - other.value();
        if self.of == 0 || difference <= tolerance {
            return false;
        }
        let pooled = self.count.saturating_add(other.count) as f64 / self.of.saturating_add(other.of) as f64;
        let inverse = |of: u64| if of == 0 { 0.0 } else { 1.0 / of as f64 };
        let deviation = (pooled * (1.0 - pooled) * (inverse(self.of) + inverse(other.of))).sqrt();
        // of a few requests that all fail, nothing is known of chance
        difference > SIGNIFICANT * deviation && self.count >= 5
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1}%", self.value() * 100.0)
    }
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors = Share { count: self.errors, of: self.requests };
        write!(f, "{} requests, {errors} errors", self.requests)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::Timestamp;

    use super::{lost, worse};
    use crate::deploy::release::fleet::{Fleet, Node, State};
    use crate::deploy::release::receipt::Receipt;
    use crate::deploy::release::traffic::Traffic;

    /// So many requests, of which some are errors and some take two seconds.
    fn traffic(requests: u64, errors: u64, slow: u64) -> Traffic {
        let mut durations = vec![0; 12];
        (durations[1], durations[9]) = (requests - slow, slow);
        Traffic { requests, errors, durations }
    }

    #[test]
    fn what_is_surely_worse_is_told_from_chance() {
        let judged = |canary: (u64, u64, u64), rest: (u64, u64, u64)| {
            let side = |(requests, errors, slow)| traffic(requests, errors, slow);
            worse(&side(canary), &side(rest), 0.01).unwrap_or_default()
        };
        // nothing, a little, chance, and what the others have as well
        for (canary, rest) in [
            ((0, 0, 0), (1000, 0, 0)),
            ((1000, 9, 0), (9000, 0, 0)),
            ((100, 3, 0), (9000, 90, 0)),
            ((1000, 200, 0), (9000, 1800, 0)),
            ((3, 3, 0), (0, 0, 0)),
            ((1000, 0, 40), (9000, 0, 0)),
            ((1000, 0, 900), (9000, 0, 8100)),
        ] {
            assert_eq!(judged(canary, rest), "", "{canary:?} {rest:?}");
        }
        let errors = "10.0% of its answers are errors, and 1.0% of the others'";
        assert_eq!(judged((500, 50, 0), (9000, 90, 0)), errors);
        assert_eq!(judged((500, 50, 0), (0, 0, 0)), errors.replace("1.0%", "0.0%"));
        let slow = "20.0% of its answers take longer than 2.5ms, and 0.0% of the others'";
        assert_eq!(judged((500, 0, 100), (9000, 0, 0)), slow);
    }

    #[test]
    fn a_node_that_is_silent_since_it_runs_the_release_is_lost() {
        let fleet = |states: [State; 3]| {
            let receipt = |index: usize| Receipt::new(format!("edge-{index}"), Timestamp::UNIX_EPOCH);
            let node = |(index, state)| Node { state, canary: index < 2, receipt: receipt(index) };
            Fleet { current: None, nodes: states.into_iter().enumerate().map(node).collect() }
        };
        let (follows, silent) = (State::Follows, State::Silent);
        let mut heard = BTreeSet::new();
        for states in [[follows, silent, follows], [State::Behind, follows, silent]] {
            assert_eq!(lost(&fleet(states), &mut heard), None);
        }
        assert_eq!(lost(&fleet([follows, silent, follows]), &mut heard), Some("edge-1 is silent".into()));
        assert_eq!(lost(&fleet([State::Refuses, follows, follows]), &mut heard), Some("edge-0 refuses it".into()));
    }
}
