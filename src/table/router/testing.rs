//! Rules written in a line, for the tests of the router.

use crate::pipeline::caller::ConsumerCondition;
use crate::pipeline::certificate::CertificateCondition;
use crate::pipeline::condition::{FieldCondition, Test};
use crate::table::router::{Conditions, PathMatch, Rule};
use crate::value::method::Method;

/// Reads a rule such as `path=/a/{id} host=*.b method=GET,PUT header=x:a query=!v cookie=c~[0-9] listener=0,1 priority=2`.
pub(super) fn rule(text: &str) -> Rule {
    let mut rule = Rule {
        route: 0,
        entry: 0,
        listeners: vec![0],
        hosts: Vec::new(),
        path: PathMatch::Any,
        conditions: Conditions::default(),
        auth: None,
        priority: 0,
    };
    for word in text.split_whitespace() {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        let list = || value.split(',');
        match key {
            "any" => {}
            "path" => rule.path = PathMatch::Template(value.parse().unwrap()),
            "prefix" => rule.path = PathMatch::Prefix(value.parse().unwrap()),
            "regex" => rule.path = PathMatch::Regex(value.parse().unwrap()),
            "host" => rule.hosts = list().map(|host| host.parse().unwrap()).collect(),
            "listener" => rule.listeners = list().map(|listener| listener.parse().unwrap()).collect(),
            "method" => rule.conditions.methods = list().map(|m| Method::from_token(m).unwrap()).collect(),
            "header" => rule.conditions.headers.push(condition(value)),
            "query" => rule.conditions.query.push(condition(value)),
            "cookie" => rule.conditions.cookies.push(condition(value)),
            "san" => {
                rule.conditions.certificate =
                    Some(CertificateCondition { san: Some(value.parse().unwrap()), subject: None });
            }
            "auth" => rule.auth = Some(value.into()),
            "plan" => {
                let plans = list().map(|plan| plan.parse().unwrap()).collect();
                rule.conditions.consumer = Some(ConsumerCondition { plans, ..ConsumerCondition::default() });
            }
            "priority" => rule.priority = value.parse().unwrap(),
            _ => panic!("unknown word {word}"),
        }
    }
    rule
}

fn condition(word: &str) -> FieldCondition {
    let (name, test) = if let Some(name) = word.strip_prefix('!') {
        (name, Test::Absent)
    } else if let Some((name, value)) = word.split_once(':') {
        (name, Test::Equals(value.into()))
    } else if let Some((name, pattern)) = word.split_once('~') {
        (name, Test::Regex(pattern.parse().unwrap()))
    } else {
        (word, Test::Present)
    };
    FieldCondition { name: name.into(), test }
}
