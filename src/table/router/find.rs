//! Finds the rule of a request.

use smallvec::{SmallVec, smallvec};

use crate::pipeline::caller::Caller;
use crate::pipeline::certificate::ClientCertificate;
use crate::pipeline::head::RequestHead;
use crate::table::router::captures::{Parameters, locate};
use crate::table::router::conditions::Failure;
use crate::table::router::trie::Found;
use crate::table::router::{Leaf, Router, Rule};
use crate::value::host::HostPattern;
use crate::value::method::Method;
use crate::value::path::cut;

/// What finding ends in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<'t> {
    /// A rule.
    Found(Hit<'t>),
    /// No rule, and only the method was wrong: these are the right ones, sorted.
    MethodNotAllowed(Vec<Method>),
    /// A rule, if the caller is one that it is for: its `auth` is asked who calls, and then it is found again. Who has no credential
    /// meets this rule, and its `auth` says so.
    AsksCaller(Hit<'t>),
    /// A rule but for the client's certificate or the consumer: what others would get instead is not for this caller.
    Forbidden,
    /// No rule.
    NotFound,
}

/// The rule of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit<'t> {
    /// Its index.
    pub rule: u32,
    /// The index of its route.
    pub route: u32,
    /// The index of its entry in the route's `match`.
    pub entry: u32,
    /// What the parameters of its path matched.
    pub parameters: Parameters<'t>,
}

/// Who asks, as far as rules depend on it.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'r> {
    /// The method: of a CORS preflight the one that it announces.
    pub method: &'r Method,
    /// The certificate that the client showed.
    pub certificate: Option<&'r ClientCertificate>,
    /// Who calls, as the `auth` with these `Auth`s found out; `None` where none was asked.
    pub caller: Option<(&'r str, &'r Caller)>,
}

/// Who watches finding, such as `gw explain`.
pub trait Trace {
    /// The one host pattern whose rules are tried; `None` is any host. Not called if there is none.
    fn host(&mut self, _pattern: Option<&HostPattern>) {}

    /// A rule whose path matches, in the order tried, and what became of it.
    fn candidate(&mut self, _rule: u32, _verdict: Verdict<'_>) {}
}

/// What became of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// It is the one.
    Chosen,
    /// A condition failed.
    Failed(Failure<'a>),
    /// It asks for no certificate, or has another `auth`, and one that was tried before it would have been right for another caller.
    Guarded,
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTrace;

impl Trace for NoTrace {}

impl Router {
    /// Finds the rule of a request that came in on a listener, from a client that showed no certificate.
    pub fn find<'t>(&'t self, listener: u16, head: &RequestHead, trace: &mut impl Trace) -> Outcome<'t> {
        self.find_as(Asker { method: &head.method, certificate: None, caller: None }, listener, head, trace)
    }

    /// Finds the rule of a request for whoever asks.
    pub fn find_as<'t>(
        &'t self,
        asker: Asker<'_>,
        listener: u16,
        head: &RequestHead,
        trace: &mut impl Trace,
    ) -> Outcome<'t> {
        let Some(site) = self.hosts.find(listener, &head.host) else { return Outcome::NotFound };
        trace.host(self.sites[site as usize].as_ref());
        let mut search =
            Search { router: self, asker, head, trace, allowed: Vec::new(), guards: Guards::default(), asks: false };
        match search.run(site) {
            Some(leaf) => {
                let parameters = locate(leaf.captures.of(&self.captures), &head.path);
                let hit = Hit { rule: leaf.rule, route: leaf.route, entry: leaf.entry, parameters };
                if search.asks { Outcome::AsksCaller(hit) } else { Outcome::Found(hit) }
            }
            None if search.guards != Guards::default() => Outcome::Forbidden,
            None if search.allowed.is_empty() => Outcome::NotFound,
            None => {
                search.allowed.sort_unstable();
                search.allowed.dedup();
                Outcome::MethodNotAllowed(search.allowed)
            }
        }
    }
}

struct Search<'t, 'r, T> {
    router: &'t Router,
    asker: Asker<'r>,
    head: &'r RequestHead,
    trace: &'r mut T,
    /// The methods of the candidates that failed by nothing else.
    allowed: Vec<Method>,
    guards: Guards<'t>,
    /// Whether the one that was found is for some callers only, and nobody was asked who calls.
    asks: bool,
}

/// What candidates that failed by nothing else than who calls demand of those behind them: a caller never falls through to a weaker
/// route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Guards<'t> {
    /// They ask for a client certificate, too.
    certificate: bool,
    /// They have this `auth`.
    auth: Option<&'t str>,
}

impl Guards<'_> {
    fn admit(self, rule: &Rule) -> bool {
        let certified = !self.certificate || rule.conditions.certificate.is_some();
        certified && self.auth.is_none_or(|auth| rule.auth.as_deref() == Some(auth))
    }
}

