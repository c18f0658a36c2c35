//! `gw explain` over the examples of a gateway: a request, and the whole text that explains it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on fails")]

use std::net::IpAddr;

use gw::compiler::{Compiled, SourceFile, compile, parse};
use gw::deploy::explain::{Asked, explain, human};
use gw::pipeline::assets::Assets;

const MANIFEST: &str = r#"
apiVersion: gw/v1
kind: Gateway
metadata: { name: edge }
spec:
  listeners:
    - { name: http, address: "127.0.0.1:8080" }
    - { name: inside, address: "127.0.0.1:8081" }
---
apiVersion: gw/v1
kind: Backend
metadata: { name: shop }
spec: { http: { targets: [{ url: "http://10.0.0.1:3000" }], hostHeader: target } }
---
apiVersion: gw/v1
kind: Route
metadata: { name: orders }
spec:
  hosts: [shop.example]
  match:
    - { path: "/orders/{id}", methods: [GET, PUT] }
    - { path: "/orders/{id}", headers: [{ name: x-beta, present: true }], methods: [POST] }
  public: true
  plugins:
    - responseHeaders: { set: { x-seen: "1" } }
      when: { networks: [10.0.0.0/8] }
    - requestHeaders: { set: { x-order: "${path.id}" } }
    - rewrite: { addPrefix: /v2 }
  backend: shop
---
apiVersion: gw/v1
kind: Route
metadata: { name: closed }
spec:
  hosts: [shop.example]
  match: [{ pathPrefix: /orders }]
  public: true
  plugins:
    - responseHeaders: { set: { cache-control: no-store } }
    - respond: { status: 503 }
---
apiVersion: gw/v1
kind: Route
metadata: { name: admin }
spec:
  listeners: [inside]
  match: [{ pathPrefix: /admin, methods: [GET] }]
  public: true
  plugins: [{ redirect: { to: /console } }]
---
apiVersion: gw/v1
kind: Backend
metadata: { name: next }
spec: { http: { targets: [{ url: "http://10.0.0.2:3000" }] } }
---
apiVersion: gw/v1
kind: Route
metadata: { name: canary }
spec:
  hosts: [canary.example]
  match: [{ path: /canary }]
  public: true
  split: [{ backend: shop, weight: 95 }, { backend: next, weight: 5 }]
  mirror: { backend: next, percent: 10 }
"#;

fn compiled() -> Compiled {
    let file = SourceFile { path: "a.yaml".into(), shown: "a.yaml".into(), bytes: MANIFEST.trim_start().into() };
    compile(parse(vec![file]), &Assets::new())
}

fn check(request: &str, expected: &str) {
    let (method, url) = request.split_once(' ').unwrap();
    let compiled = compiled();
    let table = compiled.table.as_ref().unwrap_or_else(|| panic!("{:?}", compiled.diagnostics));
    let asked = Asked::new(method, url, &[], IpAddr::from([127, 0, 0, 1])).unwrap();
    let text = human(&explain(&compiled, table, &asked).unwrap());
    assert_eq!(text.trim_end(), expected.trim(), "{request}\n{text}");
}

#[test]
fn a_request_that_goes_upstream() {
    check(
        "GET http://shop.example/orders/7?express=1",
        "
request   GET shop.example/orders/7?express=1
listener  http
route     orders (host shop.example)
          id = 7
plugins   responseHeaders: does not run, its `when` does not hold
          requestHeaders: runs
          rewrite: runs
backend   shop, as /v2/orders/7
targets   http://10.0.0.1:3000
sends     GET /v2/orders/7?express=1 HTTP/1.1
          host: 10.0.0.1:3000
          x-order: 7
          x-forwarded-for: 127.0.0.1
          x-forwarded-proto: http
          x-forwarded-host: shop.example
          via: 1.1 gw

- a.yaml:21:7: orders (path /orders/{id})
    the condition on the header field `x-beta` does not hold

+ a.yaml:20:7: orders (path /orders/{id})
    the most specific one whose conditions all hold

- a.yaml:35:11: closed (pathPrefix /orders)
    less specific than the chosen one",
    );
}

#[test]
fn a_request_that_falls_through_and_is_answered() {
    check(
        "DELETE http://shop.example/orders/7",
        "
request   DELETE shop.example/orders/7
listener  http
route     closed (host shop.example)
plugins   responseHeaders: runs
          respond: answers
answer    503
          cache-control: no-store

- a.yaml:21:7: orders (path /orders/{id})
    the condition on the header field `x-beta` does not hold

- a.yaml:20:7: orders (path /orders/{id})
    the method is not `GET` or `PUT`

+ a.yaml:35:11: closed (pathPrefix /orders)
    the most specific one whose conditions all hold",
    );
}

#[test]
fn a_request_without_a_route() {
    check(
        "GET http://shop.example/order",
        "
request   GET shop.example/order
listener  http
no route  404, no route for the hosts `shop.example` matches, and others are not tried

- a.yaml:35:11: closed (pathPrefix /orders)
    the path does not match

- a.yaml:20:7: orders (path /orders/{id})
    the path does not match

- a.yaml:21:7: orders (path /orders/{id})
    the path does not match",
    );
    check(
        "GET http://other.example/admin",
        "
request   GET other.example/admin
listener  http
no route  404, no route is for the host `other.example`

- a.yaml:46:11: admin (pathPrefix /admin)
    it is reachable only by the listener `inside`",
    );
}

#[test]
fn a_request_with_the_wrong_method() {
    check(
        "PUT http://other.example:8081/admin",
        "
request   PUT other.example/admin
listener  inside
no route  405, the path has routes for GET

- a.yaml:46:11: admin (pathPrefix /admin)
    the method is not `GET`",
    );
}

#[test]
fn a_request_that_is_one_of_a_split() {
    check(
        "GET http://canary.example/canary",
        "
request   GET canary.example/canary
listener  http
route     canary (host canary.example)
split     by weight: shop 95, next 5
mirror    next, 10 % of the requests
backend   shop, as /canary
targets   http://10.0.0.1:3000
sends     GET /canary HTTP/1.1
          host: 10.0.0.1:3000
          x-forwarded-for: 127.0.0.1
          x-forwarded-proto: http
          x-forwarded-host: canary.example
          via: 1.1 gw

+ a.yaml:60:11: canary (path /canary)
    the most specific one whose conditions all hold",
    );
}

#[test]
fn a_request_that_is_refused() {
    check(
        "GET http://shop.example/a/../../b",
        "
request   GET /a/../../b
listener  http
refused   400, the target of the request is malformed or could mean two things: `..` leads above the root",
    );
}

#[test]
fn what_is_no_request() {
    for (method, url, header, message) in [
        (
            "GET",
            "shop.example/x",
            "a: b",
            "`shop.example/x` is no URL: write for example `http://localhost:8080/orders/7`, or a path",
        ),
        ("G T", "/x", "a: b", "`G T` is no method: write for example `GET`"),
        ("GET", "/x", "ab", "`ab` is no header field: write for example `-H 'x-tenant: acme'`"),
    ] {
        let error = Asked::new(method, url, &[header.to_owned()], IpAddr::from([127, 0, 0, 1])).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}
