//! Random tables that are easily changed a little, and random requests to them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use fastrand::Rng;
use gw::pipeline::certificate::{CertificateCondition, ClientCertificate};
use gw::pipeline::condition::{FieldCondition, Test};
use gw::pipeline::head::RequestHead;
use gw::pipeline::plugin::Plugin;
use gw::pipeline::when::Guard;
use gw::table::route::{CompiledRoute, PipelineStep};
use gw::table::router::{Conditions, PathMatch, Router, Rule};
use gw::table::settings::Settings;
use gw::table::space::{Request, Scope};
use gw::table::{Digest, RouteTable};
use gw::value::method::Method;

/// What a table is made of, as texts and numbers.
#[derive(Clone, Debug)]
pub struct Draft {
    rules: Vec<DraftRule>,
    /// The setting of client certificates of the second listener, and of one of its hosts.
    asked: [u8; 2],
}

#[derive(Clone, Debug)]
struct DraftRule {
    name: u32,
    listeners: Vec<u16>,
    hosts: Vec<&'static str>,
    path: PathMatch,
    conditions: Conditions,
    priority: i32,
    steps: Vec<(u8, Option<Guard>)>,
    end: u8,
}

fn pick<'a, T: ?Sized>(random: &mut Rng, choices: &[&'a T]) -> &'a T {
    choices[random.usize(..choices.len())]
}

fn some<T>(random: &mut Rng, one_in: usize, make: impl FnOnce(&mut Rng) -> T) -> Vec<T> {
    if random.usize(..one_in) == 0 { vec![make(random)] } else { Vec::new() }
}

impl Draft {
    pub fn random(random: &mut Rng, most: u32) -> Self {
        let rules = (0..random.u32(1..most)).map(|name| DraftRule::random(random, name)).collect();
        Self { rules, asked: [random.u8(..4), random.u8(..4)] }
    }

    /// A copy with up to three changes.
    pub fn mutated(&self, random: &mut Rng) -> Self {
        let mut other = self.clone();
        for _ in 0..random.usize(1..4) {
            let name = random.u32(20..24);
            let fresh = DraftRule::random(random, name);
            let index = random.usize(..=other.rules.len());
            let Some(rule) = other.rules.get_mut(index) else {
                other.rules.push(fresh);
                continue;
            };
            match random.u8(..10) {
                0 => drop(other.rules.remove(index)),
                1 => rule.path = fresh.path,
                2 => rule.conditions = fresh.conditions,
                3 => rule.hosts = fresh.hosts,
                4 => rule.steps = fresh.steps,
                5 => rule.end = fresh.end,
                6 => rule.name = fresh.name,
                7 => rule.listeners = fresh.listeners,
                8 => rule.priority = 1 - rule.priority,
                _ => other.asked = [random.u8(..4), random.u8(..4)],
            }
        }
        other
    }

    /// A copy with other names of routes.
    pub fn renamed(&self) -> Self {
        let mut other = self.clone();
        other.rules.iter_mut().for_each(|rule| rule.name += 100);
        other
    }
}

