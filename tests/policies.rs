//! Policies at the command line: what is blocked rather than wrong, and exceptions that end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on fails")]

mod support;

use std::fs;
use std::path::Path;

use support::command::{Done, Folder};

const ROUTE: &str = "
apiVersion: gw/v1
kind: Route
metadata: { name: orders }
spec:
  match: [{ path: \"/orders/{id}\", methods: [GET, PUT] }]
  public: true
  plugins: [{ respond: { body: orders } }]
";

fn policy(more: &str) -> String {
    let head = "apiVersion: gw/v1\nkind: Policy\nmetadata: { name: writes }\nspec:\n  forAll: { methods: [PUT] }\n";
    format!("{head}  require: {{ authenticated: true }}\n{more}")
}

fn validated(more: &str, route: &str) -> Done {
    let folder = Folder::with(&[("gateway.d/policy.yaml", &policy(more)), ("gateway.d/route.yaml", route)]);
    folder.gw("validate --output json")
}

#[test]
fn a_broken_policy_blocks() {
    let done = validated("", ROUTE);
    assert_eq!(done.code, 3, "{done:?}");
    assert!(done.out.contains("PUT http://x.invalid/orders/x"), "{done:?}");
    assert_eq!(validated("  severity: warning\n", ROUTE).code, 0);
    let folder = Folder::with(&[("gateway.d/policy.yaml", &policy("")), ("gateway.d/route.yaml", ROUTE)]);
    for command in ["plan", "test", "validate --output github", "apply --store store --allow-unsigned --yes"] {
        let done = folder.gw(command);
        assert_eq!(done.code, 3, "{command}: {done:?}");
        assert!((done.out + &done.err).contains("PUT http://x.invalid/orders/x"), "{command}");
    }
    let wrong = ROUTE.replace("respond", "respnod");
    assert_eq!(validated("", &wrong).code, 1, "what is wrong is not only blocked");
}

/// The example holds, and a change that breaks each of its policies is told so.
#[test]
fn the_example_is_kept() {
    let folder = Folder::with(&[]);
    for name in ["policies.yaml", "shop.yaml"] {
        let text = fs::read_to_string(Path::new("examples/policies/gateway.d").join(name)).unwrap();
        folder.write(&format!("gateway.d/{name}"), &text);
    }
    let done = folder.gw("validate");
    assert_eq!(done.code, 0, "{done:?}");
    let careless = "apiVersion: gw/v1\nkind: Route\nmetadata: { name: careless }\nspec:\n  hosts: [www.shop.example, a.internal.shop.example]\n  \
        match: [{ pathPrefix: /admin }]\n  public: true\n  plugins: [{ respond: { body: x } }]\n";
    folder.write("gateway.d/careless.yaml", careless);
    let done = folder.gw("validate");
    assert_eq!(done.code, 3, "{done:?}");
    for policy in ["clear-text", "want-a-certificate", "admin-is-not-public", "security-headers", "looks-after"] {
        assert!(done.out.contains(policy), "{policy}: {done:?}");
    }
}

#[test]
fn an_exception_ends_on_its_day() {
    let except = |until: &str| format!("  except: [{{ route: orders, reason: for now{until} }}]\n");
    assert_eq!(validated(&except(""), ROUTE).code, 0);
    assert_eq!(validated(&except(", until: 2999-01-01"), ROUTE).code, 0);
    let done = validated(&except(", until: 2020-01-01"), ROUTE);
    assert_eq!(done.code, 3, "{done:?}");
    assert!(done.out.contains("the exception for it ended on 2020-01-01"), "{done:?}");
}
