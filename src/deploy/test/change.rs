//! The mistakes that could be made in each part of a table.

use crate::deploy::test::mutants::{Mutant, Sight};
use crate::deploy::test::parts::{Parts, RouteParts};
use crate::deploy::test::written::Written;
use crate::pipeline::condition::FieldCondition;
use crate::table::route::End;
use crate::table::router::{Conditions, PathMatch, Rule};
use crate::table::settings::Limits;
use crate::value::path::{PathPrefix, Segment};

/// Raises a limit.
type Raise = fn(&mut Limits);

/// The limits that a request can meet by itself, each with how it is raised.
const LIMITS: [(&str, Raise); 4] = [
    ("headerBytes", |limits| limits.header_bytes = limits.header_bytes.doubled()),
    ("headers", |limits| limits.headers = limits.headers.saturating_mul(2)),
    ("targetBytes", |limits| limits.target_bytes = limits.target_bytes.doubled()),
    ("bodyBytes", |limits| limits.body_bytes = limits.body_bytes.doubled()),
];

/// All of them: those of the gateway, and then in the order of the routes.
pub(super) fn mutants(parts: &Parts, written: &Written<'_>) -> Vec<Mutant> {
    let mut found = of_limits(written);
    let ends: Vec<&End> = parts.routes.iter().flat_map(|route| &route.ends).collect();
    for ((index, route), own) in parts.routes.iter().enumerate().zip(parts.rules_by_route()) {
        for at in own {
            of_rule(at, &parts.rules[at], written, &mut found);
        }
        of_steps(index, route, written, &mut found);
        of_ends(index, route, &ends, written, &mut found);
    }
    found
}

/// Limits that are written out; nobody is asked to test a default.
fn of_limits(written: &Written<'_>) -> Vec<Mutant> {
    let raised = LIMITS.into_iter().filter_map(|(name, raise)| {
        let place = written.limit(name)?;
        Some(Mutant {
            route: None,
            change: format!("with twice its limits.{name}"),
            place: Some(place),
            sight: Sight::All,
            apply: Box::new(move |parts| raise(&mut parts.settings.limits)),
        })
    });
    raised.collect()
}

fn of_rule(at: usize, rule: &Rule, written: &Written<'_>, found: &mut Vec<Mutant>) {
    for (change, looser) in looser(rule) {
        found.push(Mutant {
            route: Some(rule.route as usize),
            change,
            place: written.rule(at),
            sight: Sight::Rules,
            apply: Box::new(move |parts| parts.rules.get_mut(at).into_iter().for_each(|rule| rule.clone_from(&looser))),
        });
    }
}

/// A rule without one of the things that it asks for, for each of them, with the difference in words.
pub(super) fn looser(rule: &Rule) -> Vec<(String, Rule)> {
    let mut found = Vec::new();
    let mut add = |change: String, loosen: &dyn Fn(&mut Rule)| {
        let mut looser = rule.clone();
        loosen(&mut looser);
        found.push((change, looser));
    };
    if let Some(wider) = wider(&rule.path) {
        let shown = match &wider {
            PathMatch::Prefix(prefix) => prefix.to_string(),
            _ => "/".to_owned(),
        };
        add(format!("for all paths under {shown}"), &|rule| rule.path = wider.clone());
    }
    if !rule.hosts.is_empty() {
        add("for every host".into(), &|rule| rule.hosts.clear());
    }
    let Conditions { methods, headers, query, cookies, certificate: _, consumer } = &rule.conditions;
    if !methods.is_empty() {
        add("for every method".into(), &|rule| rule.conditions.methods.clear());
    }
    if consumer.is_some() {
        add("for every consumer".into(), &|rule| rule.conditions.consumer = None);
    }
    let lists: [(&str, &[FieldCondition], List); 3] = [
        ("header field", headers, |conditions| &mut conditions.headers),
        ("query parameter", query, |conditions| &mut conditions.query),
        ("cookie", cookies, |conditions| &mut conditions.cookies),
    ];
    for (what, conditions, list) in lists {
        for (i, condition) in conditions.iter().enumerate() {
            let change = format!("without the condition on the {what} {}", condition.name);
            add(change, &|rule| drop(list(&mut rule.conditions).remove(i)));
        }
    }
    found
}

/// A list of conditions among all.
type List = fn(&mut Conditions) -> &mut Vec<FieldCondition>;

/// A path condition that holds for more paths.
fn wider(path: &PathMatch) -> Option<PathMatch> {
    let parent = |path: &str| {
        let above = path.rsplit_once('/').map_or("", |(above, _)| above);
        let prefix: Option<PathPrefix> = above.parse().ok();
        Some(prefix.filter(|_| !above.is_empty()).map_or(PathMatch::Any, PathMatch::Prefix))
    };
    match path {
        PathMatch::Any => None,
        PathMatch::Prefix(prefix) if prefix.as_str().is_empty() => None,
        PathMatch::Prefix(prefix) => parent(prefix.as_str()),
        PathMatch::Regex(regex) => parent(regex.literal_prefix()),
        PathMatch::Template(template) => {
            let literals = template.segments().iter().map_while(|segment| match segment {
                Segment::Literal(text) => Some(&**text),
                Segment::Parameter(_) => None,
            });
            let literal: String = literals.flat_map(|text| ["/", text]).collect();
            parent(&format!("{}/", if template.is_exact() { literal.rsplit_once('/')?.0 } else { &literal }))
        }
    }
}

fn of_steps(index: usize, route: &RouteParts, written: &Written<'_>, found: &mut Vec<Mutant>) {
    for (at, step) in route.steps.iter().enumerate() {
        let place = || written.plugin(index, step.index);
        let sight = Sight::Plugin(step.index);
        let mutant = |change, apply| Mutant { route: Some(index), change, place: place(), sight, apply };
        found.push(mutant(
            format!("without the plugin {}", step.id),
            Box::new(move |parts: &mut Parts| {
                parts.routes.get_mut(index).into_iter().for_each(|route| drop(route.steps.remove(at)));
            }),
        ));
        if step.guard.is_some() {
            found.push(mutant(
                format!("with the plugin {} for all requests", step.id),
                Box::new(move |parts: &mut Parts| {
                    let route = parts.routes.get_mut(index);
                    route.into_iter().filter_map(|route| route.steps.get_mut(at)).for_each(|step| step.guard = None);
                }),
            ));
        }
    }
}

fn of_ends(index: usize, route: &RouteParts, all: &[&End], written: &Written<'_>, found: &mut Vec<Mutant>) {
    for (at, end) in route.ends.iter().enumerate() {
        let Some(other) = all.iter().find(|other| route.ends.iter().all(|own| own.name != other.name)) else {
            continue;
        };
        let (name, backend) = (other.name.clone(), other.backend.clone());
        let pointer =
            if route.ends.len() == 1 { "/spec/backend".to_owned() } else { format!("/spec/split/{at}/backend") };
        found.push(Mutant {
            route: Some(index),
            change: format!("with the backend {} in place of {}", other.name, end.name),
            place: written.part(index, &pointer),
            sight: Sight::End,
            apply: Box::new(move |parts| {
                let route = parts.routes.get_mut(index);
                for end in route.into_iter().filter_map(|route| route.ends.get_mut(at)) {
                    (end.name, end.backend) = (name.clone(), backend.clone());
                }
            }),
        });
    }
}
