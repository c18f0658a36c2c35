//! Logging in at a provider whose answers are forged, with cookies and requests that are: nobody gets in who should not.

use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use serde_json::{Value as Json, json};

use crate::browser::{Browser, parameter, parts};
use crate::issuer::{Key, encode, now, set};
use crate::support::client::{Answer, ask};
use crate::support::origin::Origin;
use crate::support::{Gateway, Options, backend, folder_with, gateway, route, wait_until};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// A provider that says what it is told.
struct Forged {
    origin: Origin,
    key: Arc<Key>,
    /// What it gives for a code, and what it says of somebody.
    tokens: Arc<Mutex<Json>>,
    info: Arc<Mutex<Json>>,
}

impl Forged {
    fn start() -> Self {
        let key = Arc::new(Key::new("a"));
        let (tokens, info) = (Arc::new(Mutex::new(json!({}))), Arc::new(Mutex::new(json!({ "sub": "ada" }))));
        let issuer = Arc::new(Mutex::new(String::new()));
        let (signs, gives, says, named) =
            (Arc::clone(&key), Arc::clone(&tokens), Arc::clone(&info), Arc::clone(&issuer));
        let origin = Origin::start(move |peer| {
            while let Some(seen) = peer.request() {
                let issuer = named.lock().unwrap().clone();
                let body = match seen.head[0].split(' ').nth(1).unwrap() {
                    "/.well-known/openid-configuration" => json!({
                        "issuer": issuer,
                        "authorization_endpoint": format!("{issuer}/authorize"),
                        "token_endpoint": format!("{issuer}/token"),
                        "userinfo_endpoint": format!("{issuer}/me"),
                        "jwks_uri": format!("{issuer}/jwks"),
                        "response_types_supported": ["code"],
                        "subject_types_supported": ["public"],
                        "id_token_signing_alg_values_supported": ["EdDSA", "HS256"],
                    })
                    .to_string(),
                    "/jwks" => set(&[&signs]),
                    "/token" => gives.lock().unwrap().to_string(),
                    _ => says.lock().unwrap().to_string(),
                };
                peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
            }
        });
        *issuer.lock().unwrap() = format!("http://{}", origin.address);
        Self { origin, key, tokens, info }
    }

    fn issuer(&self) -> String {
        format!("http://{}", self.origin.address)
    }

    /// What an ID token claims that is right.
    fn claims(&self, nonce: &str) -> Json {
        json!({ "iss": self.issuer(), "aud": "shop", "sub": "ada", "sid": "s1", "iat": now(), "exp": now() + 60, "nonce": nonce })
    }

    fn give(&self, id_token: &str) {
        *self.tokens.lock().unwrap() =
            json!({ "access_token": "the-access-token", "token_type": "Bearer", "id_token": id_token });
    }

    fn was_asked_for_tokens(&self) -> usize {
        self.origin.seen().iter().filter(|seen| seen.head[0].contains("/token")).count()
    }
}

struct Shop {
    provider: Forged,
    gateway: Gateway,
    origin: Origin,
    base: String,
}

fn shop() -> Shop {
    let (provider, origin) = (Forged::start(), Origin::ok());
    let auth = |name: &str| {
        format!(
            "---\napiVersion: gw/v1\nkind: Auth\nmetadata: {{ name: {name} }}\nspec:\n  oidc:\n    issuer: {}\n    \
             clientId: shop\n    clientSecret: {{ env: SHOP_SECRET }}\n    session: {{ key: {{ env: SESSION_KEY }} }}\n    \
             accessTokenHeader: x-token\n",
            provider.issuer()
        )
    };
    let guarded = |name: &str, path: &str, auth: &str| {
        let spec = format!("match: [{{ pathPrefix: {path} }}]\nplugins: [{{ auth: {auth} }}]\nbackend: origin");
        route(name, &spec).replace("  public: true\n", "")
    };
    let manifests = gateway("")
        + &auth("members")
        + &auth("staff")
        + &guarded("private", "/private", "{ anyOf: [members] }")
        + &guarded("staff", "/staff", "{ anyOf: [staff] }")
        + &route(
            "open",
            "match: [{ pathPrefix: /open }]\nplugins: [{ auth: { anyOf: [members], optional: true } }]\nbackend: origin",
        )
        + &route("other", "hosts: [other.example]\nplugins: [{ respond: { body: hello } }]")
        + &backend("origin", origin.address, "");
    let environment = vec![
        ("SHOP_SECRET", "the-secret-of-the-shop".to_owned()),
        ("SESSION_KEY", "0123456789abcdef0123456789abcdef".to_owned()),
    ];
    let options = Options { environment, ..Options::default() };
    let gateway = Gateway::start_in(folder_with(&[("gateway.yaml", &manifests)]), &options);
    let base = format!("http://{}", gateway.http());
    wait_until("the provider's own description", || {
        (Browser::default().get(&format!("{base}/private")).status == 303).then_some(())
    });
    Shop { provider, gateway, origin, base }
}

