//! Drives a real Redis: whether it decides as the counts in memory do, in a cluster too, and what is said when it is gone.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::{Endpoint, Redis};
use crate::pipeline::background::Background;
use crate::pipeline::limits::calendar::Cycle;
use crate::pipeline::limits::gcra::Pace;
use crate::pipeline::limits::store::{Call, Care, Decided, Deciding, LimitStore};
use crate::pipeline::limits::window::{Measure, Window};
use crate::state::memory::Memory;
use crate::value::Scalar as _;
use crate::value::time_zone::TimeZone;

/// A server on a socket of its own folder, which ends with its value.
struct Server {
    child: Child,
    folder: PathBuf,
}

impl Server {
    fn start(name: &str) -> Self {
        let folder = folder(name);
        Self::start_in(folder, &["--port", "0"])
    }

    fn start_in(folder: PathBuf, arguments: &[&str]) -> Self {
        let mut command = Command::new("redis-server");
        command.args(arguments).args(["--save", "", "--unixsocket"]).arg(folder.join("redis.sock"));
        let child = command.arg("--dir").arg(&folder).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Self { child, folder };
        while std::os::unix::net::UnixStream::connect(server.socket()).is_err() {
            std::thread::yield_now();
        }
        server
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("redis.sock")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("gw-redis-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A port that nobody has.
fn port() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}

/// Uses a limit of one up, over an endpoint.
fn counts_there(endpoint: Endpoint) {
    let background = Background::default();
    let redis = Redis::new(endpoint, "test", &background).unwrap();
    let pace = Pace::new(1, Duration::from_hours(1), 1).unwrap();
    let windows: Arc<[Window]> = [Window { name: "1h".into(), measure: Measure::Rate(pace) }].into();
    for subject in ["x", "y", "z {a}"] {
        let call = Call { windows: &windows, owner: "a", subject, now: 0 };
        let ask = || decided(redis.take(call, Care::Each)).unwrap().granted;
        assert_eq!((ask(), ask()), (true, false), "{subject}");
    }
}

fn store(socket: &Path, background: &Background) -> Redis {
    let url = format!("redis+unix://{}", socket.display());
    let endpoint = Endpoint { url, cluster: false, ca: None, timeout: Duration::from_secs(5) };
    Redis { own_clock: false, ..Redis::new(endpoint, "test", background).unwrap() }
}

/// Waits for a decision, on a runtime as a worker's is.
fn decided(deciding: Deciding) -> Decided {
    match deciding {
        Deciding::Now(decided) => decided,
        Deciding::Later(later) => {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(later)
        }
    }
}

fn window() -> impl Strategy<Value = Window> {
    let rate = (1_u32..50, 1_u64..5_000, 1_u32..40).prop_map(|(requests, per, burst)| {
        let pace = Pace::new(requests, Duration::from_millis(per), burst).unwrap();
        (format!("{per}ms"), Measure::Rate(pace))
    });
    let zones = prop_oneof![Just("UTC"), Just("Europe/Paris"), Just("Asia/Kathmandu"), Just("Pacific/Apia")];
    let cycles = prop_oneof![Just((Cycle::Day, "day")), Just((Cycle::Month, "month"))];
    let quota = (cycles, 1_u64..20, zones).prop_map(|((cycle, name), limit, zone)| {
        let zone = TimeZone::parse(zone).unwrap();
        (name.to_owned(), Measure::Quota { cycle, limit, zone })
    });
    prop_oneof![rate, quota].prop_map(|(name, measure)| Window { name: name.into(), measure })
}

/// Steps of the clock in nanoseconds: mostly short ones, now and then a day or the way back.
fn step() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => 0..2_000_000_000_i64,
        1 => 0..90_000_000_000_000_i64,
        1 => -90_000_000_000_000_i64..0,
        1 => Just(0),
    ]
}

