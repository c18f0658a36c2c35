//! Files of certificates that change while requests run: the new ones are shown, nothing fails, and what is broken changes nothing.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::client::Tls;
use crate::support::wait_until;
use crate::world::{World, https, start};

#[test]
fn a_new_certificate_is_shown_and_no_connection_drops() {
    let world = World::new();
    let first = world.issue("site", &["site.example"]);
    let gateway = start(&world.manifests("{ certificates: [site] }", &["site"]));
    let (address, ended) = (https(&gateway), AtomicBool::new(false));
    let mut old = Tls::connect(address, "site.example", &world.trust()).unwrap();
    assert!(old.shown() == first.der);
    let answered: usize = thread::scope(|scope| {
        let load = || {
            let (mut count, trust) = (0, world.trust());
            while !ended.load(Ordering::Relaxed) {
                let mut tls = Tls::connect(address, "site.example", &trust).unwrap();
                for _ in 0..3 {
                    assert_eq!(tls.get("site.example", "/").unwrap().body, "hello");
                    count += 1;
                }
            }
            count
        };
        let loads: Vec<_> = (0..2).map(|_| scope.spawn(load)).collect();
        for _ in 0..5 {
            let next = world.issue("site", &["site.example"]);
            gateway.signal("HUP");
            wait_until("the new certificate is shown", || {
                let shown = Tls::connect(address, "site.example", &world.trust()).unwrap().shown();
                (shown == next.der).then_some(())
            });
            assert_eq!(old.get("site.example", "/").unwrap().body, "hello");
        }
        ended.store(true, Ordering::Relaxed);
        loads.into_iter().map(|load| load.join().unwrap()).sum()
    });
    assert!(answered > 20, "{answered}");
    let digests: Vec<String> = gateway.log.all().into_iter().filter(|line| line.contains("a new table")).collect();
    let same = |line: &String| {
        let digest = |name| line.split(name).nth(1).map(|rest| rest.split(' ').next().unwrap().to_owned());
        digest("old=") == digest("new=")
    };
    assert!(digests.iter().all(same), "{digests:?}");
}

/// A Kubernetes secret is a folder of links through `..data`, which is replaced as a whole.
#[test]
fn a_secret_of_kubernetes_is_swapped_whole() {
    let world = World::new();
    let mount = |version: &str| {
        let issued = world.authority.issue(&["site.example"]);
        let folder = world.files.join(format!("..{version}"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("site.crt"), &issued.certificate).unwrap();
        fs::write(folder.join("site.key"), &issued.key).unwrap();
        symlink(format!("..{version}"), world.files.join("..data_tmp")).unwrap();
        fs::rename(world.files.join("..data_tmp"), world.files.join("..data")).unwrap();
        issued.der
    };
    let first = mount("first");
    for name in ["site.crt", "site.key"] {
        symlink(format!("..data/{name}"), world.files.join(name)).unwrap();
    }
    let gateway = start(&world.manifests("{ certificates: [site] }", &["site"]));
    let shown = || Tls::connect(https(&gateway), "site.example", &world.trust()).unwrap().shown();
    assert!(shown() == first);
    let second = mount("second");
    // nobody tells the gateway
    wait_until("the new secret is used", || (shown() == second).then_some(()));
}

#[test]
fn what_is_broken_is_never_put_in_force() {
    let world = World::new();
    let good = world.issue("site", &["site.example"]);
    world.write("ca.pem", &world.authority.pem());
    world.write("crl.pem", &world.authority.revoke(&[7]));
    let auth = format!("{{ ca: {}, crl: {}, mode: optional }}", world.file("ca.pem"), world.file("crl.pem"));
    let gateway = start(&world.manifests(&format!("{{ certificates: [site], clientAuth: {auth} }}"), &["site"]));
    let other = world.authority.issue(&["site.example"]);
    let empty_ca = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
    let cases = [
        ("site.key", other.key.as_str(), "is not that of the certificate"),
        ("site.crt", "", "is empty"),
        ("site.crt", "no PEM", "holds no certificate in PEM"),
        ("site.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "malformed certificate"),
        ("site.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "the key"),
        ("ca.pem", empty_ca, "holds no certificate in PEM"),
        ("crl.pem", empty_ca, "holds no list of revoked certificates in PEM"),
    ];
    for (refused, (name, text, message)) in (1..).zip(cases) {
        let kept = fs::read_to_string(world.files.join(name)).unwrap();
        world.write(name, text);
        gateway.signal("HUP");
        let line = wait_until("it is refused", || {
            let errors: Vec<String> =
                gateway.log.all().into_iter().filter(|line| line.starts_with("error: ")).collect();
            errors.into_iter().nth(refused - 1)
        });
        assert!(line.contains(message) && line.contains(name), "{name}: {line}");
        assert!(!line.contains("AAAA") && !line.contains("no PEM"), "{line}");
        let mut tls = Tls::connect(https(&gateway), "site.example", &world.trust()).unwrap();
        assert!(tls.shown() == good.der);
        assert_eq!(tls.get("site.example", "/").unwrap().body, "hello");
        world.write(name, &kept);
        gateway.signal("HUP");
        gateway.log.wait_for_nth("nothing that matters has changed", refused);
    }
}

#[test]
fn a_missing_file_is_no_start() {
    let world = World::new();
    world.issue("site", &["site.example"]);
    fs::remove_file(world.files.join("site.key")).unwrap();
    let folder =
        crate::support::folder_with(&[("gateway.yaml", &world.manifests("{ certificates: [site] }", &["site"]))]);
    let mut gateway = crate::support::Gateway::spawn(folder, &crate::support::Options::default());
    gateway.log.wait_for("site.key` cannot be read");
    assert!(!gateway.ended().success());
}
