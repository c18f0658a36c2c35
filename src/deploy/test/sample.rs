//! A request that a rule of the router should match: the shortest that says all it asks for. Whether it does is for the router to say.

use crate::deploy::test::change::looser;
use crate::pipeline::condition::{FieldCondition, Test};
use crate::table::router::{PathMatch, Rule};
use crate::value::host::HostPattern;
use crate::value::path::{Segment, Shape};

/// The host of a request where a rule is for any.
const ANY_HOST: &str = "any.example";

/// The parts of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sample {
    /// The method.
    pub method: String,
    /// The host.
    pub host: String,
    /// The path, with the query.
    pub target: String,
    /// The header fields.
    pub headers: Vec<(String, String)>,
}

/// A request for a rule; `None` where none can be thought of.
pub fn sample(rule: &Rule) -> Option<Sample> {
    let conditions = &rule.conditions;
    let method = conditions.methods.first().map_or_else(|| "GET".to_owned(), ToString::to_string);
    let host = match rule.hosts.first() {
        None => ANY_HOST.to_owned(),
        Some(HostPattern::Exact(name)) => name.as_str().to_owned(),
        Some(HostPattern::Wildcard(suffix)) => format!("www.{}", suffix.as_str()),
    };
    let query: Vec<String> =
        values(&conditions.query)?.map(|(name, value)| format!("{}={}", escaped(name), escaped(&value))).collect();
    let question = if query.is_empty() { "" } else { "?" };
    let target = format!("{}{question}{}", path(&rule.path)?, query.join("&"));
    let mut headers: Vec<(String, String)> =
        values(&conditions.headers)?.map(|(name, value)| (name.to_owned(), value)).collect();
    let cookies: Vec<String> = values(&conditions.cookies)?.map(|(name, value)| format!("{name}={value}")).collect();
    if !cookies.is_empty() {
        headers.push(("cookie".to_owned(), cookies.join("; ")));
    }
    Some(Sample { method, host, target, headers })
}

/// Requests just outside of a rule: each lacks one of the things that it asks for.
pub fn outside(rule: &Rule) -> Vec<Sample> {
    let methods = &rule.conditions.methods;
    let other =
        ["GET", "POST", "PUT", "DELETE"].into_iter().find(|other| methods.iter().all(|own| own.as_str() != *other));
    let near = looser(rule).into_iter().filter_map(|(_, looser)| {
        let any_method = looser.conditions.methods.is_empty() && !methods.is_empty();
        let found = sample(&looser)?;
        Some(if any_method { Sample { method: other?.to_owned(), ..found } } else { found })
    });
    near.collect()
}

/// A value for each name of conditions that wants one; `None` if there is none for one of them.
fn values(conditions: &[FieldCondition]) -> Option<impl Iterator<Item = (&str, String)>> {
    let wanted = conditions.iter().filter(|condition| condition.test != Test::Absent);
    let found: Option<Vec<(&str, String)>> =
        wanted.map(|condition| Some((&*condition.name, value(&condition.test)?))).collect();
    found.map(Vec::into_iter)
}

fn value(wanted: &Test) -> Option<String> {
    match wanted {
        Test::Equals(text) => Some(text.clone()),
        Test::Regex(pattern) => pattern.sample(),
        Test::Present | Test::Absent => Some("1".to_owned()),
    }
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

fn path(path: &PathMatch) -> Option<String> {
    match path {
        PathMatch::Any => Some("/".to_owned()),
        PathMatch::Prefix(prefix) => Some(prefix.to_string()),
        PathMatch::Regex(regex) => regex.sample(),
        PathMatch::Template(template) => {
            let segments = template.segments().iter().map(|segment| match segment {
                Segment::Literal(text) => Some(format!("/{text}")),
                Segment::Parameter(parameter) => shape(&parameter.shape).map(|text| format!("/{text}")),
            });
            segments.collect()
        }
    }
}

fn shape(shape: &Shape) -> Option<String> {
    let value = match &shape.pattern {
        None => "1".to_owned(),
        Some(pattern) => pattern.sample()?,
    };
    Some(format!("{}{value}{}", shape.before, shape.after))
}
