//! Finds rules between which nothing decides: equal in rank, and matched by the same request.
//!
//! Whether some request matches two regular expressions is not decided here. Two different `equals` on the same name
//! count as disjoint, although a request could send both values: nobody who writes them means that request.

use std::cmp::Reverse;
use std::collections::HashMap;

use ahash::RandomState;

use crate::pipeline::certificate::CertificateCondition;
use crate::pipeline::condition::{FieldCondition, Test};
use crate::table::router::conditions::Conditions;
use crate::table::router::narrow;
use crate::table::router::rule::{PathMatch, Rule};
use crate::table::router::specificity::Specificity;
use crate::value::host::HostPattern;
use crate::value::path::{Segment, Shape};

/// Two rules of equal rank that the same request may match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The index of the rule that was given first.
    pub a: u32,
    /// The index of the other one.
    pub b: u32,
    /// Whether such a request surely exists; else the texts of the paths order the two.
    pub certain: bool,
    /// A host pattern of both; `None` is any host.
    pub host: Option<HostPattern>,
}

/// The conflicts among rules, at most one for each rule with those before it: the first certain one, else the first.
///
/// Nearly linear, unless very many rules share host pattern, path and rank and differ in the names they test.
pub fn conflicts(rules: &[Rule]) -> Vec<Conflict> {
    let ranks: Vec<_> = rules.iter().map(Specificity::of).collect();
    let mut groups: HashMap<_, Group<'_>, RandomState> = HashMap::default();
    let mut found: Vec<_> = rules
        .iter()
        .enumerate()
        .filter_map(|(b, rule)| {
            let any_host = rule.hosts.is_empty().then_some(None);
            let hosts = rule.hosts.iter().map(Some).chain(any_host);
            let in_groups = hosts.filter_map(|host| {
                let group = groups.entry((host, &ranks[b], key(&rule.path))).or_default();
                let (overlap, Reverse(a)) = group.add(narrow(b), rules)?;
                Some((overlap, Reverse(a), Reverse(host)))
            });
            let (overlap, Reverse(a), Reverse(host)) = in_groups.max()?;
            Some(Conflict { a, b: narrow(b), certain: overlap == Overlap::Certain, host: host.cloned() })
        })
        .collect();
    found.sort_by_key(|conflict| (conflict.a, conflict.b));
    found
}

/// Whether some request matches two rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Overlap {
    Disjoint,
    Undecided,
    Certain,
}

/// What two paths of equal rank have in common if they overlap.
#[derive(PartialEq, Eq, Hash)]
enum PathKey<'r> {
    Text(&'r str),
    Literals(Vec<Option<&'r str>>),
}

fn key(path: &PathMatch) -> PathKey<'_> {
    match path {
        PathMatch::Template(template) => PathKey::Literals(
            template
                .segments()
                .iter()
                .map(|segment| match segment {
                    Segment::Literal(text) => Some(&**text),
                    Segment::Parameter(_) => None,
                })
                .collect(),
        ),
        PathMatch::Regex(regex) => PathKey::Text(regex.literal_prefix()),
        PathMatch::Prefix(_) | PathMatch::Any => PathKey::Text(path.as_str()),
    }
}

/// Rules of the same host pattern, rank and path key, by the names for which they demand a text, then by those texts:
/// with the same names, only the same texts overlap.
#[derive(Default)]
struct Group<'r> {
    rules: HashMap<Vec<Name<'r>>, ByTexts<'r>, RandomState>,
}

type ByTexts<'r> = HashMap<Vec<&'r str>, Vec<u32>, RandomState>;

/// The name of a header, a cookie, a parameter of the query or a part of a certificate.
type Name<'r> = (u8, &'r str);

impl<'r> Group<'r> {
    /// Adds a rule, and finds the one before it that it conflicts with.
    fn add(&mut self, b: u32, rules: &'r [Rule]) -> Option<(Overlap, Reverse<u32>)> {
        let rule = &rules[b as usize];
        let (names, texts) = equalities(&rule.conditions);
        let mut best = None;
        for (other_names, by_texts) in &self.rules {
            if *other_names == names {
                best = best.max(by_texts.get(&texts).and_then(|before| first(rule, before, rules)));
            } else {
                best = by_texts.values().map(|before| first(rule, before, rules)).fold(best, Ord::max);
            }
        }
        self.rules.entry(names).or_default().entry(texts).or_default().push(b);
        best
    }
}

