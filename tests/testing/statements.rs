//! Statements over all requests: what is proved, and which request shows that one is wrong.

use std::fmt::Write as _;

use crate::support::command::Folder;

const GATEWAY: &str = r#"
apiVersion: gw/v1
kind: Gateway
metadata: { name: edge }
spec:
  listeners:
    - { name: http, address: "127.0.0.1:8080" }
    - name: partners
      address: "127.0.0.1:8443"
      tls: { certificates: [site], clientAuth: { ca: { file: /nowhere/ca.pem } } }
---
apiVersion: gw/v1
kind: Certificate
metadata: { name: site }
spec: { files: { certificate: { file: /nowhere/tls.crt }, key: { file: /nowhere/tls.key } } }
---
apiVersion: gw/v1
kind: Backend
metadata: { name: web }
spec: { echo: {} }
---
apiVersion: gw/v1
kind: Route
metadata: { name: shop }
spec:
  hosts: [shop.example]
  match: [{ pathPrefix: /, methods: [GET, POST] }, { path: "/orders/{id:[0-9]+}", methods: [DELETE], headers: [{ name: x-admin, equals: "yes" }] }]
  public: true
  backend: web
"#;

fn statements(statements: &str) -> (i32, String, String) {
    let mut text = "apiVersion: gw/v1\nkind: Test\nmetadata: { name: all }\nspec:\n  statements:\n".to_owned();
    for line in statements.lines().map(str::trim).filter(|line| !line.is_empty()) {
        writeln!(text, "    - {{ {line} }}").unwrap();
    }
    let folder = Folder::with(&[("gateway.yaml", GATEWAY), ("tests.yaml", &text)]);
    let ran = folder.gw_words(&["test", ".", "--mutate"]);
    (ran.code, ran.out, ran.err)
}

#[test]
fn what_holds_of_all_requests_is_proved() {
    let held = r#"
name: nobody deletes outside of the orders, forAll: { paths: [/admin/**, /carts/**], methods: [DELETE] }, expect: { noRoute: true }
name: nobody puts, forAll: { methods: [PUT, PATCH] }, expect: { noRoute: true }
name: other hosts are nobody's, forAll: { hosts: [other.example, "*.shop.example"] }, expect: { noRoute: true }
name: reading is for the shop, forAll: { hosts: [shop.example], methods: [GET] }, expect: { route: shop }
name: partners prove who they are, forAll: { listeners: [partners] }, expect: { authenticated: true }
"#;
    let (code, out, err) = statements(held);
    assert!(code == 0 && out.starts_with("5 statements, all passed\n"), "{out}{err}");
    // a statement finds a mutant that no request is sent to
    assert!(!out.contains("the route shop for every method"), "{out}");
    assert!(out.contains("nothing notices the route shop without the condition on the header field x-admin"), "{out}");
}

#[test]
fn a_statement_that_does_not_hold_shows_a_request() {
    let wrong = r"
name: nobody deletes, forAll: { methods: [DELETE] }, expect: { noRoute: true }
name: all is for the shop, forAll: { paths: [/about], hosts: [shop.example], listeners: [http] }, expect: { route: shop }
name: callers prove who they are, forAll: { paths: [/about], hosts: [shop.example], methods: [POST], listeners: [http, partners] }, expect: { authenticated: true }
";
    let (code, out, err) = statements(wrong);
    assert_eq!(code, 3, "{out}{err}");
    let expected = "\
FAILED all / nobody deletes
  at tests.yaml:6:15
  noRoute: expected no route, got route shop to web, public, for DELETE http://shop.example/orders/0 x-admin: yes, one of \
DELETE http://shop.example/orders/{[0-9]+} with header x-admin=yes
    at tests.yaml:6:81
  noRoute: expected no route, got route shop to web, with a client certificate, for DELETE https://shop.example/orders/0 \
x-admin: yes with a client certificate of CN=x, one of DELETE https://shop.example/orders/{[0-9]+} with a client certificate \
and header x-admin=yes
    at tests.yaml:6:81

FAILED all / all is for the shop
  at tests.yaml:7:15
  route: expected shop, got 405, allowed GET, POST, for PUT http://shop.example/about, one of any method but GET, POST \
http://shop.example/*/** with a path like /about
    at tests.yaml:7:124

FAILED all / callers prove who they are
  at tests.yaml:8:15
  authenticated: expected a caller who proves who it is, got route shop to web, public, for POST http://shop.example/about, \
one of POST http://shop.example/*/** with a path like /about
    at tests.yaml:8:166

3 statements, 3 failed
";
    assert_eq!(out, expected);
}

#[test]
fn what_says_nothing_is_an_error() {
    let (code, _, err) = statements("name: a, forAll: { listeners: [htp] }, expect: { noRoute: true }");
    assert!(code == 1 && err.contains("there is no listener `htp`, did you mean `http`?"), "{err}");
    let (code, _, err) = statements("name: a, forAll: {}, expect: { noRoute: true, authenticated: true }");
    assert!(code == 1 && err.contains("error[GW1302]"), "{err}");
    let (code, _, err) = statements("name: a, forAll: {}, expect: {}");
    assert!(code == 1 && err.contains("error[GW1302]"), "{err}");
}