impl Shop {
    /// Begins a login: its state and nonce.
    fn begin(&self, browser: &mut Browser, path: &str) -> (String, String) {
        let sent = browser.get(&format!("{}{path}", self.base));
        let location = sent.get("location").unwrap_or_else(|| panic!("{path}: {}", sent.status));
        assert_eq!((sent.status, parameter(location, "code_challenge_method").as_deref()), (303, Some("S256")));
        (parameter(location, "state").unwrap(), parameter(location, "nonce").unwrap())
    }

    fn come_back(&self, browser: &mut Browser, query: &str) -> Answer {
        browser.get(&format!("{}/.gw/auth/members/callback?{query}", self.base))
    }

    /// A browser in which Ada has logged in.
    fn logged_in(&self) -> Browser {
        let mut browser = Browser::default();
        let (state, nonce) = self.begin(&mut browser, "/private");
        self.provider.give(&self.provider.key.token(&self.provider.claims(&nonce)));
        let back = self.come_back(&mut browser, &format!("code=c&state={state}"));
        assert_eq!((back.status, back.get("location")), (303, Some("/private")), "{}", back.text());
        browser
    }

    fn is_let_in(&self, browser: &mut Browser) -> bool {
        browser.get(&format!("{}/private", self.base)).status == 200
    }

    fn log_out_by_provider(&self, token: &str) -> u16 {
        let form = format!("logout_token={token}");
        let path = "/.gw/auth/members/backchannel";
        let length = form.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: shop\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{form}"
        );
        ask(self.gateway.http(), request).status
    }
}

/// Makes an ID token for a nonce.
type Forge<'a> = Box<dyn Fn(&Shop, &str) -> String + 'a>;

#[test]
fn an_id_token_that_is_not_right_lets_nobody_in() {
    let shop = shop();
    assert!(shop.is_let_in(&mut shop.logged_in()), "the right one does");
    let sign_as = |header: Json, claims: &Json, secret: &[u8]| {
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        format!("{signed}.{}", encode(hmac::sign(&hmac::Key::new(HMAC_SHA256, secret), signed.as_bytes())))
    };
    let provider = &shop.provider;
    let with = |name: &'static str, value: Json| {
        move |shop: &Shop, nonce: &str| {
            let mut claims = shop.provider.claims(nonce);
            claims[name] = value.clone();
            shop.provider.key.token(&claims)
        }
    };
    let forged: Vec<(&str, Forge<'_>)> = vec![
        ("nonce", Box::new(with("nonce", json!("other")))),
        ("no nonce", Box::new(with("nonce", json!(null)))),
        ("issuer", Box::new(with("iss", json!("http://evil.example")))),
        ("audience", Box::new(with("aud", json!("other")))),
        ("authorized party", Box::new(with("azp", json!("other")))),
        ("expired", Box::new(with("exp", json!(now() - 60)))),
        ("no end", Box::new(with("exp", json!(null)))),
        ("in the future", Box::new(with("iat", json!(now() + 600)))),
        ("somebody else than userinfo", Box::new(with("sub", json!("eve")))),
        ("another key", Box::new(|shop: &Shop, nonce: &str| Key::new("a").token(&shop.provider.claims(nonce)))),
        ("another id", Box::new(|shop: &Shop, nonce: &str| Key::new("b").token(&shop.provider.claims(nonce)))),
        (
            "none",
            Box::new(|shop: &Shop, nonce: &str| {
                format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(shop.provider.claims(nonce).to_string()))
            }),
        ),
        (
            "a public key as a secret",
            Box::new(|shop: &Shop, nonce: &str| {
                sign_as(
                    json!({ "alg": "HS256" }),
                    &shop.provider.claims(nonce),
                    provider.key.jwk().to_string().as_bytes(),
                )
            }),
        ),
        (
            "our secret",
            Box::new(|shop: &Shop, nonce: &str| {
                sign_as(json!({ "alg": "HS256" }), &shop.provider.claims(nonce), b"the-secret-of-the-shop")
            }),
        ),
        ("nothing", Box::new(|_: &Shop, _: &str| String::new())),
    ];
    for (what, forge) in forged {
        let mut browser = Browser::default();
        let (state, nonce) = shop.begin(&mut browser, "/private");
        provider.give(&forge(&shop, &nonce));
        let back = shop.come_back(&mut browser, &format!("code=c&state={state}"));
        assert!(matches!(back.status, 403 | 502), "{what}: {}", back.status);
        assert!(!shop.is_let_in(&mut browser), "{what}");
    }
}

