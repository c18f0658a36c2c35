//! The commands about releases: what they publish and show, and what they end with.

use std::thread;

use crate::world::{World, json, serial};

#[test]
fn publishing_wants_a_yes_and_a_key() {
    let world = World::new();
    world.write("one");
    let (manifests, key) = (world.path("manifests"), world.path("keys/gw.key"));
    let apply = |more: &[&str]| {
        let mut arguments = vec!["apply", manifests.as_str(), "--store", world.store.as_str()];
        arguments.extend(more);
        world.gw(&arguments)
    };
    for (more, why) in [
        (&["--key", key.as_str()][..], "say `--yes`"),
        (&["--yes"], "--allow-unsigned"),
        (&["--yes", "--key", "nowhere"], "nowhere"),
    ] {
        let said = apply(more);
        assert_eq!((said.code, said.out.as_str()), (1, ""));
        assert!(said.err.contains(why), "{}", said.err);
    }
    let said = apply(&["--yes", "--key", &key]);
    assert_eq!(said.code, 0);
    assert!(said.out.starts_with("release 1: bundle "), "{}", said.out);
    let again = apply(&["--yes", "--key", &key]);
    assert_eq!((again.code, &again.out), (0, &said.out));
    assert!(again.err.contains("nothing to apply"));
}

#[test]
fn manifests_with_errors_are_not_published() {
    let world = World::new();
    world
        .write_manifests("apiVersion: gw/v1\nkind: Route\nmetadata: { name: a }\nspec: { public: true, backend: b }\n");
    let said = world.apply_with(&[]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("gateway.yaml:4:32") && said.err.contains("GW2002"), "{}", said.err);
    assert!(!world.object("current.json").exists());
}

#[test]
fn of_several_that_publish_at_once_one_wins_and_the_others_are_told() {
    let world = World::new();
    world.apply("one");
    let folders = ["a", "b", "c"].map(|name| {
        world.write(name);
        let folder = world.path(name);
        std::fs::rename(world.path("manifests"), &folder).unwrap();
        folder
    });
    let key = world.path("keys/gw.key");
    let said: Vec<_> = thread::scope(|scope| {
        let running = folders.each_ref().map(|folder| {
            scope.spawn(|| world.gw(&["apply", folder, "--store", &world.store, "--key", &key, "--yes", "-o", "json"]))
        });
        running.into_iter().map(|running| running.join().unwrap()).collect()
    });
    let won = said.iter().filter(|said| said.code == 0).count();
    assert!(won >= 1);
    for lost in said.iter().filter(|said| said.code != 0) {
        assert!(lost.code == 1 && lost.err.contains("the release moved"), "{}", lost.err);
    }
    let history = json(&world.gw(&["history", "--store", &world.store, "-o", "json"]).out);
    assert_eq!(history["releases"].as_array().unwrap().len(), won + 1);
}

#[test]
fn history_shows_what_was_and_by_whom() {
    let world = World::new();
    let history = |more: &[&str]| {
        let mut arguments = vec!["history", "--store", world.store.as_str()];
        arguments.extend(more);
        world.gw(&arguments)
    };
    assert_eq!(history(&[]).out, "nothing was released yet\n");
    for text in ["one", "two", "three"] {
        world.apply(text);
    }
    assert_eq!(serial(&world.roll_back(&[])), 4);
    let trusted = world.path("keys/gw.pub");
    let said = history(&["--trust-key", &trusted, "-o", "json"]);
    let releases = json(&said.out)["releases"].as_array().unwrap().clone();
    let serials: Vec<u64> = releases.iter().map(|release| release["serial"].as_u64().unwrap()).collect();
    assert_eq!(serials, [4, 3, 2, 1]);
    assert_eq!((&releases[0]["restores"], &releases[0]["bundle"]), (&2.into(), &releases[2]["bundle"]));
    assert!(releases.iter().all(|release| release["signedBy"].is_string()) && said.err.is_empty());
    let said = history(&["--limit", "2"]);
    assert_eq!(said.out.lines().count(), 3);
    assert!(said.out.lines().nth(1).unwrap().starts_with("*      4  ") && said.out.contains("restores 2"));
    assert!(said.err.contains("not verified"));
    // an entry that was changed is no history
    let entry = &world.objects("releases")[1];
    std::fs::copy(&world.objects("releases")[0], entry).unwrap();
    let said = history(&["--trust-key", &trusted]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("the entry of release 2 is that of another one"), "{}", said.err);
}

#[test]
fn going_back_needs_what_is_there() {
    let world = World::new();
    let said = world.roll_back(&[]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("there is no release"), "{}", said.err);
    world.apply("one");
    world.apply("two");
    for (target, why) in [(&["7"][..], "no release 7"), (&["abcdef0"], "abcdef0"), (&["x"], "the number of a release")]
    {
        let said = world.roll_back(target);
        assert_eq!(said.code, 1);
        assert!(said.err.contains(why), "{}", said.err);
    }
    let one = json(&world.gw(&["history", "--store", &world.store, "-o", "json"]).out)["releases"][1]["bundle"].clone();
    assert_eq!(serial(&world.roll_back(&[&one.as_str().unwrap()[..12]])), 3);
}

#[test]
fn old_releases_are_removed_when_told_so() {
    let world = World::new();
    for text in ["one", "two", "three"] {
        world.apply(text);
    }
    world.write("four");
    let said = world.apply_with(&["--keep", "2"]);
    assert_eq!(serial(&said), 4);
    assert!(said.err.contains("removed 2 old releases"), "{}", said.err);
    assert_eq!((world.objects("releases").len(), world.objects("bundles").len()), (2, 2));
    assert_eq!(world.roll_back(&["1"]).code, 1);
    assert_eq!(serial(&world.roll_back(&["3"])), 5);
}

#[test]
fn a_key_is_shown_by_its_public_half_only() {
    let world = World::new();
    let (private, public) = (world.path("keys/gw.key"), world.path("keys/gw.pub"));
    let shown = world.gw(&["key", "show", &private]).out;
    assert_eq!(shown, world.gw(&["key", "show", &public]).out);
    assert!(shown.starts_with("ed25519:") && shown.lines().count() == 1);
    let document = json(&world.gw(&["key", "show", &private, "-o", "json"]).out);
    assert_eq!(document["publicKey"], shown.trim());
    let secret = std::fs::read_to_string(&private).unwrap();
    let secret = secret.lines().nth(1).unwrap();
    assert!(!shown.contains(secret) && !document.to_string().contains(secret));
    let keys = world.path("keys");
    let again = world.gw(&["key", "generate", "--out", &keys]);
    assert_eq!(again.code, 1);
    assert!(std::fs::read_to_string(&private).unwrap().contains(secret));
    // the text itself is as good as its file
    world.write("one");
    serial(&world.apply_with(&[]));
    let said = world.gw(&["history", "--store", &world.store, "--trust-key", shown.trim(), "-o", "json"]);
    assert_eq!(said.code, 0, "{}", said.err);
}
