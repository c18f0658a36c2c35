//! Bundles: the same bytes on every machine, and nothing secret in them.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{folder_with, gateway, route};
use crate::world::{World, json};

fn git(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(["-c", "user.name=a", "-c", "user.email=a@b.example"]).args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The release that a folder is published as in an empty store.
fn published(world: &World, folder: &Path, store: &str) -> serde_json::Value {
    let (folder, store, key) = (folder.display().to_string(), world.path(store), world.path("keys/gw.key"));
    let said = world.gw(&["apply", &folder, "--store", &store, "--key", &key, "--yes", "-o", "json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    json(&said.out)["release"].clone()
}

#[test]
fn a_commit_is_the_same_bytes_wherever_it_is_checked_out() {
    let world = World::new();
    let site = "---\napiVersion: gw/v1\nkind: Backend\nmetadata: { name: site }\nspec: { folder: { path: site } }\n";
    let manifests = gateway("") + &route("site", "backend: site") + site;
    let one = folder_with(&[("gateway.d/gateway.yaml", &manifests), ("gateway.d/site/index.html", "<p>hello")]);
    git(&one, &["init", "--quiet"]);
    git(&one, &["add", "."]);
    git(&one, &["commit", "--quiet", "-m", "one"]);
    let other = folder_with(&[]).join("deep/er");
    git(&one, &["clone", "--quiet", ".", other.to_str().unwrap()]);
    let first = published(&world, &one.join("gateway.d"), "store-1");
    let second = published(&world, &other.join("gateway.d"), "store-2");
    assert_eq!(first["bundle"], second["bundle"]);
    assert_eq!(first["commit"].as_str().map(str::len), Some(40));
    let bundle = world.folder.join(format!("store-1/bundles/{}.zip", first["bundle"].as_str().unwrap()));
    let bytes = String::from_utf8_lossy(&fs::read(bundle).unwrap()).into_owned();
    assert!(!bytes.contains(one.to_str().unwrap()) && !bytes.contains("/home"));

    // what is not as it was committed is of no commit
    fs::write(other.join("gateway.d/site/index.html"), "<p>changed").unwrap();
    let changed = published(&world, &other.join("gateway.d"), "store-3");
    assert_ne!(changed["bundle"], first["bundle"]);
    assert!(changed.get("commit").is_none());
    for folder in [&one, other.parent().unwrap().parent().unwrap()] {
        fs::remove_dir_all(folder).unwrap();
    }
}

#[test]
fn nothing_secret_is_published() {
    const SECRET: &str = "open-sesame-4711";
    let mut world = World::new();
    let file = world.path("secret");
    fs::write(&file, SECRET).unwrap();
    world.environment.push(("TOKEN", SECRET.into()));
    world.environment.push(("AWS_SECRET_ACCESS_KEY", SECRET.into()));
    let secrets = format!("setSecret: {{ x-one: {{ env: TOKEN }}, x-two: {{ file: {file} }} }}");
    let spec = format!("plugins:\n  - requestHeaders: {{ {secrets} }}\n  - respond: {{ body: one }}");
    world.write_manifests(&(gateway("") + &route("hello", &spec)));
    let said = world.apply_with(&[]);
    assert_eq!(said.code, 0, "{}", said.err);
    let node = world.start(&[]);
    let mut looked = 0;
    let mut folders = vec![world.folder.join("store"), world.folder.join("state")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
                continue;
            }
            let text = String::from_utf8_lossy(&fs::read(&entry).unwrap()).into_owned();
            assert!(!text.contains(SECRET), "{}", entry.display());
            looked += 1;
        }
    }
    assert!(looked >= 5, "{looked} files");
    assert!(!(said.out + &said.err + &node.log.all().join("\n")).contains(SECRET));
}
