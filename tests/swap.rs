//! Changes of the folder while requests run: nothing fails, nothing mixes, nothing is lost, and what is broken changes nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what fails here is a test")]

mod support;

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use support::client::{Client, ask, get};
use support::origin::Origin;
use support::{Gateway, Options, backend, folder_with, gateway, route, wait_until};

const SWAPPED: &str = "a new table is in force";

/// Manifests whose route `/v` says their version twice.
fn version(version: usize) -> String {
    versioned(version, "")
}

fn versioned(version: usize, spec: &str) -> String {
    gateway(spec)
        + &route(
            "version",
            &format!(
                "match: [{{ path: /v }}]\nplugins: [{{ respond: {{ body: \"{version}\", headers: {{ x-version: \"{version}\" }} }} }}]"
            ),
        )
}

fn serves(gateway: &Gateway, version: usize) -> bool {
    ask(gateway.http(), get("/v", "")).text() == version.to_string()
}

fn wait_for_version(gateway: &Gateway, version: usize) {
    wait_until("the new version is served", || serves(gateway, version).then_some(()));
}

/// A server that answers `/ws` with a tunnel that sends everything back, and all else with `ok`.
fn echo() -> Origin {
    Origin::start(|peer| {
        while let Some(seen) = peer.request() {
            if !seen.head[0].contains("/ws") {
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                continue;
            }
            peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
            while let Some(byte) = peer.exactly(1) {
                peer.send(byte);
            }
        }
    })
}

fn tunnel(gateway: &Gateway, path: &str) -> Client {
    let mut client = Client::connect(gateway.http());
    client.send(get(path, "Connection: Upgrade\r\nUpgrade: websocket\r\n"));
    assert_eq!(client.answer().status, 101);
    client
}

/// Resident memory in KiB and open file descriptors of a process.
fn held(pid: u32) -> (u64, usize) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    (resident, fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count())
}

#[test]
fn a_thousand_swaps_fail_no_request() {
    const SWAPS: usize = 1000;
    let origin = echo();
    let manifests = |n| version(n) + &backend("origin", origin.address, "") + &route("all", "backend: origin");
    let gateway = Gateway::start(&manifests(0));
    let (address, ended) = (gateway.http(), AtomicBool::new(false));
    let mut tunnel = tunnel(&gateway, "/ws");
    let answered: usize = thread::scope(|scope| {
        let load = || {
            let mut client = Client::connect(address);
            let (mut count, mut newest) = (0, 0);
            while !ended.load(Ordering::Relaxed) {
                let answer = client.send(get("/v", "")).answer();
                let version: usize = answer.text().parse().unwrap();
                assert_eq!((answer.status, answer.get("x-version")), (200, Some(answer.text().as_str())));
                assert!(version >= newest, "version {version} after {newest}");
                newest = version;
                assert_eq!(client.send(get("/else", "")).answer().text(), "ok");
                count += 2;
            }
            count
        };
        let loads: Vec<_> = (0..2).map(|_| scope.spawn(load)).collect();
        let mut warm = (0, 0);
        for n in 1..=SWAPS {
            gateway.write("gateway.yaml", &manifests(n));
            gateway.signal("HUP");
            gateway.log.wait_for_nth(SWAPPED, n);
            assert_eq!(tunnel.send("a").exactly(1), b"a");
            if n == SWAPS / 10 {
                warm = held(gateway.pid());
            }
        }
        let after = held(gateway.pid());
        ended.store(true, Ordering::Relaxed);
        assert!(after.0 < warm.0 + (8 << 10), "{} KiB, and {} KiB after a tenth of the swaps", after.0, warm.0);
        assert!(after.1 <= warm.1 + 4, "{} descriptors, and {} after a tenth of the swaps", after.1, warm.1);
        loads.into_iter().map(|load| load.join().unwrap()).sum()
    });
    assert!(serves(&gateway, SWAPS) && answered > SWAPS, "{answered} answers");
}

#[test]
fn a_config_map_is_swapped_by_its_link() {
    let folder = folder_with(&[]);
    let put = |version_number: usize| {
        let data = format!("..2026_{version_number}");
        fs::create_dir(folder.join(&data)).unwrap();
        fs::write(folder.join(&data).join("gateway.yaml"), version(version_number)).unwrap();
        symlink(&data, folder.join("..data_tmp")).unwrap();
        fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
        if version_number > 1 {
            fs::remove_dir_all(folder.join(format!("..2026_{}", version_number - 1))).unwrap();
        }
    };
    put(1);
    symlink("..data/gateway.yaml", folder.join("gateway.yaml")).unwrap();
    let gateway = Gateway::start_in(folder.clone(), &Options::default());
    assert!(serves(&gateway, 1));
    for version in 2..5 {
        put(version);
        wait_for_version(&gateway, version);
    }
    assert_eq!(gateway.log.count("error"), 0, "{:?}", gateway.log.all());
}

