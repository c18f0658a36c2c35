//! Other programs that speak TLS: what they see is what there is.

use std::process::{Command, Stdio};

use crate::authority::Authority;
use crate::world::{World, https, start};

fn run(program: &str, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn openssl_and_curl_agree() {
    let (world, partners) = (World::new(), Authority::new("partners"));
    world.issue("site", &["site.example", "partners.example"]);
    world.write("root.pem", &world.authority.pem());
    world.write("ca.pem", &partners.pem());
    let acme = partners.issue_to("acme", "spiffe://acme/api", 7);
    world.write("acme.pem", &(acme.certificate + &acme.key));
    let tls = format!(
        "{{ certificates: [site], hosts: [{{ hosts: [partners.example], clientAuth: {{ ca: {} }} }}] }}",
        world.file("ca.pem")
    );
    let gateway = start(&world.manifests(&tls, &["site"]));
    let address = https(&gateway).to_string();
    let root = world.files.join("root.pem").display().to_string();
    let own = world.files.join("acme.pem").display().to_string();
    for (version, expected) in [("-tls1_2", "TLSv1.2, Cipher is ECDHE-"), ("-tls1_3", "TLSv1.3, Cipher is TLS_AES")] {
        let (_, text) = run(
            "openssl",
            &["s_client", "-connect", &address, "-servername", "site.example", "-CAfile", &root, version],
        );
        assert!(text.contains(expected) && text.contains("Verify return code: 0 (ok)"), "{text}");
    }
    for old in ["-tls1", "-tls1_1"] {
        let (done, _) = run("openssl", &["s_client", "-connect", &address, old, "-cipher", "ALL:@SECLEVEL=0"]);
        assert!(!done, "{old}");
    }
    let port = https(&gateway).port();
    let ask = |name: &str, more: &[&str]| {
        let (resolve, url) = (format!("{name}:{port}:127.0.0.1"), format!("https://{name}:{port}/"));
        let arguments = ["-sS", "--max-time", "15", "--cacert", &root, "--resolve", &resolve, &url];
        run("curl", &[&arguments[..], more].concat())
    };
    assert_eq!(ask("site.example", &[]), (true, "hello".to_owned()));
    assert_eq!(ask("site.example", &["--http1.1", "--tls-max", "1.2"]), (true, "hello".to_owned()));
    let version = ["-o", "/dev/null", "-w", "%{http_version}"];
    assert_eq!(ask("site.example", &version), (true, "2".to_owned()));
    assert_eq!(ask("site.example", &[&version[..], &["--http1.1"]].concat()), (true, "1.1".to_owned()));
    assert!(!ask("partners.example", &[]).0);
    assert_eq!(ask("partners.example", &["--cert", &own]), (true, "hello".to_owned()));
}
