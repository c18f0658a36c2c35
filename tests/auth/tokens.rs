//! Tokens: whose are taken, what upstreams see of them, and what happens while an issuer's keys change or cannot be had.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value as Json, json};

use crate::issuer::{Key, encode, now, set};
use crate::support::client::{Answer, ask};
use crate::support::origin::{Origin, Seen};
use crate::support::{Gateway, Options, backend, folder_with, gateway, route, wait_until};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn shared(claims: &Json) -> String {
    let signed = format!("{}.{}", encode(json!({ "alg": "HS256" }).to_string()), encode(claims.to_string()));
    let signature = hmac::sign(&hmac::Key::new(HMAC_SHA256, SECRET.as_bytes()), signed.as_bytes());
    format!("{signed}.{}", encode(signature))
}

/// Claims of Ada that are right, with one changed.
fn claims(name: &str, value: Json) -> Json {
    let mut claims = json!({
        "iss": "https://id.example", "aud": ["shop"], "sub": "ada", "exp": now() + 300, "scope": "read write",
        "email": "ada@example.com", "groups": ["members"],
    });
    claims[name] = value;
    claims
}

/// An issuer that answers what it is told: `None` is nothing at all.
struct Issuer {
    origin: Origin,
    says: Arc<Mutex<Option<(u16, String)>>>,
}

