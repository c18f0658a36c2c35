//! What comparing two tables costs: 10,000 routes against as many with 50 changes, and looking for shadows among them.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark may end in a panic, and says what it measured"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::time::{Duration, Instant};

use gw::pipeline::condition::{FieldCondition, Test};
use gw::table::route::CompiledRoute;
use gw::table::router::{Conditions, PathMatch, Router, Rule};
use gw::table::settings::Settings;
use gw::table::space::{compare, shadows};
use gw::table::{Digest, RouteTable};
use gw::value::method::Method;

const ROUTES: u32 = 10_000;
const CHANGED: u32 = 50;

/// How route `i` looks; changed ones have another method, another path or another timeout.
struct Shape {
    name: &'static str,
    host: fn(u32) -> String,
    path: fn(u32) -> PathMatch,
    header: Option<fn(u32) -> String>,
}

const SHAPES: [Shape; 6] = [
    Shape { name: "each its host", host: |i| format!("h{i}.example"), path: |_| prefix("/"), header: None },
    Shape { name: "one host, prefixes", host: |_| one(), path: |i| prefix(&format!("/api/service-{i}")), header: None },
    Shape {
        name: "one host, parameters",
        host: |_| one(),
        path: |i| template(&format!("/t/{{tenant}}/service-{i}/{{id:[0-9]+}}")),
        header: None,
    },
    Shape {
        name: "one host, each its prefix and parameter first",
        host: |_| one(),
        path: |i| template(&format!("/{{tenant}}/service-{i}")),
        header: None,
    },
    Shape {
        name: "100 hosts, regular expressions",
        host: |i| format!("h{}.example", i % 100),
        path: |i| regex(&format!("/api/s{i}/[a-z]+/.*")),
        header: None,
    },
    Shape {
        name: "one path, a header each",
        host: |_| one(),
        path: |_| prefix("/"),
        header: Some(|i| format!("tenant-{i}")),
    },
];

fn one() -> String {
    "api.example".into()
}

fn template(text: &str) -> PathMatch {
    PathMatch::Template(text.parse().expect("a path"))
}

fn prefix(text: &str) -> PathMatch {
    PathMatch::Prefix(text.parse().expect("a prefix"))
}

fn regex(text: &str) -> PathMatch {
    PathMatch::Regex(text.parse().expect("a regular expression"))
}

fn table(shape: &Shape, changed: bool) -> RouteTable {
    let is_changed = |i: u32| changed && i % (ROUTES / CHANGED) == 7;
    let rules = (0..ROUTES).map(|i| {
        let header =
            shape.header.map(|header| FieldCondition { name: "x-tenant".into(), test: Test::Equals(header(i)) });
        let methods = if is_changed(i) && i % 3 == 0 { vec![Method::Get] } else { Vec::new() };
        Rule {
            route: i,
            entry: 0,
            listeners: vec![0],
            hosts: vec![(shape.host)(i).parse().expect("a host")],
            path: (shape.path)(if is_changed(i) && i % 3 == 1 { i + ROUTES } else { i }),
            conditions: Conditions { methods, headers: header.into_iter().collect(), ..Conditions::default() },
            auth: None,
            priority: 0,
        }
    });
    let route = |i: u32| CompiledRoute {
        name: format!("route-{i}").into(),
        pipeline: Box::new([]),
        ends: Box::new([]),
        auth: None,
        split_by: None,
        mirror: None,
        retries: None,
        request: Duration::from_secs(if is_changed(i) && i % 3 == 2 { 5 } else { 30 }),
        parameters: Box::new([]),
    };
    let listeners = serde_json::json!([{ "name": "http", "address": "127.0.0.1:8080" }]);
    RouteTable {
        digest: Digest::of_bytes(b""),
        settings: Settings { listeners: serde_json::from_value(listeners).expect("listeners"), ..Settings::default() },
        router: Router::new(rules.collect()),
        routes: (0..ROUTES).map(route).collect(),
        certificates: BTreeMap::new(),
        auths: Box::default(),
        secrets: BTreeSet::new(),
    }
}

fn measured<T>(what: impl Fn() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = black_box(what());
    (result, start.elapsed())
}

fn main() {
    println!("{ROUTES} routes against {ROUTES} with {CHANGED} changes");
    for shape in &SHAPES {
        let (old, new) = (table(shape, false), table(shape, true));
        let (difference, comparing) = measured(|| compare(&old, &new));
        let classes: usize = difference.changes.iter().map(|change| change.classes.len()).sum();
        let unsure =
            difference.changes.iter().flat_map(|change| &change.classes).filter(|class| !class.certain).count();
        let (found, looking) = measured(|| shadows(&new));
        println!(
            "{:48} compared in {comparing:>9.1?}: {classes} classes, {unsure} of them maybe, {} unproved; {} shadows in {looking:>9.1?}",
            shape.name,
            difference.unproved.len(),
            found.len(),
        );
    }
}
