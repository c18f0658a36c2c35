//! What manifests say of limits: the fields that plans and the plugin `rateLimit` share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::{Code, Severity};
use crate::pipeline::limits::calendar::Cycle;
use crate::pipeline::limits::gcra::Pace;
use crate::pipeline::limits::window::{Measure, Window};
use crate::value::duration::Duration;
use crate::value::time_zone::TimeZone;

/// So many requests per length of time, at an even pace, with bursts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = rate_example())]
pub struct Rate {
    /// How many requests.
    #[schemars(range(min = 1, max = 1_000_000), example = 50)]
    pub requests: u32,
    /// In which length of time. It names the rate: while it stays, another number of requests keeps the counts.
    #[schemars(example = &"1s")]
    pub per: Duration,
    /// The most requests at once, after none came for a while. The default is `requests`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000), example = 100)]
    pub burst: Option<u32>,
}

fn rate_example() -> serde_json::Value {
    serde_json::json!({ "requests": 50, "per": "1s", "burst": 100 })
}

/// So many requests in each day or month of a calendar. The counts are kept over restarts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("minProperties" = 1), example = quota_example())]
pub struct Quota {
    /// The most requests in a day. The default is no such limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000_000_u64), example = 100_000)]
    pub per_day: Option<u64>,
    /// The most requests in a month. The default is no such limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000_000_u64), example = 2_000_000)]
    pub per_month: Option<u64>,
    /// Whose midnight ends a day.
    #[serde(default = "TimeZone::utc")]
    pub time_zone: TimeZone,
}

fn quota_example() -> serde_json::Value {
    serde_json::json!({ "perDay": 100_000, "perMonth": 2_000_000, "timeZone": "Europe/Paris" })
}

/// How exactly nodes agree that share their counts in Redis. On a single node it makes no difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Consistency {
    /// Each request is decided in Redis: the limits hold exactly.
    #[default]
    Strict,
    /// Each node takes a twentieth of the smallest limit at a time, at most 100 requests, and uses them up within a second without
    /// asking again. A node may let through one less than that many requests more than the limits say; fewer may get through
    /// where one node has taken what another one would need.
    Fast,
}

/// What happens to requests while the shared store of counts does not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OnStoreFailure {
    /// Each node counts by itself: the limits hold for each node.
    #[default]
    Local,
    /// All of them go on.
    Open,
    /// All of them get a 503.
    Closed,
}

/// When clients are told of limits, by the fields `RateLimit-Policy` and `RateLimit`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Announce {
    /// On each answer.
    Always,
    /// On answers to requests that were refused.
    #[default]
    Refused,
}

/// The numbers of some limits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Numbers<'a> {
    /// The rates.
    pub rates: &'a [Rate],
    /// The quotas.
    pub quota: Option<&'a Quota>,
}

/// What is wrong with a number, and where: a JSON pointer from the rates or the quota.
#[derive(Debug)]
pub struct WrongNumber {
    /// The code of the problem.
    pub code: &'static Code,
    /// The rate.
    pub rate: usize,
    /// The field of the rate.
    pub field: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: &'static str,
}

impl Numbers<'_> {
    /// The windows that they make, and what is wrong with them.
    pub fn windows(self) -> (Vec<Window>, Vec<WrongNumber>) {
        let (mut windows, mut wrong) = (Vec::new(), Vec::new());
        for (index, rate) in self.rates.iter().enumerate() {
            match self.rate(index, rate) {
                Ok(window) => windows.push(window),
                Err(problem) => wrong.push(problem),
            }
        }
        windows.extend(self.quota.into_iter().flat_map(Quota::windows));
        (windows, wrong)
    }

    fn rate(self, index: usize, rate: &Rate) -> Result<Window, WrongNumber> {
        if self.rates[..index].iter().any(|before| before.per == rate.per) {
            let message = format!("two rates are per `{}`, of which one has no effect", rate.per);
            let help = "keep the lower one; a rate for several lengths of time has another `per` in each entry";
            return Err(WrongNumber { code: &SAME_PER, rate: index, field: "per", message, help });
        }
        let burst = rate.burst.unwrap_or(rate.requests);
        let pace = Pace::new(rate.requests, rate.per.get(), burst).ok_or_else(|| {
            let message = "a burst that takes longer than 90 days to come in again cannot be counted".to_owned();
            let help = "allow a smaller `burst`, or say how much in a day or a month as a `quota`";
            let field = if rate.burst.is_some() { "burst" } else { "per" };
            WrongNumber { code: &BURST_TOO_LONG, rate: index, field, message, help }
        })?;
        Ok(Window { name: rate.per.to_string().into(), measure: Measure::Rate(pace) })
    }
}

impl Quota {
    fn windows(&self) -> impl Iterator<Item = Window> {
        let cycles = [(Cycle::Day, "day", self.per_day), (Cycle::Month, "month", self.per_month)];
        cycles.into_iter().filter_map(|(cycle, name, limit)| {
            let measure = Measure::Quota { cycle, limit: limit?, zone: self.time_zone.clone() };
            Some(Window { name: name.into(), measure })
        })
    }
}

/// Two rates with the same length of time.
pub static SAME_PER: Code = Code {
    id: "GW3051",
    name: "same-per",
    severity: Severity::Error,
    page: "\
# GW3051: same-per

Two rates of the same limits are for the same length of time. Only the lower one has an effect, and the counts of a rate are found
by its `per`, so that the two could not be told apart.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: shop }
spec:
  public: true
  plugins:
    - rateLimit: { rates: [{ requests: 10, per: 1s }, { requests: 20, per: 1s }] }
    - respond: { body: ok }
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: shop }
spec:
  public: true
  plugins:
    - rateLimit: { rates: [{ requests: 10, per: 1s }, { requests: 200, per: 1m }] }
    - respond: { body: ok }
```
",
};

/// A burst that cannot be counted.
pub static BURST_TOO_LONG: Code = Code {
    id: "GW3052",
    name: "burst-too-long",
    severity: Severity::Error,
    page: "\
# GW3052: burst-too-long

At this rate it takes longer than 90 days until a whole burst is there again after it was used up. Counts are not kept for as long.
What is meant is mostly a quota: so many requests in a day or a month.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: shop }
spec:
  public: true
  plugins:
    - rateLimit: { rates: [{ requests: 1, per: 1d, burst: 100 }] }
    - respond: { body: ok }
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: shop }
spec:
  public: true
  plugins:
    - rateLimit: { quota: { perMonth: 100 } }
    - respond: { body: ok }
```
",
};
