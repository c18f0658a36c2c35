//! Cases of tests: what they see of a request, and what is said of those that fail.

use std::fmt::Write as _;

use crate::support::command::Folder;

/// A gateway that would need certificates, secrets, names that don't exist and servers of four kinds.
const GATEWAY: &str = r#"
apiVersion: gw/v1
kind: Gateway
metadata: { name: edge }
spec:
  listeners:
    - { name: http, address: "0.0.0.0:80" }
    - name: https
      address: "0.0.0.0:443"
      proxyProtocol: { from: [10.0.0.0/8] }
      tls: { certificates: [site], clientAuth: { ca: { file: /nowhere/ca.pem }, mode: optional } }
  trustedProxies: [10.0.0.0/8]
  accessLog: { enabled: false }
---
apiVersion: gw/v1
kind: Certificate
metadata: { name: site }
spec: { files: { certificate: { file: /nowhere/tls.crt }, key: { file: /nowhere/tls.key } } }
---
apiVersion: gw/v1
kind: Backend
metadata: { name: shop }
spec:
  http:
    targets: [{ url: "https://shop.invalid" }, { url: "https://shop-2.invalid:8443", priority: 1 }]
    hostHeader: target
    healthCheck: { path: /healthz }
    sendProxyProtocol: v2
    tls: { ca: { file: /nowhere/shop.pem } }
---
apiVersion: gw/v1
kind: Backend
metadata: { name: next }
spec: { http: { targets: [{ url: "http://127.0.0.1:1" }], protocol: http2 } }
---
apiVersion: gw/v1
kind: Backend
metadata: { name: echo }
spec: { echo: {} }
---
apiVersion: gw/v1
kind: Route
metadata: { name: api }
spec:
  hosts: [shop.example]
  match:
    - { pathPrefix: /api, methods: [GET, POST] }
    - { path: "/v1/{rest}", headers: [{ name: x-old, present: true }] }
  public: true
  plugins:
    - httpsOnly: {}
    - requestHeaders: { set: { x-ip: "${request.ip}" }, setSecret: { authorization: { env: SHOP_TOKEN } }, remove: [x-debug] }
    - rewrite: { addPrefix: /v2 }
    - responseHeaders: { set: { x-cell: a } }
      when: { methods: [GET] }
  backend: shop
---
apiVersion: gw/v1
kind: Route
metadata: { name: canary }
spec:
  hosts: [shop.example]
  match: [{ pathPrefix: /canary }]
  public: true
  split: [{ backend: next, weight: 50 }, { backend: echo, weight: 50 }]
  splitBy: { header: x-user }
  mirror: { backend: next, percent: 100 }
---
apiVersion: gw/v1
kind: Route
metadata: { name: closed, namespace: ops }
spec:
  match: [{ pathPrefix: /closed }]
  public: true
  plugins: [{ respond: { status: 503 }, id: shut }]
"#;

fn tests(namespace: &str, cases: &str) -> String {
    let mut text = format!(
        "---\napiVersion: gw/v1\nkind: Test\nmetadata: {{ name: all, namespace: {namespace} }}\nspec:\n  cases:\n"
    );
    for (i, case) in cases.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
        writeln!(text, "    - {{ name: c{i}, {case} }}").unwrap();
    }
    text
}

fn folder(files: &[(&str, &str)]) -> Folder {
    Folder::with(&[&[("gateway.yaml", GATEWAY)], files].concat())
}

