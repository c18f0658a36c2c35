//! What routing costs: finding among 10 and 100,000 routes, and building the router.
//!
//! Every run asks for another route, so that the large table is not measured from the first-level cache.

#![expect(clippy::expect_used, reason = "a benchmark may end in a panic")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use gw::pipeline::head::RequestHead;
use gw::table::router::{Conditions, NoTrace, Outcome, PathMatch, Router, Rule, conflicts};
use gw::value::path::normalise;

const SIZES: [usize; 2] = [10, 100_000];
const REQUESTS: usize = 4096;

fn rule(route: usize, host: &str, path: PathMatch) -> Rule {
    Rule {
        route: u32::try_from(route).expect("fewer routes"),
        entry: 0,
        listeners: vec![0, 1],
        hosts: vec![host.parse().expect("a host")],
        path,
        conditions: Conditions::default(),
        auth: None,
        priority: 0,
    }
}

fn template(text: &str) -> PathMatch {
    PathMatch::Template(text.parse().expect("a path"))
}

fn prefix(text: &str) -> PathMatch {
    PathMatch::Prefix(text.parse().expect("a prefix"))
}

/// A table shape: how the host, the path and a request of route `i` look.
struct Shape {
    name: &'static str,
    host: fn(usize) -> String,
    path: fn(usize) -> PathMatch,
    request: fn(usize) -> String,
}

const SHAPES: [Shape; 4] = [
    Shape {
        name: "one host, exact paths",
        host: |_| "api.example".into(),
        path: |i| template(&format!("/api/v1/service-{i}/status")),
        request: |i| format!("/api/v1/service-{i}/status"),
    },
    Shape {
        name: "one host, prefixes",
        host: |_| "api.example".into(),
        path: |i| prefix(&format!("/api/service-{i}")),
        request: |i| format!("/api/service-{i}/orders/42"),
    },
    Shape {
        name: "one host, parameters",
        host: |_| "api.example".into(),
        path: |i| template(&format!("/api/service-{i}/orders/{{id}}")),
        request: |i| format!("/api/service-{i}/orders/42"),
    },
    Shape {
        name: "a host each, one prefix",
        host: |i| format!("host-{i}.example"),
        path: |_| prefix("/"),
        request: |_| "/orders/42".into(),
    },
];

fn rules(shape: &Shape, size: usize) -> Vec<Rule> {
    (0..size).map(|i| rule(i, &(shape.host)(i), (shape.path)(i))).collect()
}

fn requests(shape: &Shape, size: usize) -> Vec<RequestHead> {
    let mut random = fastrand::Rng::with_seed(1);
    (0..REQUESTS)
        .map(|_| {
            let i = random.usize(..size);
            RequestHead { host: (shape.host)(i), path: (shape.request)(i), ..RequestHead::default() }
        })
        .collect()
}

fn find(criterion: &mut Criterion) {
    for shape in &SHAPES {
        let mut group = criterion.benchmark_group(format!("find: {}", shape.name));
        for size in SIZES {
            let router = Router::new(rules(shape, size));
            let requests = requests(shape, size);
            let mut next = requests.iter().cycle();
            group.bench_function(size.to_string(), |bencher| {
                bencher.iter(|| {
                    let found = next.next().map(|head| router.find(1, head, &mut NoTrace));
                    assert!(matches!(black_box(found), Some(Outcome::Found(_))));
                });
            });
        }
    }
}

fn build(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("build 100,000 routes");
    group.sample_size(10);
    for shape in &SHAPES {
        let rules = rules(shape, 100_000);
        group.bench_function(shape.name, |bencher| {
            bencher.iter_batched(|| rules.clone(), Router::new, criterion::BatchSize::PerIteration);
        });
        group.bench_function(format!("conflicts: {}", shape.name), |bencher| bencher.iter(|| conflicts(&rules)));
    }
}

fn normalisation(criterion: &mut Criterion) {
    let mut out = String::new();
    for (name, path) in [("in normal form", "/api/v1/orders/42"), ("with escapes", "/api/%76%31/./orders/%C3%A9")] {
        criterion.bench_function(&format!("normalise: {name}"), |bencher| {
            bencher.iter(|| normalise(black_box(path.as_bytes()), &mut out));
        });
    }
}

criterion_group!(benches, find, build, normalisation);
criterion_main!(benches);
