//! TLS with servers upstream, for which nginx stands: whom the gateway trusts, what it shows, and that new files are taken.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;

use crate::authority::Authority;
use crate::support::client::{Client, ask, get};
use crate::support::origin::Origin;
use crate::support::{Gateway, Options, folder_with, gateway, route, wait_until};
use crate::world::World;

/// An nginx that speaks TLS.
struct Nginx {
    child: Child,
    folder: PathBuf,
    address: SocketAddr,
}

impl Nginx {
    /// One that asks for a certificate and answers with its subject and the name that it was asked for.
    fn start(world: &World, clients: &Authority) -> Self {
        world.write("clients.pem", &clients.pem());
        let file = world.files.join("clients.pem").display().to_string();
        let server = format!(
            "ssl_client_certificate {file}; ssl_verify_client on; \
             location / {{ return 200 \"$ssl_client_s_dn for $ssl_server_name\"; }}"
        );
        Self::serving(world, "ssl", &server)
    }

    fn serving(world: &World, listen: &str, server: &str) -> Self {
        world.issue("origin", &["origin.example"]);
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let file = |name: &str| world.files.join(name).display().to_string();
        let config = format!(
            "daemon off; pid nginx.pid; error_log stderr; events {{}}\nhttp {{ access_log off; \
             client_body_temp_path a; proxy_temp_path b; fastcgi_temp_path c; uwsgi_temp_path d; scgi_temp_path e; \
             server {{ listen {address} {listen}; ssl_certificate {}; ssl_certificate_key {}; {server} }} }}\n",
            file("origin.crt"),
            file("origin.key"),
        );
        let folder = folder_with(&[("nginx.conf", &config)]);
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&folder).args(["-c", "nginx.conf", "-e", "stderr"]);
        let child =
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("nginx, which tests/run installs");
        let nginx = Self { child, folder, address };
        wait_until("nginx listens", || TcpStream::connect(nginx.address).ok());
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // the master ends its workers when it is asked to, not when it is killed
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn both_sides_prove_who_they_are() {
    let (world, clients) = (World::new(), Authority::new("clients"));
    let nginx = Nginx::start(&world, &clients);
    world.write("root.pem", &world.authority.pem());
    world.put("gw", &clients.issue_to("gw-1", "spiffe://gw", 1));
    let (ca, certificate, key) = (world.file("root.pem"), world.file("gw.crt"), world.file("gw.key"));
    let own = format!("clientCertificate: {{ certificate: {certificate}, key: {key} }}");
    let end = |name: &str, tls: &str| {
        format!(
            "---\napiVersion: gw/v1\nkind: Backend\nmetadata: {{ name: {name} }}\nspec:\n  \
             http: {{ targets: [{{ url: \"https://{}\" }}]{tls} }}\n",
            nginx.address
        ) + &route(name, &format!("match: [{{ path: /{name} }}]\nbackend: {name}"))
    };
    let manifests = gateway("")
        + &end("good", &format!(", tls: {{ ca: {ca}, {own}, serverName: origin.example }}"))
        + &end("nameless", &format!(", tls: {{ ca: {ca}, {own} }}"))
        + &end("misnamed", &format!(", tls: {{ ca: {ca}, {own}, serverName: other.example }}"))
        + &end("anonymous", &format!(", tls: {{ ca: {ca}, serverName: origin.example }}"))
        + &end("untrusted", &format!(", tls: {{ {own}, serverName: origin.example }}"));
    let gateway = Gateway::start_in(folder_with(&[("gateway.yaml", &manifests)]), &Options::default());
    let get = |name: &str| ask(gateway.http(), get(&format!("/{name}"), ""));
    let good = get("good");
    assert_eq!((good.status, good.text().as_str()), (200, "CN=gw-1,O=Tests for origin.example"));
    for bad in ["nameless", "misnamed", "untrusted"] {
        assert_eq!(get(bad).status, 502, "{bad}");
    }
    assert_eq!(get("anonymous").status, 400, "that is what nginx says");

    world.put("gw", &clients.issue_to("gw-2", "spiffe://gw", 2));
    gateway.signal("HUP");
    wait_until("the new certificate is shown", || {
        (get("good").text() == "CN=gw-2,O=Tests for origin.example").then_some(())
    });

    world.write("root.pem", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
    gateway.signal("HUP");
    let refused = gateway.log.wait_for("holds no certificate in PEM");
    assert!(refused.contains("root.pem") && !refused.contains("AAAA"), "{refused}");
    assert_eq!(get("good").status, 200);
}

/// What a server chooses is remembered, and what it has no tunnels for is asked of it in the other way.
#[test]
fn a_server_chooses_the_version_of_http() {
    let (world, echo) = (World::new(), websocket());
    world.write("root.pem", &world.authority.pem());
    let server = format!(
        "location / {{ return 200 \"$server_protocol $connection\"; }} location /ws {{ proxy_pass http://{}; \
         proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }}",
        echo.address
    );
    let (new, old) = (Nginx::serving(&world, "ssl http2", &server), Nginx::serving(&world, "ssl", &server));
    let end = |name: &str, address: SocketAddr| {
        format!(
            "---\napiVersion: gw/v1\nkind: Backend\nmetadata: {{ name: {name} }}\nspec:\n  \
             http: {{ targets: [{{ url: \"https://{address}\" }}], protocol: auto, healthCheck: {{ path: / }}, \
             tls: {{ ca: {}, serverName: origin.example }} }}\n",
            world.file("root.pem")
        ) + &route(name, &format!("hosts: [{name}.example]\nbackend: {name}"))
    };
    let manifests = gateway("") + &end("new", new.address) + &end("old", old.address);
    let options = Options { environment: vec![("GW_WORKERS", "1".into())], ..Options::default() };
    let gateway = Gateway::start_in(folder_with(&[("gateway.yaml", &manifests)]), &options);
    let asked =
        |host: &str, path: &str, fields: &str| format!("GET {path} HTTP/1.1\r\nHost: {host}.example\r\n{fields}\r\n");
    for (host, version) in [("new", "HTTP/2.0 "), ("old", "HTTP/1.1 ")] {
        let first = ask(gateway.http(), asked(host, "/", "")).text();
        assert!(first.starts_with(version), "{first}");
        for _ in 0..5 {
            assert_eq!(ask(gateway.http(), asked(host, "/", "")).text(), first, "on the same connection");
        }
        let mut client = Client::connect(gateway.http());
        client.send(asked(host, "/ws", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\n"));
        assert_eq!(client.answer().status, 101, "{host}");
        assert_eq!(client.send("hello").exactly(5), b"hello");
        let last = ask(gateway.http(), asked(host, "/", "")).text();
        assert!(last.starts_with(version), "it is still remembered: {last}");
    }
    // many at once find out together, and share a connection
    let answers: Vec<String> = thread::scope(|scope| {
        let lanes: Vec<_> = (0..8).map(|_| scope.spawn(|| ask(gateway.http(), asked("new", "/", "")).text())).collect();
        lanes.into_iter().map(|lane| lane.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

/// A server that accepts every upgrade, and sends everything back.
fn websocket() -> Origin {
    Origin::start(|peer| {
        peer.request();
        peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        while let Some(byte) = peer.exactly(1) {
            peer.send(byte);
        }
    })
}
