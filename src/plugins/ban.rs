//! `ban`: keeps clients out for a while that made too many errors.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration as Time, Instant};

use ahash::RandomState;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::exchange::{Content, Exchange, Step};
use crate::pipeline::plugin::{CompileContext, Plugin, PluginType};
use crate::pipeline::ready::{Ready, ReadyError};
use crate::value::duration::Duration;
use crate::value::network::{Network, NetworkSet};

/// Keeps a client out for a while whose requests were answered with errors too often, such as one that tries passwords or looks for
/// holes. Errors count that plugins below it or the backend answer with. Each node counts for itself; a reload keeps what was counted.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct BanConfig {
    /// After how many errors.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 100_000))]
    pub errors: u32,
    /// Within which time.
    #[serde(default = "a_minute")]
    pub per: Duration,
    /// For how long, from the last of these errors on.
    #[serde(rename = "for", default = "ten_minutes")]
    pub length: Duration,
    /// The statuses that are errors.
    #[serde(default = "refusals")]
    #[schemars(length(min = 1), extend("uniqueItems" = true), inner(range(min = 400, max = 599)), example = statuses_example())]
    pub statuses: Vec<u16>,
    /// The status by which it is kept out; `retry-after` says for how long.
    #[serde(default)]
    pub answer: BanAnswer,
    /// Clients that are never kept out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub except: Vec<Network>,
    /// How many bits of an IPv6 address tell clients apart: one client often has a whole network.
    #[serde(default = "a_network")]
    #[schemars(range(min = 32, max = 128))]
    pub ipv6_prefix: u8,
}

/// By which status a client is kept out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum BanAnswer {
    /// 403
    #[default]
    Forbidden,
    /// 429
    TooManyRequests,
}

fn example() -> serde_json::Value {
    serde_json::json!({ "errors": 20, "per": "1m", "for": "15m", "statuses": [401, 403, 404], "except": ["10.0.0.0/8"] })
}

fn statuses_example() -> serde_json::Value {
    serde_json::json!([401, 403, 404])
}

fn ten() -> u32 {
    10
}

fn a_minute() -> Duration {
    Duration::from_secs(60)
}

fn ten_minutes() -> Duration {
    Duration::from_secs(600)
}

fn refusals() -> Vec<u16> {
    vec![401, 403]
}

fn a_network() -> u8 {
    64
}

/// The compiled plugin.
pub struct Ban {
    rule: Rule,
    statuses: Vec<u16>,
    answer: u16,
    except: NetworkSet,
    ipv6: u8,
    offenders: OnceLock<Arc<Offenders>>,
}

/// When a client is kept out.
#[derive(Clone, Copy, Debug)]
struct Rule {
    errors: u32,
    per: Time,
    length: Time,
}

impl PluginType for Ban {
    type Config = BanConfig;

    fn compile(config: &BanConfig, _: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        Some(Box::new(Self {
            rule: Rule { errors: config.errors, per: config.per.get(), length: config.length.get() },
            statuses: config.statuses.clone(),
            answer: if config.answer == BanAnswer::Forbidden { 403 } else { 429 },
            except: NetworkSet::of(&config.except),
            ipv6: config.ipv6_prefix,
            offenders: OnceLock::new(),
        }))
    }
}

impl Plugin for Ban {
    fn ready(&self, ready: &Ready<'_>) -> Result<(), ReadyError> {
        self.offenders.get_or_init(|| ready.pool.get_or(ready.owner, Offenders::default));
        Ok(())
    }

    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        let Some((offenders, client)) = self.counted(exchange) else { return Step::Continue };
        let Some(left) = offenders.banned(client, Instant::now()) else { return Step::Continue };
        exchange.response.status = self.answer;
        exchange.response.fields.set("retry-after", left.as_millis().div_ceil(1000).to_string().as_bytes());
        Step::Answer(Content::Empty)
    }

    fn on_response(&self, exchange: &mut Exchange<'_>) {
        if self.statuses.contains(&exchange.response.status)
            && let Some((offenders, client)) = self.counted(exchange)
        {
            offenders.note(client, self.rule, Instant::now());
        }
    }
}

impl Ban {
    /// The client as it is counted, and where; `None` for one that is never kept out.
    fn counted(&self, exchange: &Exchange<'_>) -> Option<(&Offenders, IpAddr)> {
        let ip = exchange.client.ip.to_canonical();
        let offenders = self.offenders.get().filter(|_| !self.except.contains(ip))?;
        Some((offenders, network_of(ip, self.ipv6)))
    }
}

