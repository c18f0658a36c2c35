//! A repository of one route, a key, a store, and nodes that follow it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::client::{Answer, ask, get};
use crate::support::{Gateway, Options, folder_with, gateway, program, route, wait_until};

/// All that is in one folder, which goes away with its value.
pub struct World {
    pub folder: PathBuf,
    /// The store, as the commands take it.
    pub store: String,
    /// What the commands and the nodes find in their environment.
    pub environment: Vec<(&'static str, String)>,
}

/// What a command said.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl World {
    /// A world whose store is a folder.
    pub fn new() -> Self {
        let folder = folder_with(&[]);
        let store = folder.join("store").display().to_string();
        let world = Self { folder, store, environment: Vec::new() };
        let keys = world.path("keys");
        assert_eq!(world.gw(&["key", "generate", "--out", &keys]).code, 0);
        world
    }

    /// A path in its folder.
    pub fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// Runs the program to its end.
    pub fn gw(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(program());
        command.args(arguments).current_dir(&self.folder).stdin(Stdio::null());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Writes manifests whose one route answers with a text.
    pub fn write(&self, text: &str) {
        let hello = route("hello", &format!("plugins: [{{ respond: {{ body: \"{text}\" }} }}]"));
        self.write_manifests(&(gateway("") + &hello));
    }

    pub fn write_manifests(&self, manifests: &str) {
        let folder = self.folder.join("manifests");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("gateway.yaml"), manifests).unwrap();
    }

    /// Publishes what was written, with more arguments.
    pub fn apply_with(&self, more: &[&str]) -> Said {
        let (manifests, key) = (self.path("manifests"), self.path("keys/gw.key"));
        let mut arguments = vec!["apply", &manifests, "--store", &self.store, "--yes", "-o", "json"];
        if !more.contains(&"--allow-unsigned") && !more.contains(&"--key") {
            arguments.extend(["--key", &key]);
        }
        arguments.extend(more);
        self.gw(&arguments)
    }

    /// Publishes a route that answers with a text, and gives the number of the release.
    pub fn apply(&self, text: &str) -> u64 {
        self.write(text);
        serial(&self.apply_with(&[]))
    }

    /// Goes back, and gives the number of the release.
    pub fn roll_back(&self, target: &[&str]) -> Said {
        let key = self.path("keys/gw.key");
        let mut arguments = vec!["rollback", "--store", &self.store, "--key", &key, "-o", "json"];
        arguments.extend(target);
        self.gw(&arguments)
    }

    /// The arguments of a node.
    pub fn node(&self, more: &[&str]) -> Options {
        let (trusted, state) = (self.path("keys/gw.pub"), self.path("state"));
        let mut arguments: Vec<&str> = vec!["--store", &self.store, "--poll", "50ms"];
        if !more.contains(&"--state-dir") {
            arguments.extend(["--state-dir", &state]);
        }
        if !more.contains(&"--allow-unsigned") && !more.contains(&"--trust-key") {
            arguments.extend(["--trust-key", &trusted]);
        }
        arguments.extend(more);
        Options {
            arguments: arguments.into_iter().map(str::to_owned).collect(),
            environment: self.environment.clone(),
            ..Options::default()
        }
    }

    /// Starts a node, and waits until it has a release in force, which it keeps.
    pub fn start(&self, more: &[&str]) -> Gateway {
        let node = Gateway::start_in(folder_with(&[]), &self.node(more));
        node.log.wait_for("a release is in force");
        node
    }

    /// Publishes a text in a copy of the store, and gives what would be in the store then: its bundle and `current.json`.
    pub fn elsewhere(&self, text: &str) -> Elsewhere {
        let copy = self.folder.join("copy");
        let _ = fs::remove_dir_all(&copy);
        copy_folder(Path::new(&self.store), &copy);
        self.write(text);
        let (manifests, key, copy) = (self.path("manifests"), self.path("keys/gw.key"), self.path("copy"));
        let said = self.gw(&["apply", &manifests, "--store", &copy, "--key", &key, "--yes", "-o", "json"]);
        let digest = json(&said.out)["release"]["bundle"].as_str().unwrap().to_owned();
        let key = format!("bundles/{digest}.zip");
        let read = |key: &str| fs::read(Path::new(&copy).join(key)).unwrap();
        Elsewhere { bundle: read(&key), bundle_key: key, current: read("current.json") }
    }

    /// A file of a store that is a folder.
    pub fn object(&self, key: &str) -> PathBuf {
        Path::new(&self.store).join(key)
    }

    /// The files of a part of a store that is a folder.
    pub fn objects(&self, part: &str) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> =
            fs::read_dir(self.object(part)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }
}

/// A release that is not in the store.
pub struct Elsewhere {
    pub bundle: Vec<u8>,
    pub bundle_key: String,
    pub current: Vec<u8>,
}

pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The number of the release that a command published.
pub fn serial(said: &Said) -> u64 {
    assert_eq!(said.code, 0, "{}", said.err);
    json(&said.out)["release"]["serial"].as_u64().unwrap()
}

pub fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// What the one route answers.
pub fn hello(gateway: &Gateway) -> String {
    ask(gateway.http(), get("/", "")).text()
}

/// Waits until the one route answers so.
pub fn answers(gateway: &Gateway, text: &str) {
    wait_until(&format!("it answers {text}; {:?}", gateway.log.all().last()), || {
        (hello(gateway) == text).then_some(())
    });
}

/// What the status listener shows.
pub fn status(gateway: &Gateway, path: &str) -> Answer {
    ask(gateway.address("status"), format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
}
