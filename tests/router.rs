//! The router against a naive matcher that tries every rule, on small alphabets so that overlaps are common; and the
//! normalisation of paths against its own promises. `GW_ROUTER_CASES` says how many cases each test runs.

#![expect(clippy::unwrap_used, reason = "a test may end in a panic")]

use std::cmp::Reverse;
use std::fmt::Write as _;

use fastrand::Rng;
use gw::pipeline::condition::{FieldCondition, Test};
use gw::pipeline::head::RequestHead;
use gw::table::router::{Conditions, NoTrace, Outcome, PathMatch, Router, Rule, conflicts};
use gw::value::host::HostPattern;
use gw::value::method::Method;
use gw::value::path::normalise;
use gw::value::regex::Pattern;
use regex::Regex;

const REQUESTS_PER_TABLE: usize = 50;

fn cases() -> usize {
    std::env::var("GW_ROUTER_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000)
}

#[test]
fn the_router_agrees_with_a_naive_matcher() {
    let mut random = Rng::with_seed(0x6777);
    let pool = Pool::new(&mut random);
    let mut outcomes = [0_usize; 3];
    for _ in 0..cases().div_ceil(REQUESTS_PER_TABLE) {
        let rules = rules(&mut random, &pool);
        let router = Router::new(rules.clone());
        for _ in 0..REQUESTS_PER_TABLE {
            let (listener, head) = (random.u16(0..3), request(&mut random));
            let found = router.find(listener, &head, &mut NoTrace);
            let expected = naive::find(&rules, listener, &head);
            let summary = naive::Summary::of(&found, &head.path);
            assert_eq!(summary, expected, "listener {listener}, {head:?} in {rules:#?}");
            outcomes[match found {
                Outcome::Found(_) | Outcome::AsksCaller(_) => 0,
                Outcome::MethodNotAllowed(_) => 1,
                Outcome::NotFound | Outcome::Forbidden => 2,
            }] += 1;
        }
    }
    assert!(outcomes.iter().all(|count| *count > cases() / 100), "each outcome is common: {outcomes:?}");
}

/// A request that two rules of equal rank match is a conflict of the later one, certain unless patterns are involved.
#[test]
fn ties_are_conflicts() {
    let mut random = Rng::with_seed(0x7469);
    let pool = Pool::new(&mut random);
    for _ in 0..cases().div_ceil(REQUESTS_PER_TABLE) {
        let rules = rules(&mut random, &pool);
        let found = conflicts(&rules);
        for _ in 0..REQUESTS_PER_TABLE {
            let (listener, head) = (random.u16(0..3), request(&mut random));
            for (a, b) in naive::ties(&rules, listener, &head) {
                let reported = found.iter().any(|conflict| conflict.b as usize == b);
                assert!(reported, "{a} and {b} both match {head:?} in {rules:#?}");
            }
        }
    }
}

fn pick<'a, T: ?Sized>(random: &mut Rng, choices: &[&'a T]) -> &'a T {
    choices[random.usize(..choices.len())]
}

fn some<T>(random: &mut Rng, one_in: usize, make: impl FnOnce(&mut Rng) -> T) -> Vec<T> {
    if random.usize(..one_in) == 0 { vec![make(random)] } else { Vec::new() }
}

/// What rules are made of, parsed once.
struct Pool {
    paths: Vec<PathMatch>,
    digits: Pattern,
}

impl Pool {
    fn new(random: &mut Rng) -> Self {
        Self { paths: (0..1000).map(|_| path(random)).collect(), digits: "[12]".parse().unwrap() }
    }
}

fn rules(random: &mut Rng, pool: &Pool) -> Vec<Rule> {
    (0..random.u32(1..25))
        .map(|i| Rule {
            route: i / 2,
            entry: i % 2,
            listeners: pick(random, &[&[0][..], &[1], &[0, 1], &[0, 2]]).to_vec(),
            hosts: hosts(random),
            path: pool.paths[random.usize(..pool.paths.len())].clone(),
            conditions: conditions(random, pool),
            auth: None,
            priority: i32::from(random.u8(..4) == 0),
        })
        .collect()
}

fn hosts(random: &mut Rng) -> Vec<HostPattern> {
    let choices: [&[&str]; 7] = [&[], &[], &["a.x"], &["*.x"], &["*.a.x"], &["*.x", "a.x"], &["b.a.x", "*.a.x"]];
    pick(random, &choices).iter().map(|host| host.parse().unwrap()).collect()
}