impl DraftRule {
    fn random(random: &mut Rng, name: u32) -> Self {
        let hosts: [&[&'static str]; 7] = [&[], &[], &["a.x"], &["*.x"], &["*.a.x"], &["*.x", "a.x"], &["b.a.x"]];
        Self {
            name,
            listeners: pick(random, &[&[0][..], &[1], &[0, 1], &[0, 1]]).to_vec(),
            hosts: pick(random, &hosts).to_vec(),
            path: path(random),
            conditions: conditions(random),
            priority: i32::from(random.u8(..4) == 0),
            steps: (0..random.usize(..3)).map(|_| (random.u8(..4), some(random, 2, guard).pop())).collect(),
            end: random.u8(..3),
        }
    }
}

fn path(random: &mut Rng) -> PathMatch {
    match random.u8(..9) {
        0 => PathMatch::Any,
        1..=3 => PathMatch::Prefix(literal_path(random, 3).parse().unwrap()),
        4 => {
            let texts = ["/a/.*", ".*b", "/a/[a-b]+", "/[ab]*", "/b/(a|b/).*", "/.*/a"];
            PathMatch::Regex(pick(random, &texts).parse().unwrap())
        }
        _ => {
            let length = random.usize(1..4);
            PathMatch::Template((0..length).map(|i| segment(random, i)).collect::<String>().parse().unwrap())
        }
    }
}

fn segment(random: &mut Rng, i: usize) -> String {
    match random.u8(..9) {
        0..=2 => "/a".into(),
        3 => "/b".into(),
        4 => format!("/{{p{i}}}"),
        5 => format!("/{{p{i}:[ab]+}}"),
        6 => format!("/a{{p{i}}}"),
        7 => format!("/{{p{i}:a*}}b"),
        _ => "/ab".into(),
    }
}

fn literal_path(random: &mut Rng, longest: usize) -> String {
    let text: String = (0..random.usize(..longest)).map(|_| pick(random, &["/a", "/b", "/ab", "/aab", "/c"])).collect();
    if text.is_empty() || random.u8(..6) == 0 { text + "/" } else { text }
}

fn methods(random: &mut Rng) -> Vec<Method> {
    match random.u8(..6) {
        0 => vec![Method::Get],
        1 => vec![Method::Post, Method::Get],
        2 => vec![Method::Other("BREW".into())],
        3 => vec![Method::Options],
        _ => Vec::new(),
    }
}

fn conditions(random: &mut Rng) -> Conditions {
    Conditions {
        methods: methods(random),
        headers: some(random, 3, |random| field(random, "h")),
        query: some(random, 5, |random| field(random, "q")),
        cookies: some(random, 6, |random| field(random, "c")),
        certificate: some(random, 8, certificate).pop(),
        consumer: None,
    }
}

fn certificate(random: &mut Rng) -> CertificateCondition {
    CertificateCondition {
        san: some(random, 2, |random| pick(random, &["a.y", "*.y", "*.a.y", "x://s"]).parse().unwrap()).pop(),
        subject: some(random, 3, |random| pick(random, &["CN=a", "CN=b"]).to_owned()).pop(),
    }
}

fn field(random: &mut Rng, name: &str) -> FieldCondition {
    let test = match random.u8(..6) {
        0 => Test::Present,
        1 => Test::Absent,
        2 => Test::Regex(pick(random, &["[12]", "1.*", ".*"]).parse().unwrap()),
        _ => Test::Equals(pick(random, &["1", "2", "12"]).to_owned()),
    };
    FieldCondition { name: name.to_owned(), test }
}

fn guard(random: &mut Rng) -> Guard {
    Guard {
        methods: some(random, 4, methods).pop().unwrap_or_default(),
        paths: some(random, 3, |random| pick(random, &["/a/**", "/{x}", "/**", "/b/{y:[ab]+}/**"]).parse().unwrap()),
        headers: some(random, 4, |random| field(random, "h")),
        query: some(random, 6, |random| field(random, "q")),
        cookies: Vec::new(),
        networks: some(random, 4, |random| pick(random, &["10.0.0.0/8", "10.1.0.0/16"]).parse().unwrap()),
        certificate: some(random, 8, certificate).pop(),
        authenticated: None,
        consumer: None,
    }
}

/// Some of the requests that random tables may treat alike.
pub fn scope(random: &mut Rng) -> Scope {
    Scope {
        listeners: some(random, 3, |random| pick(random, &["one", "two"]).to_owned()),
        hosts: some(random, 2, |random| pick(random, &["a.x", "*.x", "*.a.x", "*.b.a.x", "y"]).parse().unwrap()),
        paths: (0..random.usize(..3))
            .map(|_| pick(random, &["/a/**", "/{x}", "/a", "/{y:[ab]+}/**"]).parse().unwrap())
            .collect(),
        methods: methods(random),
    }
}

struct Nothing {
    answers_preflights: bool,
}

impl Plugin for Nothing {
    fn answers_preflights(&self) -> bool {
        self.answers_preflights
    }
}

/// A table that does what a draft says.
pub fn table(draft: &Draft) -> RouteTable {
    let rules = draft.rules.iter().zip(0..).map(|(rule, route)| Rule {
        route,
        entry: 0,
        listeners: rule.listeners.clone(),
        hosts: rule.hosts.iter().map(|host| host.parse().unwrap()).collect(),
        path: rule.path.clone(),
        conditions: rule.conditions.clone(),
        auth: None,
        priority: rule.priority,
    });
    RouteTable {
        digest: Digest::of_bytes(b""),
        settings: settings(draft.asked),
        router: Router::new(rules.collect()),
        routes: draft.rules.iter().map(route).collect(),
        certificates: BTreeMap::new(),
        auths: Box::default(),
        secrets: BTreeSet::new(),
    }
}

fn route(rule: &DraftRule) -> CompiledRoute {
    let step = |(number, guard): &(u8, Option<Guard>)| PipelineStep {
        id: format!("p{number}").into(),
        plugin_name: "nothing",
        guard: guard.clone(),
        plugin: Box::new(Nothing { answers_preflights: *number == 3 }),
        meaning: Digest::of_bytes(&[*number]),
    };
    CompiledRoute {
        name: format!("r{}", rule.name).into(),
        pipeline: rule.steps.iter().map(step).collect(),
        ends: Box::new([]),
        auth: None,
        split_by: None,
        mirror: None,
        retries: None,
        request: Duration::from_secs(rule.end.into()),
        parameters: Box::new(["p0".into()]),
    }
}

fn settings(asked: [u8; 2]) -> Settings {
    let auth = |number: u8| match number {
        0 => serde_json::json!({ "ca": { "file": "/ca.pem" }, "mode": "required" }),
        1 => serde_json::json!({ "ca": { "file": "/ca.pem" }, "mode": "optional" }),
        _ => serde_json::Value::Null,
    };
    let listeners = serde_json::json!([
        { "name": "one", "address": "127.0.0.1:1" },
        { "name": "two", "address": "127.0.0.1:2", "tls": {
            "certificates": ["site"],
            "clientAuth": auth(asked[0]),
            "hosts": [{ "hosts": ["b.x", "*.a.x"], "clientAuth": auth(asked[1]) }],
        } },
    ]);
    Settings { listeners: serde_json::from_value(listeners).unwrap(), ..Settings::default() }
}

/// A request that rules of random tables may match.
pub fn request(random: &mut Rng) -> Request {
    let methods = [&Method::Get, &Method::Post, &Method::Put, &Method::Options, &Method::Other("BREW".into())];
    let mut head = RequestHead {
        method: pick(random, &methods).clone(),
        host: pick(random, &["a.x", "b.x", "b.a.x", "c.b.a.x", "x", "y"]).to_owned(),
        path: literal_path(random, 5),
        ..RequestHead::default()
    };
    let value = |random: &mut Rng| *pick(random, &["1", "2", "12", "3", ""].each_ref());
    let query: Vec<String> = (0..random.usize(..3)).map(|_| format!("q={}", value(random))).collect();
    head.query = (!query.is_empty()).then(|| query.join("&"));
    for _ in 0..random.usize(..3) {
        let value = if random.u8(..9) == 0 { &b"\xff"[..] } else { value(random).as_bytes() };
        head.fields.receive(b"H", value);
    }
    for value in some(random, 2, value) {
        head.fields.receive(b"cookie", format!("z=0; c={value}").as_bytes());
    }
    for name in [&b"origin"[..], b"access-control-request-method"] {
        for value in some(random, 2, |random| pick(random, &["GET", "POST", "PUT", "BREW", "OPTIONS", "no token"])) {
            head.fields.receive(name, value.as_bytes());
        }
    }
    let certificate = some(random, 2, |random| ClientCertificate {
        subject: (*pick(random, &["CN=a", "CN=b", "CN=c"].each_ref())).into(),
        names: (0..random.usize(..3))
            .map(|_| (*pick(random, &["a.y", "b.y", "b.a.y", "x://s", "z"].each_ref())).into())
            .collect(),
        ..ClientCertificate::default()
    });
    let ip: IpAddr = pick(random, &["10.1.0.1", "10.2.0.1", "11.0.0.1"]).parse().unwrap();
    let listener = pick(random, &["one", "two"]).to_owned();
    Request { secure: listener == "two", listener, head, certificate: certificate.into_iter().next(), ip }
}
