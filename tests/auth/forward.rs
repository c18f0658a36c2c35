//! A service that is asked about each request: what it is told, and what becomes of its answers.

use crate::support::client::{Answer, ask};
use crate::support::origin::Origin;
use crate::support::{Gateway, backend, gateway, route};

fn call(gateway: &Gateway, fields: &str) -> Answer {
    ask(
        gateway.http(),
        format!("POST /a?b=c HTTP/1.1\r\nHost: api.example\r\n{fields}Content-Length: 0\r\nConnection: close\r\n\r\n"),
    )
}

fn asking(service: &str, origin: &Origin) -> Gateway {
    let auth = format!(
        "---\napiVersion: gw/v1\nkind: Auth\nmetadata: {{ name: asked }}\nspec:\n  forward:\n    url: {service}\n    \
         requestHeaders: [authorization]\n    upstreamHeaders: [x-tenant]\n    identity: {{ subject: x-user, groups: x-groups }}\n"
    );
    let guarded = "plugins:\n- auth: { anyOf: [asked] }\n\
                   - requestHeaders: { set: { x-who: \"${identity.subject}\", x-in: \"${identity.claim./groups}\" } }\nbackend: origin";
    let manifests = gateway("")
        + &auth
        + &route("api", guarded).replace("  public: true\n", "")
        + &backend("origin", origin.address, "");
    Gateway::start(&manifests)
}

#[test]
fn a_service_says_who_is_let_in() {
    let origin = Origin::ok();
    let service = Origin::start(|peer| {
        while let Some(seen) = peer.request() {
            let answer = match seen.all("authorization").first().copied() {
                Some("good") => "200 OK\r\nX-User: ada\r\nX-Groups: a, b\r\nX-Tenant: one",
                Some("unknown") => "204 No Content",
                Some("bad") => "403 Forbidden",
                Some("login") => "302 Found\r\nLocation: https://login.example/\r\nSet-Cookie: a=b",
                Some("broken") => "500 Internal Server Error",
                _ => "401 Unauthorized\r\nWWW-Authenticate: Custom a=b",
            };
            let length = if answer.starts_with("204") { "" } else { "\r\nContent-Length: 0" };
            peer.send(format!("HTTP/1.1 {answer}{length}\r\n\r\n"));
        }
    });
    let gateway = asking(&format!("http://{}/verify", service.address), &origin);
    let asked = call(&gateway, "");
    assert_eq!((asked.status, asked.get("www-authenticate")), (401, Some("Custom a=b")));
    for (says, status) in [("bad", 403), ("login", 401), ("broken", 503)] {
        assert_eq!(call(&gateway, &format!("Authorization: {says}\r\n")).status, status, "{says}");
    }
    let get =
        "GET / HTTP/1.1\r\nHost: api.example\r\nAccept: text/html\r\nAuthorization: login\r\nConnection: close\r\n\r\n";
    let sent = ask(gateway.http(), get);
    assert_eq!(
        (sent.status, sent.get("location"), sent.get("set-cookie")),
        (302, Some("https://login.example/"), Some("a=b"))
    );
    assert!(origin.seen().is_empty(), "nobody was let in");

    let forged = "X-Tenant: forged\r\nX_Tenant: forged\r\nX-Who: forged\r\n";
    assert_eq!(call(&gateway, &format!("Authorization: good\r\n{forged}")).status, 200);
    assert_eq!(call(&gateway, &format!("Authorization: unknown\r\n{forged}")).status, 200);
    let seen = origin.wait_for(2);
    assert_eq!(
        (seen[0].all("x-tenant"), seen[0].all("x-who"), seen[0].all("x-in")),
        (vec!["one"], vec!["ada"], vec!["a,b"])
    );
    assert!(!seen[1].head.join("\n").contains("forged"), "{:?}", seen[1].head);
    let told = &service.seen()[0];
    assert_eq!(told.head[0], "GET /verify HTTP/1.1");
    for (name, value) in [
        ("x-forwarded-method", "POST"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "api.example"),
        ("x-forwarded-uri", "/a?b=c"),
        ("x-forwarded-for", "127.0.0.1"),
    ] {
        assert_eq!(told.all(name), [value]);
    }
}

#[test]
fn nobody_is_let_in_while_it_cannot_be_asked() {
    let origin = Origin::ok();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gateway = asking(&format!("http://{nobody}"), &origin);
    let refused = call(&gateway, "Authorization: good\r\n");
    assert_eq!((refused.status, refused.get("retry-after")), (503, Some("5")));
    assert!(origin.seen().is_empty());
}