fn path(random: &mut Rng) -> PathMatch {
    match random.u8(..8) {
        0 => PathMatch::Any,
        1 | 2 => PathMatch::Prefix(literal_path(random, 3).parse().unwrap()),
        3 => {
            let regexes =
                ["/a/.*", "/a.*", "/.b", "/[ab]/[ab]", ".*b", "/a/b/.*", "/a/b?.*", "/(a|b)/a", "/a/bb/[ab]*"];
            PathMatch::Regex(pick(random, &regexes).parse().unwrap())
        }
        4 => PathMatch::Template(literal_path(random, 4).parse().unwrap()),
        _ => PathMatch::Template(template(random).parse().unwrap()),
    }
}

fn literal_path(random: &mut Rng, most: usize) -> String {
    let mut path = String::new();
    for _ in 0..random.usize(..most) {
        path += "/";
        path += pick(random, &["a", "b", "ab", "bb"]);
    }
    if path.is_empty() || random.u8(..6) == 0 { path + "/" } else { path }
}

fn template(random: &mut Rng) -> String {
    let length = random.usize(1..4);
    let segment = |i| match random.u8(..9) {
        0..=2 => "/a".to_owned(),
        3 => "/b".to_owned(),
        4 | 5 => format!("/{{p{i}}}"),
        6 => format!("/{{p{i}:[ab]+}}"),
        7 => format!("/a{{p{i}}}"),
        _ => format!("/{{p{i}:a*}}b"),
    };
    (0..length).map(segment).collect()
}

fn conditions(random: &mut Rng, pool: &Pool) -> Conditions {
    let methods = match random.u8(..4) {
        0 => vec![Method::Get],
        1 => vec![Method::Post, Method::Get],
        _ => Vec::new(),
    };
    Conditions {
        methods,
        headers: some(random, 5, |random| field(random, pool, "h")),
        query: some(random, 6, |random| field(random, pool, "q")),
        cookies: some(random, 8, |random| field(random, pool, "c")),
        certificate: None,
        consumer: None,
    }
}

fn field(random: &mut Rng, pool: &Pool, name: &str) -> FieldCondition {
    let test = match random.u8(..5) {
        0 => Test::Present,
        1 => Test::Absent,
        2 => Test::Regex(pool.digits.clone()),
        _ => Test::Equals(pick(random, &["1", "2"]).to_owned()),
    };
    FieldCondition { name: name.to_owned(), test }
}

/// One value of a name at most: two could satisfy rules that count as disjoint.
fn request(random: &mut Rng) -> RequestHead {
    let mut head = RequestHead {
        method: pick(random, &[&Method::Get, &Method::Post, &Method::Put]).clone(),
        host: pick(random, &["a.x", "b.x", "b.a.x", "c.b.a.x", "x", "y"]).to_owned(),
        path: literal_path(random, 5),
        query: some(random, 2, |random| format!("q={}", random.u8(1..4))).pop(),
        ..RequestHead::default()
    };
    for value in some(random, 2, |random| random.u8(1..4).to_string()) {
        head.fields.receive(b"H", value.as_bytes());
    }
    for value in some(random, 2, |random| random.u8(1..4).to_string()) {
        head.fields.receive(b"cookie", format!("z=0; c={value}").as_bytes());
    }
    head
}

/// The language's paragraphs on precedence and fall-through, read literally, over the texts of the rules.
mod naive {
    use std::cell::RefCell;
    use std::collections::HashMap;

    use super::{FieldCondition, HostPattern, Method, Outcome, PathMatch, Regex, RequestHead, Reverse, Rule, Test};

    #[derive(Debug, PartialEq, Eq)]
    pub(super) enum Summary {
        Rule(usize, Vec<(String, String)>),
        MethodNotAllowed(Vec<Method>),
        NotFound,
    }

    impl Summary {
        pub(super) fn of(outcome: &Outcome<'_>, path: &str) -> Self {
            match outcome {
                Outcome::Found(hit) | Outcome::AsksCaller(hit) => {
                    let value =
                        |(name, at): &(&str, std::ops::Range<usize>)| ((*name).to_owned(), path[at.clone()].to_owned());
                    Self::Rule(hit.rule as usize, hit.parameters.iter().map(value).collect())
                }
                Outcome::MethodNotAllowed(methods) => Self::MethodNotAllowed(methods.clone()),
                Outcome::NotFound | Outcome::Forbidden => Self::NotFound,
            }
        }
    }

    pub(super) fn find(rules: &[Rule], listener: u16, head: &RequestHead) -> Summary {
        let candidates = candidates(rules, listener, head);
        let others_hold = |i: &&usize| rules[**i].conditions_hold(head);
        let allowed = |i: &&usize| {
            let methods = &rules[**i].conditions.methods;
            methods.is_empty() || methods.contains(&head.method)
        };
        if let Some(i) = candidates.iter().find(|i| others_hold(i) && allowed(i)) {
            return Summary::Rule(*i, parameters(rules[*i].path.as_str(), &head.path).unwrap_or_default());
        }
        let mut methods: Vec<_> =
            candidates.iter().filter(others_hold).flat_map(|i| rules[*i].conditions.methods.clone()).collect();
        methods.sort();
        methods.dedup();
        if methods.is_empty() { Summary::NotFound } else { Summary::MethodNotAllowed(methods) }
    }

