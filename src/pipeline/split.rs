//! How the requests of a route are divided among several backends.

use fastrand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::pipeline::exchange::Exchange;
use crate::pipeline::upstream::balancing::stable_hash;
use crate::value::cookie::CookieName;
use crate::value::header::HeaderName;
use crate::value::url::Scheme;

/// What keeps a caller with one backend of a `split`: exactly one of `cookie` and `header`. A hash of the value is a point between
/// 0 and 1, and the backends share that range by weight in the order written. So the same value always leads to the same backend, on
/// every node, and when weights change only as many callers move as have to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = split_by_example(), extend("x-gw-noun" = "part called"))]
pub struct SplitBy {
    /// A cookie. A caller without it gets one with a random value, until its browser is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie: Option<CookieName>,
    /// The first value of a header field. A request without it goes to a backend at random.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<HeaderName>,
}

fn split_by_example() -> Value {
    json!({ "cookie": "gw-split" })
}

/// Where a request is on the range that the backends share, and the cookie that keeps it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// The place, from 0 up to all that 64 bits can say.
    pub at: u64,
    /// The value of the cookie that the caller gets.
    pub cookie: Option<u64>,
}

impl SplitBy {
    /// The names of all parts.
    pub const PARTS: &[&str] = &["cookie", "header"];

    /// The parts it names.
    pub fn named(&self) -> Vec<&'static str> {
        let named = [self.cookie.is_some(), self.header.is_some()];
        Self::PARTS.iter().zip(named).filter(|(_, named)| *named).map(|(name, _)| *name).collect()
    }

    /// The point that a request's own value leads to.
    pub fn fixed(&self, exchange: &Exchange<'_>) -> Option<u64> {
        let request = &exchange.request;
        let cookie = self.cookie.as_ref().and_then(|name| request.cookies(name.as_str()).next());
        let header = || request.fields.received(self.header.as_ref()?.as_str());
        cookie.map(str::as_bytes).or_else(header).map(stable_hash)
    }

    /// The point of a request, at random if it has no value of its own.
    pub fn point(&self, exchange: &Exchange<'_>, random: &mut Rng) -> Point {
        if let Some(at) = self.fixed(exchange) {
            return Point { at, cookie: None };
        }
        let value = random.u64(..);
        Point { at: stable_hash(text(value).as_bytes()), cookie: self.cookie.is_some().then_some(value) }
    }

    /// Gives the caller the cookie with this value.
    pub fn give(&self, value: u64, exchange: &mut Exchange<'_>) {
        let Some(name) = &self.cookie else { return };
        let secure = if exchange.client.scheme == Scheme::Https { "; Secure" } else { "" };
        let cookie = format!("{name}={}; Path=/; HttpOnly; SameSite=Lax{secure}", text(value));
        exchange.response.fields.add("set-cookie", cookie.as_bytes());
    }
}

fn text(value: u64) -> String {
    format!("{value:016x}")
}

/// The index of the part of the range that a point lies in, if parts have these weights.
pub fn part(weights: impl Iterator<Item = u32> + Clone, point: u64) -> Option<usize> {
    let total: u64 = weights.clone().map(u64::from).sum();
    let place = u64::try_from((u128::from(point) * u128::from(total)) >> 64).unwrap_or(0);
    let mut end = 0;
    weights.enumerate().find_map(|(index, weight)| {
        end += u64::from(weight);
        (place < end).then_some(index)
    })
}

#[cfg(test)]
mod tests {
    use super::part;
    use crate::pipeline::upstream::balancing::stable_hash;

    fn arm(weights: &[u32], caller: u32) -> usize {
        part(weights.iter().copied(), stable_hash(caller.to_string().as_bytes())).unwrap()
    }

    #[test]
    fn callers_are_divided_by_weight() {
        let count = |weights: &[u32], index| (0..20_000).filter(|caller| arm(weights, *caller) == index).count();
        for (weights, index, expected) in [(&[95, 5][..], 1, 1_000), (&[1, 1, 2], 2, 10_000), (&[0, 7], 0, 0)] {
            assert!(count(weights, index).abs_diff(expected) < 200, "{weights:?}: {}", count(weights, index));
        }
        assert_eq!(part([0, 0].into_iter(), 7), None);
    }

    #[test]
    fn only_those_move_that_have_to() {
        for caller in 0..5_000 {
            let (before, after) = (arm(&[95, 5], caller), arm(&[80, 20], caller));
            assert!(before == after || (before, after) == (0, 1));
        }
    }
}
