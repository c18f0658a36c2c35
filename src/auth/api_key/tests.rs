use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::{ApiKeyAuth, ApiKeyConfig};
use crate::pipeline::auth::{AuthContext, AuthType as _, Authenticator, Call, Finding, Place};
use crate::pipeline::caller::Consumer;
use crate::pipeline::exchange::Client;
use crate::pipeline::head::RequestHead;
use crate::pipeline::keys::{Key, KeySecret, Keys};
use crate::pipeline::secrets::Secrets;
use crate::table::keys::KeyIndex;
use crate::value::api_key::{KeyText, base62};
use crate::value::sha256::Sha256;
use crate::value::url::Scheme;

fn secret(seed: u8) -> String {
    base62(vec![seed; 32], 43)
}

fn token(id: &str, seed: u8) -> String {
    KeyText { id, secret: &secret(seed) }.write()
}

fn key(id: &str, secrets: &[(&str, bool, Option<i64>)]) -> Key {
    let hash = |&(text, whole, alone_from): &(&str, bool, Option<i64>)| KeySecret {
        sha256: Sha256::of(text.as_bytes()),
        whole,
        alone_from,
    };
    Key {
        consumer: Arc::new(Consumer { id: id.into(), name: id.to_lowercase().into(), ..Consumer::default() }),
        secrets: secrets.iter().map(hash).collect(),
        not_before: None,
        expires: None,
        enabled: true,
        scope: None,
        plan: None,
    }
}

fn auth(config: serde_json::Value, keys: Vec<Key>) -> Box<dyn Authenticator> {
    let config: ApiKeyConfig = serde_json::from_value(config).unwrap();
    let keys: Arc<dyn Keys> = Arc::new(KeyIndex::new(keys));
    let mut context = AuthContext {
        name: &"partners".into(),
        keys: &keys,
        secrets: BTreeSet::default(),
        problems: Vec::new(),
    };
    ApiKeyAuth::compile(&config, &mut context).unwrap()
}

/// What is found in a request with these fields: a name with the places to hide, or why not.
fn find(auth: &dyn Authenticator, query: Option<&str>, fields: &[(&str, &str)]) -> String {
    let mut request = RequestHead { query: query.map(str::to_owned), ..RequestHead::default() };
    for (name, value) in fields {
        request.fields.receive(name.as_bytes(), value.as_bytes());
    }
    let client = Client { ip: IpAddr::V4(Ipv4Addr::LOCALHOST), scheme: Scheme::Http, trusted: false };
    let call = Call { request: &request, client, certificate: None, secrets: &Secrets::default() };
    match auth.authenticate(&call) {
        Finding::Absent => "absent".into(),
        Finding::Refused(refusal) => format!("{} {}", refusal.status, refusal.challenge.unwrap_or_default()),
        Finding::Pending(_) => "pending".into(),
        Finding::Accepted(accepted) => {
            let hidden = accepted.hide.iter().map(|place| match place {
                Place::Header(name) | Place::Query(name) | Place::Cookie(name) => &**name,
                Place::Certificate | Place::Anywhere => "nowhere",
            });
            let hidden: Vec<_> = hidden.collect();
            let fields = accepted.response_fields.iter().map(|(_, value)| String::from_utf8_lossy(value).into_owned());
            let name = &accepted.caller.consumer.as_ref().unwrap().name;
            [name.to_string(), hidden.join("+"), fields.collect()].join(" ").trim().to_owned()
        }
    }
}

#[test]
fn by_default_a_key_stands_in_two_places() {
    let auth = auth(serde_json::json!({}), vec![key("A1", &[(&secret(1), false, None)])]);
    let refused = "401 ApiKey, Bearer";
    let long = "gw_".to_owned() + &"a".repeat(5000);
    for (fields, found) in [
        (&[][..], "absent"),
        (&[("authorization", &*format!("Bearer {}", token("A1", 1)))], "a1 authorization"),
        (&[("Authorization", &*format!("bearer  {}", token("A1", 1)))], "a1 authorization"),
        (&[("x-api-key", &*token("A1", 1))], "a1 x-api-key"),
        (&[("x-api-key", &*token("A1", 2))], refused),
        (&[("x-api-key", &*token("B1", 1))], refused),
        (&[("x-api-key", &*token("A1", 1)), ("x-api-key", "x")], refused),
        (&[("x_api_key", &*token("A1", 1))], "absent"),
        (&[("x-api-key", "")], refused),
        (&[("x-api-key", &*secret(1))], refused),
        (&[("x-api-key", "\u{e9}")], refused),
        (&[("authorization", &*format!("Bearer {long}"))], refused),
        (&[("authorization", "Bearer eyJ.eyJ.sig")], "absent"),
        (&[("authorization", "Basic QTE6eA==")], "absent"),
    ] {
        assert_eq!(find(&*auth, None, fields), found, "{fields:?}");
    }
}

