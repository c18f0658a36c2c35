//! A gateway whose certificates lie in a folder beside its manifests, and an authority that everybody trusts.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::authority::{Authority, Issued};
use crate::client::Trust;
use crate::support::{Gateway, Options, folder_with, route, wait_until};

/// A folder of certificates and keys; it ends with its value.
pub struct World {
    pub authority: Authority,
    pub files: PathBuf,
}

impl World {
    pub fn new() -> Self {
        Self { authority: Authority::new("authority"), files: folder_with(&[]) }
    }

    /// Writes a file as a careful program does.
    pub fn write(&self, name: &str, text: &str) {
        let hidden = self.files.join(format!(".{name}.new"));
        fs::write(&hidden, text).unwrap();
        fs::rename(hidden, self.files.join(name)).unwrap();
    }

    /// Puts a certificate where the manifests of [`certificate`](Self::certificate) look for it.
    pub fn put(&self, name: &str, issued: &Issued) {
        self.write(&format!("{name}.key"), &issued.key);
        self.write(&format!("{name}.crt"), &issued.certificate);
    }

    /// Issues a certificate for names and puts it there.
    pub fn issue(&self, name: &str, names: &[&str]) -> Issued {
        let issued = self.authority.issue(names);
        self.put(name, &issued);
        issued
    }

    /// The reference to a file.
    pub fn file(&self, name: &str) -> String {
        format!("{{ file: \"{}\" }}", self.files.join(name).display())
    }

    /// A `Certificate` of files.
    pub fn certificate(&self, name: &str) -> String {
        let (certificate, key) = (self.file(&format!("{name}.crt")), self.file(&format!("{name}.key")));
        format!(
            "---\napiVersion: gw/v1\nkind: Certificate\nmetadata: {{ name: {name} }}\nspec:\n  \
             files: {{ certificate: {certificate}, key: {key} }}\n"
        )
    }

    /// Manifests of a listener with TLS, these certificates, and a route that says hello to everybody.
    pub fn manifests(&self, tls: &str, certificates: &[&str]) -> String {
        let certificates: String = certificates.iter().map(|name| self.certificate(name)).collect();
        edge(tls) + &certificates + &route("hello", "plugins: [{ respond: { body: hello } }]")
    }

    pub fn trust(&self) -> Trust {
        Trust::of(&self.authority)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.files);
    }
}

/// The `Gateway` with one listener, `https`.
pub fn edge(tls: &str) -> String {
    format!(
        "apiVersion: gw/v1\nkind: Gateway\nmetadata: {{ name: edge }}\nspec:\n  \
         listeners: [{{ name: https, address: \"127.0.0.1:0\", tls: {tls} }}]\n  status: {{ address: \"127.0.0.1:0\" }}\n"
    )
}

/// What the status listener says.
pub fn status(gateway: &Gateway, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    crate::support::client::ask(gateway.address("status"), request).text()
}

/// Waits for a line of the metrics: what is counted is counted after the client knows.
pub fn wait_for_metric(gateway: &Gateway, line: &str) {
    wait_until(line, || status(gateway, "/metrics").contains(line).then_some(()));
}

pub fn start(manifests: &str) -> Gateway {
    Gateway::start_in(folder_with(&[("gateway.yaml", manifests)]), &Options::default())
}

pub fn https(gateway: &Gateway) -> SocketAddr {
    gateway.address("https")
}