#[test]
fn it_decides_as_memory_does() {
    let (server, background) = (Server::start("agree"), Background::default());
    let redis = store(&server.socket(), &background);
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() });
    let calls = prop::collection::vec((step(), 0_u8..2), 1..60);
    let mut case = 0_u32;
    let seen = std::cell::RefCell::new(&mut case);
    let checked = runner.run(&(prop::collection::vec(window(), 1..4), calls), |(mut windows, calls)| {
        windows.sort_by(|a, b| a.name.cmp(&b.name));
        windows.dedup_by(|a, b| a.name == b.name);
        let (windows, memory): (Arc<[Window]>, _) = (windows.into(), Memory::default());
        **seen.borrow_mut() += 1;
        let (owner, mut now) = (format!("case {}", seen.borrow()), 1_796_000_000_000_000_000_u64);
        for (step, subject) in calls {
            now = now.checked_add_signed(step).unwrap();
            let call = Call { windows: &windows, owner: &owner, subject: &subject.to_string(), now };
            let own = decided(memory.take(call, Care::Each)).unwrap();
            let shared = decided(redis.take(call, Care::Each)).unwrap();
            prop_assert_eq!((own.granted, own.now), (shared.granted, shared.now));
            for (window, (own, shared)) in windows.iter().zip(own.marks.iter().zip(&shared.marks)) {
                let said = |mark| (window.room(mark, now), window.wait(mark, now), window.reset(mark, now));
                prop_assert_eq!(said(*own), said(*shared), "{:?}", window);
            }
        }
        Ok(())
    });
    checked.unwrap();
}

#[test]
fn what_is_gone_is_a_failure_and_is_asked_again_when_it_is_back() {
    let (server, background) = (Server::start("gone"), Background::default());
    let redis = store(&server.socket(), &background);
    let pace = Pace::new(1, Duration::from_mins(1), 1).unwrap();
    let windows: Arc<[Window]> = [Window { name: "1m".into(), measure: Measure::Rate(pace) }].into();
    let ask = |subject: &str| {
        let call = Call { windows: &windows, owner: "a", subject, now: 1_796_000_000_000_000_000 };
        decided(redis.take(call, Care::Each)).map(|decision| decision.granted)
    };
    assert!(ask("x").unwrap() && !ask("x").unwrap());
    drop(server);
    assert!(ask("y").is_err());
    let _back = Server::start("gone");
    while ask("z").is_err() {
        std::thread::yield_now();
    }
    assert!(!ask("z").unwrap() || ask("x").unwrap());
}

#[test]
fn an_unusable_url_is_said_without_its_password() {
    let background = Background::default();
    let endpoint =
        Endpoint { url: "redis//user:hunter2@host".into(), cluster: false, ca: None, timeout: Duration::from_secs(1) };
    let error = Redis::new(endpoint, "test", &background).err().unwrap();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn a_cluster_counts_as_one_server_does() {
    let (port, bus) = (port(), port());
    let arguments = ["--port", &port, "--cluster-enabled", "yes", "--cluster-port", &bus, "--requirepass", "s3cret"];
    let server = Server::start_in(folder("cluster"), &arguments);
    let direct = redis::Client::open(format!("redis+unix://{}?pass=s3cret", server.socket().display())).unwrap();
    let mut direct = direct.get_connection().unwrap();
    redis::cmd("CLUSTER").arg("ADDSLOTSRANGE").arg(0).arg(16383).exec(&mut direct).unwrap();
    let is_up = |connection: &mut redis::Connection| {
        let info: String = redis::cmd("CLUSTER").arg("INFO").query(connection).unwrap();
        info.contains("cluster_state:ok")
    };
    while !is_up(&mut direct) {
        std::thread::yield_now();
    }
    let url = format!("redis://:s3cret@127.0.0.1:{port}");
    counts_there(Endpoint { url, cluster: true, ca: None, timeout: Duration::from_secs(5) });
}

#[test]
fn a_server_is_asked_over_tls_if_its_authority_is_trusted() {
    let (folder, port) = (folder("tls"), port());
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.join("tls.crt"), folder.join("tls.key"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let (certificate, key) = (certificate.to_str().unwrap().to_owned(), key.to_str().unwrap().to_owned());
    let tls = ["--tls-cert-file", &certificate, "--tls-key-file", &key, "--tls-auth-clients", "no"];
    let arguments = [&["--port", "0", "--tls-port", &port], &tls[..]].concat();
    let _server = Server::start_in(folder, &arguments);
    let endpoint = |ca: Option<Vec<u8>>| {
        let url = format!("rediss://localhost:{port}");
        Endpoint { url, cluster: false, ca, timeout: Duration::from_secs(5) }
    };
    counts_there(endpoint(Some(made.cert.pem().into_bytes())));
    let (background, windows) = (Background::default(), Arc::new([]) as Arc<[Window]>);
    let distrusting = Redis::new(endpoint(None), "test", &background).unwrap();
    let call = Call { windows: &windows, owner: "a", subject: "x", now: 0 };
    assert!(decided(distrusting.take(call, Care::Each)).is_err());
}
