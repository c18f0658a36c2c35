//! Orders that succeed: by both challenges, with and without an account elsewhere.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::client::{Tls, Trust, ask};
use crate::pebble::{Pebble, Settings};
use crate::support::client::{self, get};
use crate::support::{Gateway, Options, folder_with, wait_until};
use crate::world::{World, edge, hello, shown, site, site_status, status};

/// All files below a folder, with their modes.
fn files(folder: &Path, found: &mut Vec<(String, u32)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        if path.is_dir() {
            assert_eq!(mode, 0o700, "{}", path.display());
            files(&path, found);
        } else {
            found.push((path.display().to_string(), mode));
        }
    }
}

#[test]
fn a_certificate_is_ordered_by_pages() {
    let world = World::new();
    let gateway = world.start(&world.manifests());
    let settings = Settings { http: gateway.http().port(), bad_nonces: 5, ..Settings::default() };
    let pebble = Pebble::start(&settings);
    let (https, old) = (gateway.address("https"), Trust::of(&world.authority));
    let hosts = "site.example, www.site.example";
    gateway.write("gateway.yaml", &world.ordering(&pebble, hosts, ", email: ops@site.example"));
    gateway.log.wait_for("it was not issued yet");
    gateway.log.wait_for("a certificate was issued certificate=site");
    let answer = ask(https, "www.site.example", "/", &pebble.trust()).unwrap();
    assert_eq!((answer.status, &*answer.body), (200, "hello"));
    assert!(shown(https, "first.example", &old).is_ok(), "others are shown what they were");
    assert_eq!(client::ask(gateway.http(), get("/", "")).status, 308);
    let page = get("/.well-known/acme-challenge/token", "");
    assert_eq!(client::ask(gateway.http(), page).status, 308, "nothing is pending any more");
    let line = site_status(&gateway);
    assert!(line["expires"].is_string() && line["acme"]["nextOrder"].is_string(), "{line}");
    assert_eq!((&line["expiresSoon"], &line["acme"]["failures"]), (&false.into(), &0.into()));
    let metrics = status(&gateway, "/metrics");
    assert!(metrics.contains("gw_acme_orders_total{certificate=\"site\",result=\"issued\"} 1"), "{metrics}");
    let mut kept = Vec::new();
    files(&world.state, &mut kept);
    assert!(kept.len() == 4 && kept.iter().all(|(_, mode)| *mode == 0o600), "{kept:?}");
}

#[test]
fn a_certificate_is_ordered_by_handshakes() {
    let world = World::new();
    // clients must show a certificate, which an authority has none of
    let ca = format!("{{ file: \"{}\" }}", world.state.join("clients.pem").display());
    fs::create_dir_all(&world.state).unwrap();
    fs::write(world.state.join("clients.pem"), world.authority.pem()).unwrap();
    let tls = |names: &str| format!("{{ certificates: [{names}], clientAuth: {{ ca: {ca} }} }}");
    let manifests = |names: &str| edge("127.0.0.1:0", "127.0.0.1:0", &tls(names)) + &world.first() + &hello();
    let environment = vec![
        ("GW_STATE_DIR", world.state.display().to_string()),
        ("EAB_KEY", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W".to_owned()),
    ];
    let options = Options { environment, ..Options::default() };
    let folder = folder_with(&[("gateway.yaml", &manifests("first"))]);
    let gateway = Gateway::start_in(folder, &options);
    let https = gateway.address("https");
    let external_key = Some("zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W");
    let pebble = Pebble::start(&Settings { tls: https.port(), external_key, ..Settings::default() });
    let acme = ", challenge: tlsAlpn01, key: ecdsaP384, externalAccount: { keyId: kid-1, key: { env: EAB_KEY } }";
    let order = site(&pebble.directory(), &pebble.ca(), "site.example", acme);
    gateway.write("gateway.yaml", &(manifests("first, site") + &order));
    gateway.log.wait_for("a certificate was issued certificate=site");
    let own = world.authority.issue_to("acme", "spiffe://acme/api", 7);
    let trust = Trust::showing(&world.authority, &own).blind();
    let mut connection = Tls::connect(https, "site.example", &trust).unwrap();
    assert_eq!(connection.get("site.example", "/").unwrap().body, "hello");
    let kept = fs::read(world.kept(&pebble.directory()).join("certificates/site.pem")).unwrap();
    assert!(connection.shown() == CertificateDer::from_pem_slice(&kept).unwrap().to_vec());
    let asks = trust.speaking(&["acme-tls/1"]);
    wait_until("nothing is pending any more", || {
        let refused = Tls::connect(https, "site.example", &asks).err()?;
        assert!(refused.contains("NoApplicationProtocol"), "{refused}");
        Some(())
    });
}