#[test]
fn every_way_of_saving_is_noticed() {
    let gateway = Gateway::start(&version(1));
    let file = gateway.folder().join("gateway.yaml");
    // renamed over
    gateway.write("gateway.yaml", &version(2));
    wait_for_version(&gateway, 2);
    // in place, with the same length
    fs::write(&file, version(3)).unwrap();
    wait_for_version(&gateway, 3);
    // the old one moved away first, as some editors do
    fs::rename(&file, gateway.folder().join("gateway.yaml~")).unwrap();
    fs::write(&file, version(4)).unwrap();
    wait_for_version(&gateway, 4);
    // removed, and another one beside it
    fs::create_dir(gateway.folder().join("sub")).unwrap();
    fs::write(gateway.folder().join("sub/other.yaml"), version(5)).unwrap();
    fs::remove_file(&file).unwrap();
    wait_for_version(&gateway, 5);
}

#[test]
fn a_file_behind_a_link_is_followed() {
    let outside = folder_with(&[("real.yaml", &version(1))]);
    let folder = folder_with(&[]);
    symlink(outside.join("real.yaml"), folder.join("gateway.yaml")).unwrap();
    let gateway = Gateway::start_in(folder, &Options::default());
    // no event tells of it: looking now and then does
    for version_number in 2..4 {
        fs::write(outside.join("real.yaml"), version(version_number)).unwrap();
        wait_for_version(&gateway, version_number);
    }
    fs::remove_dir_all(outside).unwrap();
}

#[test]
fn a_folder_behind_a_link_is_followed() {
    let (one, two) = (folder_with(&[("gateway.yaml", &version(1))]), folder_with(&[("gateway.yaml", &version(2))]));
    let place = folder_with(&[]);
    let current = place.join("current");
    symlink(&one, &current).unwrap();
    let gateway = Gateway::start_in(current.clone(), &Options::default());
    symlink(&two, place.join("next")).unwrap();
    fs::rename(place.join("next"), &current).unwrap();
    wait_for_version(&gateway, 2);
    fs::write(two.join("gateway.yaml"), version(3)).unwrap();
    wait_for_version(&gateway, 3);
    for folder in [one, two, place] {
        fs::remove_dir_all(folder).unwrap();
    }
}

#[test]
fn what_is_broken_changes_nothing_and_ends_nothing() {
    let gateway = Gateway::start(&version(1));
    let whole = version(2);
    for (nth, half) in [whole.len() / 3, whole.len() * 2 / 3].into_iter().enumerate() {
        fs::write(gateway.folder().join("gateway.yaml"), &whole[..half]).unwrap();
        gateway.log.wait_for_nth("error", nth + 1);
        assert!(serves(&gateway, 1));
    }
    gateway.write("gateway.yaml", &whole);
    wait_for_version(&gateway, 2);
    gateway.write(
        "more.yaml",
        "apiVersion: gw/v1\nkind: Route\nmetadata: { name: more }\nspec: { public: true, backend: none }\n",
    );
    let told = gateway.log.wait_for("`none`");
    assert!(serves(&gateway, 2), "{told}");
    fs::remove_file(gateway.folder().join("more.yaml")).unwrap();
    gateway.write("gateway.yaml", &version(3));
    wait_for_version(&gateway, 3);
}

#[test]
fn what_vanishes_is_served_on() {
    let gateway = Gateway::start(&version(1));
    let (folder, file) = (gateway.folder(), gateway.folder().join("gateway.yaml"));
    fs::remove_file(&file).unwrap();
    gateway.log.wait_for("the folder holds no manifest any more");
    assert!(serves(&gateway, 1));
    fs::write(&file, "").unwrap();
    gateway.log.wait_for("the folder holds no route any more");
    assert!(serves(&gateway, 1));
    fs::write(&file, version(2)).unwrap();
    wait_for_version(&gateway, 2);
    let away = Path::new(&format!("{}-away", folder.display())).to_owned();
    fs::rename(folder, &away).unwrap();
    gateway.log.wait_for("cannot read");
    assert!(serves(&gateway, 2));
    fs::write(away.join("gateway.yaml"), version(3)).unwrap();
    fs::rename(&away, folder).unwrap();
    wait_for_version(&gateway, 3);
    fs::write(&file, version(4)).unwrap();
    wait_for_version(&gateway, 4);
}

