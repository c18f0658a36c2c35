//! CORS as clients see it: preflights, answers, errors, and what `gw explain` says of them.

use crate::support::client::{Answer, ask, get};
use crate::support::command::Folder;
use crate::support::origin::Origin;
use crate::support::{Gateway, backend, gateway, route};

const OWN_CORS: &str = "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: TRACE\r\n\
                        Vary: accept\r\nContent-Length: 2\r\n\r\nok";

fn start(origin: &Origin, gone: &Origin) -> Gateway {
    let cors = |fields: &str| format!("plugins: [{{ cors: {{ {fields} }} }}]\n");
    let some = "allowOrigins: [\"https://*.shop.example\"], allowOriginRegexes: [\"https://pr-[0-9]+.example\"], \
                allowMethods: [GET, PUT], allowHeaders: [X-Tenant], exposeHeaders: [x-total], allowCredentials: true, \
                allowPrivateNetwork: true, maxAge: 1d";
    Gateway::start(
        &(gateway("")
            + &backend("a", origin.address, "")
            + &backend("gone", gone.address, "")
            + &route("some", &(cors(some) + "match: [{ pathPrefix: /some, methods: [GET, PUT] }]\nbackend: a"))
            + &route(
                "any",
                &(cors("allowOrigins: [\"*\"], allowAnyHeader: true") + "match: [{ pathPrefix: /any }]\nbackend: a"),
            )
            + &route(
                "gone",
                &(cors("allowOrigins: [\"https://shop.example\"]") + "match: [{ pathPrefix: /gone }]\nbackend: gone"),
            )
            + &route("none", "match: [{ pathPrefix: /none, methods: [GET] }]\nbackend: a")
            + &route("options", "match: [{ pathPrefix: /none, methods: [OPTIONS] }]\nbackend: a")),
    )
}

fn preflight(path: &str, origin: &str, method: &str, fields: &str) -> String {
    format!(
        "OPTIONS {path} HTTP/1.1\r\nHost: a.example\r\nOrigin: {origin}\r\n\
         Access-Control-Request-Method: {method}\r\n{fields}\r\n"
    )
}

/// The fields of CORS in an answer, sorted.
fn said(answer: &Answer) -> Vec<&str> {
    let mut fields: Vec<&str> =
        answer.head.iter().map(String::as_str).filter(|line| line.starts_with("access-control-")).collect();
    fields.sort_unstable();
    fields
}

#[test]
fn preflights_are_answered_for_the_method_that_they_announce() {
    let (origin, gone) = (Origin::answering(OWN_CORS), Origin::ok());
    let running = start(&origin, &gone);
    let asked = "Access-Control-Request-Headers: x-TENANT, accept\r\nAccess-Control-Request-Private-Network: true\r\n";
    let answer = ask(running.http(), preflight("/some/x", "https://a.shop.example", "PUT", asked));
    assert_eq!((answer.status, answer.text().as_str()), (204, ""));
    assert_eq!(
        said(&answer),
        [
            "access-control-allow-credentials: true",
            "access-control-allow-headers: x-tenant",
            "access-control-allow-methods: GET, PUT",
            "access-control-allow-origin: https://a.shop.example",
            "access-control-allow-private-network: true",
            "access-control-max-age: 86400",
        ]
    );
    assert_eq!(
        answer.all("vary"),
        [
            "origin",
            "access-control-request-method",
            "access-control-request-headers",
            "access-control-request-private-network"
        ]
    );
    let reflected = "Access-Control-Request-Headers: x-a,x-b\r\n";
    let answer = ask(running.http(), preflight("/any", "null", "POST", reflected));
    assert_eq!((answer.status, answer.get("access-control-allow-headers")), (204, Some("x-a,x-b")));
    assert_eq!(answer.get("access-control-allow-origin"), Some("*"));
    assert!(origin.seen().is_empty(), "none of them got any further");
}