fn equalities(conditions: &Conditions) -> (Vec<Name<'_>>, Vec<&str>) {
    let fields = [&conditions.headers, &conditions.cookies, &conditions.query];
    let mut equalities: Vec<_> = fields
        .into_iter()
        .zip(0_u8..)
        .flat_map(|(fields, kind)| {
            fields.iter().filter_map(move |field| match &field.test {
                Test::Equals(text) => Some(((kind, field.name.as_str()), text.as_str())),
                Test::Regex(_) | Test::Present | Test::Absent => None,
            })
        })
        .chain(
            conditions.certificate.iter().flat_map(CertificateCondition::texts).map(|(name, text)| ((3, name), text)),
        )
        .collect();
    equalities.sort_unstable();
    equalities.into_iter().unzip()
}

/// The first certain overlap with a list of rules, else the first one.
fn first(rule: &Rule, before: &[u32], rules: &[Rule]) -> Option<(Overlap, Reverse<u32>)> {
    let mut best = None;
    for &a in before {
        match overlap(&rules[a as usize], rule) {
            Overlap::Disjoint => {}
            Overlap::Undecided => best = best.or(Some((Overlap::Undecided, Reverse(a)))),
            Overlap::Certain => return Some((Overlap::Certain, Reverse(a))),
        }
    }
    best
}

/// Whether a request matches two rules of the same host pattern, rank and path key.
fn overlap(a: &Rule, b: &Rule) -> Overlap {
    let (left, right) = (&a.conditions, &b.conditions);
    if !a.listeners.iter().any(|listener| b.listeners.contains(listener)) || !methods_meet(left, right) {
        return Overlap::Disjoint;
    }
    certificates(left, right)
        .min(consumers(left, right))
        .min(paths(&a.path, &b.path))
        .min(fields(&left.headers, &right.headers))
        .min(fields(&left.cookies, &right.cookies))
        .min(fields(&left.query, &right.query))
}

fn certificates(a: &Conditions, b: &Conditions) -> Overlap {
    match (&a.certificate, &b.certificate) {
        (Some(a), Some(b)) if a.is_apart(b) => Overlap::Disjoint,
        (a, b) if a == b => Overlap::Certain,
        _ => Overlap::Undecided,
    }
}

/// Labels that differ exclude each other, and so do lists of plans without a common one; a consumer that meets both can be written.
fn consumers(a: &Conditions, b: &Conditions) -> Overlap {
    match (&a.consumer, &b.consumer) {
        (Some(a), Some(b)) if a.is_apart(b) => Overlap::Disjoint,
        _ => Overlap::Certain,
    }
}

fn methods_meet(a: &Conditions, b: &Conditions) -> bool {
    a.methods.is_empty() || b.methods.is_empty() || a.methods.iter().any(|method| b.methods.contains(method))
}

fn paths(a: &PathMatch, b: &PathMatch) -> Overlap {
    match (a, b) {
        (PathMatch::Regex(a), PathMatch::Regex(b)) if a != b => Overlap::Undecided,
        (PathMatch::Template(a), PathMatch::Template(b)) => {
            a.segments().iter().zip(b.segments()).map(|(a, b)| segments(a, b)).min().unwrap_or(Overlap::Certain)
        }
        _ => Overlap::Certain,
    }
}

fn segments(a: &Segment, b: &Segment) -> Overlap {
    match (a, b) {
        (Segment::Parameter(a), Segment::Parameter(b)) => shapes(&a.shape, &b.shape),
        _ => Overlap::Certain,
    }
}

/// A pattern matches something, so between the same literals it overlaps with a parameter that has none.
fn shapes(a: &Shape, b: &Shape) -> Overlap {
    let fronts_meet = a.before.starts_with(&*b.before) || b.before.starts_with(&*a.before);
    let backs_meet = a.after.ends_with(&*b.after) || b.after.ends_with(&*a.after);
    if !fronts_meet || !backs_meet {
        return Overlap::Disjoint;
    }
    let same_literals = a.before == b.before && a.after == b.after;
    match (&a.pattern, &b.pattern) {
        (None, None) => Overlap::Certain,
        (Some(a), Some(b)) if a != b => Overlap::Undecided,
        _ if same_literals => Overlap::Certain,
        _ => Overlap::Undecided,
    }
}

fn fields(a: &[FieldCondition], b: &[FieldCondition]) -> Overlap {
    let pairs = a.iter().flat_map(|a| b.iter().filter(|b| b.name == a.name).map(|b| tests(&a.test, &b.test)));
    pairs.min().unwrap_or(Overlap::Certain)
}

