//! What a backend is told of callers, signed: and what it has to answer.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519};
use serde_json::Value;

use crate::keys::{document, key, keyed, token};
use crate::support::client::ask;
use crate::support::origin::Origin;
use crate::support::{Gateway, Options, backend, folder_with, gateway, route};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn get(gateway: &Gateway, path: &str, key: &str) -> crate::support::client::Answer {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: a.example\r\nx-api-key: {key}\r\nx-caller: forged\r\nConnection: close\r\n\r\n"
    );
    ask(gateway.http(), request)
}

#[test]
fn a_backend_verifies_who_calls() {
    let origin = Origin::ok();
    let (es, ed) =
        (KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap(), KeyPair::generate_for(&PKCS_ED25519).unwrap());
    let folder = folder_with(&[("es.pem", &es.serialize_pem()), ("ed.pem", &ed.serialize_pem())]);
    let file = |name: &str| format!("{{ file: {} }}", folder.join(name).display());
    let called = |path: &str, more: &str| {
        keyed(
            path,
            &format!(
                "match: [{{ path: /{path} }}]\nplugins:\n- auth: {{ anyOf: [partners] }}\n\
                 - callerToken: {{ {more}, audience: geo, claims: {{ tier: \"${{consumer.label.tier}}\", none: \"${{identity.email}}\" }} }}\n\
                 backend: origin"
            ),
        )
    };
    let manifests = gateway("")
        + &backend("origin", origin.address, "")
        + &document("Auth", "partners", "{ apiKey: {} }")
        + &key("acme", "acme", 1, "")
        + &called("hs", "key: { env: CALLER_KEY }")
        + &called("es", &format!("key: {}, algorithm: es256, keyId: es", file("es.pem")))
        + &called("ed", &format!("key: {}, algorithm: eddsa, keyId: ed", file("ed.pem")))
        + &route(
            "keys",
            &format!(
                "match: [{{ path: /jwks }}]\nplugins: [{{ jwks: {{ keys: [{{ key: {}, algorithm: es256, keyId: es }}, {{ key: {}, algorithm: eddsa, keyId: ed }}] }} }}]",
                file("es.pem"),
                file("ed.pem")
            ),
        );
    std::fs::write(folder.join("gateway.yaml"), manifests).unwrap();
    let options = Options { environment: vec![("CALLER_KEY", SECRET.into())], ..Options::default() };
    let gateway = Gateway::start_in(folder, &options);
    let good = token("acme", 1);
    for path in ["/hs", "/es", "/ed", "/hs"] {
        assert_eq!(get(&gateway, path, &good).status, 200, "{path}");
    }
    let jwks = get(&gateway, "/jwks", "");
    assert_eq!(jwks.get("content-type"), Some("application/jwk-set+json"));
    assert!(!jwks.text().contains("\"d\""), "nothing private is shown");
    let keys: JwkSet = serde_json::from_str(&jwks.text()).unwrap();
    let seen = origin.wait_for(4);
    for (seen, algorithm) in seen.iter().zip([Algorithm::HS256, Algorithm::ES256, Algorithm::EdDSA, Algorithm::HS256]) {
        let sent = seen.all("x-caller");
        assert_eq!(sent.len(), 1, "what the client sent is gone");
        let header = decode_header(sent[0]).unwrap();
        let key = match &header.kid {
            Some(kid) => DecodingKey::from_jwk(keys.find(kid).unwrap()).unwrap(),
            None => DecodingKey::from_secret(SECRET.as_bytes()),
        };
        let mut validation = Validation::new(algorithm);
        validation.set_audience(&["geo"]);
        validation.set_issuer(&["gw"]);
        let claims: Value = decode(sent[0], &key, &validation).unwrap().claims;
        assert_eq!((&claims["sub"], &claims["tier"], &claims["none"]), (&"acme".into(), &"acme".into(), &Value::Null));
        assert_eq!(
            (&claims["consumer"]["id"], &claims["consumer"]["labels"]["tier"]),
            (&"acme".into(), &"acme".into())
        );
        assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 30);
    }
    assert!(!gateway.log.all().join("\n").contains(SECRET));
}

#[test]
fn a_key_that_is_none_keeps_the_gateway_from_starting() {
    let manifests = gateway("")
        + &document("Auth", "partners", "{ apiKey: {} }")
        + &keyed(
            "a",
            "plugins: [{ auth: { anyOf: [partners] } }, { callerToken: { key: { env: CALLER_KEY } } }, { respond: { body: a } }]",
        );
    let options = Options { environment: vec![("CALLER_KEY", "short-s3cret".into())], ..Options::default() };
    let mut gateway = Gateway::spawn(folder_with(&[("gateway.yaml", &manifests)]), &options);
    assert!(!gateway.ended().success());
    let log = gateway.log.all().join("\n");
    assert!(log.contains("is shorter than the 32 bytes") && !log.contains("short-s3cret"), "{log}");
}

#[test]
fn a_backend_shows_that_it_has_looked() {
    let origin = Origin::start(|peer| {
        while let Some(seen) = peer.request() {
            let challenge = seen.all("x-gw-challenge")[0].to_owned();
            let part = |name: &str| challenge.split(',').find_map(|part| part.strip_prefix(name)).unwrap().to_owned();
            let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SECRET.as_bytes());
            let sign = |what: &str| {
                let text = format!("{what}.{}.{}", part("t="), part("n="));
                BASE64_URL_SAFE_NO_PAD.encode(aws_lc_rs::hmac::sign(&key, text.as_bytes()))
            };
            assert_eq!(part("s="), sign("request"), "the gateway signs");
            let answer = if seen.head[0].contains("wrong") { "wrong".to_owned() } else { sign("answer") };
            let field = if seen.head[0].contains("none") {
                String::new()
            } else {
                format!("X-Gw-Challenge-Answer: {answer}\r\n")
            };
            peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{field}\r\nok"));
        }
    });
    let manifests = gateway("")
        + &backend("origin", origin.address, "")
        + &route("a", "plugins: [{ upstreamChallenge: { key: { env: CHALLENGE_KEY } } }]\nbackend: origin");
    let options = Options { environment: vec![("CHALLENGE_KEY", SECRET.into())], ..Options::default() };
    let gateway = Gateway::start_in(folder_with(&[("gateway.yaml", &manifests)]), &options);
    let right = get(&gateway, "/right", "");
    assert_eq!((right.status, right.text().as_str(), right.get("x-gw-challenge-answer")), (200, "ok", None));
    for path in ["/wrong", "/none"] {
        let answer = get(&gateway, path, "");
        assert_eq!(answer.status, 502, "{path}");
        assert!(answer.text().contains("\"status\":502"), "{}", answer.text());
    }
}