/// Each is a request and what becomes of it.
const HELD: &str = r#"
request: { url: "https://shop.example/api/x?q=1", ip: 203.0.113.9 }, expect: { route: api, backend: shop, upstreamPath: /v2/api/x, status: 200 }
request: { url: "https://shop.example/api" }, expect: { upstreamHeaders: { host: shop.invalid, x-ip: 127.0.0.1, x-forwarded-proto: https }, responseHeaders: { x-cell: a } }
request: { url: "https://shop.example/api", method: POST, body: "a=1" }, expect: { status: 200, upstreamHeaders: { content-length: "3" }, noResponseHeaders: [x-cell] }
request: { url: "https://shop.example/api", headers: { x-debug: "1", x-other: "2" } }, expect: { noUpstreamHeaders: [x-debug], upstreamHeaders: { X-Other: "2" } }
request: { url: "http://shop.example/api" }, expect: { route: api, rejectedBy: httpsOnly, status: 308, responseHeaders: { location: "https://shop.example/api" } }
request: { url: "http://shop.example/api", ip: 10.0.0.1, headers: { x-forwarded-proto: https, x-forwarded-for: 192.0.2.7 } }, expect: { backend: shop, upstreamHeaders: { x-ip: 192.0.2.7 } }
request: { url: "http://shop.example/api", ip: 192.0.2.1, headers: { x-forwarded-proto: https } }, expect: { rejectedBy: httpsOnly }
request: { url: "https://shop.example/api", method: DELETE }, expect: { noRoute: true, status: 405, responseHeaders: { allow: "GET, POST" } }
request: { url: "https://shop.example/v1/a", headers: { x-old: "" } }, expect: { route: api }
request: { url: "https://shop.example/v1/a" }, expect: { noRoute: true, status: 404 }
request: { url: "https://shop.example/api%00" }, expect: { noRoute: true, status: 400 }
request: { url: "https://shop.example/api", headers: { transfer-encoding: chunked }, method: POST, body: "0" }, expect: { status: 400 }
request: { url: "http://shop.example/canary", headers: { x-user: "3" } }, expect: { route: canary, backend: echo }
request: { url: "http://shop.example/canary", headers: { x-user: "4" } }, expect: { route: canary, backend: next, upstreamPath: /canary }
request: { url: "https://shop.example:80/api" }, expect: { backend: shop }
request: { url: "https://shop.example/api", listener: http }, expect: { backend: shop }
"#;

#[test]
fn a_request_goes_through_the_whole_gateway() {
    let folder = folder(&[
        ("tests.yaml", &tests("default", HELD)),
        (
            "ops.yaml",
            &tests(
                "ops",
                r#"request: { url: "http://x/closed" }, expect: { route: closed, rejectedBy: shut, status: 503 }"#,
            ),
        ),
    ]);
    let ran = folder.gw_words(&["test", "."]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "17 cases, all passed\n"), "{}", ran.err);
}

#[test]
fn what_fails_is_shown_with_its_places() {
    let cases = r#"
request: { url: "https://shop.example/api" }, expect: { route: canary, backend: next, upstreamPath: /api, status: 404 }
request: { url: "https://shop.example/api" }, expect: { upstreamHeaders: { x-ip: "1", x-none: "2" }, noResponseHeaders: [x-other, x-cell] }
request: { url: "http://shop.example/api" }, expect: { backend: shop, upstreamPath: /api }
request: { url: "https://nobody.example/" }, expect: { route: api, rejectedBy: httpsOnly }
request: { url: "https://shop.example/api" }, expect: { noRoute: true }
request: { url: "https://shop.example/api" }, expect: { status: 200 }
"#;
    let folder = folder(&[("tests.yaml", &tests("default", cases))]);
    let ran = folder.gw_words(&["test", "."]);
    let expected = "\
FAILED all / c0
  at tests.yaml:7:15
  route: expected canary, got api
    at tests.yaml:7:82
  backend: expected next, got shop
    at tests.yaml:7:99
  upstreamPath: expected /api, got /v2/api
    at tests.yaml:7:119
  status: expected 404, got 200
    at tests.yaml:7:133

FAILED all / c1
  at tests.yaml:8:15
  upstreamHeaders.x-ip: expected 1, got 127.0.0.1
    at tests.yaml:8:100
  upstreamHeaders.x-none: expected 2, got no such field
    at tests.yaml:8:113
  noResponseHeaders.1: expected no x-cell, got a
    at tests.yaml:8:149

FAILED all / c2
  at tests.yaml:9:15
  backend: expected shop, got answered by the plugin httpsOnly
    at tests.yaml:9:83
  upstreamPath: expected /api, got answered by the plugin httpsOnly
    at tests.yaml:9:103

FAILED all / c3
  at tests.yaml:10:15
  route: expected api, got no route (no-route)
    at tests.yaml:10:81
  rejectedBy: expected httpsOnly, got no route (no-route)
    at tests.yaml:10:98

FAILED all / c4
  at tests.yaml:11:15
  noRoute: expected no route, got the route api
    at tests.yaml:11:84

6 cases, 5 failed
";
    assert_eq!((ran.code, ran.out.as_str()), (3, expected), "{}", ran.out);
    let ran = folder.gw_words(&["test", ".", "--filter", "all / c5"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "1 case, all passed\n"));
    let ran = folder.gw_words(&["test", ".", "--output", "json", "--filter", "c3"]);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (report["failed"].as_u64(), report["runs"][0]["cases"][0]["mismatches"][1]["place"]["column"].as_u64()),
        (Some(1), Some(98))
    );
    let ran = folder.gw_words(&["test", ".", "--output", "junit", "--filter", "c3"]);
    assert!(ran.out.contains("<testsuite name=\"all\" tests=\"1\" failures=\"1\""), "{}", ran.out);
    assert!(ran.out.contains("<failure type=\"route\" message=\"route: expected api, got no route"), "{}", ran.out);
}

