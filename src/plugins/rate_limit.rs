//! `rateLimit`: how often clients may ask, by their address, by what they send, or all together.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, OnceLock};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::{Code, Severity};
use crate::pipeline::exchange::{Exchange, Place, Step};
use crate::pipeline::limits::config::{BURST_TOO_LONG, SAME_PER};
use crate::pipeline::limits::{
    Announce, Consistency, Enforcer, Limits, Numbers, OnStoreFailure, Quota, Rate,
};
use crate::pipeline::plugin::{CompileContext, Needed, Plugin, PluginType};
use crate::pipeline::ready::{Ready, ReadyError};
use crate::value::template::Template;

/// How often and how much clients may ask. A request that one of the limits refuses gets a 429 that says when to come again, and
/// counts for none of them. Counts are kept over reloads, found by the route and by the `id` of this plugin.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct RateLimitConfig {
    /// Whose requests are counted together. The default is everybody's.
    #[serde(default)]
    pub by: By,
    /// So many requests per length of time. Several all hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub rates: Vec<Rate>,
    /// So many requests per day and month. The default is no such limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<Quota>,
    /// The most requests at once, on each node: a request counts until the last byte of its answer. The default is no such limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000), example = 20)]
    pub concurrency: Option<u32>,
    /// Refuses nothing, and only counts what would be refused: see the metric `gw_rate_limit_requests_total`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// When clients are told what is left, by the fields `RateLimit-Policy` and `RateLimit`.
    #[serde(default)]
    pub announce: Announce,
    /// How exactly nodes agree that share their counts in Redis.
    #[serde(default)]
    pub consistency: Consistency,
    /// What happens while Redis does not answer.
    #[serde(default)]
    pub on_store_failure: OnStoreFailure,
}

/// Whose requests are counted together: those for which everything that is named here is the same.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = by_example())]
pub struct By {
    /// The client's address, as trusted proxies say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ByClient>,
    /// A text, such as the value of a header. Requests for which a part of it is missing are counted together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"${request.header.x-tenant}")]
    pub value: Option<Template>,
    /// Over which requests.
    #[serde(default)]
    pub over: Over,
}

/// Clients by their addresses.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = by_client_example())]
pub struct ByClient {
    /// How many bits of an IPv4 address are looked at.
    #[serde(default = "whole_ipv4")]
    #[schemars(range(min = 1, max = 32))]
    pub ipv4_prefix: u8,
    /// How many bits of an IPv6 address are looked at: a subscriber mostly has the rest for itself.
    #[serde(default = "subscriber_ipv6")]
    #[schemars(range(min = 1, max = 128))]
    pub ipv6_prefix: u8,
}

/// Over which requests limits hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Over {
    /// Those of this route.
    #[default]
    Route,
    /// Those of all routes that have a `rateLimit` with the same `id` and this setting.
    Gateway,
}

fn example() -> serde_json::Value {
    serde_json::json!({
        "by": { "client": {} },
        "rates": [{ "requests": 10, "per": "1s", "burst": 30 }, { "requests": 200, "per": "1m" }],
        "announce": "always",
    })
}

fn by_example() -> serde_json::Value {
    serde_json::json!({ "client": {}, "value": "${request.header.x-tenant}" })
}

fn by_client_example() -> serde_json::Value {
    serde_json::json!({ "ipv6Prefix": 56 })
}

fn whole_ipv4() -> u8 {
    32
}

fn subscriber_ipv6() -> u8 {
    64
}

/// The compiled plugin.
pub struct RateLimit {
    by: By,
    limits: Arc<Limits>,
    enforcer: OnceLock<Enforcer>,
}

impl PluginType for RateLimit {
    type Config = RateLimitConfig;
    const CODES: &'static [&'static Code] = &[&LIMITS_NOTHING, &SAME_PER, &BURST_TOO_LONG];

    fn compile(config: &RateLimitConfig, context: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        let before = context.problems.len();
        let numbers = Numbers { rates: &config.rates, quota: config.quota.as_ref() };
        let (windows, wrong) = numbers.windows();
        if windows.is_empty() && wrong.is_empty() && config.concurrency.is_none() {
            let help = "say how much is allowed: `rates`, `concurrency`, or `perDay` or `perMonth` in `quota`";
            context.report(&LIMITS_NOTHING, "", "this `rateLimit` limits nothing", help);
        }
        for problem in wrong {
            let pointer = format!("/rates/{}/{}", problem.rate, problem.field);
            context.report(problem.code, pointer, problem.message, problem.help);
        }
        if let Some(value) = &config.by.value {
            context.check_params("/by/value", value, Needed::Sometimes);
        }
        let limits = Limits {
            name: "rateLimit".into(),
            windows: windows.into(),
            concurrency: config.concurrency,
            consistency: config.consistency,
            on_store_failure: config.on_store_failure,
            announce: config.announce,
            dry_run: config.dry_run,
        };
        let by = config.by.clone();
        (context.problems.len() == before)
            .then(|| Box::new(Self { by, limits: Arc::new(limits), enforcer: OnceLock::new() }) as _)
    }
}

