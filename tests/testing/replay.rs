//! Access logs that are decided by other manifests.

use std::fmt::Write as _;

use crate::support::command::Folder;

const OLD: &str = r#"
apiVersion: gw/v1
kind: Backend
metadata: { name: web }
spec: { echo: {} }
---
apiVersion: gw/v1
kind: Route
metadata: { name: orders }
spec: { hosts: [shop.example], match: [{ pathPrefix: /orders, methods: [GET, POST] }], public: true, backend: web }
---
apiVersion: gw/v1
kind: Route
metadata: { name: site }
spec: { hosts: [shop.example], public: true, backend: web, plugins: [{ responseHeaders: { set: { x-a: "1" } } }] }
"#;

const LOG: &str = r#"
{"time":"2026-11-24T19:24:43.000Z","client":"203.0.113.1","method":"GET","host":"shop.example","path":"/orders/7","route":"orders","status":200,"bytes":3,"durationMs":1.5,"requestId":"a","generation":1,"complete":true}
{"time":"2026-11-24T19:24:43.000Z","client":"203.0.113.2","tls":"1.3","method":"POST","host":"shop.example","path":"/orders","route":"orders","status":200,"complete":true}
{"start_time":"t","method":"GET","path":"/orders/8?beta=1","protocol":"HTTP/1.1","response_code":200,"authority":"Shop.example:443","downstream_remote_address":"203.0.113.1:55001"}
203.0.113.1 - - [24/Nov/2026:19:24:43 +0000] "GET /a/../orders/9 HTTP/1.1" 200 5 "-" "curl/8"
shop.example:80 203.0.113.3 - - [24/Nov/2026:19:24:43 +0000] "GET /about HTTP/1.1" 200 5 "-" "curl/8"
{"client":"203.0.113.3","method":"GET","host":"other.example","path":"/"}
what is this
"#;

fn replay(new: &str, log: &str, more: &[&str]) -> (i32, String, String) {
    let folder = Folder::with(&[("old/a.yaml", OLD), ("new/a.yaml", new), ("access.jsonl", log)]);
    let arguments =
        [&["replay", "--log", "access.jsonl", "--base", "old", "new", "--host", "shop.example"], more].concat();
    let ran = folder.gw_words(&arguments);
    (ran.code, ran.out, ran.err)
}

#[test]
fn a_log_of_three_formats_is_decided_twice() {
    let new =
        OLD.replace("/orders, methods: [GET, POST]", "/orders, methods: [GET], query: [{ name: beta, absent: true }]");
    let new = new.replace("x-a: \"1\"", "x-a: \"2\"").replace("hosts: [shop.example], public", "public");
    let classes = [
        ("no route (404) -> the route site", "GET other.example/", "203.0.113.3"),
        (
            "the route orders -> no route (404), if header fields, cookies and query don't say otherwise",
            "GET Shop.example:443/orders/8?beta=1",
            "203.0.113.1",
        ),
        ("the route orders -> no route for the method (405)", "POST shop.example/orders", "203.0.113.2"),
        ("the route site -> no route (404)", "GET shop.example:80/about", "203.0.113.3"),
    ];
    let (pad, mut expected) = (" ".repeat(12), String::new());
    for (change, example, client) in classes {
        write!(expected, "{:>10}  {change}\n{pad}{example}\n{pad}clients: {client} (1)\n", 1).unwrap();
    }
    expected.push_str("6 requests, 4 of them (66.66 %) get something else\n1 lines are of no known format\n");
    let (code, out, err) = replay(&new, LOG, &[]);
    assert_eq!((code, out), (0, expected), "{err}");
}

#[test]
fn a_route_that_does_something_else_is_a_change() {
    let (_, out, _) = replay(&OLD.replace("x-a: \"1\"", "x-a: \"2\""), LOG, &["--output", "json"]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let class = &report["classes"][0];
    assert_eq!(
        (report["changed"].as_u64(), class["differences"][0].as_str(), class["old"].as_str()),
        (Some(1), Some("the plugin responseHeaders"), Some("the route site"))
    );
    assert_eq!(
        replay(OLD, LOG, &[]).1,
        "6 requests, 0 of them (0.00 %) get something else\n1 lines are of no known format\n"
    );
    let renamed = OLD.replace("name: orders", "name: purchases");
    assert!(replay(&renamed, LOG, &[]).1.starts_with("         4  the route orders -> the route purchases\n"));
}

/// A long log is cut at its lines, wherever the blocks of it end, and gives the same on any number of threads.
#[test]
fn a_long_log_is_read_whole() {
    let mut log = String::new();
    for i in 0..30_000 {
        let (path, pad) = (if i % 3 == 0 { "/orders" } else { "/" }, "x".repeat(i % 97));
        writeln!(
            log,
            r#"{{"client":"10.0.0.{}","method":"POST","host":"shop.example","path":"{path}{i}{pad}"}}"#,
            i % 7
        )
        .unwrap();
    }
    let log = log.replace("/orders", "/orders/").trim_end().to_owned();
    let new = OLD.replace("[GET, POST]", "[GET]");
    let one = replay(&new, &log, &["--threads", "1"]);
    assert!(one.1.starts_with("     10000  the route orders -> the route site\n"), "{one:?}");
    assert!(one.1.ends_with("30000 requests, 10000 of them (33.33 %) get something else\n"), "{one:?}");
    assert_eq!(one, replay(&new, &log, &["--threads", "3"]));
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let folder = Folder::with(&[("old/a.yaml", OLD), ("new/a.yaml", "kind: Nothing\n")]);
    let ran = folder.gw_words(&["replay", "--log", "none", "--base", "old", "old"]);
    assert!(ran.code == 1 && ran.err.starts_with("error: cannot read none: "), "{ran:?}");
    let ran = folder.gw_words(&["replay", "--log", "none", "--base", "old", "new"]);
    assert!(ran.code == 1 && ran.err.contains("error[GW1102]"), "{ran:?}");
}
