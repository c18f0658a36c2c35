//! A page for all but a few.

use crate::support::client::{ask, get};
use crate::support::origin::Origin;
use crate::support::{Gateway, backend, gateway, route};

#[test]
fn all_but_a_few_see_a_page() {
    let a = Origin::ok();
    let plugin = |more: &str| {
        format!(
            "plugins:\n  - responseHeaders: {{ set: {{ x-seen: \"1\" }} }}\n  \
             - maintenance: {{ title: \"Back <soon>\", text: Moving., retryAfter: 90s, \
             allow: {{ networks: [10.0.0.0/8], paths: [/healthz, \"/ops/**\"] }} }}\n{more}backend: a"
        )
    };
    let start = |more: &str| {
        Gateway::start(
            &(gateway("trustedProxies: [127.0.0.1]") + &backend("a", a.address, "") + &route("all", &plugin(more))),
        )
    };
    let running = start("");
    let refused = ask(running.http(), get("/", ""));
    assert_eq!((refused.status, refused.text().as_str()), (503, "Back <soon>\n\nMoving.\n"));
    for (name, value) in [("retry-after", "90"), ("cache-control", "no-store"), ("x-seen", "1"), ("vary", "accept")] {
        assert_eq!(refused.get(name), Some(value), "{name}");
    }
    let page = ask(running.http(), get("/", "accept: text/html,*/*;q=0.8\r\n"));
    assert_eq!(page.get("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.text().contains("<h1>Back &lt;soon&gt;</h1>"));
    for (path, fields) in [("/healthz", ""), ("/ops/a/b", ""), ("/", "x-forwarded-for: 10.1.2.3\r\n")] {
        assert_eq!(ask(running.http(), get(path, fields)).text(), "ok", "{path}");
    }
    let off = start("    enabled: false\n");
    assert_eq!(ask(off.http(), get("/", "")).text(), "ok");
}