#[test]
fn refused_preflights_say_nothing_but_that_they_vary() {
    let (origin, gone) = (Origin::answering(OWN_CORS), Origin::ok());
    let running = start(&origin, &gone);
    let tenant = "Access-Control-Request-Headers: x-tenant, x-other\r\n";
    for (from, method, fields) in [
        ("https://shop.example", "PUT", ""),
        ("https://a.shop.example.evil", "GET", ""),
        ("null", "GET", ""),
        ("https://a.shop.example", "GET", tenant),
    ] {
        let answer = ask(running.http(), preflight("/some", from, method, fields));
        assert_eq!((answer.status, said(&answer).len()), (403, 0), "{from} {method}");
        assert!(answer.all("vary").contains(&"origin"));
    }
    // what no route with the plugin is found for is an `OPTIONS` like any other
    let delete = ask(running.http(), preflight("/some", "https://a.shop.example", "DELETE", ""));
    assert_eq!((delete.status, delete.get("allow")), (405, Some("GET, PUT")));
    assert_eq!(ask(running.http(), preflight("/none", "https://a.shop.example", "GET", "")).text(), "ok");
    assert_eq!(origin.seen().len(), 1);
    assert!(origin.seen()[0].head[0].starts_with("OPTIONS /none"));
}

#[test]
fn answers_and_errors_carry_what_the_gateway_says() {
    let (origin, gone) = (Origin::answering(OWN_CORS), Origin::start(|_| {}));
    let running = start(&origin, &gone);
    let from = |path: &str, origin: &str| ask(running.http(), get(path, &format!("Origin: {origin}\r\n")));
    let allowed = from("/some", "https://pr-7.example");
    assert_eq!(
        said(&allowed),
        [
            "access-control-allow-credentials: true",
            "access-control-allow-origin: https://pr-7.example",
            "access-control-expose-headers: x-total",
        ]
    );
    assert_eq!(allowed.all("vary"), ["accept", "origin"]);
    let refused = from("/some", "https://other.example");
    assert_eq!(
        (refused.text().as_str(), said(&refused).len(), refused.all("vary")),
        ("ok", 0, vec!["accept", "origin"])
    );
    let any = from("/any", "https://other.example");
    assert_eq!((said(&any), any.all("vary")), (vec!["access-control-allow-origin: *"], vec!["accept"]));
    let unasked = ask(running.http(), get("/some", ""));
    assert_eq!((said(&unasked).len(), unasked.all("vary")), (0, vec!["accept", "origin"]));
    let error = from("/gone", "https://shop.example");
    assert_eq!(
        (error.status, error.get("access-control-allow-origin"), error.get("content-type")),
        (502, Some("https://shop.example"), Some("application/problem+json"))
    );
}

#[test]
fn explaining_says_what_the_gateway_does() {
    let manifests = gateway("")
        + &route(
            "tiles",
            "match: [{ path: /tiles, methods: [GET] }]\n\
             plugins: [{ cors: { allowOrigins: [\"*\"] } }, { respond: { body: tile } }]",
        );
    let folder = Folder::with(&[("gateway.yaml", &manifests)]);
    let explained = |more: &str| {
        let fields = "-H Origin:https://a.example -H Access-Control-Request-Method:GET";
        folder.gw(&format!("explain --dir . OPTIONS http://a.example/tiles {fields} {more}")).out
    };
    let text = explained("--output json");
    assert!(text.contains("\"plugin\": \"cors\"") && text.contains("\"does\": \"answers\""), "{text}");
    assert!(text.contains("\"access-control-allow-origin\"") && text.contains("\"announces\": \"GET\""), "{text}");
    let cases = "apiVersion: gw/v1\nkind: Test\nmetadata: { name: cors }\nspec:\n  cases:\n    \
                - name: a preflight\n      \
                request: { method: OPTIONS, url: \"http://a.example/tiles\", headers: { origin: \"https://a.example\", \
                access-control-request-method: GET } }\n      expect: { route: tiles, status: 204 }\n";
    folder.write("test.yaml", cases);
    let tested = folder.gw("test .");
    assert_eq!(tested.code, 0, "{}{}", tested.out, tested.err);
}