    /// The pairs of rules of equal rank that match a request, the one given first in front.
    pub(super) fn ties(rules: &[Rule], listener: u16, head: &RequestHead) -> Vec<(usize, usize)> {
        let matching = |i: &usize| {
            let methods = &rules[*i].conditions.methods;
            rules[*i].conditions_hold(head) && (methods.is_empty() || methods.contains(&head.method))
        };
        let candidates: Vec<_> = candidates(rules, listener, head).into_iter().filter(matching).collect();
        let same = |pair: &&[usize]| rank(&rules[pair[0]]) == rank(&rules[pair[1]]);
        candidates.windows(2).filter(same).map(|pair| (pair[0].min(pair[1]), pair[0].max(pair[1]))).collect()
    }

    /// The rules of the one host pattern whose path matches, the most specific first.
    fn candidates(rules: &[Rule], listener: u16, head: &RequestHead) -> Vec<usize> {
        let on_listener: Vec<_> = (0..rules.len()).filter(|i| rules[*i].listeners.contains(&listener)).collect();
        let host_rank = |pattern: &HostPattern| {
            let text = pattern.to_string();
            match text.strip_prefix('*') {
                Some(suffix) if head.host.len() > suffix.len() && head.host.ends_with(suffix) => Some((1, text.len())),
                None if text == head.host => Some((2, 0)),
                _ => None,
            }
        };
        let host_ranks = |i: usize| -> Vec<_> {
            let any = rules[i].hosts.is_empty().then_some((0, 0));
            rules[i].hosts.iter().filter_map(host_rank).chain(any).collect()
        };
        let Some(best) = on_listener.iter().flat_map(|i| host_ranks(*i)).max() else { return Vec::new() };
        let mut candidates: Vec<_> = on_listener
            .into_iter()
            .filter(|i| host_ranks(*i).contains(&best) && path_matches(&rules[*i].path, &head.path))
            .collect();
        candidates.sort_by_key(|i| (rank(&rules[*i]), rules[*i].path.as_str(), *i));
        candidates
    }

    fn path_matches(path: &PathMatch, requested: &str) -> bool {
        match path {
            PathMatch::Any => true,
            PathMatch::Prefix(_) => format!("{requested}/").starts_with(&format!("{}/", path.as_str())),
            PathMatch::Regex(_) => compiled(path.as_str(), |text| format!("^({text})$")).is_match(requested),
            PathMatch::Template(_) => parameters(path.as_str(), requested).is_some(),
        }
    }

