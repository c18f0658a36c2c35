//! Which server gets which request.

use crate::support::client::{Answer, Client, ask, get};
use crate::support::origin::Origin;
use crate::support::{Gateway, Options, folder_with, gateway, route, wait_until};

/// A `Backend` of these servers, with more of its settings; each server may have some of its own.
pub fn backend_of(servers: &[(&Origin, &str)], more: &str) -> String {
    let targets: Vec<String> =
        servers.iter().map(|(origin, own)| format!("{{ url: \"http://{}\"{own} }}", origin.address)).collect();
    format!(
        "---\napiVersion: gw/v1\nkind: Backend\nmetadata: {{ name: pool }}\nspec:\n  \
         http: {{ targets: [{}]{more} }}\n",
        targets.join(", ")
    )
}

/// A gateway of one worker before these servers.
pub fn before(servers: &[(&Origin, &str)], more: &str, spec: &str) -> Gateway {
    let manifests = gateway("") + &backend_of(servers, more) + &route("all", &format!("backend: pool\n{spec}"));
    let options = Options { environment: vec![("GW_WORKERS", "1".into())], ..Options::default() };
    Gateway::start_in(folder_with(&[("gateway.yaml", &manifests)]), &options)
}

/// How many requests each server has seen.
pub fn counts<const N: usize>(servers: [&Origin; N]) -> [usize; N] {
    servers.map(|server| server.seen().len())
}

fn ask_often(gateway: &Gateway, count: usize, fields: &str) {
    let mut client = Client::connect(gateway.http());
    for _ in 0..count {
        assert_eq!(client.send(get("/", fields)).answer().status, 200);
    }
}

#[test]
fn weights_are_kept_to() {
    let (a, b) = (Origin::ok(), Origin::ok());
    let gateway = before(&[(&a, ", weight: 3"), (&b, "")], "", "");
    ask_often(&gateway, 40, "");
    assert_eq!(counts([&a, &b]), [30, 10]);
}

/// One request hangs at each server but the last; all others go to that one.
#[test]
fn the_least_busy_server_gets_more() {
    let hanging = || {
        Origin::start(|peer| {
            while let Some(seen) = peer.request() {
                if seen.head[0].contains("/hang") {
                    peer.rest();
                } else {
                    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                }
            }
        })
    };
    let (a, b) = (hanging(), hanging());
    let gateway = before(&[(&a, ""), (&b, "")], ", loadBalancing: { leastRequests: {} }", "");
    let mut stuck = Client::connect(gateway.http());
    stuck.send(get("/hang", ""));
    wait_until("one server is busy", || (counts([&a, &b]).iter().sum::<usize>() == 1).then_some(()));
    let busy = usize::from(counts([&a, &b])[1] == 1);
    ask_often(&gateway, 20, "");
    let mut expected = [20, 20];
    expected[busy] = 1;
    assert_eq!(counts([&a, &b]), expected);
}

#[test]
fn the_same_value_gets_the_same_server() {
    let (a, b, c) = (Origin::ok(), Origin::ok(), Origin::ok());
    let settings = ", loadBalancing: { consistentHash: { header: x-tenant } }";
    let gateway = before(&[(&a, ""), (&b, ""), (&c, "")], settings, "");
    let mut seen = [0; 3];
    for tenant in 0..30 {
        ask_often(&gateway, 3, &format!("x-tenant: t{tenant}\r\n"));
        let now = counts([&a, &b, &c]);
        let grown: Vec<usize> = now.iter().zip(seen).map(|(now, before)| now - before).filter(|n| *n > 0).collect();
        assert_eq!(grown, [3], "a tenant was at several servers");
        seen = now;
    }
    assert!(seen.iter().all(|count| *count > 9), "{seen:?}");
    let before = counts([&a, &b, &c]);
    ask_often(&gateway, 9, "");
    assert!(counts([&a, &b, &c]).iter().zip(before).all(|(now, before)| now - before == 3), "in turn without a value");
}

fn cookie(answer: &Answer) -> &str {
    answer.get("set-cookie").unwrap().split(';').next().unwrap()
}

#[test]
fn a_cookie_holds_a_caller_to_its_server() {
    let (a, b) = (Origin::ok(), Origin::ok());
    let settings = ", loadBalancing: { stickyCookie: { name: pool, maxAge: 1h } }";
    let gateway = before(&[(&a, ""), (&b, "")], settings, "");
    let first = ask(gateway.http(), get("/", ""));
    let given = first.get("set-cookie").unwrap();
    assert!(given.ends_with("; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"), "{given}");
    assert!(!given.contains("127.0.0.1"), "{given}");
    let fields = format!("cookie: other=1; {}\r\n", cookie(&first));
    for _ in 0..10 {
        assert_eq!(ask(gateway.http(), get("/", &fields)).get("set-cookie"), None);
    }
    let mut seen = counts([&a, &b]);
    seen.sort_unstable();
    assert_eq!(seen, [0, 11]);
    let strange = ask(gateway.http(), get("/", "cookie: pool=00000000deadbeef\r\n"));
    assert!(strange.get("set-cookie").is_some(), "a value that names no server is replaced");
}

#[test]
fn backups_are_left_alone() {
    let (a, b, backup) = (Origin::ok(), Origin::ok(), Origin::ok());
    let gateway = before(&[(&backup, ", priority: 1"), (&a, ""), (&b, "")], "", "");
    ask_often(&gateway, 10, "");
    assert_eq!(counts([&a, &b, &backup]), [5, 5, 0]);
}

/// `localhost` is also an IPv6 address, at which nobody listens.
#[test]
fn a_target_may_be_a_name() {
    let a = Origin::ok();
    let name = format!("localhost:{}", a.address.port());
    let manifest = backend_of(&[(&a, "")], ", resolveEvery: 1s, healthCheck: { tcp: {}, interval: 1s }");
    let manifests = gateway("") + &manifest.replace(&a.address.to_string(), &name) + &route("all", "backend: pool");
    let running = Gateway::start(&manifests);
    assert_eq!(ask(running.http(), get("/", "")).status, 200);
    running.write("gateway.yaml", &manifests.replace("1s", "2s"));
    running.log.wait_for("a new table is in force");
    assert_eq!(ask(running.http(), get("/", "")).status, 200);
    running.write("gateway.yaml", &manifests.replace("localhost", "no-such-host.invalid"));
    running.log.wait_for("cannot be looked up");
    running.log.wait_for("a target is unhealthy");
    assert_eq!(ask(running.http(), get("/", "")).status, 503);
}
