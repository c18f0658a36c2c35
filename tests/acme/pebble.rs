//! Pebble, the small authority of Let's Encrypt for tests. It ends with its value.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::authority::Authority;
use crate::client::{Trust, ask};
use crate::names::NameServer;
use crate::support::{Lines, folder_with};

/// How pebble is started.
pub struct Settings {
    /// Where it asks for pages.
    pub http: u16,
    /// Where it asks for handshakes.
    pub tls: u16,
    /// Of how many of a hundred good nonces it says that they are bad.
    pub bad_nonces: u8,
    /// Of how many of a hundred hosts it doesn't ask again whose they are.
    pub reuse: u8,
    /// A key without which it makes no account, in base64url.
    pub external_key: Option<&'static str>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { http: 1, tls: 1, bad_nonces: 0, reuse: 0, external_key: None }
    }
}

/// A running pebble.
pub struct Pebble {
    child: Child,
    folder: PathBuf,
    address: SocketAddr,
    management: SocketAddr,
    pub log: Lines,
    authority: Authority,
    names: NameServer,
    /// What is set by variables: see [`Settings`].
    variables: [(&'static str, u8); 2],
}

impl Pebble {
    pub fn start(settings: &Settings) -> Self {
        let (names, authority) = (NameServer::start(), Authority::new("directory"));
        let (address, management) = (free(), free());
        let own = authority.issue(&["localhost", "127.0.0.1"]);
        let mut config = serde_json::json!({
            "listenAddress": address, "managementListenAddress": management,
            "certificate": "pebble.crt", "privateKey": "pebble.key",
            "httpPort": settings.http, "tlsPort": settings.tls,
            "externalAccountBindingRequired": settings.external_key.is_some(),
        });
        if let Some(key) = settings.external_key {
            config["externalAccountMACKeys"] = serde_json::json!({ "kid-1": key });
        }
        let config = serde_json::json!({ "pebble": config }).to_string();
        let folder = folder_with(&[
            ("pebble.json", &config),
            ("pebble.crt", &own.certificate),
            ("pebble.key", &own.key),
            ("ca.pem", &authority.pem()),
        ]);
        let variables = [("PEBBLE_WFE_NONCEREJECT", settings.bad_nonces), ("PEBBLE_AUTHZREUSE", settings.reuse)];
        let (child, log) = spawn(&folder, &names, variables);
        Self { child, folder, address, management, log, authority, names, variables }
    }

    /// Ends it, and starts it again; it knows nothing then of what it knew.
    pub fn restart(&mut self, meanwhile: impl FnOnce()) {
        self.end();
        meanwhile();
        (self.child, self.log) = spawn(&self.folder, &self.names, self.variables);
    }

    /// Its directory.
    pub fn directory(&self) -> String {
        format!("https://localhost:{}/dir", self.address.port())
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The authority that its own certificate is from.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The certificate of that authority, as a manifest names it.
    pub fn ca(&self) -> String {
        format!("{{ file: \"{}\" }}", self.folder.join("ca.pem").display())
    }

    /// What the clients trust that trust what it issues.
    pub fn trust(&self) -> Trust {
        let answer = ask(self.management, "localhost", "/roots/0", &Trust::of(&self.authority)).unwrap();
        Trust::root(CertificateDer::from_pem_slice(answer.body.as_bytes()).unwrap().to_vec())
    }

    /// How many orders it was given.
    pub fn orders(&self) -> usize {
        self.log.count("Added order")
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.end();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn spawn(folder: &Path, names: &NameServer, variables: [(&str, u8); 2]) -> (Child, Lines) {
    let mut command = Command::new("pebble");
    command.args(["-config", "pebble.json", "-dnsserver", &names.address.to_string()]).current_dir(folder);
    command.env("PEBBLE_VA_NOSLEEP", "1").envs(variables.map(|(name, value)| (name, value.to_string())));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("pebble, which tests/run installs");
    let log = Lines::read(child.stdout.take().unwrap());
    log.wait_for("ACME directory available at");
    (child, log)
}

/// An address that nobody has.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