#[test]
fn a_login_ends_in_the_browser_where_it_began_and_once() {
    let shop = shop();
    let mut browser = Browser::default();
    let (state, nonce) = shop.begin(&mut browser, "/private");
    shop.provider.give(&shop.provider.key.token(&shop.provider.claims(&nonce)));
    let (good, other) = (format!("code=c&state={state}"), format!("{}x", &state[..state.len() - 1]));
    for (query, mut browser, status) in [
        (good.clone(), Browser::default(), 400),
        ("code=c".to_owned(), browser.clone(), 400),
        (format!("code=c&state={other}"), browser.clone(), 400),
        (format!("code=c&state={state}&state={state}"), browser.clone(), 400),
        ("code=c&state=".to_owned(), browser.clone(), 400),
    ] {
        assert_eq!(shop.come_back(&mut browser, &query).status, status, "{query}");
    }
    assert_eq!(shop.provider.was_asked_for_tokens(), 0);

    let before = browser.clone();
    assert_eq!(shop.come_back(&mut browser, &good).status, 303);
    assert!(shop.is_let_in(&mut browser));
    for mut browser in [before, browser] {
        assert_eq!(shop.come_back(&mut browser, &good).status, 400, "a login ends once");
    }

    let mut browser = Browser::default();
    let (state, _) = shop.begin(&mut browser, "/private");
    let mut browser_of_another = browser.clone();
    let refused = shop.come_back(&mut browser, &format!("error=x&error_description=%3Cscript%3E&state={state}"));
    assert!(refused.status == 403 && !refused.text().contains("<script>"), "{}", refused.text());
    let mixed = shop.begin(&mut browser_of_another, "/private").0;
    let mixed = shop.come_back(&mut browser_of_another, &format!("code=c&state={mixed}&iss=http%3A%2F%2Fevil.example"));
    assert_eq!((mixed.status, shop.provider.was_asked_for_tokens()), (502, 1), "no code is shown to another provider");
}

#[test]
fn two_tabs_log_in_and_many_do_no_harm() {
    let shop = shop();
    let mut browser = Browser::default();
    let tabs: Vec<_> = (0..8).map(|n| shop.begin(&mut browser, &format!("/private/{n}"))).collect();
    let kept = browser.cookies[parts(&shop.base).0].len();
    assert!(kept <= 5, "{kept} logins are kept");
    for (state, nonce) in tabs.iter().rev().take(2) {
        shop.provider.give(&shop.provider.key.token(&shop.provider.claims(nonce)));
        assert_eq!(shop.come_back(&mut browser, &format!("code=c&state={state}")).status, 303);
    }
    let many = (0..300).map(|n| (format!("gw_members.login-{n}"), "x".repeat(40)));
    browser.cookies.get_mut(parts(&shop.base).0).unwrap().extend(many);
    assert!(shop.is_let_in(&mut browser));
}

#[test]
fn a_browser_comes_back_to_this_host_only() {
    let shop = shop();
    for to in [
        "//evil.example",
        "/%5Cevil.example",
        "https://evil.example/",
        "/%09/evil.example",
        "%5C%5Cevil.example",
        "/a%0d%0ax",
    ] {
        let mut browser = Browser::default();
        let (state, nonce) = shop.begin(&mut browser, &format!("/.gw/auth/members/login?to={to}"));
        shop.provider.give(&shop.provider.key.token(&shop.provider.claims(&nonce)));
        let back = shop.come_back(&mut browser, &format!("code=c&state={state}"));
        assert_eq!((back.status, back.get("location")), (303, Some("/")), "{to}");
    }
    let pages = "GET /.gw/auth/members/login HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n";
    assert_ne!(ask(shop.gateway.http(), pages).status, 303, "no route of that host uses it");
    for page in ["nothing", "login/x", ""] {
        let answer = Browser::default().get(&format!("{}/.gw/auth/members/{page}", shop.base));
        assert_eq!(answer.status, 404, "{page}");
    }
}

