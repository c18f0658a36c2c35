//! TLS with servers upstream, for which nginx stands: whom the gateway trusts, what it shows, and that new files are taken.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::authority::Authority;
use crate::support::client::{ask, get};
use crate::support::{Gateway, Options, folder_with, gateway, route, wait_until};
use crate::world::World;

/// An nginx that speaks TLS, asks for a certificate and answers with its subject and the name that it was asked for.
struct Nginx {
    child: Child,
    folder: PathBuf,
    address: SocketAddr,
}

impl Nginx {
    fn start(world: &World, clients: &Authority) -> Self {
        world.issue("origin", &["origin.example"]);
        world.write("clients.pem", &clients.pem());
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let file = |name: &str| world.files.join(name).display().to_string();
        let config = format!(
            "daemon off; pid nginx.pid; error_log stderr; events {{}}\nhttp {{ access_log off; \
             client_body_temp_path a; proxy_temp_path b; fastcgi_temp_path c; uwsgi_temp_path d; scgi_temp_path e; \
             server {{ listen {address} ssl; ssl_certificate {}; ssl_certificate_key {}; ssl_client_certificate {}; \
             ssl_verify_client on; location / {{ return 200 \"$ssl_client_s_dn for $ssl_server_name\"; }} }} }}\n",
            file("origin.crt"),
            file("origin.key"),
            file("clients.pem"),
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
