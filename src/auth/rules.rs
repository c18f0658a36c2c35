//! Rules on what is claimed of a caller: who of those that are known is let in.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::pipeline::auth::Choice;
use crate::value::json_pointer::JsonPointer;
use crate::value::regex::Pattern;

/// A rule on one claim: exactly one way to look at it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example(), extend("x-gw-noun" = "way to look at a claim called"))]
pub struct ClaimRule {
    /// Where the claim stands.
    pub claim: JsonPointer,
    /// The claim is this, written as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"admin")]
    pub equals: Option<String>,
    /// The claim is a list with this member, or this itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"members")]
    pub contains: Option<String>,
    /// The claim is one of these, or a list with one of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), example = serde_json::json!(["members", "staff"]))]
    pub contains_any: Option<Vec<String>>,
    /// The claim, or a member of it, looks like this; `*` stands for any text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024), example = &"team-*")]
    pub like: Option<String>,
    /// The claim, or a member of it, matches this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matches: Option<Pattern>,
    /// Whether the claim is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub present: Option<bool>,
}

fn example() -> Json {
    serde_json::json!({ "claim": "/groups", "contains": "members" })
}

/// Who is let in of those that are known.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// All of these hold.
    pub require: Box<[ClaimRule]>,
    /// None of these holds.
    pub deny: Box<[ClaimRule]>,
}

impl ClaimRule {
    const WAYS: &'static [&'static str] = &["equals", "contains", "containsAny", "like", "matches", "present"];

    /// Which ways rules name, each at its place.
    pub fn choices<'a>(pointer: &'a str, rules: &'a [Self]) -> impl Iterator<Item = Choice> + 'a {
        rules.iter().enumerate().map(move |(index, rule)| Choice {
            pointer: format!("{pointer}/{index}"),
            named: rule.named(),
            of: Self::WAYS,
            what: "a rule looks at its claim in",
        })
    }

    fn named(&self) -> Vec<&'static str> {
        let named = [
            self.equals.is_some(),
            self.contains.is_some(),
            self.contains_any.is_some(),
            self.like.is_some(),
            self.matches.is_some(),
            self.present.is_some(),
        ];
        Self::WAYS.iter().zip(named).filter(|(_, named)| *named).map(|(name, _)| *name).collect()
    }

    /// Whether it holds.
    fn holds(&self, claims: &Json) -> bool {
        let claim = self.claim.find(claims).filter(|claim| !claim.is_null());
        if let Some(present) = self.present {
            return claim.is_some() == present;
        }
        let Some(claim) = claim else { return false };
        if let Some(wanted) = &self.equals {
            return text(claim).is_some_and(|text| text == *wanted);
        }
        let of = |condition: &dyn Fn(&str) -> bool| members(claim).any(|member| condition(&member));
        match self {
            Self { contains: Some(wanted), .. } => of(&|member| member == wanted),
            Self { contains_any: Some(wanted), .. } => of(&|member| wanted.iter().any(|wanted| wanted == member)),
            Self { like: Some(like), .. } => of(&|member| is_like(member, like)),
            Self { matches: Some(pattern), .. } => of(&|member| pattern.is_match(member)),
            Self { .. } => false,
        }
    }
}

impl Rules {
    /// The rules of a config.
    pub fn new(require: &[ClaimRule], deny: &[ClaimRule]) -> Self {
        Self { require: require.into(), deny: deny.into() }
    }

    /// Whether a caller of whom this is claimed is let in.
    pub fn admit(&self, claims: &Json) -> bool {
        self.require.iter().all(|rule| rule.holds(claims)) && !self.deny.iter().any(|rule| rule.holds(claims))
    }
}

/// A value as text; lists and objects have none.
pub fn text(value: &Json) -> Option<Cow<'_, str>> {
    match value {
        Json::String(text) => Some(text.as_str().into()),
        Json::Bool(_) | Json::Number(_) => Some(value.to_string().into()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

/// The members of a list; anything else is a list of one.
pub fn members(value: &Json) -> impl Iterator<Item = Cow<'_, str>> {
    let members = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    members.iter().filter_map(text)
}

/// Whether a text looks like one in which `*` stands for any text.
fn is_like(text: &str, like: &str) -> bool {
    let Some((first, rest)) = like.split_once('*') else { return text == like };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{ClaimRule, Rules, is_like};

    fn claims() -> Json {
        json!({ "groups": ["members", "team-a"], "role": "admin", "age": 7, "ok": true, "deep": { "none": null } })
    }

    fn holds(rule: Json) -> bool {
        serde_json::from_value::<ClaimRule>(rule).unwrap().holds(&claims())
    }

    #[test]
    fn a_rule_looks_at_one_claim() {
        for rule in [
            json!({ "claim": "/role", "equals": "admin" }),
            json!({ "claim": "/age", "equals": "7" }),
            json!({ "claim": "/ok", "equals": "true" }),
            json!({ "claim": "/groups", "contains": "members" }),
            json!({ "claim": "/role", "contains": "admin" }),
            json!({ "claim": "/groups", "containsAny": ["x", "team-a"] }),
            json!({ "claim": "/groups", "like": "team-*" }),
            json!({ "claim": "/groups", "matches": "team-[ab]" }),
            json!({ "claim": "/groups/1", "equals": "team-a" }),
            json!({ "claim": "/none", "present": false }),
            json!({ "claim": "/deep/none", "present": false }),
            json!({ "claim": "/deep", "present": true }),
        ] {
            assert!(holds(rule.clone()), "{rule}");
        }
        for rule in [
            json!({ "claim": "/groups", "equals": "members" }),
            json!({ "claim": "/groups", "contains": "member" }),
            json!({ "claim": "/role", "equals": "Admin" }),
            json!({ "claim": "/deep", "like": "*" }),
            json!({ "claim": "/none", "matches": ".*" }),
            json!({ "claim": "/groups", "matches": "team" }),
            json!({ "claim": "/role" }),
        ] {
            assert!(!holds(rule.clone()), "{rule}");
        }
    }

    #[test]
    fn all_that_is_required_holds_and_nothing_that_is_denied() {
        let rules = |rules: Json| -> Vec<ClaimRule> { serde_json::from_value(rules).unwrap() };
        let members = rules(json!([{ "claim": "/groups", "contains": "members" }]));
        let admins = rules(json!([{ "claim": "/role", "equals": "admin" }]));
        let both = [members.clone(), rules(json!([{ "claim": "/age", "equals": "8" }]))].concat();
        assert!(Rules::new(&members, &[]).admit(&claims()) && Rules::default().admit(&Json::Null));
        assert!(!Rules::new(&both, &[]).admit(&claims()) && !Rules::new(&members, &admins).admit(&claims()));
    }

    #[test]
    fn a_star_stands_for_any_text() {
        for (text, like) in
            [("a", "*"), ("", "*"), ("abc", "a*c"), ("abc", "abc"), ("a-b-c", "a*b*c"), ("aa", "a*a"), ("ab", "a**b")]
        {
            assert!(is_like(text, like), "{text} {like}");
        }
        for (text, like) in [("a", "a*a"), ("abc", "b*"), ("abc", "ab"), ("acb", "a*b*c"), ("ab", "*a*")] {
            assert_eq!(is_like(text, like), like == "*a*", "{text} {like}");
        }
    }
}