fn tests(a: &Test, b: &Test) -> Overlap {
    let decided = match (a, b) {
        (Test::Absent, _) | (_, Test::Absent) => a == b,
        (Test::Present, _) | (_, Test::Present) => true,
        (Test::Equals(a), Test::Equals(b)) => a == b,
        (Test::Equals(text), Test::Regex(pattern)) | (Test::Regex(pattern), Test::Equals(text)) => {
            pattern.is_match(text)
        }
        (Test::Regex(a), Test::Regex(b)) if a == b => true,
        (Test::Regex(_), Test::Regex(_)) => return Overlap::Undecided,
    };
    if decided { Overlap::Certain } else { Overlap::Disjoint }
}

#[cfg(test)]
mod tests {
    use super::{Conflict, conflicts};
    use crate::table::router::testing::rule;

    /// The conflicts of rules, each as `a-b` if certain, `a?b` if not.
    fn check(rules: &[&str], expected: &[&str]) {
        let rules: Vec<_> = rules.iter().map(|text| rule(text)).collect();
        let show = |c: Conflict| format!("{}{}{}", c.a, if c.certain { '-' } else { '?' }, c.b);
        let found: Vec<_> = conflicts(&rules).into_iter().map(show).collect();
        assert_eq!(found, expected, "{rules:#?}");
    }

    #[test]
    fn equal_rank_and_a_common_request() {
        check(&["path=/a", "path=/a", "path=/b"], &["0-1"]);
        check(&["path=/a", "path=/a priority=1"], &[]);
        check(&["path=/a", "prefix=/a", "regex=/a", "path=/{x}", "any"], &[]);
        check(&["prefix=/a", "prefix=/a/", "prefix=/b", "prefix=/", "any"], &["0-1", "3-4"]);
        check(&["path=/a method=GET", "path=/a method=POST", "path=/a method=GET,PUT", "path=/a"], &["0-2"]);
        check(&["path=/a listener=0", "path=/a listener=1", "path=/a listener=0,1"], &["0-2"]);
        check(&["path=/a host=a.b", "path=/a host=c.b", "path=/a", "path=/a host=*.b,c.b"], &["1-3"]);
        check(&["path=/a", "path=/a", "path=/a"], &["0-1", "0-2"]);
    }

    #[test]
    fn templates_overlap_by_shape() {
        check(&["path=/{x}", "path=/{y}", "path=/{x}/a", "path=/{y}/b", "path=/{z}/a"], &["0-1", "2-4"]);
        check(&["path=/{x:[0-9]+}", "path=/{y:[a-z]+}", "path=/{z:[0-9]+}"], &["0?1", "0-2"]);
        check(&["path=/a{x}", "path=/{x}b", "path=/c{x}", "path=/ab{x:[0-9]+}"], &["0-1", "0?3", "1-2"]);
        check(&["path=/{x:[0-9]+}.png", "path=/{y}.png", "path=/{y}.gif"], &["0-1"]);
    }

    #[test]
    fn regular_expressions_are_undecided() {
        check(&["regex=/a/.*", "regex=/a/[bc].*", "regex=/a/.*", "regex=/b/.*"], &["0?1", "0-2"]);
        check(&["regex=/a/.*", "regex=/a/[bc].* header=x"], &[]);
    }

    #[test]
    fn conditions_may_exclude_each_other() {
        check(&["any header=x:a", "any header=x:b", "any header=x:a", "any header=y:a"], &["0-2", "0-3"]);
        check(&["any header=x", "any header=!x", "any cookie=x", "any header=x:a"], &["0-2", "0-3"]);
        check(&["any header=x:a", "any header=x~[a]", "any header=x~[b]"], &["0-1", "1?2"]);
        check(&["any query=v:1", "any query=v:2", "any query=w:1"], &["0-2"]);
        check(&["any plan=gold", "any plan=free", "any plan=free,gold", "any"], &["0-2", "1-2"][..1]);
        check(&["any san=a.b", "any san=a.b", "any san=*.b", "any san=c.b", "any"], &["0-1", "0?2", "2?3"]);
    }

    #[test]
    fn many_rules_on_one_path_are_compared_quickly() {
        for word in ["header=x-tenant:t", "san=spiffe://t"] {
            let texts: Vec<_> = (0..20_000).map(|i| format!("any {word}{i}")).collect();
            check(&texts.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
        }
    }
}
