//! API keys: who calls with one, what it may call, and what becomes of the key.

use gw::value::api_key::{KeyText, base62};
use gw::value::sha256::Sha256;

use crate::support::client::{Answer, ask};
use crate::support::origin::Origin;
use crate::support::{Gateway, backend, gateway, route};

/// The secret of a key that is made of a number.
pub fn secret(seed: u8) -> String {
    base62(vec![seed; 32], 43)
}

pub fn token(id: &str, seed: u8) -> String {
    KeyText { id, secret: &secret(seed) }.write()
}

pub fn hash(text: &str) -> String {
    Sha256::of(text.as_bytes()).to_string()
}

pub fn document(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: gw/v1\nkind: {kind}\nmetadata: {{ name: {name}, labels: {{ tier: {name} }} }}\nspec: {spec}\n"
    )
}

pub fn key(name: &str, id: &str, seed: u8, more: &str) -> String {
    let spec = format!("{{ auth: partners, keyId: {id}, secrets: [{{ sha256: {} }}]{more} }}", hash(&secret(seed)));
    document("ApiKey", name, &spec)
}

pub fn keyed(name: &str, spec: &str) -> String {
    route(name, spec).replace("  public: true\n", "")
}

fn call(gateway: &Gateway, line: &str, fields: &[&str]) -> Answer {
    let fields: String = fields.iter().flat_map(|field| [field, "\r\n"]).collect();
    ask(gateway.http(), format!("{line} HTTP/1.1\r\nHost: api.example\r\n{fields}Connection: close\r\n\r\n"))
}

#[test]
fn a_key_lets_its_consumer_in_and_goes_no_further() {
    let origin = Origin::ok();
    let manifests = gateway("")
        + &backend("origin", origin.address, "")
        + &document("Auth", "partners", "{ apiKey: { from: [{ bearer: {} }, { header: { name: x-api-key } }, { query: { name: key } }] } }")
        + &key("acme", "7Qd2mP", 1, ", metadata: { contract: C-1 }")
        + &keyed(
            "api",
            "plugins:\n\
             - cors_stand_in\n\
             - auth: { anyOf: [partners] }\n\
             - requestHeaders: { set: { x-partner: \"${consumer.name}/${consumer.id}/${consumer.label.tier}/${consumer.metadata.contract}\", x-user: \"${identity.subject}\" } }\n\
             - responseHeaders: { set: { x-gold: \"1\" } }\n  id: gold\n  when: { consumer: { labels: { tier: acme } } }\n\
             - responseHeaders: { set: { x-other: \"1\" } }\n  id: other\n  when: { consumer: { labels: { tier: other } } }\n\
             backend: origin",
        )
        .replace("cors_stand_in", "responseHeaders: { set: { x-above: \"1\" } }");
    let gateway = Gateway::start(&manifests);
    let good = token("7Qd2mP", 1);

    let refused = call(&gateway, "GET /a", &[]);
    assert_eq!(refused.status, 401);
    assert_eq!(refused.all("www-authenticate"), ["ApiKey, Bearer"]);
    assert_eq!((refused.get("x-above"), refused.get("cache-control")), (Some("1"), Some("no-store")));
    assert!(refused.text().contains("\"status\":401"), "{}", refused.text());
    for wrong in [
        "x-api-key: nonsense",
        &format!("x-api-key: {}", token("7Qd2mP", 2)),
        &format!("x-api-key: {}", token("nobody", 1)),
    ] {
        assert_eq!(call(&gateway, "GET /a", &[wrong]).status, 401, "{wrong}");
    }
    assert!(origin.seen().is_empty(), "nobody was let in");

    let answer = call(&gateway, &format!("GET /a?x=1&key={good}&y=%20"), &["X-User: forged"]);
    assert_eq!((answer.status, answer.get("x-gold"), answer.get("x-other")), (200, Some("1"), None));
    call(&gateway, "GET /b?x=1", &[&format!("Authorization: Bearer {good}")]);
    call(&gateway, "GET /c", &[&format!("X-Api-Key: {good}")]);
    let seen = origin.wait_for(3);
    assert_eq!(seen[0].head[0], "GET /a?x=1&y=%20 HTTP/1.1");
    for seen in &seen {
        assert!(!seen.head.join("\n").contains("gw_"), "the upstream sees no key: {seen:?}");
        assert_eq!(seen.all("x-partner"), ["acme/7Qd2mP/acme/C-1"]);
        assert!(seen.all("x-user").is_empty(), "who is not known is not forged either");
    }
    let logged = gateway.access.wait_for("\"path\":\"/c\"");
    assert!(logged.contains("\"consumer\":\"acme\"") && !logged.contains(&good), "{logged}");
    assert!(!gateway.log.all().join("\n").contains(&good));
}

