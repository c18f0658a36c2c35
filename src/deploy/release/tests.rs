use std::fs;
use std::path::PathBuf;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use bytes::Bytes;
use jiff::Timestamp;

use crate::compiler::{SourceFile, compile, parse};
use crate::deploy::bundle::{Bundle, Origin};
use crate::deploy::release::{Purpose, ReleaseError, Releases, SigningKey, Target, Trust};
use crate::deploy::store::Location;
use crate::pipeline::assets::Assets;

/// A store in a folder that goes away with its value.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("gw-releases-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Self(std::env::temp_dir().join(name))
    }

    fn releases(&self) -> Releases {
        Releases::new(Location::Folder(self.0.clone()).open(|_| None).unwrap())
    }

    fn files(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.0.join(folder)).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A bundle whose one route answers with a text.
fn bundle(text: &str) -> Bytes {
    bundle_for(text, None)
}

fn bundle_for(text: &str, environment: Option<&str>) -> Bytes {
    let manifest = format!(
        "apiVersion: gw/v1\nkind: Route\nmetadata: {{ name: a }}\nspec: {{ public: true, plugins: [{{ respond: {{ body: \"{text}\" }} }}] }}\n"
    );
    let files = vec![SourceFile { path: "a.yaml".into(), shown: "a.yaml".into(), bytes: manifest.into() }];
    let table = compile(parse(files.clone()), &Assets::default()).table.unwrap();
    let origin = Origin { environment: environment.map(str::to_owned), ..Origin::default() };
    Bundle::write(&files, &Assets::default(), table.digest, &origin).unwrap().into()
}

/// Publishes after what is current.
fn publish(releases: &Releases, text: &str, key: &SigningKey) -> u64 {
    let after = releases.current(&Trust::Keys(vec![key.public()])).unwrap();
    releases.publish(&after, &bundle(text), Some(key), Timestamp::UNIX_EPOCH, Purpose::All).unwrap().statement.serial
}

#[test]
fn releases_are_numbered_and_remembered() {
    let (scratch, key) = (Scratch::new(), SigningKey::generate().unwrap());
    let (releases, trust) = (scratch.releases(), Trust::Keys(vec![key.public()]));
    assert!(releases.current(&trust).unwrap().release.is_none());
    assert!(releases.history(&trust, 10).unwrap().is_empty());
    for (text, serial) in [("a", 1), ("b", 2), ("a", 3)] {
        assert_eq!(publish(&releases, text, &key), serial);
    }
    let history = releases.history(&trust, 10).unwrap();
    assert_eq!(history.iter().map(|release| release.statement.serial).collect::<Vec<_>>(), [3, 2, 1]);
    assert_eq!(history[0].statement.bundle, history[2].statement.bundle);
    assert_eq!(releases.history(&trust, 2).unwrap().len(), 2);
    assert_eq!((scratch.files("releases").len(), scratch.files("bundles").len()), (3, 2));
    assert_eq!(releases.bundle(history[1].statement.bundle).unwrap(), bundle("b"));
    let other = Trust::Keys(vec![SigningKey::generate().unwrap().public()]);
    assert!(matches!(releases.current(&other), Err(ReleaseError::Refused(refusal)) if refusal.reason() == "signature"));
}

#[test]
fn of_two_that_publish_at_once_one_wins() {
    let (scratch, key) = (Scratch::new(), SigningKey::generate().unwrap());
    let trust = Trust::Keys(vec![key.public()]);
    publish(&scratch.releases(), "0", &key);
    for round in 0..20 {
        let barrier = Barrier::new(4);
        let won: Vec<bool> = thread::scope(|scope| {
            let lanes = ["a", "b", "c", "d"].map(|text| {
                let (barrier, key, trust, scratch) = (&barrier, &key, &trust, &scratch);
                scope.spawn(move || {
                    let releases = scratch.releases();
                    let after = releases.current(trust).unwrap();
                    barrier.wait();
                    let published =
                        releases.publish(&after, &bundle(text), Some(key), Timestamp::UNIX_EPOCH, Purpose::All);
                    match published {
                        Ok(_) => true,
                        Err(ReleaseError::Moved) => false,
                        Err(error) => panic!("{error}"),
                    }
                })
            });
            lanes.map(|lane| lane.join().unwrap()).into()
        });
        assert_eq!(won.iter().filter(|won| **won).count(), 1);
        let history = scratch.releases().history(&trust, 100).unwrap();
        assert_eq!(history.len(), round + 2);
    }
    assert_eq!(scratch.files("releases").len(), 21, "who lost left no entry");
}

