//! The status listener of a running gateway: who is answered, what is shown, and that it follows the table.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on fails")]

mod gateway;

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};

use crate::gateway::{Folder, Gateway, PATIENCE, Reply, request};

const HELLO: &str = "\
apiVersion: gw/v1
kind: Route
metadata: { name: hello }
spec:
  match: [{ path: /hello, headers: [{ name: x-token, equals: open-sesame }] }, { path: /hi, methods: [GET] }]
  public: true
  priority: 3
  plugins: [{ respond: { body: hello } }]
";

const BYE: &str = "\
apiVersion: gw/v1
kind: Route
metadata: { name: bye }
spec:
  match: [{ path: /bye }]
  public: true
  plugins: [{ respond: { body: bye } }]
";

/// A gateway whose status listener is as given.
fn edge(status: &str) -> String {
    format!(
        "apiVersion: gw/v1\nkind: Gateway\nmetadata: {{ name: edge }}\nspec:\n  \
         listeners: [{{ name: http, address: \"127.0.0.1:0\" }}]\n  status: {status}\n"
    )
}

fn start(status: &str) -> Gateway {
    Gateway::start(&[("edge.yaml", &edge(status)), ("hello.yaml", HELLO)])
}

const LOOPBACK: &str = "{ address: \"127.0.0.1:0\", hosts: [gw.internal] }";

fn get(gateway: &Gateway, path: &str, fields: &str) -> Reply {
    request(gateway.status, &format!("GET {path} HTTP/1.1\r\nconnection: close\r\n{fields}\r\n"))
}

