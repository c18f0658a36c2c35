//! Sockets that the gateway is given: by a service manager, and by the gateway whose place it takes.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::support::client::{Client, ask, get};
use crate::support::{Gateway, Options, folder_with};
use crate::{free, manifests};

/// Opens two sockets as a service manager does, leaves a connection in the queue of each, and becomes the gateway.
const MANAGER: &str = r#"
use Socket; use POSIX ();
my @ports; my @waiting;
for my $fd (3, 4) {
    socket(my $s, PF_INET, SOCK_STREAM, 0) or die; bind($s, sockaddr_in(0, INADDR_LOOPBACK)) or die; listen($s, 16) or die;
    push @ports, (sockaddr_in(getsockname($s)))[0];
    POSIX::dup2(fileno($s), $fd + 20) or die; push @waiting, $s;
}
POSIX::dup2($_ + 20, $_) for (3, 4);
print STDERR "ports: @ports\n";
$ENV{LISTEN_FDS} = 2; $ENV{LISTEN_PID} = $$; $ENV{LISTEN_FDNAMES} = "http:gw-status";
exec(@ARGV) or die;
"#;

#[test]
fn a_service_manager_gives_sockets_by_name() {
    let folder = folder_with(&[("gateway.yaml", &manifests("{ name: http, address: \"127.0.0.1:0\" }"))]);
    let options = Options { through: vec!["perl".into(), "-e".into(), MANAGER.into()], ..Options::default() };
    let gateway = Gateway::start_in(folder, &options);
    let ports = gateway.log.wait_for("ports: ");
    let (http, status) = ports.strip_prefix("ports: ").unwrap().split_once(' ').unwrap();
    assert_eq!(gateway.http().port().to_string(), http);
    assert_eq!(gateway.address("status").port().to_string(), status);
    assert_eq!(ask(gateway.http(), get("/", "")).status, 200);
    let ready = "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_eq!(ask(gateway.address("status"), ready).status, 200);
}

/// Opens a socket at a path as a service manager does, and becomes the gateway.
const MANAGER_OF_PATH: &str = r#"
use Socket; use POSIX ();
socket(my $s, PF_UNIX, SOCK_STREAM, 0) or die; bind($s, sockaddr_un($ENV{AT})) or die; listen($s, 16) or die;
POSIX::dup2(fileno($s), 3) or die if fileno($s) != 3;
$ENV{LISTEN_FDS} = 1; $ENV{LISTEN_PID} = $$; $ENV{LISTEN_FDNAMES} = "http";
$^F = 255; fcntl($s, 2, 0); exec(@ARGV) or die;
"#;

#[test]
fn the_path_of_a_service_manager_stays() {
    let path = std::env::temp_dir().join(format!("gw-edge-{}-given.sock", std::process::id()));
    let listeners = format!("{{ name: http, address: \"unix:{}\" }}", path.display());
    let environment = vec![("AT", path.display().to_string())];
    let through = vec!["perl".into(), "-e".into(), MANAGER_OF_PATH.into()];
    let folder = folder_with(&[("gateway.yaml", &manifests(&listeners))]);
    let mut gateway = Gateway::start_in(folder, &Options { environment, through, ..Options::default() });
    assert!(UnixStream::connect(&path).is_ok());
    gateway.signal("TERM");
    assert!(gateway.ended().success());
    assert!(path.exists());
    std::fs::remove_file(path).unwrap();
}

struct Place {
    path: PathBuf,
    manifests: String,
}

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("gw-edge-{}-{name}.sock", std::process::id()));
        let listeners = format!("{{ name: http, address: \"{}\" }}", free());
        Self { path, manifests: manifests(&listeners) }
    }

    fn gateway(&self, workers: usize) -> Gateway {
        let environment = vec![("GW_HANDOVER", self.path.display().to_string()), ("GW_WORKERS", workers.to_string())];
        let folder = folder_with(&[("gateway.yaml", &self.manifests)]);
        Gateway::start_in(folder, &Options { environment, ..Options::default() })
    }
}

#[test]
fn a_gateway_takes_the_place_of_another_and_no_request_fails() {
    let place = Place::new("place");
    let mut gateway = place.gateway(2);
    let address = gateway.http();
    let (stop, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    // a connection for each request: none of them may be refused or reset
                    assert_eq!(ask(address, get("/", "Connection: close\r\n")).status, 200);
                    served.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for workers in [3, 1, 2] {
            let next = place.gateway(workers);
            assert_eq!(next.http(), address);
            assert!(gateway.ended().success());
            gateway = next;
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(served.load(Ordering::Relaxed) > 10);
    assert!(place.path.exists());
    gateway.signal("TERM");
    assert!(gateway.ended().success());
    assert!(!place.path.exists());
}

#[test]
fn what_is_in_flight_ends_where_it_began() {
    let place = Place::new("flight");
    let mut old = place.gateway(1);
    let mut client = Client::connect(old.http());
    client.send("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\n\r\nab");
    let new = place.gateway(1);
    old.log.wait_for("draining");
    assert_eq!(client.send("cd").answer().status, 200);
    drop(client);
    assert!(old.ended().success());
    assert_eq!(ask(new.http(), get("/", "")).status, 200);
}

#[test]
fn a_successor_that_fails_changes_nothing() {
    let place = Place::new("fails");
    let gateway = place.gateway(2);
    let broken = folder_with(&[("gateway.yaml", &place.manifests.replace("echo: {}", "echo: { on: true }"))]);
    let environment = vec![("GW_HANDOVER", place.path.display().to_string())];
    let mut next = Gateway::spawn(broken, &Options { environment, ..Options::default() });
    assert!(!next.ended().success());
    assert_eq!(ask(gateway.http(), get("/", "")).status, 200);
    assert!(place.path.exists());
}