#[test]
fn other_places_are_looked_at_where_they_are_named() {
    let from = serde_json::json!({ "from": [
        { "basic": { "realm": "geo" } },
        { "pair": { "idHeader": "x-id", "secretHeader": "x-secret" } },
        { "query": { "name": "key" } },
        { "cookie": { "name": "key" } },
    ] });
    let auth = auth(from, vec![key("A1", &[(&secret(1), false, None)])]);
    let (whole, secret) = (token("A1", 1), secret(1));
    let basic = |user: &str, password: &str| format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")));
    let refused = "401 ApiKey, Basic realm=\"geo\", charset=\"UTF-8\"";
    assert_eq!(find(&*auth, None, &[("authorization", &basic("A1", &secret))]), "a1 authorization");
    assert_eq!(find(&*auth, None, &[("authorization", &basic("A1", &whole))]), "a1 authorization");
    assert_eq!(find(&*auth, None, &[("authorization", &basic("B1", &whole))]), refused);
    assert_eq!(find(&*auth, None, &[("authorization", "Basic !")]), refused);
    assert_eq!(find(&*auth, None, &[("x-id", "A1"), ("x-secret", &secret)]), "a1 x-id+x-secret");
    assert_eq!(find(&*auth, None, &[("x-id", "A1")]), refused);
    assert_eq!(find(&*auth, Some(&format!("a=1&key={whole}")), &[]), "a1 key");
    assert_eq!(find(&*auth, Some(&format!("key={whole}&key=x")), &[]), refused);
    assert_eq!(find(&*auth, None, &[("cookie", &format!("a=1; key={whole}"))]), "a1 key");
    assert_eq!(find(&*auth, None, &[("x-api-key", &whole)]), "absent");
}

#[test]
fn keys_from_elsewhere_are_known_by_the_hash_of_the_whole_token() {
    let auth = auth(serde_json::json!({}), vec![key("old", &[("legacy-token", true, None)])]);
    assert_eq!(find(&*auth, None, &[("authorization", "Bearer legacy-token")]), "old authorization");
    assert_eq!(find(&*auth, None, &[("authorization", "Bearer other")]), "401 ApiKey, Bearer");
}

#[test]
fn a_second_secret_is_accepted_at_once_and_from_its_date_on_alone() {
    let (past, future) = (0, 4_102_444_800);
    let rotated = |from: i64| {
        auth(serde_json::json!({}), vec![key("A1", &[(&secret(1), false, None), (&secret(2), false, Some(from))])])
    };
    let with = |auth: &dyn Authenticator, seed: u8| find(auth, None, &[("x-api-key", &token("A1", seed))]);
    assert_eq!(with(&*rotated(future), 1), "a1 x-api-key 2100-01-01T00:00:00Z");
    assert_eq!(with(&*rotated(future), 2), "a1 x-api-key");
    assert_eq!(with(&*rotated(past), 1), "401 ApiKey, Bearer");
    assert_eq!(with(&*rotated(past), 2), "a1 x-api-key");
}

#[test]
fn a_key_has_its_time() {
    let now = super::now();
    for (not_before, expires, enabled, is_valid) in [
        (None, None, true, true),
        (None, None, false, false),
        (Some(now), Some(now + 1), true, true),
        (Some(now + 1), None, true, false),
        (None, Some(now), true, false),
    ] {
        let key = Key { not_before, expires, enabled, ..key("A1", &[(&secret(1), false, None)]) };
        assert_eq!(key.is_valid_at(now), is_valid, "{not_before:?} {expires:?} {enabled}");
    }
}