#[test]
fn only_a_session_of_this_auth_that_nobody_changed_lets_in() {
    let shop = shop();
    let browser = shop.logged_in();
    let host = parts(&shop.base).0.to_owned();
    let session = browser.cookies[&host]["gw_members"].clone();
    assert_eq!(browser.get_clone(&shop, "/staff").status, 303, "a session is of one `Auth`");
    let with = |name: &str, value: String| {
        let mut browser = Browser::default();
        browser.cookies.entry(host.clone()).or_default().insert(name.to_owned(), value);
        browser
    };
    assert!(shop.is_let_in(&mut with("gw_members", session.clone())));
    let at = session.len() / 2;
    let changed =
        format!("{}{}{}", &session[..at], if &session[at..=at] == "A" { "B" } else { "A" }, &session[at + 1..]);
    for wrong in [changed, session[..at].to_owned(), format!("{session}AAAA"), "x".repeat(3000), "e30".to_owned()] {
        assert!(!shop.is_let_in(&mut with("gw_members", wrong)));
    }
    assert_eq!(with("gw_staff", session.clone()).get(&format!("{}/staff", shop.base)).status, 303, "nor of another");
    let (_, login) = {
        let mut browser = Browser::default();
        shop.begin(&mut browser, "/private");
        browser.cookies[&host].iter().next().map(|(name, value)| (name.clone(), value.clone())).unwrap()
    };
    assert!(!shop.is_let_in(&mut with("gw_members", login)), "what is sealed for a login is no session");
}

impl Browser {
    fn get_clone(&self, shop: &Shop, path: &str) -> Answer {
        self.clone().get(&format!("{}{path}", shop.base))
    }
}

#[test]
fn scripts_are_told_and_identities_are_not_spoofed() {
    let shop = shop();
    for request in [
        "GET /private HTTP/1.1\r\nAccept: application/json",
        "GET /private HTTP/1.1\r\nAccept: text/html\r\nX-Requested-With: XMLHttpRequest",
        "GET /private HTTP/1.1\r\nAccept: text/html\r\nSec-Fetch-Mode: cors",
        "POST /private HTTP/1.1\r\nAccept: text/html\r\nContent-Length: 0",
    ] {
        let answer = ask(shop.gateway.http(), format!("{request}\r\nHost: shop\r\nConnection: close\r\n\r\n"));
        assert_eq!((answer.status, answer.get("location"), answer.get("set-cookie")), (401, None, None), "{request}");
        assert!(answer.get("www-authenticate").is_some());
    }
    let spoofed = "GET /open HTTP/1.1\r\nHost: shop\r\nX-Token: forged\r\nX_Token: forged\r\nConnection: close\r\n\r\n";
    assert_eq!(ask(shop.gateway.http(), spoofed).status, 200);
    let seen = shop.origin.wait_for(1).remove(0).head.join("\n");
    assert!(!seen.contains("forged"), "{seen}");
}

#[test]
fn the_provider_ends_sessions() {
    let shop = shop();
    let mut browser = shop.logged_in();
    let claims = |changed: Json| {
        let mut claims = json!({
            "iss": shop.provider.issuer(), "aud": "shop", "iat": now(), "exp": now() + 60, "jti": encode(now().to_string()),
            "sid": "s1", "events": { EVENT: {} },
        });
        claims.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
        claims
    };
    for wrong in [
        claims(json!({ "aud": "other" })),
        claims(json!({ "iss": "http://evil.example" })),
        claims(json!({ "nonce": "n" })),
        claims(json!({ "events": {} })),
        claims(json!({ "sid": null })),
        claims(json!({ "jti": null })),
    ] {
        assert_eq!(shop.log_out_by_provider(&shop.provider.key.token(&wrong)), 400, "{wrong}");
    }
    assert_eq!(shop.log_out_by_provider(&Key::new("a").token(&claims(json!({})))), 400);
    assert!(shop.is_let_in(&mut browser));
    let good = shop.provider.key.token(&claims(json!({})));
    assert_eq!(shop.log_out_by_provider(&good), 200);
    assert!(!shop.is_let_in(&mut browser));
    assert_eq!(shop.log_out_by_provider(&good), 400, "once");
    let foreign = Browser { fields: "Sec-Fetch-Site: cross-site\r\n".to_owned(), ..shop.logged_in() };
    assert_eq!(foreign.get_clone(&shop, "/.gw/auth/members/logout").status, 403);
    let mut again = Browser { fields: String::new(), ..foreign };
    assert!(!shop.is_let_in(&mut again), "the provider's session s1 is over, whoever has it");
}