#[test]
fn what_cannot_be_run_is_an_error() {
    let ran = folder(&[]).gw_words(&["test", "."]);
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.err.as_str()),
        (0, "0 cases, all passed\n", "there is no `Test` in .\n")
    );
    let one = tests("default", r#"request: { url: "http://a/", listener: htps }, expect: { status: 200 }"#);
    let ran = folder(&[("tests.yaml", &one)]).gw_words(&["test", "."]);
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (1, "error: tests.yaml:7:19: there is no listener `htps`, did you mean `https`?\n")
    );
    let ran = folder(&[("tests.yaml", &one.replace("htps", "http"))]).gw_words(&["test", ".", "--filter", "nothing"]);
    assert_eq!((ran.code, ran.err.as_str()), (1, "error: no case has `nothing` in its name\n"));
    let ran = folder(&[("tests.yaml", "kind: Test\n")]).gw_words(&["test", "."]);
    assert!(ran.code == 1 && ran.err.contains("error[GW1202]"), "{ran:?}");
}

/// Many cases take little time: what a machine with other work on it does in this time, a quiet one does in a tenth of it.
#[test]
fn hundreds_of_cases_take_no_time() {
    let cases = HELD.repeat(40);
    let folder = folder(&[("tests.yaml", &tests("default", &cases))]);
    let began = std::time::Instant::now();
    let ran = folder.gw_words(&["test", "."]);
    assert_eq!(ran.out, "640 cases, all passed\n");
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}

#[test]
fn coverage_names_what_no_case_gets_to() {
    let cases = r#"
request: { url: "http://shop.example/api" }, expect: { route: api }
request: { url: "http://shop.example/canary" }, expect: { route: canary }
"#;
    let folder = folder(&[("tests.yaml", &tests("default", cases))]);
    let ran = folder.gw_words(&["test", ".", "--coverage"]);
    let expected = "\
2 cases, all passed
coverage 41 %: routes 2 of 3, matches 2 of 4, plugins 1 of 5
  gateway.yaml:48:7: no case gets to entry 2 of `match` of the route api
  gateway.yaml:52:7: no case gets to the plugin requestHeaders of the route api
  gateway.yaml:53:7: no case gets to the plugin rewrite of the route api
  gateway.yaml:54:7: no case gets to the plugin responseHeaders of the route api
  gateway.yaml:71:19: no case gets to the route ops/closed
";
    assert_eq!((ran.code, ran.out.as_str()), (0, expected), "{}", ran.err);
    assert_eq!(folder.gw_words(&["test", ".", "--fail-under", "41"]).code, 0);
    assert_eq!(folder.gw_words(&["test", ".", "--fail-under", "42"]).code, 3);
}

#[test]
fn mutants_that_no_case_notices_are_named() {
    let folder = folder(&[("tests.yaml", &tests("default", HELD))]);
    let ran = folder.gw_words(&["test", ".", "--mutate"]);
    let expected = "\
16 cases, all passed
mutation score 83 %: 15 of 18 mutants found
  gateway.yaml:48:7: nothing notices the route api for all paths under /v1
  gateway.yaml:73:11: nothing notices the route ops/closed for all paths under /
  gateway.yaml:75:15: nothing notices the route ops/closed without the plugin shut
";
    assert_eq!((ran.code, ran.out.as_str()), (0, expected), "{}", ran.err);
}

