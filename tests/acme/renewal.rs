//! Certificates that are renewed: in time, or when the authority advises it.

use std::time::{Duration, SystemTime};

use gw::proxy::access_log::rfc3339;

use crate::client::{Tls, Trust, ask};
use crate::pebble::{Pebble, Settings};
use crate::support::{Gateway, Options, folder_with, route, wait_until};
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

/// Pebble gives no advice, so a gateway in front of it does.
fn adviser(pebble: &Pebble, world: &World) -> (Gateway, String) {
    let own = pebble.authority().issue(&["localhost"]);
    let folder = folder_with(&[("tls/own.crt", &own.certificate), ("tls/own.key", &own.key)]);
    let file = |name: &str| format!("{{ file: \"{}\" }}", folder.join("tls").join(name).display());
    let base = format!(
        "apiVersion: gw/v1\nkind: Gateway\nmetadata: {{ name: adviser }}\nspec:\n  \
         listeners: [{{ name: https, address: \"127.0.0.1:0\", tls: {{ certificates: [own] }} }}]\n  \
         status: {{ address: \"127.0.0.1:0\" }}\n\
         ---\napiVersion: gw/v1\nkind: Certificate\nmetadata: {{ name: own }}\n\
         spec: {{ files: {{ certificate: {}, key: {} }} }}\n\
         ---\napiVersion: gw/v1\nkind: Backend\nmetadata: {{ name: pebble }}\nspec:\n  http: {{ targets: [{{ url: \"https://localhost:{}\" }}], \
         hostHeader: keep, tls: {{ ca: {} }} }}\n",
        file("own.crt"),
        file("own.key"),
        pebble.address().port(),
        pebble.ca(),
    ) + &route("pebble", "backend: pebble");
    let environment = vec![("GW_STATE_DIR", world.state.display().to_string())];
    std::fs::write(folder.join("gateway.yaml"), &base).unwrap();
    let adviser = Gateway::start_in(folder, &Options { environment, ..Options::default() });
    let host = format!("localhost:{}", adviser.address("https").port());
    let answer = ask(adviser.address("https"), "localhost", "/dir", &Trust::of(pebble.authority())).unwrap();
    let pebbles = answer.body.replace("localhost", &host);
    let mut directory: serde_json::Value = serde_json::from_str(&pebbles).unwrap();
    directory["renewalInfo"] = format!("https://{host}/renewal").into();
    let advice =
        serde_json::json!({ "suggestedWindow": { "start": "2001-01-01T00:00:00Z", "end": "2001-01-02T00:00:00Z" } });
    let says = |name: &str, path: &str, body: &serde_json::Value| {
        let body = serde_json::to_string(&body.to_string()).unwrap();
        let respond =
            format!("{{ contentType: application/json, headers: {{ retry-after: \"21600\" }}, body: {body} }}");
        route(name, &format!("match: [{{ {path} }}]\nplugins: [{{ respond: {respond} }}]"))
    };
    let more = says("directory", "path: /dir", &directory) + &says("renewal", "pathPrefix: /renewal", &advice);
    adviser.write("gateway.yaml", &(base + &more));
    adviser.log.wait_for("a new table is in force");
    (adviser, format!("https://{host}/dir"))
}

#[test]
fn an_authority_that_advises_it_is_heard() {
    let world = World::new();
    let gateway = world.start(&world.manifests());
    let pebble = Pebble::start(&Settings { http: gateway.http().port(), ..Settings::default() });
    let (adviser, directory) = adviser(&pebble, &world);
    let (https, now) = (gateway.address("https"), SystemTime::now());
    // nothing but the advice makes it old
    let held = world.authority.issue_between(&["site.example"], now - days(3), now + days(87));
    world.seed(&directory, &(held.key + &held.certificate));
    let order = site(&directory, &pebble.ca(), "site.example", "");
    gateway.write("gateway.yaml", &(world.manifests().replace("[first]", "[first, site]") + &order));
    gateway.log.wait_for("a certificate was issued certificate=site");
    let trust = pebble.trust();
    let next = shown(https, "site.example", &trust).unwrap();
    assert!(adviser.access.count("/renewal/") >= 1);
    // the next one is too young for the same advice
    wait_until("it is asked about the next one", || (adviser.access.count("/renewal/") >= 2).then_some(()));
    let hours = |hours| rfc3339(SystemTime::now() + Duration::from_hours(hours));
    wait_until("the next order is a day away", || {
        let line = site_status(&gateway);
        let next = line["acme"]["nextOrder"].as_str().unwrap();
        (*next > *hours(23) && *next < *hours(25)).then_some(())
    });
    assert!(Tls::connect(https, "site.example", &trust).unwrap().shown() == next);
}
