//! Two gateways that share a folder, with an authority that asks the one for one host and the other for the other.

use std::fs::{self, File};

use crate::pebble::{Pebble, Settings};
use crate::support::{Gateway, folder_with, wait_until};
use crate::world::{World, edge, hello, shown, site_status};

#[test]
fn one_orders_and_both_answer_and_show() {
    let world = World::new();
    let one = world.start(&world.manifests());
    let port = one.http().port();
    // names that begin with `b.` are this address
    let manifests = |tls: &str| edge(&format!("127.0.0.2:{port}"), "127.0.0.2:0", tls) + &world.first() + &hello();
    let folder = folder_with(&[("gateway.yaml", &manifests("{ certificates: [first] }"))]);
    let other = Gateway::start_in(folder, &world.options());
    let pebble = Pebble::start(&Settings { http: port, reuse: 100, ..Settings::default() });
    // neither is to begin before both would answer
    let locks = world.kept(&pebble.directory()).join("locks");
    fs::create_dir_all(&locks).unwrap();
    let lock = File::create(locks.join("site")).unwrap();
    lock.lock().unwrap();
    let order = world.ordering(&pebble, "a.example, b.example", "");
    one.write("gateway.yaml", &order);
    let order = order.split_once("---").unwrap().1;
    other.write(
        "gateway.yaml",
        &(edge(&format!("127.0.0.2:{port}"), "127.0.0.2:0", "{ certificates: [first, site] }") + "---" + order),
    );
    for gateway in [&one, &other] {
        gateway.log.wait_for("a new table is in force");
    }
    drop(lock);
    let trust = pebble.trust();
    let show = |gateway: &Gateway, host: &str| {
        wait_until("it is shown", || shown(gateway.address("https"), host, &trust).ok())
    };
    let certificate = show(&one, "a.example");
    assert!(show(&other, "b.example") == certificate);
    let count = |text: &str| one.log.count(text) + other.log.count(text);
    assert_eq!((pebble.orders(), count("a certificate was issued"), count("an account was made")), (1, 1, 1));
    assert_eq!(count("that is kept in the state folder is in force"), 1);
    for gateway in [&one, &other] {
        assert_eq!(site_status(gateway)["acme"]["failures"], 0);
    }
    // the one that has ordered ends, and the other goes on with its account
    let (ended, left) = if one.log.count("a certificate was issued") == 1 { (one, other) } else { (other, one) };
    ended.signal("KILL");
    let manifests = fs::read_to_string(left.folder().join("gateway.yaml")).unwrap();
    left.write(
        "gateway.yaml",
        &manifests.replace("termsOfServiceAgreed: true", "termsOfServiceAgreed: true, key: ecdsaP384"),
    );
    left.log.wait_for("a certificate was issued certificate=site");
    assert!(show(&left, "a.example") != certificate);
    assert_eq!((pebble.orders(), left.log.count("an account was made")), (2, 0));
}