impl Plugin for RateLimit {
    fn ready(&self, ready: &Ready<'_>) -> Result<(), ReadyError> {
        let id = ready.owner.rsplit('/').next().unwrap_or(ready.owner);
        let owner = match self.by.over {
            Over::Route => ready.owner.to_owned(),
            Over::Gateway => format!("*/{id}"),
        };
        let limits = Limits { name: id.into(), ..Limits::clone(&self.limits) };
        let _ = self.enforcer.set(Enforcer::of_plugin(Arc::new(limits), &owner, ready)?);
        Ok(())
    }

    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        let Some(enforcer) = self.enforcer.get() else { return Step::Continue };
        let subject = self.by.subject(exchange);
        enforcer.enforce(exchange, &subject)
    }
}

impl By {
    /// Who is counted. A value comes last, so that it cannot be mistaken for an address.
    fn subject(&self, exchange: &Exchange<'_>) -> String {
        let mut subject = String::new();
        if let Some(client) = &self.client {
            subject = client.network(exchange.client.ip).to_string();
        }
        if let Some(value) = &self.value {
            subject.push(if self.client.is_some() { ' ' } else { '=' });
            // what is missing is told apart from what is empty
            subject.push_str(&exchange.render(value, Place::Field).map_or_else(|| "-".into(), |value| format!("={value}")));
        }
        subject
    }
}

impl ByClient {
    /// The part of an address that is looked at. An IPv4 address within IPv6 is one of IPv4.
    fn network(self, ip: IpAddr) -> IpAddr {
        match ip.to_canonical() {
            IpAddr::V4(ip) => {
                let rest = 32_u32.saturating_sub(self.ipv4_prefix.into());
                Ipv4Addr::from(u32::from(ip) >> rest << rest).into()
            }
            IpAddr::V6(ip) => {
                let rest = 128_u32.saturating_sub(self.ipv6_prefix.into());
                Ipv6Addr::from(u128::from(ip) >> rest << rest).into()
            }
        }
    }
}

/// A limit without numbers.
pub static LIMITS_NOTHING: Code = Code {
    id: "GW3050",
    name: "limits-nothing",
    severity: Severity::Error,
    page: "\
# GW3050: limits-nothing

A `rateLimit` has neither `rates` nor `concurrency` nor numbers in its `quota`, so that it lets everything through.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: shop }
spec:
  public: true
  plugins:
    - rateLimit: { by: { client: {} } }
    - respond: { body: ok }
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: shop }
spec:
  public: true
  plugins:
    - rateLimit: { by: { client: {} }, rates: [{ requests: 10, per: 1s }] }
    - respond: { body: ok }
```
",
};

#[cfg(test)]
mod tests {
    use super::ByClient;

    #[test]
    fn clients_are_told_apart_by_as_many_bits_as_are_looked_at() {
        let network = |ipv4_prefix, ipv6_prefix, ip: &str| {
            ByClient { ipv4_prefix, ipv6_prefix }.network(ip.parse().unwrap()).to_string()
        };
        for (ipv4, ipv6, ip, expected) in [
            (32, 64, "203.0.113.9", "203.0.113.9"),
            (24, 64, "203.0.113.9", "203.0.113.0"),
            (1, 1, "203.0.113.9", "128.0.0.0"),
            (32, 64, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            (32, 56, "2001:db8:1:2ff:3::", "2001:db8:1:200::"),
            (32, 128, "2001:db8::1", "2001:db8::1"),
            (32, 64, "::ffff:203.0.113.9", "203.0.113.9"),
        ] {
            assert_eq!(network(ipv4, ipv6, ip), expected, "{ip}/{ipv4}/{ipv6}");
        }
    }
}
