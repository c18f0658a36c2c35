//! What pebble doesn't do: a gateway in front of it that answers some of its questions itself. It ends with its value.

use std::path::PathBuf;

use crate::client::{Trust, ask};
use crate::pebble::Pebble;
use crate::support::{Gateway, Options, folder_with, route};

/// A gateway in front of pebble.
pub struct Front {
    gateway: Gateway,
    base: String,
    host: String,
}

impl Front {
    /// One that answers nothing itself.
    pub fn of(pebble: &Pebble) -> Self {
        let own = pebble.authority().issue(&["localhost"]);
        let folder = folder_with(&[("tls/own.crt", &own.certificate), ("tls/own.key", &own.key)]);
        let base = manifests(pebble, &folder);
        std::fs::write(folder.join("gateway.yaml"), &base).unwrap();
        let gateway = Gateway::start_in(folder, &Options::default());
        let host = format!("localhost:{}", gateway.address("https").port());
        Self { gateway, base, host }
    }

    /// Its directory.
    pub fn directory(&self) -> String {
        format!("https://{}/dir", self.host)
    }

    /// Advises for every certificate to renew it within a time that is past.
    pub fn advise(&self, pebble: &Pebble) {
        let trust = Trust::of(pebble.authority());
        let answer = ask(self.gateway.address("https"), "localhost", "/dir", &trust).unwrap();
        let mut directory: serde_json::Value =
            serde_json::from_str(&answer.body.replace("localhost", &self.host)).unwrap();
        directory["renewalInfo"] = format!("https://{}/renewal", self.host).into();
        let window = serde_json::json!({ "start": "2001-01-01T00:00:00Z", "end": "2001-01-02T00:00:00Z" });
        let advice = serde_json::json!({ "suggestedWindow": window });
        let directory = answers("directory", "path: /dir", 200, &directory);
        self.write(&(directory + &answers("renewal", "pathPrefix: /renewal", 200, &advice)));
    }

    /// Takes no orders, and says when to come again.
    pub fn refuse_orders(&self) {
        let kind = "urn:ietf:params:acme:error:rateLimited";
        let problem = serde_json::json!({ "type": kind, "detail": "too many orders", "status": 429 });
        self.write(&answers("orders", "path: /order-plz", 429, &problem));
    }

    fn write(&self, routes: &str) {
        self.gateway.write("gateway.yaml", &(self.base.clone() + routes));
        self.gateway.log.wait_for("a new table is in force");
    }

    /// How often it was asked for something.
    pub fn asked(&self, path: &str) -> usize {
        self.gateway.access.count(path)
    }
}

/// How many seconds it says to wait.
pub const WAIT: u32 = 21_600;

fn manifests(pebble: &Pebble, folder: &std::path::Path) -> String {
    let file = |name: &str| format!("{{ file: \"{}\" }}", PathBuf::from(folder).join("tls").join(name).display());
    let (certificate, key) = (file("own.crt"), file("own.key"));
    let (port, ca) = (pebble.address().port(), pebble.ca());
    format!(
        "apiVersion: gw/v1\nkind: Gateway\nmetadata: {{ name: front }}\nspec:\n  \
         listeners: [{{ name: https, address: \"127.0.0.1:0\", tls: {{ certificates: [own] }} }}]\n  \
         status: {{ address: \"127.0.0.1:0\" }}\n\
         ---\napiVersion: gw/v1\nkind: Certificate\nmetadata: {{ name: own }}\n\
         spec: {{ files: {{ certificate: {certificate}, key: {key} }} }}\n\
         ---\napiVersion: gw/v1\nkind: Backend\nmetadata: {{ name: pebble }}\nspec:\n  http:\n    \
         targets: [{{ url: \"https://localhost:{port}\" }}]\n    hostHeader: keep\n    tls: {{ ca: {ca} }}\n"
    ) + &route("pebble", "backend: pebble")
}

/// A route that answers, also who needs a nonce.
fn answers(name: &str, path: &str, status: u16, body: &serde_json::Value) -> String {
    let body = serde_json::to_string(&body.to_string()).unwrap();
    let respond = format!(
        "{{ status: {status}, contentType: application/json, headers: {{ retry-after: \"{WAIT}\" }}, body: {body} }}"
    );
    route(name, &format!("match: [{{ {path} }}]\nplugins: [{{ respond: {respond} }}]"))
}
