//! A gateway with a folder for its state. It starts without an order, so that pebble can be told where it listens.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use gw::table::Digest;

use crate::authority::Authority;
use crate::client::{Tls, Trust};
use crate::pebble::Pebble;
use crate::support::{Gateway, Options, folder_with, route};

/// A folder for the state, and one for certificates of the tests' own; they end with their value.
pub struct World {
    pub authority: Authority,
    pub state: PathBuf,
    files: PathBuf,
}

impl World {
    pub fn new() -> Self {
        let authority = Authority::new("authority");
        let first = authority.issue(&["first.example"]);
        let files = folder_with(&[("first.crt", &first.certificate), ("first.key", &first.key)]);
        Self { authority, state: files.join("state"), files }
    }

    /// A `Certificate` called `first`, of files.
    pub fn first(&self) -> String {
        let file = |name: &str| format!("{{ file: \"{}\" }}", self.files.join(name).display());
        let (certificate, key) = (file("first.crt"), file("first.key"));
        format!(
            "---\napiVersion: gw/v1\nkind: Certificate\nmetadata: {{ name: first }}\nspec:\n  \
             files: {{ certificate: {certificate}, key: {key} }}\n"
        )
    }

    /// The manifests of a gateway that orders nothing.
    pub fn manifests(&self) -> String {
        edge("127.0.0.1:0", "127.0.0.1:0", "{ certificates: [first] }") + &self.first() + &hello()
    }

    /// The same, with an order for a host, and more lines of its `acme`.
    pub fn ordering(&self, pebble: &Pebble, hosts: &str, acme: &str) -> String {
        let named = self.manifests().replace("[first]", "[first, site]");
        named + &site(&pebble.directory(), &pebble.ca(), hosts, acme)
    }

    pub fn options(&self) -> Options {
        Options { environment: vec![("GW_STATE_DIR", self.state.display().to_string())], ..Options::default() }
    }

    pub fn start(&self, manifests: &str) -> Gateway {
        let gateway = Gateway::start_in(folder_with(&[("gateway.yaml", manifests)]), &self.options());
        gateway.address("https");
        gateway
    }

    /// Where the gateway keeps what belongs to an authority.
    pub fn kept(&self, directory: &str) -> PathBuf {
        self.state.join(format!("acme/localhost-{}", Digest::of_bytes(directory.as_bytes()).short()))
    }

    /// Keeps a certificate as if it had been ordered as `site`.
    pub fn seed(&self, directory: &str, pem: &str) {
        let folder = self.kept(directory).join("certificates");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(".new"), pem).unwrap();
        fs::rename(folder.join(".new"), folder.join("site.pem")).unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.files);
    }
}

/// The `Gateway` with a listener in clear text and one with TLS.
pub fn edge(http: &str, https: &str, tls: &str) -> String {
    format!(
        "apiVersion: gw/v1\nkind: Gateway\nmetadata: {{ name: edge }}\nspec:\n  listeners:\n    \
         - {{ name: http, address: \"{http}\" }}\n    - {{ name: https, address: \"{https}\", tls: {tls} }}\n  \
         status: {{ address: \"127.0.0.1:0\" }}\n"
    )
}

/// A route that sends everybody to HTTPS, and says hello there.
pub fn hello() -> String {
    route("hello", "plugins: [{ httpsOnly: {} }, { respond: { body: hello } }]")
}

/// A `Certificate` called `site` that is ordered.
pub fn site(directory: &str, ca: &str, hosts: &str, acme: &str) -> String {
    format!(
        "---\napiVersion: gw/v1\nkind: Certificate\nmetadata: {{ name: site }}\nspec:\n  hosts: [{hosts}]\n  \
         acme: {{ directory: \"{directory}\", ca: {ca}, termsOfServiceAgreed: true{acme} }}\n"
    )
}

/// What the status listener says.
pub fn status(gateway: &Gateway, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    crate::support::client::ask(gateway.address("status"), request).text()
}

/// What it says of `site`.
pub fn site_status(gateway: &Gateway) -> serde_json::Value {
    let overview: serde_json::Value = serde_json::from_str(&status(gateway, "/status")).unwrap();
    let certificates = overview["certificates"].as_array().unwrap();
    certificates.iter().find(|line| line["name"] == "site").unwrap().clone()
}

/// The certificate that is shown for a host, if a client that trusts these takes it.
pub fn shown(address: SocketAddr, host: &str, trust: &Trust) -> Result<Vec<u8>, String> {
    Tls::connect(address, host, trust).map(|tls| tls.shown())
}