impl Issuer {
    fn saying(says: Option<(u16, String)>) -> Self {
        let says = Arc::new(Mutex::new(says));
        let said = Arc::clone(&says);
        let origin = Origin::start(move |peer| {
            while peer.request().is_some() {
                let Some((status, body)) = said.lock().unwrap().clone() else { return };
                peer.send(format!("HTTP/1.1 {status} x\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
            }
        });
        Self { origin, says }
    }

    fn publishing(keys: &[&Key]) -> Self {
        Self::saying(Some((200, set(keys))))
    }

    fn say(&self, says: Option<(u16, String)>) {
        *self.says.lock().unwrap() = says;
    }

    fn address(&self) -> SocketAddr {
        self.origin.address
    }
}

fn manifests(auth: &str, more: &str) -> String {
    gateway("")
        + &format!("---\napiVersion: gw/v1\nkind: Auth\nmetadata: {{ name: staff }}\nspec: {{ jwt: {{ {auth} }} }}\n")
        + &route("api", &format!("plugins:\n- auth: {{ anyOf: [staff] }}\n{more}")).replace("  public: true\n", "")
}

fn hello(auth: &str) -> String {
    manifests(auth, "- respond: { body: hello }")
}

fn call(gateway: &Gateway, path: &str, field: &str) -> Answer {
    ask(gateway.http(), format!("GET {path} HTTP/1.1\r\nHost: api.example\r\n{field}\r\nConnection: close\r\n\r\n"))
}

fn bearer(gateway: &Gateway, token: &str) -> Answer {
    call(gateway, "/", &format!("Authorization: Bearer {token}"))
}

fn with_secret(manifests: &str) -> Gateway {
    let options = Options { environment: vec![("TOKEN_SECRET", SECRET.into())], ..Options::default() };
    Gateway::start_in(folder_with(&[("gateway.yaml", manifests)]), &options)
}

#[test]
fn a_token_lets_in_who_it_is_of_and_goes_no_further() {
    let origin = Origin::ok();
    let auth = "issuer: \"https://id.example\", audiences: [shop], keys: [{ secret: { env: TOKEN_SECRET } }], \
        from: [{ bearer: {} }, { header: { name: x-token } }, { cookie: { name: token } }, { query: { name: token } }], \
        scopes: [read], require: [{ claim: /groups, contains: members }], deny: [{ claim: /sub, equals: eve }]";
    let more = "- requestHeaders: { set: { x-user: \"${identity.subject}\", x-mail: \"${identity.email}\", x-scope: \"${identity.claim./scope}\" } }\nbackend: origin";
    let gateway = with_secret(&(manifests(auth, more) + &backend("origin", origin.address, "")));

    let asked = call(&gateway, "/", "X-User: forged");
    assert_eq!((asked.status, asked.get("www-authenticate")), (401, Some("Bearer")));
    for (wrong, said) in [
        (shared(&claims("exp", json!(now() - 60))), "expired"),
        (shared(&claims("nbf", json!(now() + 600))), "not valid yet"),
        (shared(&claims("iss", json!("https://evil.example"))), "issuer"),
        (shared(&claims("aud", json!("other"))), "audience"),
        (shared(&claims("exp", json!(null))), "claim"),
        (format!("{}x", shared(&claims("a", json!(1)))), "token"),
        (format!("{}..", encode(r#"{"alg":"none"}"#)), "malformed"),
        (Key::new("a").token(&claims("a", json!(1))), "unknown"),
    ] {
        let refused = bearer(&gateway, &wrong);
        let challenge = refused.get("www-authenticate").unwrap_or_default();
        assert_eq!(refused.status, 401, "{said}");
        assert!(
            challenge.starts_with("Bearer error=\"invalid_token\"") && challenge.contains(said),
            "{said}: {challenge}"
        );
    }
    for (wrong, said) in [
        (shared(&claims("scope", json!("write"))), Some("Bearer error=\"insufficient_scope\", scope=\"read\"")),
        (shared(&claims("groups", json!(["guests"]))), None),
        (shared(&claims("sub", json!("eve"))), None),
    ] {
        let refused = bearer(&gateway, &wrong);
        assert_eq!((refused.status, refused.get("www-authenticate")), (403, said));
    }
    assert!(origin.seen().is_empty(), "nobody was let in");

    let good = shared(&claims("a", json!(1)));
    for (path, field) in [
        ("/?a=1", format!("Authorization: Bearer {good}\r\nX-User: forged\r\nX_User: forged")),
        ("/?a=1", format!("X-Token: {good}")),
        ("/?a=1", format!("Cookie: token={good}; a=1")),
        (&*format!("/?a=1&token={good}"), "X-Other: 1".to_owned()),
        ("/?a=1", format!("Authorization: Bearer {good}")),
    ] {
        assert_eq!(call(&gateway, path, &field).status, 200, "{path} {field}");
    }
    for seen in origin.wait_for(5) {
        let head = seen.head.join("\n");
        assert!(!head.contains(&good) && !head.contains("forged") && head.starts_with("GET /?a=1 "), "{head}");
        assert_eq!(
            (seen.all("x-user"), seen.all("x-mail"), seen.all("x-scope")),
            (vec!["ada"], vec!["ada@example.com"], vec!["read write"])
        );
    }
    assert!(!(gateway.log.all().join("\n") + &gateway.access.all().join("\n")).contains(&good));
}

#[test]
fn keys_are_fetched_rotated_and_kept_while_the_issuer_is_down() {
    let (old, new) = (Key::new("old"), Key::new("new"));
    let issuer = Issuer::publishing(&[&old]);
    let gateway = Gateway::start(&hello(&format!("keys: [{{ jwksUrl: \"http://{}/jwks\" }}]", issuer.address())));
    let good = claims("a", json!(1));
    assert_eq!(bearer(&gateway, &old.token(&good)).status, 200);
    assert_eq!(bearer(&gateway, &new.token(&good)).status, 401);

    issuer.say(Some((200, set(&[&new]))));
    wait_until("the new key", || (bearer(&gateway, &new.token(&good)).status == 200).then_some(()));
    assert_eq!(bearer(&gateway, &old.token(&good)).status, 401, "what was remembered ends with its key");

    issuer.say(Some((500, String::new())));
    let asked = issuer.origin.seen().len();
    assert_eq!(bearer(&gateway, &Key::new("other").token(&good)).status, 401);
    wait_until("another try", || (issuer.origin.seen().len() > asked).then_some(()));
    assert_eq!(bearer(&gateway, &new.token(&claims("b", json!(1)))).status, 200, "the keys are kept");
}

#[test]
fn nobody_is_let_in_until_the_keys_are_there() {
    let key = Key::new("a");
    for broken in
        [None, Some((302, String::new())), Some((200, "{}".to_owned())), Some((200, "{\"keys\":[]}".to_owned()))]
    {
        let issuer = Issuer::saying(broken);
        let gateway = Gateway::start(&hello(&format!("keys: [{{ jwksUrl: \"http://{}/jwks\" }}]", issuer.address())));
        let token = key.token(&claims("a", json!(1)));
        let refused = bearer(&gateway, &token);
        assert_eq!((refused.status, refused.get("retry-after")), (503, Some("5")));
        assert_eq!(bearer(&gateway, "a.b.c").status, 401, "that is wrong whatever the keys are");
        issuer.say(Some((200, set(&[&key]))));
        wait_until("the keys", || (bearer(&gateway, &token).status == 200).then_some(()));
    }
}

#[test]
fn the_issuer_is_asked_about_other_tokens() {
    let issuer = Origin::start(|peer| {
        while let Some(seen) = peer.request() {
            let body = match seen.text() {
                text if text.contains("token=good") => json!({ "active": true, "sub": "ada", "scope": "read" }),
                text if text.contains("token=late") => json!({ "active": true, "sub": "ada", "exp": 1 }),
                text if text.contains("token=odd") => json!({ "active": "true", "sub": "ada" }),
                _ => json!({ "active": false }),
            };
            let body = body.to_string();
            peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        }
    });
    let asked = format!(
        "introspection: {{ url: \"http://{}/introspect\", clientId: \"g:w\", clientSecret: {{ env: TOKEN_SECRET }} }}",
        issuer.address
    );
    let gateway = with_secret(&hello(&asked));
    for (token, status) in [("good", 200), ("good", 200), ("bad", 401), ("bad", 401), ("late", 401), ("odd", 503)] {
        assert_eq!(bearer(&gateway, token).status, status, "{token}");
    }
    let seen: Vec<Seen> = issuer.seen();
    assert_eq!(seen.len(), 4, "what was found out is remembered");
    let credential = BASE64_STANDARD.encode(format!("g%3Aw:{SECRET}"));
    assert_eq!(seen[0].all("authorization"), [format!("Basic {credential}")]);
    assert_eq!(seen[0].text(), "token=good&token_type_hint=access_token");
}

#[test]
fn a_file_of_keys_that_is_wrong_is_not_taken() {
    let key = Key::new("a");
    let folder = folder_with(&[("jwks.json", &set(&[&key]))]);
    let file = folder.join("jwks.json");
    std::fs::create_dir(folder.join("m")).unwrap();
    let manifests = hello(&format!("keys: [{{ jwks: {{ file: \"{}\" }} }}]", file.display()));
    std::fs::write(folder.join("m/gateway.yaml"), manifests).unwrap();
    let gateway = Gateway::start_in(folder.join("m"), &Options::default());
    let token = key.token(&claims("a", json!(1)));
    assert_eq!(bearer(&gateway, &token).status, 200);
    std::fs::write(&file, "{}").unwrap();
    gateway.log.wait_for("is no set of keys");
    assert_eq!(bearer(&gateway, &token).status, 200);
    let other = Key::new("b");
    std::fs::write(&file, set(&[&other])).unwrap();
    wait_until("the new key", || (bearer(&gateway, &other.token(&claims("a", json!(1)))).status == 200).then_some(()));
    assert_eq!(bearer(&gateway, &token).status, 401);
}
