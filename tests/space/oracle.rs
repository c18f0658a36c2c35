//! Which rules requests meet, by trying one request of each kind that the rules of a table tell apart.

use std::collections::{BTreeMap, BTreeSet};

use gw::pipeline::certificate::ClientCertificate;
use gw::pipeline::head::RequestHead;
use gw::table::RouteTable;
use gw::table::router::{Asker, NoTrace, Outcome, Rule};
use gw::table::space::{Shadow, Share};
use gw::table::tls::ClientAuthMode;
use gw::value::method::Method;

/// What tables of more kinds of requests are not asked.
const LIMIT: usize = 40_000;

/// Things that rules may tell apart, each with the rules for which it is right; one of each kind is kept.
fn kinds<T>(rules: &[Rule], things: impl IntoIterator<Item = T>, fits: impl Fn(&Rule, &T) -> bool) -> Vec<T> {
    let mut kept: BTreeMap<Vec<bool>, T> = BTreeMap::new();
    for thing in things {
        let key = rules.iter().map(|rule| fits(rule, &thing)).collect();
        kept.entry(key).or_insert(thing);
    }
    kept.into_values().collect()
}

fn paths() -> Vec<String> {
    let segments = ["a", "b", "ab", "aab", "c", "ba", "aa", "ac", "cb", "bb", "aacb"];
    let mut all: Vec<String> = vec![String::new()];
    let mut last = all.clone();
    for _ in 0..3 {
        last = last.iter().flat_map(|path| segments.iter().map(move |segment| format!("{path}/{segment}"))).collect();
        all.extend(last.iter().cloned());
    }
    let longer: Vec<String> = all.iter().map(|path| format!("{path}/a/b")).collect();
    let slashed: Vec<String> = all.iter().map(|path| format!("{path}/")).collect();
    all.into_iter().skip(1).chain(slashed).chain(longer).collect()
}

/// All sets of some values.
fn sets<'v>(values: &[&'v [u8]]) -> Vec<Vec<&'v [u8]>> {
    (0..1_usize << values.len())
        .map(|bits| (0..values.len()).filter(|i| bits >> i & 1 == 1).map(|i| values[i]).collect())
        .collect()
}

fn certificates() -> Vec<Option<ClientCertificate>> {
    let names: [&[u8]; 5] = [b"a.y", b"b.y", b"b.a.y", b"x://s", b"z"];
    let text = |bytes: &&[u8]| String::from_utf8_lossy(bytes).into_owned().into_boxed_str();
    let mut all = vec![None];
    for subject in ["CN=a", "CN=b", "CN=c"] {
        for names in sets(&names) {
            let names = names.iter().map(text).collect();
            all.push(Some(ClientCertificate { subject: subject.into(), names, ..ClientCertificate::default() }));
        }
    }
    all
}

fn with_headers(values: &[&[u8]]) -> RequestHead {
    let mut head = RequestHead::default();
    for value in values {
        head.fields.receive(b"h", value);
    }
    head
}

fn text_of(values: &[&[u8]], name: &str, joint: &str) -> String {
    let pair = |value: &&[u8]| format!("{name}={}", String::from_utf8_lossy(value));
    values.iter().map(pair).collect::<Vec<_>>().join(joint)
}

fn with_query(values: &[&[u8]]) -> RequestHead {
    let query = (!values.is_empty()).then(|| text_of(values, "q", "&"));
    RequestHead { query, ..RequestHead::default() }
}

fn with_cookies(values: &[&[u8]]) -> RequestHead {
    let mut head = RequestHead::default();
    if !values.is_empty() {
        head.fields.receive(b"cookie", text_of(values, "c", "; ").as_bytes());
    }
    head
}

/// What no request meets; `None` if there are too many kinds of requests to try.
pub fn shadows(table: &RouteTable) -> Option<Vec<Shadow>> {
    let rules = table.router.rules();
    let paths = kinds(rules, paths(), |rule, path| rule.path.matches(path));
    let texts: [&[u8]; 6] = [b"1", b"2", b"12", b"13", b"3", b""];
    let values = sets(&texts);
    let any_bytes = [&texts[..], &[b"\xff"]].concat();
    let headers = kinds(rules, sets(&any_bytes), |rule, values| {
        rule.conditions.headers.iter().all(|condition| condition.header(&with_headers(values)))
    });
    let queries = kinds(rules, values.clone(), |rule, values| {
        rule.conditions.query.iter().all(|condition| condition.query(&with_query(values)))
    });
    let cookies = kinds(rules, values, |rule, values| {
        rule.conditions.cookies.iter().all(|condition| condition.cookie(&with_cookies(values)))
    });
    // a listener may ask for one whatever rules say
    let mut certificates = kinds(rules, certificates(), |rule, certificate| {
        rule.conditions.certificate.as_ref().is_none_or(|condition| condition.holds(certificate.as_ref()))
    });
    certificates.extend([None, Some(ClientCertificate::default())]);
    let methods = [Method::Get, Method::Post, Method::Put, Method::Options, Method::Other("BREW".into())];
    let hosts = ["a.x", "b.x", "c.x", "b.a.x", "c.a.x", "c.b.a.x", "x", "y"];
    let count = [&paths.len(), &headers.len(), &queries.len(), &cookies.len(), &certificates.len()];
    if count.into_iter().product::<usize>() * methods.len() * hosts.len() * 2 > LIMIT {
        return None;
    }
    let mut tried = Tried { table, met: BTreeSet::new(), takers: BTreeMap::new() };
    for (path, host, method) in product(&product(&paths, &hosts), &methods).into_iter().map(|((p, h), m)| (p, h, m)) {
        for ((values, query), cookie) in product(&product(&headers, &queries), &cookies) {
            let mut head = with_headers(&values);
            head.query = with_query(&query).query;
            if let Some(cookies) = with_cookies(&cookie).fields.received("cookie") {
                head.fields.receive(b"cookie", cookies);
            }
            (head.path, head.host, head.method) = (path.clone(), host.to_owned(), method.clone());
            for certificate in &certificates {
                tried.send(&head, certificate.as_ref());
            }
        }
    }
    Some(tried.shadows())
}