#[test]
fn going_back_is_a_new_release() {
    let (scratch, key) = (Scratch::new(), SigningKey::generate().unwrap());
    let (releases, trust) = (scratch.releases(), Trust::Keys(vec![key.public()]));
    for text in ["a", "b", "b", "c"] {
        publish(&releases, text, &key);
    }
    let back = |target: &Target| {
        let (after, older) = releases.find(target, &trust)?;
        releases.restore(&after, &older, Some(&key), Timestamp::UNIX_EPOCH).map(|release| release.statement)
    };
    let previous = back(&Target::Previous).unwrap();
    assert_eq!((previous.serial, previous.restores), (5, Some(3)));
    assert_eq!(releases.bundle(previous.bundle).unwrap(), bundle("b"));
    let further = releases.find(&Target::Previous, &trust).unwrap().1;
    assert_eq!(further.statement.serial, 1, "what was just left is not what ran before");
    let digits = previous.bundle.short();
    let first = back(&Target::Serial(1)).unwrap();
    assert_eq!((first.serial, first.restores), (6, Some(1)));
    assert_eq!(back(&Target::parse(&digits).unwrap()).unwrap().restores, Some(5));
    assert!(matches!(back(&Target::Serial(99)), Err(ReleaseError::Unknown(_))));
    for wrong in ["", "x", "abcde", "zzzzzz"] {
        assert!(Target::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn old_releases_are_removed_with_what_only_they_have() {
    let (scratch, key) = (Scratch::new(), SigningKey::generate().unwrap());
    let (releases, trust) = (scratch.releases(), Trust::Keys(vec![key.public()]));
    for text in ["a", "b", "a", "c", "d"] {
        publish(&releases, text, &key);
    }
    let newest = releases.current(&trust).unwrap().release.unwrap().statement;
    assert_eq!(releases.retain(&newest, 3).unwrap(), 2);
    assert_eq!((scratch.files("releases").len(), scratch.files("bundles").len()), (3, 3), "`a` is still in use");
    assert_eq!(releases.history(&trust, 10).unwrap().len(), 3);
    assert_eq!(releases.retain(&newest, 1).unwrap(), 2);
    assert_eq!((scratch.files("releases").len(), scratch.files("bundles").len()), (1, 1));
    assert_eq!(releases.retain(&newest, 1).unwrap(), 0);
}

#[test]
fn who_is_cut_off_leaves_what_the_next_one_mends() {
    let (scratch, key) = (Scratch::new(), SigningKey::generate().unwrap());
    let (releases, trust) = (scratch.releases(), Trust::Keys(vec![key.public()]));
    publish(&releases, "a", &key);
    publish(&releases, "b", &key);
    // as if the second one had been cut off after it had moved `current`
    let entry = scratch.files("releases").pop().unwrap();
    fs::remove_file(scratch.0.join("releases").join(entry)).unwrap();
    assert_eq!(releases.history(&trust, 10).unwrap().len(), 2);
    publish(&releases, "c", &key);
    assert_eq!(releases.history(&trust, 10).unwrap().len(), 3);
    // a bundle that was damaged is written again
    let current = releases.current(&trust).unwrap().release.unwrap().statement.bundle;
    fs::write(scratch.0.join(format!("bundles/{current}.zip")), "x").unwrap();
    assert!(matches!(releases.bundle(current), Err(ReleaseError::Refused(refusal)) if refusal.reason() == "digest"));
    publish(&releases, "c", &key);
    assert_eq!(releases.bundle(current).unwrap(), bundle("c"));
}

#[test]
fn a_store_is_of_one_environment() {
    let (scratch, key) = (Scratch::new(), SigningKey::generate().unwrap());
    let (releases, trust) = (scratch.releases(), Trust::Keys(vec![key.public()]));
    let publish = |environment| {
        let after = releases.current(&trust).unwrap();
        releases.publish(&after, &bundle_for("a", environment), Some(&key), Timestamp::UNIX_EPOCH, Purpose::All)
    };
    assert_eq!(publish(Some("prod")).unwrap().statement.environment.as_deref(), Some("prod"));
    assert!(matches!(publish(Some("dev")), Err(ReleaseError::Environment { .. })));
    assert!(matches!(publish(None), Err(ReleaseError::Environment { .. })));
    assert_eq!(publish(Some("prod")).unwrap().statement.serial, 2);
}
