//! Plans: each key has the limits of its plan for itself, unless it has numbers of its own.

use std::process::Command;

use crate::shared::{call, document, keyed, shown, statuses};
use crate::support::client::ask;
use crate::support::{Gateway, program, route, wait_until};

#[test]
fn each_key_has_the_limits_of_its_plan_for_itself() {
    let plan = "{ rate: { requests: 2, per: 1h }, announce: always }";
    let gateway = Gateway::start(&keyed("", plan, ", limits: { rate: { requests: 3, per: 1h } }"));
    assert_eq!(statuses(gateway.http(), "a", 4), [200, 200, 200, 429]);
    assert_eq!(statuses(gateway.http(), "b", 3), [200, 200, 429]);
    assert_eq!(call(gateway.http(), "b").get("ratelimit-policy"), Some("\"gold-1h\";q=2;w=3600"));
    let metrics = shown(&gateway, "/metrics");
    for counted in [
        "gw_plan_requests_total{plan=\"gold\",decision=\"allowed\"} 5",
        "gw_plan_requests_total{plan=\"gold\",decision=\"refused\"} 3",
    ] {
        assert!(metrics.contains(counted), "{counted}");
    }
}

#[test]
fn a_plan_says_what_its_keys_may_call_and_send() {
    let plan = "{ routes: [api], bodyBytes: 4B }";
    let other = route("other", "match: [{ path: /other }]\nplugins:\n- auth: { anyOf: [partners] }\n- respond: {}");
    let gateway = Gateway::start(&(keyed("", plan, "") + &other.replace("  public: true\n", "")));
    assert_eq!(call(gateway.http(), "a").status, 200);
    let token =
        gw::value::api_key::KeyText { id: "a", secret: &gw::value::api_key::base62(vec![b'a'; 32], 43) }.write();
    for (line, body, status) in [
        ("GET /other HTTP/1.1", "", 403),
        ("POST / HTTP/1.1", "Content-Length: 5\r\n\r\nabcde", 413),
        ("POST / HTTP/1.1", "Content-Length: 4\r\n\r\nabcd", 200),
    ] {
        let body = if body.is_empty() { "\r\n" } else { body };
        let request = format!("{line}\r\nHost: a.example\r\nX-Api-Key: {token}\r\nConnection: close\r\n{body}");
        assert_eq!(ask(gateway.http(), request).status, status, "{line} {body}");
    }
}

#[test]
fn operators_see_what_keys_have_used() {
    let plan = "{ quota: { perDay: 5, perMonth: 9, timeZone: Europe/Paris } }";
    let gateway = Gateway::start_in(
        crate::support::folder_with(&[("gateway.yaml", &keyed("", plan, ""))]),
        &crate::kept::options("seen"),
    );
    assert_eq!(statuses(gateway.http(), "a", 6), [200, 200, 200, 200, 200, 429]);
    let usage: serde_json::Value = serde_json::from_str(&shown(&gateway, "/usage")).unwrap();
    let key = &usage["keys"][0];
    assert_eq!((&key["key"], &key["name"], &key["plan"]), (&"a".into(), &"key-a".into(), &"gold".into()));
    let quotas: Vec<_> =
        key["quotas"].as_array().unwrap().iter().map(|quota| (&quota["per"], &quota["used"])).collect();
    assert_eq!(quotas, [(&"day".into(), &5.into()), (&"month".into(), &5.into())]);
    let status = gateway.address("status").to_string();
    let told = Command::new(program()).args(["usage", "--status-address", &status]).output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.contains("key-a (a, plan gold): 5 of 5 this day, until "), "{told}");
    assert!(told.contains("plan gold: 5 allowed, 1 refused since the start"), "{told}");
}

#[test]
fn an_edit_elsewhere_keeps_the_counts_of_keys() {
    let plan = "{ rate: { requests: 2, per: 1h } }";
    let gateway = Gateway::start(&keyed("", plan, ""));
    assert_eq!(statuses(gateway.http(), "a", 2), [200, 200]);
    // the key's manifest is another file and another object now, with the same id
    let moved =
        keyed("", plan, "").replace("name: key-a", "name: renamed") + &document("Auth", "unused", "{ apiKey: {} }");
    gateway.write("gateway.yaml", &moved);
    wait_until("it is in force", || shown(&gateway, "/status").contains("\"generation\": 2").then_some(()));
    assert_eq!(statuses(gateway.http(), "a", 1), [429]);
}