/// What is proposed holds, gets to every entry and every plugin, and finds nearly all mistakes.
#[test]
fn proposed_cases_pass_and_cover_everything() {
    let folder = folder(&[]);
    let ran = folder.gw_words(&["test", ".", "--generate"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    std::fs::write(folder.0.join("generated.yaml"), &ran.out).unwrap();
    let ran = folder.gw_words(&["test", ".", "--coverage", "--mutate", "--output", "json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let run = &report["runs"][0];
    assert_eq!((ran.code, run["coverage"]["percent"].as_u64()), (0, Some(100)), "{ran:?}");
    assert!(run["mutation"]["score"].as_u64() >= Some(95), "{ran:?}");
    assert_eq!(folder.gw_words(&["test", ".", "--generate"]).out, "");
}

/// The tests of the two teams in the example, of which one names a backend of the other.
#[test]
fn the_tests_of_an_example_pass_in_its_environments() {
    let folder = Folder::with(&[]);
    let teams = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/teams");
    let ran = folder.gw_words(&["test", teams, "--fail-under", "100"]);
    assert!(ran.code == 0 && ran.out.matches("3 cases, all passed\n").count() == 3, "{ran:?}");
}

/// Without an environment chosen, all are tested: what one of them changes shows there.
#[test]
fn cases_are_tried_in_each_environment() {
    let gateway = r#"
apiVersion: gw/v1
kind: Gateway
metadata: { name: edge }
spec: { variables: [{ name: host, type: host }], limits: { bodyBytes: 1KiB } }
---
apiVersion: gw/v1
kind: Environment
metadata: { name: dev }
spec: { variables: { host: dev.example } }
---
apiVersion: gw/v1
kind: Environment
metadata: { name: prod }
spec: { variables: { host: shop.example }, patches: [{ kind: Route, name: shop, spec: { plugins: [{ respond: { status: 503 } }] } }] }
---
apiVersion: gw/v1
kind: Route
metadata: { name: shop }
spec: { hosts: ["${var.host}"], public: true, plugins: [{ respond: { status: 200 } }] }
---
apiVersion: gw/v1
kind: Test
metadata: { name: all }
spec:
  cases:
    - { name: shop, request: { url: "http://${var.host}/" }, expect: { status: 200 } }
"#;
    let folder = Folder::with(&[("a.yaml", gateway)]);
    let ran = folder.gw_words(&["test", ".", "--coverage"]);
    let expected = "\
in the environment dev:
1 case, all passed
coverage 100 %: routes 1 of 1, matches 1 of 1, plugins 1 of 1

in the environment prod:
FAILED all / shop
  at a.yaml:27:15
  status: expected 200, got 503
    at a.yaml:27:80

1 case, 1 failed
coverage 100 %: routes 1 of 1, matches 1 of 1, plugins 1 of 1
";
    assert_eq!((ran.code, ran.out.as_str()), (3, expected), "{}", ran.err);
    let ran = folder.gw_words(&["test", ".", "--env", "dev", "--mutate"]);
    assert!(ran.code == 0 && ran.out.starts_with("in the environment dev:\n1 case, all passed\n"), "{ran:?}");
    assert!(ran.out.contains("a.yaml:5:71: nothing notices the gateway with twice its limits.bodyBytes\n"), "{ran:?}");
    let ran = folder.gw_words(&["test", ".", "--output", "junit"]);
    assert!(ran.out.contains("<testsuite name=\"all (prod)\" tests=\"1\" failures=\"1\""), "{}", ran.out);
    let ran = folder.gw_words(&["test", ".", "--env", "qa"]);
    assert!(ran.code == 1 && ran.err.contains("there is no `Environment` named `qa`"), "{ran:?}");
    let ran = folder.gw_words(&["test", ".", "--generate"]);
    assert!(ran.code == 1 && ran.err.contains("none is chosen"), "{ran:?}");
}