/// Sends the gateway a request.
fn visit(gateway: &Gateway, path: &str) -> u16 {
    request(gateway.http, &format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")).status
}

#[test]
fn every_path_shows_what_it_says() {
    let gateway = start(LOOPBACK);
    for (path, status, media_type) in [
        ("/", 200, "text/plain; charset=utf-8"),
        ("/livez", 200, "text/plain; charset=utf-8"),
        ("/readyz", 200, "text/plain; charset=utf-8"),
        ("/metrics", 200, "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        ("/status", 200, "application/json"),
        ("/table", 200, "application/json"),
        ("/nothing", 404, "application/problem+json"),
    ] {
        let reply = gateway.get(path);
        assert_eq!((reply.status, reply.field("content-type")), (status, Some(media_type)), "{path}");
        assert_eq!(reply.field("cache-control"), Some("no-store"), "{path}");
        assert_eq!(reply.field("x-content-type-options"), Some("nosniff"), "{path}");
    }
    let status = gateway.get("/status").json();
    assert_eq!(status["generation"], 1);
    assert_eq!(status["ready"], true);
    assert_eq!(status["listeners"][0]["address"], gateway.http.to_string());
    assert!(status.get("rejected").is_none());
    assert_eq!(gateway.get("/table").json()["digest"], status["digest"]);
}

#[test]
fn the_table_is_shown_without_what_may_be_secret() {
    let gateway = start(LOOPBACK);
    let reply = gateway.get("/table");
    let route = serde_json::json!({
        "name": "hello",
        "rules": [
            {
                "rank": 1, "listeners": ["http"], "path": "/hi", "methods": ["GET"], "priority": 3,
            },
            {
                "rank": 2, "listeners": ["http"], "path": "/hello",
                "headers": [{ "name": "x-token", "test": "equals" }], "priority": 3,
            },
        ],
        "plugins": [{ "id": "respond", "plugin": "respond", "conditional": false }],
    });
    assert_eq!(reply.json()["routes"], serde_json::json!([route]));
    assert!(!reply.text().contains("sesame"));
}

#[test]
fn only_get_and_head_are_answered() {
    let gateway = start(LOOPBACK);
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let head = format!("{method} /status HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
        for body in ["\r\n", "content-length: 2\r\n\r\n{}"] {
            let reply = request(gateway.status, &(head.clone() + body));
            assert_eq!((reply.status, reply.field("allow")), (405, Some("GET, HEAD")), "{method}");
        }
    }
    let head = request(gateway.status, "HEAD /table HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.field("content-length"), Some(gateway.get("/table").body.len().to_string().as_str()));
}

#[test]
fn strange_hosts_are_refused() {
    let gateway = start(LOOPBACK);
    for (host, status) in [
        ("host: localhost:9900\r\n", 200),
        ("host: 10.0.0.1\r\n", 200),
        ("host: [::1]:1\r\n", 200),
        ("host: gw.internal\r\n", 200),
        ("host: evil.example\r\n", 403),
        ("host: localhost\r\nhost: evil.example\r\n", 400),
        ("", 400),
    ] {
        assert_eq!(get(&gateway, "/livez", host).status, status, "{host}");
    }
    assert_eq!(request(gateway.status, "GET /livez HTTP/1.0\r\n\r\n").status, 200);
}

#[test]
fn answers_are_compressed_for_those_who_can() {
    let gateway = start(LOOPBACK);
    let reply = get(&gateway, "/metrics", "host: localhost\r\naccept-encoding: gzip\r\n");
    assert_eq!(reply.field("content-encoding"), Some("gzip"));
    assert!(reply.body.windows(2).any(|two| two == [0x1f, 0x8b]), "the mark of gzip");
    assert_eq!(gateway.get("/metrics").field("content-encoding"), None);
}

#[test]
fn counts_survive_swaps_and_removed_routes_are_forgotten() {
    let gateway = Gateway::start(&[("edge.yaml", &edge(LOOPBACK)), ("hello.yaml", HELLO), ("bye.yaml", BYE)]);
    assert_eq!((visit(&gateway, "/hi"), visit(&gateway, "/bye"), visit(&gateway, "/none")), (200, 200, 404));
    let has =
        |lines: &'static [&'static str]| move |reply: &Reply| lines.iter().all(|line| reply.text().contains(line));
    let before = gateway.get_until(
        "/metrics",
        has(&[
            "\ngw_requests_total{route=\"hello\",status=\"2xx\"} 1\n",
            "\ngw_requests_total{route=\"bye\",status=\"2xx\"} 1\n",
            "\ngw_requests_total{route=\"-\",status=\"4xx\"} 1\n",
            "\ngw_request_duration_seconds_bucket{le=\"+Inf\",route=\"hello\"} 1\n",
            "\ngw_config_generation 1\n",
            "\ngw_config_reloads_total 1\n",
            "\ngw_config_watch_alive 1\n",
            "\ngw_connections_accepted_total 3\n",
        ]),
    );
    assert!(before.text().ends_with("\n# EOF\n"));
    let digest = gateway.get("/status").json()["digest"].as_str().unwrap().to_owned();
    assert!(before.text().contains(&format!("\ngw_config_info{{digest=\"{digest}\"}} 1\n")));
    for value in ["last_reload_success_timestamp_seconds", "last_reload_duration_seconds"] {
        let named = |line: &&str| line.starts_with(&format!("gw_config_{value} "));
        let line = before.text().lines().find(named).unwrap().to_owned();
        assert!(!line.ends_with(" 0.0"), "{line}: not that of the first table");
    }

    gateway.folder.write("bye.yaml", "");
    gateway.logged("a new table is in force");
    let after = gateway.get_until("/metrics", |reply| !reply.text().contains("\"bye\""));
    assert!(has(&["\ngw_requests_total{route=\"hello\",status=\"2xx\"} 1\n", "\ngw_config_generation 2\n"])(&after));
}

#[test]
fn a_refused_edit_is_shown_with_its_place_until_it_is_mended() {
    let gateway = start(LOOPBACK);
    let digest = gateway.get("/status").json()["digest"].clone();
    gateway.folder.write("hello.yaml", &HELLO.replace("public", "pubic"));
    let status = gateway.get_until("/status", |reply| reply.json().get("rejected").is_some()).json();
    assert_eq!((&status["digest"], &status["generation"], &status["ready"]), (&digest, &1.into(), &true.into()));
    let problem = &status["rejected"]["diagnostics"][0];
    let place = &problem["labels"][0];
    assert!(place["file"].as_str().unwrap().ends_with("/hello.yaml"), "{problem:#}");
    assert_eq!((&place["line"], &place["column"], &problem["severity"]), (&6.into(), &3.into(), &"error".into()));
    assert_eq!(status["rejected"]["digest"].as_str().map(str::len), Some(64));
    assert_eq!(visit(&gateway, "/hi"), 200);
    gateway.get_until("/metrics", |reply| reply.text().contains("\ngw_config_reload_failures_total 1\n"));

    gateway.folder.write("hello.yaml", HELLO);
    let status = gateway.get_until("/status", |reply| reply.json().get("rejected").is_none()).json();
    assert_eq!((&status["digest"], &status["generation"]), (&digest, &1.into()));
}

#[test]
fn elsewhere_than_on_loopback_only_health_and_metrics_are_shown() {
    let mut gateway = start("{ address: \"0.0.0.0:0\" }");
    gateway.status.set_ip([127, 0, 0, 1].into());
    for (path, status) in [("/livez", 200), ("/readyz", 200), ("/metrics", 200), ("/status", 404), ("/table", 404)] {
        assert_eq!(gateway.get(path).status, status, "{path}");
    }
    assert!(!gateway.get("/").text().contains("/table"));
    gateway.folder.write("edge.yaml", &edge("{ address: \"0.0.0.0:0\", expose: true }"));
    gateway.get_until("/status", |reply| reply.status == 200);
    assert_eq!(gateway.get("/table").status, 200);
}

#[test]
fn the_listener_moves_with_the_table_and_stays_where_it_cannot() {
    let mut gateway = start("{ address: \"127.0.0.1:0\" }");
    let first = gateway.status;
    gateway.folder.write("edge.yaml", &edge("{ address: \"127.0.0.2:0\" }"));
    gateway.status = gateway.listening("status");
    assert_eq!(gateway.status.ip().to_string(), "127.0.0.2");
    assert_eq!(gateway.get("/livez").status, 200);
    assert!(TcpStream::connect_timeout(&first, PATIENCE).is_err(), "the old one is closed");

    // An address of documentation (RFC 5737), which this machine doesn't have.
    gateway.folder.write("edge.yaml", &edge("{ address: \"192.0.2.1:9900\" }"));
    gateway.logged("the status listener stays where it is");
    assert_eq!(gateway.get("/livez").status, 200);

    let wider = format!("0.0.0.0:{}", gateway.status.port());
    gateway.folder.write("edge.yaml", &edge(&format!("{{ address: \"{wider}\" }}")));
    assert_eq!(gateway.listening("status").to_string(), wider);
    assert_eq!(gateway.get("/livez").status, 200);
}

#[test]
fn a_port_that_is_taken_is_an_error_at_the_start() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let status = format!("{{ address: \"{address}\" }}");
    let folder = Folder::new(&[("edge.yaml", &edge(&status)), ("hello.yaml", HELLO)]);
    let output = folder.gw().output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{log}");
    assert!(log.contains(&format!("error: the status listener cannot listen on {address}")), "{log}");
}

#[test]
fn a_draining_gateway_is_not_ready() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let slow = format!(
        "apiVersion: gw/v1\nkind: Backend\nmetadata: {{ name: slow }}\nspec:\n  http: {{ targets: [{{ url: \"http://{}\" }}] }}\n---\n\
         apiVersion: gw/v1\nkind: Route\nmetadata: {{ name: slow }}\nspec: {{ public: true, backend: slow }}\n",
        server.local_addr().unwrap()
    );
    let mut gateway = Gateway::start(&[("edge.yaml", &edge(LOOPBACK)), ("slow.yaml", &slow)]);
    let mut client = TcpStream::connect(gateway.http).unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
    let (mut asked, _) = server.accept().unwrap();
    gateway.terminate();
    let reply = gateway.get_until("/readyz", |reply| reply.status != 200);
    assert_eq!((reply.status, gateway.get("/livez").status), (503, 200));
    asked.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    assert_eq!(gateway.ended(), Some(0));
}
