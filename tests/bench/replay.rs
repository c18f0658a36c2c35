//! What deciding the requests of an access log costs: a million lines of each format, by two tables of 1,000 routes, on one thread.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a benchmark may end in a panic, and says what it found")]

use std::fmt::Write as _;
use std::time::Instant;

use gw::compiler::{Compiled, SourceFile, compile, parse};
use gw::deploy::replay::Replay;
use gw::pipeline::assets::Assets;

const ROUTES: usize = 1000;
const LINES: u32 = 1_000_000;

/// How a line of a format is written for a path.
type Format = fn(&mut String, &str);

const FORMATS: [(&str, Format); 3] = [
    ("own JSON", |log, path| {
        let _ = writeln!(
            log,
            r#"{{"time":"2026-11-24T19:24:43.123Z","client":"203.0.113.9","tls":"1.3","method":"GET","host":"api.example","path":"{path}","route":"service","upstream":"http://10.0.0.1:3000","status":200,"bytes":5123,"durationMs":12.345,"requestId":"0123456789abcdef0123456789abcdef","generation":7,"complete":true}}"#
        );
    }),
    ("Envoy JSON", |log, path| {
        let _ = writeln!(
            log,
            r#"{{"start_time":"2026-11-24T19:24:43.123Z","method":"GET","path":"{path}?q=1","protocol":"HTTP/1.1","response_code":200,"response_flags":"-","bytes_received":0,"bytes_sent":5123,"duration":12,"x_forwarded_for":"203.0.113.9","user_agent":"Mozilla/5.0 (X11; Linux x86_64)","request_id":"01234567-89ab-cdef-0123-456789abcdef","authority":"api.example","upstream_host":"10.0.0.1:3000"}}"#
        );
    }),
    ("combined", |log, path| {
        let _ = writeln!(
            log,
            r#"api.example:443 203.0.113.9 - - [24/Nov/2026:19:24:43 +0000] "GET {path}?q=1 HTTP/1.1" 200 5123 "https://api.example/" "Mozilla/5.0 (X11; Linux x86_64)""#
        );
    }),
];

fn compiled(changed: usize) -> Compiled {
    let mut text = String::from("apiVersion: gw/v1\nkind: Backend\nmetadata: { name: web }\nspec: { echo: {} }\n");
    for i in 0..ROUTES {
        let path = if i == changed { format!("/api/other-{i}") } else { format!("/api/service-{i}") };
        let _ = write!(
            text,
            "---\napiVersion: gw/v1\nkind: Route\nmetadata: {{ name: service-{i} }}\nspec: {{ hosts: [api.example], match: [{{ pathPrefix: {path} }}], public: true, backend: web }}\n"
        );
    }
    let file = SourceFile { path: "a.yaml".into(), shown: "a.yaml".into(), bytes: text.into() };
    compile(parse(vec![file]), &Assets::new())
}

fn main() {
    let (mut old, mut new) = (compiled(ROUTES), compiled(7));
    let replay = Replay::new(&mut old, &mut new, "api.example").expect("two tables");
    for (name, format) in FORMATS {
        let mut log = String::new();
        for i in 0..LINES as usize {
            format(&mut log, &format!("/api/service-{}/orders/{i}", i * 7919 % ROUTES));
        }
        let began = Instant::now();
        let report = replay.run(log.as_bytes(), 1).expect("a log");
        let took = began.elapsed();
        assert!(
            report.requests == u64::from(LINES) && report.changed == u64::from(LINES) / ROUTES as u64,
            "{report:?}"
        );
        println!("{name}: {:.2} million requests a second on one thread", f64::from(LINES) / took.as_secs_f64() / 1e6);
    }
}