#[test]
fn a_key_may_call_what_it_is_for() {
    let past = "\"2020-01-01\"";
    let manifests = gateway("")
        + &document("Auth", "partners", "{ apiKey: {} }")
        + &keyed(
            "api",
            "match: [{ pathPrefix: /api }]\nplugins: [{ auth: { anyOf: [partners] } }, { respond: { body: api } }]",
        )
        + &keyed(
            "maps",
            "match: [{ pathPrefix: /maps }]\nplugins: [{ auth: { anyOf: [partners] } }, { respond: { body: maps } }]",
        )
        + &key("all", "all", 1, "")
        + &key("maps-only", "maps", 1, ", routes: [maps]")
        + &key("reader", "reader", 1, ", readOnly: true")
        + &key("near", "near", 1, ", restrictions: { networks: [127.0.0.1], deny: { paths: [/api/admin/**] } }")
        + &key("far", "far", 1, ", restrictions: { networks: [203.0.113.0/24] }")
        + &key("hosts", "hosts", 1, ", restrictions: { hosts: [\"*.example\"], methods: [GET] }")
        + &key("ended", "ended", 1, &format!(", expires: {past}"))
        + &key("blocked", "blocked", 1, ", enabled: false");
    let gateway = Gateway::start(&manifests);
    for (id, line, status) in [
        ("all", "GET /api", 200),
        ("all", "POST /maps", 200),
        ("maps", "GET /maps", 200),
        ("maps", "GET /api", 403),
        ("reader", "GET /api", 200),
        ("reader", "DELETE /api", 403),
        ("near", "GET /api", 200),
        ("near", "GET /api/admin/x", 403),
        ("far", "GET /api", 403),
        ("hosts", "GET /api", 200),
        ("hosts", "PUT /api", 403),
        ("ended", "GET /api", 401),
        ("blocked", "GET /api", 401),
    ] {
        let answer = call(&gateway, line, &[&format!("x-api-key: {}", token(id, 1))]);
        assert_eq!(answer.status, status, "{id} {line}: {}", answer.text());
    }
}

#[test]
fn some_requests_may_come_without_a_key() {
    let manifests = gateway("")
        + &document("Auth", "partners", "{ apiKey: {} }")
        + &key("acme", "acme", 1, "")
        + &route(
            "site",
            "plugins:\n- auth: { anyOf: [partners], optional: true }\n\
             - responseHeaders: { set: { x-who: \"${consumer.name}\" } }\n\
             - auth: { anyOf: [partners] }\n  id: members\n  when: { paths: [/members/**] }\n\
             - respond: { body: hello }",
        );
    let gateway = Gateway::start(&manifests);
    let good = format!("x-api-key: {}", token("acme", 1));
    for (line, fields, status, who) in [
        ("GET /", &[][..], 200, None),
        ("GET /", &[&*good], 200, Some("acme")),
        ("GET /", &["x-api-key: wrong"], 401, None),
        ("GET /members/a", &[], 401, None),
        ("GET /members/a", &[&good], 200, Some("acme")),
    ] {
        let answer = call(&gateway, line, fields);
        assert_eq!((answer.status, answer.get("x-who")), (status, who), "{line} {fields:?}");
    }
}

#[test]
fn who_calls_decides_which_route_it_is() {
    let auth = "plugins:\n- auth: { anyOf: [partners] }\n";
    let manifests = gateway("")
        + &document("Auth", "partners", "{ apiKey: {} }")
        + &key("gold", "gold", 1, "")
        + &key("free", "free", 1, "")
        + &key("other", "other", 1, "")
        + &keyed(
            "fast",
            &format!(
                "match: [{{ path: /a, consumer: {{ labels: {{ tier: gold }} }} }}]\n{auth}- respond: {{ body: fast }}"
            ),
        )
        + &keyed(
            "slow",
            &format!(
                "match: [{{ path: /a, consumer: {{ labels: {{ tier: free }} }} }}]\n{auth}- respond: {{ body: slow }}"
            ),
        )
        + &keyed(
            "vip",
            &format!(
                "match: [{{ path: /b, consumer: {{ labels: {{ tier: gold }} }} }}]\n{auth}- respond: {{ body: vip }}"
            ),
        )
        + &keyed("rest", &format!("match: [{{ pathPrefix: /b }}]\n{auth}- respond: {{ body: rest }}"))
        + &route("public", "plugins: [{ respond: { body: public } }]");
    let gateway = Gateway::start(&manifests);
    for (id, path, expected) in [
        ("gold", "/a", "fast"),
        ("free", "/a", "slow"),
        ("gold", "/b", "vip"),
        ("free", "/b", "rest"),
        ("gold", "/c", "public"),
    ] {
        let answer = call(&gateway, &format!("GET {path}"), &[&format!("x-api-key: {}", token(id, 1))]);
        assert_eq!((answer.status, &*answer.text()), (200, expected), "{id} {path}");
    }
    let other = format!("x-api-key: {}", token("other", 1));
    assert_eq!(call(&gateway, "GET /a", &[&other]).status, 403, "never the public route");
    assert_eq!(call(&gateway, "GET /a", &[]).status, 401);
    assert_eq!(call(&gateway, "GET /a", &["x-api-key: wrong"]).status, 401);
}