#[test]
fn nothing_is_swapped_where_nothing_changed() {
    let gateway = Gateway::start(&version(1));
    let file = gateway.folder().join("gateway.yaml");
    fs::write(&file, version(1)).unwrap();
    fs::write(&file, format!("# a comment\n{}", version(1))).unwrap();
    gateway.signal("HUP");
    gateway.log.wait_for("nothing that matters has changed");
    assert_eq!(gateway.log.count(SWAPPED), 0);
}

#[test]
fn listeners_come_and_go() {
    let gateway = Gateway::start(&version(1));
    let more = |name: &str| {
        version(2)
            .replace("127.0.0.1:0\" }]", &format!("127.0.0.1:0\" }}, {{ name: {name}, address: \"127.0.0.1:0\" }}]"))
    };
    let kept = gateway.http();
    gateway.write("gateway.yaml", &more("extra"));
    let extra = gateway.address("extra");
    assert_eq!(ask(extra, get("/v", "")).text(), "2");
    assert_eq!(gateway.http(), kept);
    let mut client = Client::connect(extra);
    assert_eq!(client.send(get("/v", "")).answer().text(), "2");
    gateway.write("gateway.yaml", &version(3));
    wait_for_version(&gateway, 3);
    wait_until("the listener is gone", || TcpStream::connect(extra).is_err().then_some(()));
    assert!(client.is_closed());
    // an address that is taken: nothing of the table is put in force
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let on_taken = more("other")
        .replace("other, address: \"127.0.0.1:0\"", &format!("other, address: \"{}\"", taken.local_addr().unwrap()));
    gateway.write("gateway.yaml", &on_taken);
    gateway.log.wait_for("cannot listen on");
    assert!(serves(&gateway, 3));
    drop(taken);
    gateway.write("gateway.yaml", &on_taken.replace("\"2\"", "\"4\""));
    wait_for_version(&gateway, 4);
}

#[test]
fn what_did_not_change_keeps_its_connections() {
    let origin = echo();
    let manifests = |n| version(n) + &backend("origin", origin.address, "") + &route("all", "backend: origin");
    let options = Options { environment: vec![("GW_WORKERS", "1".into())], ..Options::default() };
    let gateway = Gateway::start_in(folder_with(&[("gateway.yaml", &manifests(1))]), &options);
    let mut client = Client::connect(gateway.http());
    assert_eq!(client.send(get("/", "")).answer().text(), "ok");
    for n in 2..5 {
        gateway.write("gateway.yaml", &manifests(n));
        gateway.log.wait_for_nth(SWAPPED, n - 1);
        assert_eq!(client.send(get("/", "")).answer().text(), "ok");
        assert_eq!(client.send(get("/v", "")).answer().text(), n.to_string());
    }
    assert_eq!(origin.connections(), 1);
}

#[test]
fn a_tunnel_ends_with_its_route() {
    let origin = echo();
    let kept =
        backend("origin", origin.address, "") + &route("kept", "match: [{ pathPrefix: /kept }]\nbackend: origin");
    let gone = route("gone", "match: [{ pathPrefix: /gone }]\nbackend: origin");
    let first = |n| versioned(n, "timeouts: { drain: 300ms }");
    let gateway = Gateway::start(&(first(1) + &kept + &gone));
    let (mut staying, mut leaving) = (tunnel(&gateway, "/kept/ws"), tunnel(&gateway, "/gone/ws"));
    gateway.write("gateway.yaml", &(first(2) + &kept + &gone));
    gateway.log.wait_for_nth(SWAPPED, 1);
    assert_eq!(leaving.send("a").exactly(1), b"a");
    gateway.write("gateway.yaml", &(first(3) + &kept));
    gateway.log.wait_for_nth(SWAPPED, 2);
    assert!(leaving.is_closed());
    assert_eq!(staying.send("a").exactly(1), b"a");
}

#[test]
fn a_request_ends_with_the_table_it_began_with() {
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let origin = Origin::start(move |peer| {
        peer.request();
        let _ = wait.lock().unwrap().recv();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        peer.rest();
    });
    let slow = |n: usize| {
        let marked = format!(
            "match: [{{ path: /slow }}]\nplugins: [{{ responseHeaders: {{ set: {{ x-version: \"{n}\" }} }} }}]\nbackend: origin"
        );
        version(n) + &backend("origin", origin.address, "") + &route("slow", &marked)
    };
    let gateway = Gateway::start(&slow(1));
    let mut client = Client::connect(gateway.http());
    client.send(get("/slow", ""));
    origin.wait_for(1);
    gateway.write("gateway.yaml", &slow(2));
    wait_for_version(&gateway, 2);
    go.send(()).unwrap();
    let answer = client.answer();
    assert_eq!((answer.text().as_str(), answer.get("x-version")), ("ok", Some("1")));
}
