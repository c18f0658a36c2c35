//! gRPC through the gateway, with its own library on both sides: every kind of call, deadlines, and errors of the gateway itself.
//!
//! The library is installed by npm into the target folder when it is missing.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use h2::server::Builder;

use crate::origin::{Http2Origin, Then};
use crate::support::{Gateway, backend};
use crate::{both, route};

const VERSION: &str = "1.14.0";

/// Where the library lies.
fn library() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("grpc-js-{VERSION}"));
    if !folder.join("installed").exists() {
        fs::create_dir_all(&folder).unwrap();
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--silent", "--prefix"]).arg(&folder);
        assert!(
            npm.arg(format!("@grpc/grpc-js@{VERSION}")).status().unwrap().success(),
            "npm cannot install the library"
        );
        fs::write(folder.join("installed"), "").unwrap();
    }
    folder.join("node_modules")
}

fn node(arguments: &[&str]) -> Command {
    let mut node = Command::new("node");
    node.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/http2/grpc.cjs")).args(arguments);
    node.env("NODE_PATH", library()).stdout(Stdio::piped());
    node
}

/// A running server, which ends with its value.
struct Server(Child, SocketAddr);

impl Server {
    fn start() -> Self {
        let mut child = node(&["serve"]).stdin(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self(child, ([127, 0, 0, 1], line.trim().parse().unwrap()).into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn calls_of_every_kind() {
    let server = Server::start();
    let stuck = Http2Origin::start(Builder::new(), |_, _| Then::Never);
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let case = |name: &str, rest: &str| {
        let matched = format!("match: [{{ pathPrefix: /test.Echo, headers: [{{ name: x-case, equals: {name} }}] }}]\n");
        route(name, &(matched + rest))
    };
    let gateway = Gateway::start(
        &(both("limits: { bodyBytes: 1MiB }\ntimeouts: { request: 500ms }")
            + &backend("echo", server.1, ", protocol: http2")
            + &backend("nobody", nobody, ", protocol: http2")
            + &backend("stuck", stuck.address, ", protocol: http2")
            + &case("stuck", "timeouts: { request: 20s }\nbackend: stuck")
            + &case("down", "backend: nobody")
            + &case("denied", "plugins: [{ respond: { status: 403 } }]")
            + &case("limited", "plugins: [{ respond: { status: 429 } }]")
            + &route("all", "match: [{ pathPrefix: /test.Echo }]\nbackend: echo")),
    );
    let output = node(&["call", &gateway.http().to_string()]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let expected = [
        "unary | 0 | hello 1",
        "fail | 9 | no ünit | because",
        "deadline | 4",
        "timeout | 4 | Gateway Timeout | ",
        "nowhere | 12 | Not Found",
        "down | 14 | Bad Gateway",
        "denied | 7 | Forbidden",
        "limited | 8 | Too Many Requests",
        "large | 8",
        "gather | abc",
        "scatter | n0 n1 n2",
        "chat | [0] [1] [2]",
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), expected, "{}", String::from_utf8_lossy(&output.stderr));
    assert!(gateway.access.wait_for("/test.Echo/Slow").contains("/test.Echo/Slow"));
}
