//! Traces that go on or begin, and clients that are kept out.

use crate::support::client::{ask, get};
use crate::support::origin::Origin;
use crate::support::{Gateway, backend, gateway, route, wait_until};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn start(origin: &Origin, plugin: &str, gateway_spec: &str) -> Gateway {
    let spec = format!("plugins: [{{ {plugin} }}]\nbackend: a");
    Gateway::start(&(gateway(gateway_spec) + &backend("a", origin.address, "") + &route("all", &spec)))
}

#[test]
fn traces_go_on_or_begin() {
    let a = Origin::ok();
    let sent = format!("Traceparent: 00-{TRACE}-00f067aa0ba902b7-01\r\nTracestate: vendor=1\r\n");
    let twice = format!("{sent}Traceparent: 00-{TRACE}-00f067aa0ba902b7-00\r\n");
    for (plugin, fields, continued) in [
        ("tracing: { responseHeader: x-trace-id }", sent.as_str(), true),
        ("tracing: { continueFrom: nobody, responseHeader: x-trace-id }", &sent, false),
        ("tracing: { continueFrom: trustedProxies, responseHeader: x-trace-id }", &sent, false),
        ("tracing: { responseHeader: x-trace-id, samplePercent: 0 }", &twice, false),
        ("tracing: { responseHeader: x-trace-id }", "Traceparent: 00-x\r\nTracestate: vendor=1\r\n", false),
        ("tracing: { responseHeader: x-trace-id }", "", false),
    ] {
        a.forget();
        let running = start(&a, plugin, "accessLog: { format: json }");
        let answer = ask(running.http(), get("/", fields));
        let seen = a.seen().remove(0);
        let [parent] = seen.all("traceparent")[..] else { panic!("{plugin}: {:?}", seen.head) };
        let parts: Vec<&str> = parent.split('-').collect();
        assert_eq!((parts[0], parts[1].len(), parts[2].len(), parts[3].len()), ("00", 32, 16, 2), "{parent}");
        assert_eq!((parts[1] == TRACE, seen.all("tracestate").len()), (continued, usize::from(continued)), "{plugin}");
        assert_ne!(parts[2], "00f067aa0ba902b7");
        let flags = if continued {
            "01"
        } else if plugin.contains("samplePercent") {
            "02"
        } else {
            "03"
        };
        assert_eq!(parts[3], flags, "{plugin}");
        assert_eq!(answer.get("x-trace-id"), Some(parts[1]));
        running.access.wait_for(&format!("\"traceId\":\"{}\"", parts[1]));
    }
}

#[test]
fn who_makes_too_many_errors_is_kept_out_also_after_a_reload() {
    let a = Origin::start(|peer| {
        while let Some(seen) = peer.request() {
            let status = if seen.head[0].contains("/wrong") { "401 No" } else { "200 OK" };
            peer.send(format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nok"));
        }
    });
    let spec = "trustedProxies: [127.0.0.1]";
    let running = start(&a, "ban: { errors: 3, per: 1h, for: 1h, except: [10.0.0.0/8] }", spec);
    let from = |ip: &str, path: &str| ask(running.http(), get(path, &format!("X-Forwarded-For: {ip}\r\n")));
    for _ in 0..3 {
        assert_eq!(from("203.0.113.9", "/wrong").status, 401);
        assert_eq!(from("10.0.0.1", "/wrong").status, 401);
        assert_eq!(from("2001:db8::1", "/wrong").status, 401);
    }
    let refused = from("203.0.113.9", "/");
    assert_eq!((refused.status, refused.get("content-type")), (403, Some("application/problem+json")));
    let left: u64 = refused.get("retry-after").unwrap().parse().unwrap();
    assert!((1..=3600).contains(&left), "{left}");
    assert_eq!(from("2001:db8::2", "/").status, 403, "a neighbour in the same network");
    assert_eq!((from("10.0.0.1", "/").status, from("203.0.113.8", "/").status), (200, 200));
    let spec = gateway(spec) + &backend("a", a.address, "");
    let other = route("all", "plugins: [{ ban: { errors: 5, answer: tooManyRequests } }]\nbackend: a");
    running.write("gateway.yaml", &(spec + &other));
    wait_until("the reload is in force", || (from("203.0.113.9", "/").status == 429).then_some(()));
    assert_eq!(from("203.0.113.8", "/").status, 200);
}