/// A node on the way down, with what is left of the path behind it.
type Step<'r> = (u32, Option<&'r str>);

impl<'t, 'r, T: Trace> Search<'t, 'r, T> {
    /// Tries exact paths, paths with parameters, regular expressions and prefixes. Of two regular expressions or
    /// prefixes that match, the one that hangs deeper has the longer literal: so the deepest node comes first.
    fn run(&mut self, root: u32) -> Option<&'t Leaf> {
        let trie = &self.router.trie;
        let path: &'r str = &self.head.path;
        let mut steps: SmallVec<[Step<'r>; 8]> = smallvec![(root, Some(path.strip_prefix('/')?))];
        while let Some(&(node, Some(rest))) = steps.last() {
            let (segment, below) = cut(rest);
            let Some(child) = trie.child(node, segment) else { break };
            steps.push((child, below));
        }
        if let Some(&(node, None)) = steps.last()
            && let Some(leaf) = self.first(trie.exact(node))
        {
            return Some(leaf);
        }
        self.first_template(&steps)
            .or_else(|| steps.iter().rev().find_map(|(node, _)| self.first_regex(trie.regexes(*node), path)))
            .or_else(|| steps.iter().rev().find_map(|(node, _)| self.first(trie.prefixes(*node))))
    }

    fn first(&mut self, leaves: &'t [Leaf]) -> Option<&'t Leaf> {
        leaves.iter().find(|leaf| self.holds(leaf))
    }

    fn first_template(&mut self, steps: &[Step<'r>]) -> Option<&'t Leaf> {
        let mut found = Found::new();
        for (node, rest) in steps {
            if let Some(rest) = rest {
                self.router.trie.branch(*node, rest, &mut found);
            }
        }
        found.sort_unstable_by_key(|leaf| leaf.position);
        found.into_iter().find(|leaf| self.holds(leaf))
    }

    fn first_regex(&mut self, leaves: &'t [Leaf], path: &str) -> Option<&'t Leaf> {
        leaves.iter().find(|leaf| self.router.rules[leaf.rule as usize].path.matches(path) && self.holds(leaf))
    }

    /// Whether the conditions of a rule whose path matches hold.
    fn holds(&mut self, leaf: &Leaf) -> bool {
        if !leaf.has_conditions && self.guards == Guards::default() {
            self.trace.candidate(leaf.rule, Verdict::Chosen);
            return true;
        }
        let rule = &self.router.rules[leaf.rule as usize];
        if let Some(failure) = self.failure(rule) {
            self.trace.candidate(leaf.rule, Verdict::Failed(failure));
            match failure {
                Failure::Method => self.allowed.extend_from_slice(&rule.conditions.methods),
                Failure::Certificate => self.guards.certificate = true,
                Failure::Consumer => self.guards.auth = rule.auth.as_deref(),
                Failure::Header(_) | Failure::Cookie(_) | Failure::Query(_) => {}
            }
            return false;
        }
        if !self.guards.admit(rule) {
            self.trace.candidate(leaf.rule, Verdict::Guarded);
            return false;
        }
        self.asks = rule.conditions.consumer.is_some() && self.asker.caller.is_none();
        self.trace.candidate(leaf.rule, Verdict::Chosen);
        true
    }

    /// Why a rule is not for this request. Where nobody was asked who calls, that is no reason yet.
    fn failure(&self, rule: &'t Rule) -> Option<Failure<'t>> {
        let conditions = &rule.conditions;
        conditions.failure(self.asker.method, self.head, self.asker.certificate).or_else(|| {
            let (condition, (auth, caller)) = conditions.consumer.as_ref().zip(self.asker.caller)?;
            let is_for = rule.auth.as_deref() == Some(auth) && condition.holds(caller);
            (!is_for).then_some(Failure::Consumer)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Asker, NoTrace, Outcome, Trace, Verdict};
    use crate::pipeline::caller::{Caller, Consumer};
    use crate::pipeline::certificate::ClientCertificate;
    use crate::pipeline::head::RequestHead;
    use crate::table::router::testing::rule;
    use crate::table::router::{Failure, Router};
    use crate::value::host::HostPattern;
    use crate::value::method::Method;

    /// A request such as `GET a.example/x?v=1 name:value`.
    fn request(text: &str) -> RequestHead {
        let mut words = text.split_whitespace();
        let method = Method::from_token(words.next().unwrap()).unwrap();
        let url = words.next().unwrap();
        let (url, query) = url.split_once('?').map_or((url, None), |(url, query)| (url, Some(query.to_owned())));
        let at = url.find('/').unwrap_or(url.len());
        let (host, path) = (url[..at].to_owned(), url[at..].to_owned());
        let mut head = RequestHead { method, host, path, query, ..RequestHead::default() };
        for (name, value) in words.filter_map(|word| word.split_once(':')) {
            head.fields.receive(name.as_bytes(), value.as_bytes());
        }
        head
    }

    fn by<'r>(head: &'r RequestHead, certificate: Option<&'r ClientCertificate>) -> Asker<'r> {
        Asker { method: &head.method, certificate, caller: None }
    }

    fn answer(router: &Router, request: &RequestHead) -> String {
        match router.find(0, request, &mut NoTrace) {
            Outcome::Found(hit) => hit
                .parameters
                .iter()
                .fold(hit.rule.to_string(), |text, (name, at)| text + " " + name + "=" + &request.path[at.clone()]),
            Outcome::MethodNotAllowed(methods) => format!("405 {methods:?}"),
            Outcome::AsksCaller(hit) => format!("{}?", hit.rule),
            Outcome::Forbidden => "403".into(),
            Outcome::NotFound => "404".into(),
        }
    }

    /// Rules, and requests with the index of the rule that each meets, its parameters, or the status.
    fn check(rules: &[&str], requests: &[(&str, &str)]) {
        let router = Router::new(rules.iter().map(|text| rule(text)).collect());
        for (text, expected) in requests {
            assert_eq!(answer(&router, &request(text)), *expected, "{text} in {rules:?}");
        }
    }

    #[test]
    fn who_lacks_a_certificate_gets_no_weaker_route() {
        let rules = [
            "prefix=/a san=a.example",
            "prefix=/a san=b.example method=PUT",
            "prefix=/a",
            "prefix=/ san=c.example",
            "any",
        ];
        let router = Router::new(rules.iter().map(|text| rule(text)).collect());
        let names = |name: &str| ClientCertificate { names: [name.into()].into(), ..ClientCertificate::default() };
        for (text, name, expected) in [
            ("GET h/a", "a.example", Some(0)),
            ("GET h/a", "c.example", Some(3)),
            ("GET h/a", "b.example", None),
            ("PUT h/a", "b.example", Some(1)),
            ("GET h/", "a.example", None),
            ("GET h/", "c.example", Some(3)),
        ] {
            let (head, certificate) = (request(text), names(name));
            let found = match router.find_as(by(&head, Some(&certificate)), 0, &head, &mut NoTrace) {
                Outcome::Found(hit) => Some(hit.rule),
                Outcome::Forbidden => None,
                other => panic!("{other:?}"),
            };
            assert_eq!(found, expected, "{text} {name}");
        }
        check(&rules, &[("GET h/a", "403"), ("GET h/", "403")]);
    }

    #[test]
    fn the_most_specific_path_wins() {
        check(
            &[
                "any",
                "prefix=/a",
                "prefix=/a/b",
                "regex=/a/.*",
                "regex=/a/b/[a-z]+",
                "path=/a/{x}",
                "path=/a/{x:[0-9]+}",
                "path=/a/{x}.png",
                "path=/a/b",
                "path=/{y}/b",
                "path=/a/b/",
            ],
            &[
                ("GET h/", "0"),
                ("GET h/ab", "0"),
                ("GET h/a", "1"),
                ("GET h/a/", "3"),
                ("GET h/a/b", "8"),
                ("GET h/a/b/", "10"),
                ("GET h/a/b/c", "4"),
                ("GET h/a/b/9", "3"),
                ("GET h/a/x", "5 x=x"),
                ("GET h/a/12", "6 x=12"),
                ("GET h/a/12.png", "7 x=12"),
                ("GET h/c/b", "9 y=c"),
            ],
        );
    }

    #[test]
    fn segments_decide_from_the_left() {
        check(
            &["path=/{a}/x/{b}", "path=/{a}/{c}/y", "path=/l/{c}/{b}", "path=/{a:.}/{c}/{b}"],
            &[
                ("GET h/m/x/y", "3 a=m c=x b=y"),
                ("GET h/mm/x/y", "0 a=mm b=y"),
                ("GET h/l/x/y", "2 c=x b=y"),
                ("GET h/mm/z/y", "1 a=mm c=z"),
            ],
        );
    }

    #[test]
    fn only_one_host_pattern_is_tried() {
        check(
            &["any host=a.ex path=/a", "any host=*.ex", "any", "any host=*.b.ex", "any host=c.ex listener=1"],
            &[
                ("GET a.ex/a", "0"),
                ("GET a.ex/x", "404"),
                ("GET x.ex/x", "1"),
                ("GET x.b.ex/x", "3"),
                ("GET b.ex/x", "1"),
                ("GET ex/x", "2"),
                ("GET c.ex/x", "1"),
                ("OPTIONS ex*", "2"),
            ][..7],
        );
    }

    #[test]
    fn failed_conditions_fall_through() {
        check(
            &[
                "path=/a header=x:1",
                "path=/a query=v cookie=c:1",
                "path=/a method=GET,PUT header=x",
                "path=/a method=POST,GET",
                "prefix=/a/b",
                "path=/a/b method=PUT",
            ],
            &[
                ("GET h/a x:1", "2"),
                ("POST h/a", "3"),
                ("POST h/a x:1", "3"),
                ("DELETE h/a x:1", "0"),
                ("DELETE h/a?v cookie:c=1", "1"),
                ("DELETE h/a?v", "405 [Get, Post]"),
                ("DELETE h/a x:2", "405 [Get, Post, Put]"),
                ("GET h/a/b", "4"),
                ("GET h/x", "404"),
            ],
        );
    }

    #[test]
    fn methods_and_priority_break_ties() {
        check(
            &["any", "any method=GET", "any header=x", "any header=x query=v"],
            &[("GET h/", "1"), ("PUT h/ x:1", "2"), ("PUT h/?v x:1", "3"), ("PUT h/", "0")],
        );
        check(&["any", "any priority=1", "regex=/[bc].*", "regex=/[a-c].*"], &[("GET h/", "1"), ("GET h/b", "3")]);
    }

    #[test]
    fn what_is_no_path_matches_nothing() {
        let router = Router::new(vec![rule("any")]);
        let head = RequestHead { method: Method::Options, path: "*".into(), ..RequestHead::default() };
        assert_eq!(router.find(0, &head, &mut NoTrace), Outcome::NotFound);
        assert_eq!(router.find(7, &request("GET h/"), &mut NoTrace), Outcome::NotFound);
        assert_eq!(Router::new(Vec::new()).find(0, &request("GET h/"), &mut NoTrace), Outcome::NotFound);
    }

    #[test]
    fn who_calls_decides_among_the_rules_of_one_auth() {
        let rules = [
            "path=/a plan=gold auth=keys",
            "path=/a plan=free auth=keys",
            "path=/b plan=gold auth=keys",
            "prefix=/b auth=keys",
            "any",
        ];
        let router = Router::new(rules.iter().map(|text| rule(text)).collect());
        let answer = |url: &str, plan: Option<&str>| {
            let head = request(&format!("GET {url}"));
            let plan = plan.map(|plan| {
                let consumer = Consumer { plan: Some(plan.into()), ..Consumer::default() };
                Caller { consumer: Some(Arc::new(consumer)), identity: None }
            });
            let caller = plan.as_ref().map(|caller| ("keys", caller));
            match router.find_as(Asker { caller, ..by(&head, None) }, 0, &head, &mut NoTrace) {
                Outcome::Found(hit) => hit.rule.to_string(),
                Outcome::AsksCaller(hit) => format!("{}?", hit.rule),
                Outcome::Forbidden => "403".into(),
                other => format!("{other:?}"),
            }
        };
        assert_eq!([answer("h/a", None), answer("h/b", None), answer("h/c", None)], ["0?", "2?", "4"]);
        assert_eq!([answer("h/a", Some("gold")), answer("h/a", Some("free"))], ["0", "1"]);
        assert_eq!([answer("h/a", Some("other")), answer("h/b", Some("other"))], ["403", "3"], "never the public one");
    }

    #[test]
    fn a_preflight_is_matched_as_what_it_announces() {
        let router = Router::new(vec![rule("any method=PUT")]);
        let head = request("OPTIONS h/");
        assert_eq!(router.find(0, &head, &mut NoTrace), Outcome::MethodNotAllowed(vec![Method::Put]));
        let asker = Asker { method: &Method::Put, certificate: None, caller: None };
        assert!(matches!(router.find_as(asker, 0, &head, &mut NoTrace), Outcome::Found(_)));
    }

    #[test]
    fn a_trace_sees_every_candidate() {
        #[derive(Default)]
        struct Log(Vec<String>);
        impl Trace for Log {
            fn host(&mut self, pattern: Option<&HostPattern>) {
                self.0.push(pattern.map_or("any".into(), ToString::to_string));
            }
            fn candidate(&mut self, rule: u32, verdict: Verdict<'_>) {
                self.0.push(match verdict {
                    Verdict::Guarded => format!("{rule} guarded"),
                    Verdict::Chosen => format!("{rule} chosen"),
                    Verdict::Failed(Failure::Header(name)) => format!("{rule} header {name}"),
                    Verdict::Failed(failure) => format!("{rule} {failure:?}"),
                });
            }
        }
        let rules = ["host=*.ex path=/a header=x", "host=*.ex path=/a method=PUT", "host=*.ex prefix=/a", "host=*.ex"];
        let router = Router::new(rules.iter().map(|text| rule(text)).collect());
        let mut log = Log::default();
        router.find(0, &request("GET a.ex/a"), &mut log);
        assert_eq!(log.0, ["*.ex", "1 Method", "0 header x", "2 chosen"]);
    }
}
