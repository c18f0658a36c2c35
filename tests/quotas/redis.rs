//! Gateways that count together in a Redis, and what they do without it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;

use crate::shared::{call, keyed, shown, statuses, used};
use crate::support::client::{ask, get};
use crate::support::{Gateway, Options, folder_with, gateway, route, wait_until};

/// A `redis-server` on a socket of its own folder, which ends with its value.
struct Server {
    child: Child,
    folder: PathBuf,
}

impl Server {
    fn start(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("gw-quotas-{}-redis-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--save", "", "--requirepass", "s3cret", "--unixsocket"]);
        command.arg(folder.join("redis.sock")).arg("--dir").arg(&folder);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Self { child, folder };
        wait_until("Redis listens", || std::os::unix::net::UnixStream::connect(server.folder.join("redis.sock")).ok());
        server
    }

    /// Gateways that count there.
    fn options(&self) -> Options {
        let url = format!("redis+unix://{}?pass=s3cret", self.folder.join("redis.sock").display());
        Options { environment: vec![("REDIS_URL", url)], ..Options::default() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

const SHARED: &str = "state: { redis: { url: { env: REDIS_URL }, timeout: 2s } }";

/// How many calls with a key get through, of so many from several clients of each gateway at once.
fn through(gateways: &[SocketAddr], clients: usize, each: usize) -> usize {
    thread::scope(|scope| {
        let clients = gateways.iter().flat_map(|address| std::iter::repeat_n(*address, clients));
        let clients: Vec<_> = clients
            .map(|address| {
                scope.spawn(move || {
                    let statuses = statuses(address, "a", each);
                    assert!(statuses.iter().all(|status| matches!(status, 200 | 429)), "{statuses:?}");
                    statuses.iter().filter(|status| **status == 200).count()
                })
            })
            .collect();
        clients.into_iter().map(|client| client.join().unwrap()).sum()
    })
}

#[test]
fn a_strict_limit_holds_exactly_over_gateways() {
    let server = Server::start("strict");
    let plan = "{ rate: { requests: 60, per: 1d }, quota: { perMonth: 1000 } }";
    let start = || Gateway::start_in(folder_with(&[("gateway.yaml", &keyed(SHARED, plan, ""))]), &server.options());
    let (one, two) = (start(), start());
    assert_eq!(through(&[one.http(), two.http()], 4, 20), 60);
    assert_eq!(statuses(two.http(), "b", 1), [200], "another key has its own");
    let most = used(&one, "a").max(used(&two, "a"));
    assert_eq!(most, 60, "both know what was counted together");
    assert!(shown(&one, "/usage").contains("by all nodes"));
}

#[test]
fn a_fast_limit_holds_within_its_bound() {
    let server = Server::start("fast");
    let plan = "{ rate: { requests: 200, per: 1d }, consistency: fast }";
    let start = || Gateway::start_in(folder_with(&[("gateway.yaml", &keyed(SHARED, plan, ""))]), &server.options());
    let (one, two) = (start(), start());
    // a twentieth is ten at a time: a node may let nine more through, or keep nine that the other one would need
    let through = through(&[one.http(), two.http()], 4, 60);
    assert!((182..=218).contains(&through), "{through}");
}

#[test]
fn without_it_each_route_does_what_its_manifest_says() {
    let server = Server::start("gone");
    let limited = |name: &str, on: &str| {
        let limit = format!("{{ rates: [{{ requests: 3, per: 1d }}], onStoreFailure: {on} }}");
        let spec = format!("match: [{{ path: /{name} }}]\nplugins:\n- rateLimit: {limit}\n- respond: {{}}");
        route(name, &spec)
    };
    let manifests =
        gateway(SHARED) + &limited("local", "local") + &limited("open", "open") + &limited("closed", "closed");
    let gateway = Gateway::start_in(folder_with(&[("gateway.yaml", &manifests)]), &server.options());
    let ask = |path: &str| ask(gateway.http(), get(path, "")).status;
    let asked = |path: &str| (0..5).map(|_| ask(path)).collect::<Vec<_>>();
    for path in ["/local", "/open", "/closed"] {
        assert_eq!([ask(path), ask(path)], [200, 200], "{path}");
    }
    drop(server);
    assert_eq!(asked("/closed"), [503; 5]);
    assert_eq!(asked("/open"), [200; 5]);
    assert_eq!(asked("/local"), [200, 200, 200, 429, 429], "the node counts by itself, from nothing");
    let metrics = shown(&gateway, "/metrics");
    let failed = "gw_rate_limit_requests_total{plugin=\"default/closed/rateLimit\",decision=\"failed-closed\"} 5";
    assert!(metrics.contains(failed), "{metrics}");
    gateway.log.wait_for("Redis does not answer");
    let _back = Server::start("gone");
    wait_until("it is asked again", || (ask("/closed") == 200).then_some(()));
}

#[test]
fn a_gateway_starts_without_it() {
    let plan = "{ rate: { requests: 1, per: 1d } }";
    let url = "redis+unix:///nowhere/redis.sock".to_owned();
    let options = Options { environment: vec![("REDIS_URL", url)], ..Options::default() };
    let gateway = Gateway::start_in(folder_with(&[("gateway.yaml", &keyed(SHARED, plan, ""))]), &options);
    assert_eq!(statuses(gateway.http(), "a", 2), [200, 429]);
    assert_eq!(call(gateway.http(), "b").status, 200);
}