    /// Matches a template as one regular expression with a group for each parameter.
    fn parameters(template: &str, requested: &str) -> Option<Vec<(String, String)>> {
        let regex = compiled(template, |text| {
            let shape = Regex::new(r"\{(\w+)(?::([^}]*))?\}").unwrap();
            let group = |found: &regex::Captures<'_>| {
                format!("(?P<{}>{})", &found[1], found.get(2).map_or("[^/]+", |pattern| pattern.as_str()))
            };
            format!("^{}$", shape.replace_all(text, group))
        });
        let found = regex.captures(requested)?;
        let value = |name: &str| (name.to_owned(), found[name].to_owned());
        let values: Vec<_> = regex.capture_names().flatten().map(value).collect();
        values.iter().all(|(_, value)| !value.is_empty()).then_some(values)
    }

    /// Compiles an expression once: there are few of them.
    fn compiled(text: &str, expression: impl FnOnce(&str) -> String) -> Regex {
        thread_local!(static KNOWN: RefCell<HashMap<String, Regex>> = RefCell::default());
        KNOWN.with_borrow_mut(|known| {
            known.entry(text.to_owned()).or_insert_with(|| Regex::new(&expression(text)).unwrap()).clone()
        })
    }

    type Rank = (u8, Vec<u8>, Reverse<usize>, bool, Reverse<usize>, Reverse<usize>, Reverse<i32>);

    fn rank(rule: &Rule) -> Rank {
        let text = rule.path.as_str();
        let segment = |segment: &str| match (segment.starts_with('{') && segment.ends_with('}'), segment.contains(':'))
        {
            _ if !segment.contains('{') => 0,
            (false, _) => 1,
            (true, true) => 2,
            (true, false) => 3,
        };
        let (category, segments, length) = match &rule.path {
            PathMatch::Template(_) if !text.contains('{') => (0, Vec::new(), 0),
            PathMatch::Template(_) => (1, text.split('/').map(segment).collect(), 0),
            PathMatch::Regex(_) => (2, Vec::new(), literal_length(text)),
            PathMatch::Any | PathMatch::Prefix(_) => (3, Vec::new(), text.len()),
        };
        let conditions = &rule.conditions;
        let fields = conditions.headers.len() + conditions.cookies.len();
        let length = Reverse(length);
        let without_method = conditions.methods.is_empty();
        let priority = Reverse(rule.priority);
        (category, segments, length, without_method, Reverse(fields), Reverse(conditions.query.len()), priority)
    }

    fn literal_length(regex: &str) -> usize {
        let end = regex.find(['.', '[', '(', '*', '?']).unwrap();
        let optional = regex[end..].starts_with(['?', '*']);
        end - usize::from(optional)
    }

    trait Holds {
        fn conditions_hold(&self, head: &RequestHead) -> bool;
    }

    impl Holds for Rule {
        fn conditions_hold(&self, head: &RequestHead) -> bool {
            let header = head.fields.received("h").map(|value| String::from_utf8(value.to_vec()).unwrap());
            let cookie = head.fields.received("cookie").map(|value| String::from_utf8(value[7..].to_vec()).unwrap());
            let query = head.query.as_ref().map(|query| query[2..].to_owned());
            let all = |conditions: &[FieldCondition], value: &Option<String>| {
                conditions.iter().all(|condition| match &condition.test {
                    Test::Equals(text) => value.as_ref() == Some(text),
                    Test::Regex(_) => matches!(value.as_deref(), Some("1" | "2")),
                    Test::Present => value.is_some(),
                    Test::Absent => value.is_none(),
                })
            };
            let conditions = &self.conditions;
            all(&conditions.headers, &header) && all(&conditions.cookies, &cookie) && all(&conditions.query, &query)
        }
    }
}

fn normal(raw: &str) -> Option<String> {
    let mut out = String::new();
    normalise(raw.as_bytes(), &mut out).ok().map(|()| out)
}

/// Pieces that attackers and browsers put into paths.
const PIECES: [&str; 32] = [
    "/", "/", "/", "a", "b", ".", "..", "%2e", "%2E", "%61", "%2f", "%5c", "\\", "%25", "25", "2f", "%00", ";", "%3b",
    "%c3%a9", "é", "%c0%ae", "%", "?", "#", " ", "%20", "//", "/./", "/../", "%7E", "|",
];

#[test]
fn normal_forms_are_fixed_points_without_ambiguity() {
    let mut random = Rng::with_seed(0x6e6f);
    let mut accepted = 0;
    for _ in 0..cases() {
        let raw: String = (0..random.usize(..9))
            .map(|_| *pick(&mut random, &PIECES.each_ref()))
            .fold("/".into(), |path, piece| path + piece);
        let Some(path) = normal(&raw) else { continue };
        accepted += 1;
        assert_eq!(normal(&path).as_ref(), Some(&path), "{raw}");
        let segments: Vec<_> = path[1..].split('/').collect();
        let others = &segments[..segments.len() - 1];
        assert!(others.iter().all(|segment| !segment.is_empty()), "{raw}: {path}");
        assert!(segments.iter().all(|segment| *segment != "." && *segment != ".."), "{raw}: {path}");
        assert!(path.is_ascii() && !path.contains(['\\', '?', '#', '\0', ' ', '|']), "{raw}: {path}");
        let lower = path.to_ascii_lowercase();
        let refused = ["%2f", "%5c", "%00", "%2e", "%252f", "%252e", "%255c", "%2500", "/..;", "/.;"];
        assert!(refused.iter().all(|text| !lower.contains(text)), "{raw}: {path}");
    }
    assert!(accepted > cases() / 10, "{accepted}");
}

/// Whatever spelling a path comes in, the same rule is found.
#[test]
fn spellings_of_a_path_meet_the_same_rule() {
    let mut random = Rng::with_seed(0x7370);
    for _ in 0..cases() {
        let path = literal_path(&mut random, 5);
        let spelling = spelling(&mut random, &path);
        assert_eq!(normal(&spelling).as_ref(), Some(&path), "{spelling}");
    }
}

fn spelling(random: &mut Rng, path: &str) -> String {
    let mut out = String::new();
    for character in path.chars() {
        match (character, random.u8(..4)) {
            ('/', 0) => out.push_str(pick(random, &["//", "/./", "/%2e/", "/x/../", "/x/%2E./", "///"])),
            ('/', _) => out.push('/'),
            (_, 0) => write!(out, "%{:02x}", u32::from(character)).unwrap(),
            _ => out.push(character),
        }
    }
    out
}
