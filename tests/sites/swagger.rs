//! Swagger UI in a real browser.

use std::fs;
use std::path::Path;

use crate::support::browser::Browser;
use crate::support::client::{ask, get};
use crate::support::origin::Origin;
use crate::support::{Gateway, Options, folder_with, wait_until};

const MANIFESTS: &str = r#"apiVersion: gw/v1
kind: Gateway
metadata: { name: edge }
spec:
  listeners: [{ name: http, address: "127.0.0.1:0" }]
  status: { address: "127.0.0.1:0" }
---
apiVersion: gw/v1
kind: Route
metadata: { name: api }
spec: { match: [{ pathPrefix: /api }], public: true, backend: api }
---
apiVersion: gw/v1
kind: Backend
metadata: { name: api }
spec: { echo: {} }
---
apiVersion: gw/v1
kind: Route
metadata: { name: docs }
spec:
  match: [{ pathPrefix: /docs }]
  public: true
  plugins: [{ rewrite: { stripPrefix: /docs } }]
  backend: docs
---
apiVersion: gw/v1
kind: Backend
metadata: { name: docs }
spec:
  swaggerUi:
    title: The <shop>
    server: /
    documents:
      - { name: v1, file: openapi.json }
      - { name: v2, url: "http://ORIGIN/openapi.json" }
"#;

const FIRST: &str = r#"{"openapi":"3.1.0","info":{"title":"Orders","version":"1.0"},"servers":[{"url":"https://elsewhere.example"}],
  "paths":{"/api/orders/{id}":{"get":{"summary":"One order","parameters":[{"name":"id","in":"path","required":true,"schema":{"type":"integer"},"example":7}],
  "responses":{"200":{"description":"It"}}}}}}"#;

const SECOND: &str = r#"{"openapi":"3.0.3","info":{"title":"Orders, again","version":"2.0"},"paths":{"/api/v2":{"get":{"responses":{"200":{"description":"It"}}}}}}"#;

fn start() -> (Gateway, Origin) {
    let origin = Origin::start(|peer| {
        while peer.request().is_some() {
            let length = SECOND.len();
            peer.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{SECOND}"
            ));
        }
    });
    let manifests = MANIFESTS.replace("ORIGIN", &origin.address.to_string());
    let folder = folder_with(&[("gateway.yaml", &manifests), ("openapi.json", FIRST)]);
    (Gateway::start_in(folder, &Options::default()), origin)
}

#[test]
fn all_that_the_page_needs_is_here() {
    let (gateway, _origin) = start();
    let get = |path: &str, fields: &str| ask(gateway.http(), get(path, fields));
    let redirect = get("/docs", "");
    assert_eq!((redirect.status, redirect.get("location")), (308, Some("/docs/")));
    let page = get("/docs/", "");
    assert_eq!(page.get("content-type"), Some("text/html; charset=utf-8"));
    let policy = page.get("content-security-policy").unwrap();
    assert!(
        policy.contains("default-src 'none'; script-src 'self';") && policy.contains("connect-src 'self';"),
        "{policy}"
    );
    assert!(page.text().contains("<title>The &lt;shop&gt;</title>") && !page.text().contains("://"), "{}", page.text());
    let script = page.text().split("<script src=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let script = get(&format!("/docs/{script}"), "Accept-Encoding: gzip\r\n");
    assert_eq!(script.get("content-encoding"), Some("gzip"));
    assert_eq!(script.get("cache-control"), Some("public, max-age=31536000, immutable"));
    let document = get("/docs/documents/v1.json", "");
    assert_eq!(document.get("content-type"), Some("application/json; charset=utf-8"));
    assert!(document.text().contains(r#""servers":[{"url":"/"}]"#) && !document.text().contains("elsewhere"));
    let document = get("/docs/documents/v2", "");
    assert_eq!((document.status, document.get("content-type")), (200, Some("application/json")));
    assert!(document.text().contains(r#""servers":[{"url":"/"}]"#));
}

#[test]
fn a_document_that_cannot_be_asked_for_is_a_502() {
    let (gateway, origin) = start();
    drop(origin);
    wait_until("nobody answers", || (ask(gateway.http(), get("/docs/documents/v2", "")).status == 502).then_some(()));
}

#[test]
fn an_api_is_tried_out_in_a_browser() {
    let (gateway, _origin) = start();
    let browser = Browser::start();
    browser.open(&format!("http://{}/docs", gateway.http()));
    browser.wait("document.querySelector('.opblock-summary')");
    assert_eq!(browser.run("return document.querySelector('.info .title').firstChild.textContent"), "Orders");
    browser.run("document.querySelector('.opblock-summary-control').click()");
    browser.wait("document.querySelector('.try-out__btn')");
    browser.run("document.querySelector('.try-out__btn').click()");
    browser.wait("document.querySelector('.execute')");
    browser.run("document.querySelector('.execute').click()");
    browser.wait("document.querySelector('.live-responses-table .response-col_status')");
    let shown = browser.run("return document.querySelector('.live-responses-table').innerText");
    let shown = shown.as_str().unwrap();
    assert!(shown.contains("200") && shown.contains("\"path\": \"/api/orders/7\""), "{shown}");
    let shots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
    fs::create_dir_all(&shots).unwrap();
    browser.screenshot(&shots.join("swagger-ui.png"));
    browser.run(
        "const select = document.querySelector('.download-url-wrapper select');\
         const set = Object.getOwnPropertyDescriptor(HTMLSelectElement.prototype, 'value').set;\
         set.call(select, select.options[1].value);\
         select.dispatchEvent(new Event('change', { bubbles: true }))",
    );
    browser.wait("document.querySelector('.info .title')?.firstChild.textContent == 'Orders, again'");
    assert_eq!(browser.complaints(), [] as [String; 0]);
}
