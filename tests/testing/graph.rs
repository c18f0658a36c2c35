//! Pictures of a gateway.

use crate::support::command::Folder;

const MANIFEST: &str = r#"
apiVersion: gw/v1
kind: Backend
metadata: { name: web }
spec: { http: { targets: [{ url: "http://10.0.0.1:3000" }] } }
---
apiVersion: gw/v1
kind: Backend
metadata: { name: next }
spec: { echo: {} }
---
apiVersion: gw/v1
kind: Route
metadata: { name: shop }
spec:
  hosts: [shop.example, "*.shop.example"]
  match: [{ path: "/o/{id:\"?[0-9]+}", methods: [GET, PUT] }, { pathPrefix: /a, headers: [{ name: x-b, present: true }] }]
  public: true
  plugins:
    - httpsOnly: {}
      when: { methods: [GET] }
    - rewrite: { addPrefix: /v2 }
  split: [{ backend: web, weight: 9 }, { backend: next, weight: 1 }]
---
apiVersion: gw/v1
kind: Route
metadata: { name: old }
spec: { match: [{ path: /old }], public: true, plugins: [{ redirect: { to: / } }] }
"#;

#[test]
fn the_same_picture_in_three_languages() {
    let folder = Folder::with(&[("a.yaml", MANIFEST)]);
    let ran = folder.gw_words(&["graph", "."]);
    let expected = r#"flowchart LR
  l0(["http<br>127.0.0.1:8080"])
  r0["old<br>any host<br>/old"]
  r0p0[["redirect"]]
  r1["shop<br>shop.example, *.shop.example<br>GET|PUT /o/{id:#34;#63;#91;0-9#93;#43;}<br>/a/** header x-b"]
  r1p0[["httpsOnly<br>for some requests"]]
  r1p1[["rewrite"]]
  b0[("web<br>http://10.0.0.1:3000")]
  b1[("next")]
  l0 --> r0
  r0 --> r0p0
  l0 --> r1
  r1 --> r1p0
  r1p0 --> r1p1
  r1p1 -->|"9 of 10"| b0
  r1p1 -->|"1 of 10"| b1
"#;
    assert_eq!((ran.code, ran.out.as_str()), (0, expected), "{}", ran.err);
    let ran = folder.gw_words(&["graph", ".", "--output", "dot"]);
    assert!(ran.out.contains("  r1 [shape=box, label=\"shop\\nshop.example, *.shop.example\\nGET|PUT /o/{id:\\\"?[0-9]+}\\n/a/** header x-b\"];\n"), "{}", ran.out);
    assert!(ran.out.contains("  r1p1 -> b0 [label=\"9 of 10\"];\n"), "{}", ran.out);
    let ran = folder.gw_words(&["graph", ".", "--output", "svg"]);
    let golden = "tests/testing/graph.svg";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(golden, &ran.out).unwrap();
    }
    assert_eq!(ran.out, std::fs::read_to_string(golden).unwrap_or_default(), "{}", ran.err);
}