/// The first address of a client's network.
fn network_of(ip: IpAddr, bits: u8) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            Ipv6Addr::from_bits(ip.to_bits() & mask).into()
        }
    }
}

/// How many parts clients are divided into, so that workers seldom wait for each other.
const PARTS: usize = 16;

/// How many clients are remembered in one part. Where there are more, those are forgotten that are not kept out.
const MOST: usize = 8_192;

/// The clients that made errors.
#[derive(Default)]
struct Offenders {
    parts: [Mutex<Part>; PARTS],
    hasher: RandomState,
}

#[derive(Default)]
struct Part {
    clients: HashMap<IpAddr, Offender, RandomState>,
    /// When it was full the last time.
    swept: Option<Instant>,
}

/// A client that made errors.
struct Offender {
    /// When the first of them was.
    since: Instant,
    errors: u32,
    banned: Option<Instant>,
}

impl Offenders {
    fn part(&self, client: IpAddr) -> std::sync::MutexGuard<'_, Part> {
        let hash = usize::try_from(self.hasher.hash_one(client) % PARTS as u64).unwrap_or(0);
        self.parts[hash].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For how much longer a client is kept out.
    fn banned(&self, client: IpAddr, now: Instant) -> Option<Time> {
        let left = self.part(client).clients.get(&client)?.banned?.checked_duration_since(now)?;
        (!left.is_zero()).then_some(left)
    }

    /// Counts an error.
    fn note(&self, client: IpAddr, rule: Rule, now: Instant) {
        let mut part = self.part(client);
        if !part.clients.contains_key(&client) && !part.make_room(now) {
            return;
        }
        let offender = part.clients.entry(client).or_insert(Offender { since: now, errors: 0, banned: None });
        if now.duration_since(offender.since) >= rule.per {
            (offender.since, offender.errors) = (now, 0);
        }
        offender.errors += 1;
        if offender.errors >= rule.errors {
            *offender = Offender { since: now, errors: 0, banned: now.checked_add(rule.length) };
        }
    }
}

/// How long a part stays full before it is looked through again.
const PAUSE: Time = Time::from_secs(1);

impl Part {
    /// Whether one more client can be remembered.
    fn make_room(&mut self, now: Instant) -> bool {
        if self.clients.len() < MOST {
            return true;
        }
        if self.swept.is_some_and(|swept| now.duration_since(swept) < PAUSE) {
            return false;
        }
        self.swept = Some(now);
        self.clients.retain(|_, offender| offender.banned.is_some_and(|until| until > now));
        self.clients.len() < MOST
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::{Duration, Instant};

    use super::{MOST, Offenders, PARTS, Rule, network_of};

    const RULE: Rule = Rule { errors: 3, per: Duration::from_mins(1), length: Duration::from_mins(10) };

    #[test]
    fn a_client_is_kept_out_after_errors_within_a_time() {
        let (offenders, start) = (Offenders::default(), Instant::now());
        let client: IpAddr = "203.0.113.9".parse().unwrap();
        let at = |seconds| start + Duration::from_secs(seconds);
        let note = |seconds| offenders.note(client, RULE, at(seconds));
        note(0);
        note(59);
        note(60);
        note(61);
        assert_eq!(offenders.banned(client, at(62)), None, "the first two were too long ago");
        note(62);
        assert_eq!(offenders.banned(client, at(62)), Some(RULE.length));
        assert_eq!(offenders.banned(client, at(661)), Some(Duration::from_secs(1)));
        assert_eq!(offenders.banned(client, at(662)), None);
        assert_eq!(offenders.banned("203.0.113.8".parse().unwrap(), at(62)), None);
        note(663);
        assert_eq!(offenders.banned(client, at(664)), None, "it begins anew");
    }

    #[test]
    fn clients_of_a_network_are_one() {
        let network = |text: &str| network_of(text.parse().unwrap(), 64).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("203.0.113.9"), "203.0.113.9");
        assert_eq!(network_of("2001:db8::7".parse().unwrap(), 128).to_string(), "2001:db8::7");
    }

    #[test]
    fn a_flood_of_clients_takes_bounded_memory_and_frees_nobody() {
        let (offenders, now) = (Offenders::default(), Instant::now());
        let bad = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));
        (0..RULE.errors).for_each(|_| offenders.note(bad, RULE, now));
        for number in 0..u32::try_from(2 * PARTS * MOST).unwrap() {
            offenders.note(Ipv4Addr::from_bits(number).into(), RULE, now);
        }
        let remembered: usize = offenders.parts.iter().map(|part| part.lock().unwrap().clients.len()).sum();
        assert!(remembered <= PARTS * MOST);
        assert!(offenders.banned(bad, now).is_some());
    }
}
