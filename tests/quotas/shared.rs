//! Manifests with keys on plans, and what operators see.

use std::net::SocketAddr;

use gw::value::api_key::{KeyText, base62};
use gw::value::sha256::Sha256;

use crate::support::client::{Answer, ask};
use crate::support::{Gateway, gateway, route};

/// A gateway with two keys, `a` and `b`, on the plan `gold`.
pub fn keyed(of_gateway: &str, plan: &str, of_key: &str) -> String {
    gateway(of_gateway)
        + &document("Auth", "partners", "{ apiKey: {} }")
        + &document("Plan", "gold", plan)
        + &key("a", of_key)
        + &key("b", "")
        + &route("api", "plugins:\n- auth: { anyOf: [partners] }\n- respond: { body: hello }")
            .replace("  public: true\n", "")
}

pub fn document(kind: &str, name: &str, spec: &str) -> String {
    format!("---\napiVersion: gw/v1\nkind: {kind}\nmetadata: {{ name: {name} }}\nspec: {spec}\n")
}

fn secret(id: &str) -> String {
    base62(vec![id.as_bytes()[0]; 32], 43)
}

fn key(id: &str, more: &str) -> String {
    let hash = Sha256::of(secret(id).as_bytes());
    let spec = format!("{{ auth: partners, plan: gold, keyId: {id}, secrets: [{{ sha256: {hash} }}]{more} }}");
    document("ApiKey", &format!("key-{id}"), &spec)
}

/// Calls with a key.
pub fn call(address: SocketAddr, id: &str) -> Answer {
    let token = KeyText { id, secret: &secret(id) }.write();
    ask(address, format!("GET / HTTP/1.1\r\nHost: a.example\r\nX-Api-Key: {token}\r\nConnection: close\r\n\r\n"))
}

/// The statuses of several calls, one after the other.
pub fn statuses(address: SocketAddr, id: &str, times: usize) -> Vec<u16> {
    (0..times).map(|_| call(address, id).status).collect()
}

/// What the status listener shows.
pub fn shown(gateway: &Gateway, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    ask(gateway.address("status"), request).text()
}

/// What a key has used of its quota for a month.
pub fn used(gateway: &Gateway, id: &str) -> u64 {
    let usage: serde_json::Value = serde_json::from_str(&shown(gateway, "/usage")).unwrap();
    let key = usage["keys"].as_array().unwrap().iter().find(|key| key["key"] == id).cloned().unwrap_or_default();
    let quotas = key["quotas"].as_array().cloned().unwrap_or_default();
    quotas.iter().find(|quota| quota["per"] == "month").and_then(|quota| quota["used"].as_u64()).unwrap_or(0)
}