fn product<A: Clone, B: Clone>(a: &[A], b: &[B]) -> Vec<(A, B)> {
    a.iter().flat_map(|a| b.iter().map(move |b| (a.clone(), b.clone()))).collect()
}

struct Tried<'t> {
    table: &'t RouteTable,
    /// The rules that are met, each with the method and the host pattern by which it was.
    met: BTreeSet<(u32, Method, String)>,
    /// The rules that match and are not met, with method and host pattern, and those that are met instead.
    takers: BTreeMap<(u32, Method, String), BTreeSet<u32>>,
}

impl Tried<'_> {
    fn send(&mut self, head: &RequestHead, certificate: Option<&ClientCertificate>) {
        for (listener, index) in self.table.settings.listeners.iter().zip(0..) {
            let auth = listener.tls.as_ref().and_then(|tls| tls.client_auth_of(&head.host));
            let shown = certificate.filter(|_| auth.is_some());
            let is_required = auth.is_some_and(|auth| auth.mode == ClientAuthMode::Required);
            if is_required && shown.is_none() || shown.is_none() && certificate.is_some() {
                continue;
            }
            let found = match self.table.find(
                Asker { method: &head.method, certificate: shown, caller: None },
                index,
                head,
                &mut NoTrace,
            ) {
                Outcome::Found(hit) => Some(hit.rule),
                _ => None,
            };
            for (rule, number) in self.table.router.rules().iter().zip(0..) {
                let Some(pattern) = self.pattern(index, rule, &head.host) else { continue };
                let key = (number, head.method.clone(), pattern);
                if found == Some(number) {
                    self.met.insert(key);
                } else if let Some(found) = found
                    && rule.path.matches(&head.path)
                    && rule.conditions.failure(&head.method, head, shown).is_none()
                {
                    self.takers.entry(key).or_default().insert(found);
                }
            }
        }
    }

    /// The pattern of a rule that decides for a host, if it is one of this rule's; that of any host is empty.
    fn pattern(&self, listener: u16, rule: &Rule, host: &str) -> Option<String> {
        let length = |pattern: &gw::value::host::HostPattern| {
            let text = pattern.to_string();
            if text.starts_with('*') { text.len() } else { usize::MAX }
        };
        let all = self.table.router.rules().iter().filter(|rule| rule.listeners.contains(&listener));
        let matching = all.flat_map(|rule| &rule.hosts).filter(|pattern| pattern.matches(host));
        let best = matching.max_by_key(|pattern| length(pattern));
        let own = best.map_or(rule.hosts.is_empty(), |best| rule.hosts.contains(best));
        (own && rule.listeners.contains(&listener)).then(|| best.map_or_else(String::new, ToString::to_string))
    }

    fn shadows(&self) -> Vec<Shadow> {
        let mut found = Vec::new();
        for (rule, number) in self.table.router.rules().iter().zip(0..) {
            let is_met = |share: &Share| self.met.iter().any(|(met, m, h)| *met == number && is_in(share, m, h));
            let mut add = |share: Share| {
                if is_met(&share) {
                    return;
                }
                let takers = self.takers.iter().filter(|((met, m, h), _)| *met == number && is_in(&share, m, h));
                let by: BTreeSet<u32> = takers.flat_map(|(_, by)| by).copied().collect();
                found.push(Shadow { rule: number, share, by: by.into_iter().collect() });
            };
            add(Share::All);
            if is_met(&Share::All) {
                if rule.conditions.methods.len() > 1 {
                    rule.conditions.methods.iter().cloned().map(Share::Method).for_each(&mut add);
                }
                if rule.hosts.len() > 1 {
                    rule.hosts.iter().cloned().map(Share::Host).for_each(&mut add);
                }
            }
        }
        found.sort_unstable();
        found
    }
}

fn is_in(share: &Share, method: &Method, host: &str) -> bool {
    match share {
        Share::All => true,
        Share::Host(pattern) => pattern.to_string() == host,
        Share::Method(wanted) => wanted == method,
    }
}
