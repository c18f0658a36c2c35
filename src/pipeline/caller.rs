//! Who calls, as the `auth` of a route found out: facts for plugins, for backends and for the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::value::name::Name;
use crate::value::template::Fact;

/// Who calls. Nobody is known until an `auth` of the route has run; where several ran, each adds what it found out.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// The application that calls, by its API key.
    pub consumer: Option<Arc<Consumer>>,
    /// The person or program that calls, as an issuer or a directory of users knows it.
    pub identity: Option<Arc<Identity>>,
}

/// An application, as its `ApiKey` describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consumer {
    /// The id in its key, by which its calls are counted.
    pub id: Box<str>,
    /// The name of its `ApiKey`, as `namespace/name` unless the namespace is `default`.
    pub name: Box<str>,
    /// The name of its plan.
    pub plan: Option<Box<str>>,
    /// The labels of its `ApiKey`.
    pub labels: BTreeMap<Box<str>, Box<str>>,
    /// What its `ApiKey` notes about it, for backends.
    pub metadata: BTreeMap<Box<str>, Box<str>>,
}

/// A person or a program, as whoever authenticated it knows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Identity {
    /// The name of the `Auth` that found it out.
    pub auth: Arc<str>,
    /// What names it for good, among all that this `Auth` knows.
    pub subject: Box<str>,
    /// What people call it.
    pub name: Option<Box<str>>,
    /// Its mail address.
    pub email: Option<Box<str>>,
    /// The groups it is in.
    pub groups: Box<[Box<str>]>,
    /// All that is claimed of it; an object.
    pub claims: Json,
}

impl Caller {
    /// Whether somebody is known.
    pub fn is_known(&self) -> bool {
        self.consumer.is_some() || self.identity.is_some()
    }

    /// Takes over what another `auth` found out.
    pub fn add(&mut self, other: Self) {
        self.consumer = other.consumer.or_else(|| self.consumer.take());
        self.identity = other.identity.or_else(|| self.identity.take());
    }

    /// A value of it; `None` where it is not known.
    pub fn fact(&self, fact: &Fact) -> Option<Text<'_>> {
        let consumer = || self.consumer.as_deref();
        let identity = || self.identity.as_deref();
        let text = match fact {
            Fact::ConsumerId => &*consumer()?.id,
            Fact::ConsumerName => &*consumer()?.name,
            Fact::ConsumerPlan => consumer()?.plan.as_deref()?,
            Fact::ConsumerLabel(name) => &**consumer()?.labels.get(name)?,
            Fact::ConsumerMetadata(name) => &**consumer()?.metadata.get(name)?,
            Fact::Subject => &*identity()?.subject,
            Fact::Name => identity()?.name.as_deref()?,
            Fact::Email => identity()?.email.as_deref()?,
            Fact::Claim(pointer) => return claim(&identity()?.claims, pointer),
        };
        Some(text.into())
    }
}

/// The text of a value: borrowed, unless it had to be made.
pub type Text<'a> = std::borrow::Cow<'a, str>;

/// A claim as text: a list as its members with commas between, an object not at all.
fn claim<'a>(claims: &'a Json, name: &str) -> Option<Text<'a>> {
    let value = if name.starts_with('/') { claims.pointer(name) } else { claims.get(name) }?;
    match value {
        Json::String(text) => Some(text.as_str().into()),
        Json::Bool(_) | Json::Number(_) => Some(value.to_string().into()),
        Json::Array(members) => {
            let texts: Option<Vec<&str>> = members.iter().map(Json::as_str).collect();
            Some(texts?.join(",").into())
        }
        Json::Null | Json::Object(_) => None,
    }
}

/// Conditions on the application that calls, by its API key; all hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("minProperties" = 1), example = example())]
pub struct ConsumerCondition {
    /// Its plan is one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("uniqueItems" = true))]
    pub plans: Vec<Name>,
    /// Its `ApiKey` has each of these labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = serde_json::json!({ "tier": "a" }))]
    pub labels: BTreeMap<String, String>,
}

fn example() -> serde_json::Value {
    serde_json::json!({ "plans": ["gold"], "labels": { "tier": "a" } })
}

impl ConsumerCondition {
    /// Whether it holds for a caller; never for one without an API key.
    pub fn holds(&self, caller: &Caller) -> bool {
        caller.consumer.as_deref().is_some_and(|consumer| {
            let plan = |plan: &Name| consumer.plan.as_deref() == Some(plan.as_str());
            let label = |(name, value): (&String, &String)| {
                consumer.labels.get(name.as_str()).is_some_and(|own| **own == **value)
            };
            (self.plans.is_empty() || self.plans.iter().any(plan)) && self.labels.iter().all(label)
        })
    }

    /// How many conditions it is.
    pub fn count(&self) -> u32 {
        u32::from(!self.plans.is_empty()) + u32::try_from(self.labels.len()).unwrap_or(u32::MAX)
    }

    /// Whether no consumer meets both.
    pub fn is_apart(&self, other: &Self) -> bool {
        let plans = !self.plans.is_empty()
            && !other.plans.is_empty()
            && !self.plans.iter().any(|plan| other.plans.contains(plan));
        let labels = self.labels.iter().any(|(name, value)| other.labels.get(name).is_some_and(|own| own != value));
        plans || labels
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::sync::Arc;

    use serde_json::json;

    use super::{Caller, Consumer, ConsumerCondition, Identity};
    use crate::value::template::Fact;

    fn caller(plan: &str, tier: &str) -> Caller {
        let labels = [("tier".into(), tier.into())].into();
        let consumer = Consumer { plan: Some(plan.into()), labels, ..Consumer::default() };
        Caller { consumer: Some(Arc::new(consumer)), identity: None }
    }

    fn condition(json: serde_json::Value) -> ConsumerCondition {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn all_conditions_hold() {
        let both = condition(json!({ "plans": ["gold", "silver"], "labels": { "tier": "a" } }));
        assert!(both.holds(&caller("silver", "a")));
        assert!(!both.holds(&caller("free", "a")) && !both.holds(&caller("gold", "b")));
        assert!(!both.holds(&Caller::default()));
        assert_eq!(both.count(), 2);
    }

    #[test]
    fn conditions_are_apart_if_nobody_meets_both() {
        let gold = condition(json!({ "plans": ["gold"] }));
        let free = condition(json!({ "plans": ["free"], "labels": { "tier": "a" } }));
        let b = condition(json!({ "labels": { "tier": "b" } }));
        assert!(gold.is_apart(&free) && free.is_apart(&b) && !gold.is_apart(&b));
    }

    #[test]
    fn facts_are_texts() {
        let claims = json!({ "n": 1, "roles": ["a", "b"], "deep": { "x": "y" } });
        let identity = Identity { subject: "7".into(), claims, ..Identity::default() };
        let caller = Caller { identity: Some(Arc::new(identity)), ..Caller::default() };
        let claim = |name: &str| caller.fact(&Fact::Claim(name.into())).map(Cow::into_owned);
        assert_eq!(claim("roles").as_deref(), Some("a,b"));
        assert_eq!((claim("/deep/x").as_deref(), claim("n").as_deref()), (Some("y"), Some("1")));
        assert_eq!((claim("deep"), claim("none")), (None, None));
        assert_eq!(caller.fact(&Fact::Subject).as_deref(), Some("7"));
        assert_eq!(caller.fact(&Fact::ConsumerPlan), None);
    }
}
