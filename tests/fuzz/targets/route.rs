//! A few rules and a request, written as lines. Oracle: the router picks what trying every rule picks.
//!
//! `p /a/{id} GET *.b` is a rule by path, `x /a` by prefix, `r /a.*` by regular expression, each perhaps with a method and
//! a host; the last line is the request: `GET a.b /a/1`.
#![no_main]

use gw::pipeline::head::RequestHead;
use gw::table::router::{Conditions, NoTrace, Outcome, PathMatch, Router, Rule, Specificity};
use gw::value::host::{HostPattern, normalise_authority};
use gw::value::method::Method;
use gw::value::path::normalise;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut lines: Vec<&str> = text.lines().take(24).collect();
    let Some(head) = lines.pop().and_then(request) else { return };
    let mut rules: Vec<Rule> = lines.into_iter().filter_map(rule).collect();
    for (index, rule) in (0..).zip(&mut rules) {
        rule.route = index;
    }
    let found = match Router::new(rules.clone()).find(0, &head, &mut NoTrace) {
        Outcome::Found(hit) => Some(&rules[hit.rule as usize]),
        Outcome::MethodNotAllowed(_) | Outcome::Forbidden | Outcome::NotFound => None,
    };
    let wanted = naive(&rules, &head);
    assert_eq!(found.map(Specificity::of), wanted.map(Specificity::of), "{found:?} and {wanted:?} for {head:?}");
    assert!(found.is_none_or(|rule| rule.path.matches(&head.path) && allows(rule, &head)));
});

fn rule(line: &str) -> Option<Rule> {
    let mut words = line.split(' ');
    let path = match (words.next()?, words.next()?) {
        ("p", path) => PathMatch::Template(path.parse().ok()?),
        ("x", path) => PathMatch::Prefix(path.parse().ok()?),
        ("r", path) => PathMatch::Regex(path.parse().ok()?),
        _ => return None,
    };
    let methods = words.next().filter(|word| *word != "-").and_then(Method::from_token).into_iter().collect();
    let hosts = words.next().and_then(|host| host.parse::<HostPattern>().ok()).into_iter().collect();
    let conditions = Conditions { methods, ..Conditions::default() };
    Some(Rule { route: 0, entry: 0, listeners: vec![0], hosts, path, conditions, priority: 0 })
}

fn request(line: &str) -> Option<RequestHead> {
    let mut words = line.splitn(3, ' ');
    let mut head = RequestHead { method: Method::from_token(words.next()?)?, ..RequestHead::default() };
    normalise_authority(words.next()?.as_bytes(), &mut head.host).ok()?;
    normalise(words.next()?.as_bytes(), &mut head.path).ok()?;
    Some(head)
}

fn allows(rule: &Rule, head: &RequestHead) -> bool {
    rule.conditions.methods.is_empty() || rule.conditions.methods.contains(&head.method)
}

/// Only the rules of the most specific host pattern that matches count; of those the most specific one that matches whole.
fn naive<'r>(rules: &'r [Rule], head: &RequestHead) -> Option<&'r Rule> {
    let rank = |rule: &Rule| match rule.hosts.first() {
        None => Some(0),
        Some(host) if !host.matches(&head.host) => None,
        Some(HostPattern::Wildcard(suffix)) => Some(suffix.to_string().len()),
        Some(HostPattern::Exact(_)) => Some(usize::MAX),
    };
    let best = rules.iter().filter_map(rank).max()?;
    let matching = rules.iter().filter(|rule| rank(rule) == Some(best) && rule.path.matches(&head.path) && allows(rule, head));
    // the most specific one sorts first, and of equals the first is taken
    matching.min_by_key(|rule| Specificity::of(rule))
}
