//! Certificates that are renewed: in time, or when the authority advises it.

use std::time::{Duration, SystemTime};

use gw::proxy::access_log::rfc3339;

use crate::client::Trust;
use crate::front::Front;
use crate::pebble::{Pebble, Settings};
use crate::support::wait_until;
use crate::world::{World, shown, site, site_status};

fn days(count: u64) -> Duration {
    Duration::from_hours(24 * count)
}

#[test]
fn one_that_is_old_is_shown_until_the_next_one_is_there() {
    let world = World::new();
    let gateway = world.start(&world.manifests());
    let pebble = Pebble::start(&Settings { http: gateway.http().port(), ..Settings::default() });
    let (https, now) = (gateway.address("https"), SystemTime::now());
    let old = world.authority.issue_between(&["site.example"], now - days(70), now + days(20));
    world.seed(&pebble.directory(), &(old.key + &old.certificate));
    gateway.write("gateway.yaml", &world.ordering(&pebble, "site.example", ""));
    gateway.log.wait_for("a new table is in force");
    let blind = Trust::of(&world.authority).blind();
    let first = shown(https, "site.example", &blind).unwrap();
    assert!(first == old.der || shown(https, "site.example", &pebble.trust()).is_ok());
    gateway.log.wait_for("a certificate was issued certificate=site");
    assert!(shown(https, "site.example", &pebble.trust()).is_ok());
    assert_eq!(gateway.log.count("it was not issued yet"), 0);
    assert_eq!(pebble.orders(), 1);
}

#[test]
fn an_authority_that_advises_it_is_heard() {
    let world = World::new();
    let gateway = world.start(&world.manifests());
    let pebble = Pebble::start(&Settings { http: gateway.http().port(), ..Settings::default() });
    let front = Front::of(&pebble);
    front.advise(&pebble);
    let (https, now, directory) = (gateway.address("https"), SystemTime::now(), front.directory());
    // nothing but the advice makes it old
    let held = world.authority.issue_between(&["site.example"], now - days(3), now + days(87));
    world.seed(&directory, &(held.key + &held.certificate));
    let order = site(&directory, &pebble.ca(), "site.example", "");
    gateway.write("gateway.yaml", &(world.manifests().replace("[first]", "[first, site]") + &order));
    gateway.log.wait_for("a certificate was issued certificate=site");
    let trust = pebble.trust();
    let next = shown(https, "site.example", &trust).unwrap();
    // the next one is too young for the same advice
    wait_until("it is asked about the next one", || (front.asked("/renewal/") >= 2).then_some(()));
    let hours = |hours| rfc3339(SystemTime::now() + Duration::from_hours(hours));
    wait_until("the next order is a day away", || {
        let line = site_status(&gateway);
        let moment = line["acme"]["nextOrder"].as_str().unwrap();
        (*moment > *hours(23) && *moment < *hours(25)).then_some(())
    });
    assert!(shown(https, "site.example", &trust).unwrap() == next);
}
