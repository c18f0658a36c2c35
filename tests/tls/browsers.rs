//! What browsers are told: to come over HTTPS, and how to protect their users.

use crate::client::ask;
use crate::support::client::{Client, get};
use crate::support::{Gateway, Options, folder_with, route};
use crate::world::{World, https};

fn start(world: &World) -> Gateway {
    world.issue("site", &["a.example"]);
    let edge = "apiVersion: gw/v1\nkind: Gateway\nmetadata: { name: edge }\nspec:\n  listeners:\n    \
                - { name: http, address: \"127.0.0.1:0\" }\n    \
                - { name: https, address: \"127.0.0.1:0\", tls: { certificates: [site] } }\n  \
                status: { address: \"127.0.0.1:0\" }\n  trustedProxies: [127.0.0.0/8]\n";
    let plugins = |path: &str, https_only: &str| {
        format!(
            "match: [{{ path: {path} }}]\nplugins: [{{ httpsOnly: {https_only} }}, {{ respond: {{ body: hello }} }}]"
        )
    };
    let manifests = edge.to_owned()
        + &world.certificate("site")
        + &route("sent", &plugins("/sent", "{}"))
        + &route("port", &plugins("/port", "{ port: 8443 }"))
        + &route("refused", &plugins("/refused", "{ refuse: true }"))
        + &route(
            "strict",
            "match: [{ path: /strict }]\nplugins: [{ securityHeaders: { preset: strict } }, { respond: { status: 404 } }]",
        )
        + &route(
            "own",
            "match: [{ path: /own }]\nplugins:\n  - securityHeaders: { frame: any, referrerPolicy: noReferrer }\n  \
             - respond: { headers: { content-security-policy: \"default-src *\", referrer-policy: unsafe-url } }",
        );
    Gateway::start_in(folder_with(&[("gateway.yaml", &manifests)]), &Options::default())
}

#[test]
fn who_comes_over_plain_http_is_sent_on_or_refused() {
    let world = World::new();
    let gateway = start(&world);
    let plain = |path: &str, fields: &str| Client::connect(gateway.http()).send(get(path, fields)).answer();
    let sent = plain("/sent?a=b%20c", "");
    assert_eq!((sent.status, sent.get("location")), (308, Some("https://a.example/sent?a=b%20c")));
    assert_eq!(plain("/port", "").get("location"), Some("https://a.example:8443/port"));
    assert_eq!(plain("/refused", "").status, 403);
    assert_eq!(plain("/sent", "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n").text(), "hello");
    for path in ["/sent", "/port", "/refused"] {
        assert_eq!(ask(https(&gateway), "a.example", path, &world.trust()).unwrap().body, "hello");
    }
}

#[test]
fn a_preset_has_exceptions() {
    let world = World::new();
    let gateway = start(&world);
    let strict = ask(https(&gateway), "a.example", "/strict", &world.trust()).unwrap();
    for line in [
        "strict-transport-security: max-age=31536000\r\n",
        "x-content-type-options: nosniff\r\n",
        "x-frame-options: deny\r\n",
        "referrer-policy: strict-origin-when-cross-origin\r\n",
        "content-security-policy: default-src 'self'; ",
        "permissions-policy: camera=(), ",
    ] {
        assert!(strict.head.contains(line), "{line} in {}", strict.head);
    }
    let plain = Client::connect(gateway.http()).send(get("/strict", "")).answer();
    assert_eq!((plain.get("strict-transport-security"), plain.get("x-frame-options")), (None, Some("DENY")));
    let own = Client::connect(gateway.http()).send(get("/own", "")).answer();
    assert_eq!(own.get("content-security-policy"), Some("default-src *"));
    assert_eq!((own.get("referrer-policy"), own.get("x-frame-options")), (Some("no-referrer"), None));
}
