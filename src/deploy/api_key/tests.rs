use std::fs;
use std::path::PathBuf;

use super::{KeyFolder, NewKey};
use crate::compiler::{Manifests, compile};
use crate::deploy::load::read_folder;
use crate::pipeline::assets::Assets;

const AUTH: &str = "apiVersion: gw/v1\nkind: Auth\nmetadata: { name: partners }\nspec: { apiKey: {} }\n---\n\
    apiVersion: gw/v1\nkind: Route\nmetadata: { name: api }\n\
    spec: { plugins: [{ auth: { anyOf: [partners] } }, { respond: { body: hello } }] }\n";

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, keys: &str) -> Self {
        let root = std::env::temp_dir().join(format!("gw-api-keys-{}-{name}", std::process::id()));
        fs::create_dir_all(&root).unwrap();
        fs::write(root.join("auth.yaml"), AUTH).unwrap();
        if !keys.is_empty() {
            fs::write(root.join("keys.yaml"), keys).unwrap();
        }
        Self(root)
    }

    fn keys(&self) -> KeyFolder {
        KeyFolder::read(&self.0).unwrap()
    }

    fn is_valid(&self) -> bool {
        compile(Manifests::read(read_folder(&self.0).unwrap().files).parse(None), &Assets::default()).table.is_some()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn new_key(name: &str) -> NewKey {
    NewKey {
        name: name.parse().unwrap(),
        namespace: None,
        auth: None,
        plan: None,
        owner: Some("ops: \"geo\"".into()),
        expires: Some("2100-01-01".parse().unwrap()),
        routes: vec!["api".into()],
        labels: vec![("tier".into(), "01".into())],
        file: None,
    }
}

#[test]
fn a_new_key_is_written_valid_and_known_by_what_is_shown_once() {
    let folder = Folder::new("new", "");
    let written = folder.keys().create(&new_key("acme")).unwrap();
    assert!(folder.is_valid(), "{}", fs::read_to_string(&written.path).unwrap());
    assert!(!fs::read_to_string(&written.path).unwrap().contains(written.key.split('_').nth(2).unwrap()));
    let keys = folder.keys();
    assert_eq!(keys.verify(&written.key).unwrap().object.address.short(), "acme");
    assert!(keys.verify("gw_x").is_none());
    assert!(keys.create(&new_key("acme")).is_err(), "the name is taken");
    let other = NewKey { file: Some(folder.0.join("auth.yaml")), ..new_key("globex") };
    keys.create(&other).unwrap();
    assert!(folder.is_valid());
    assert_eq!(folder.keys().keys().count(), 2);
}

#[test]
fn rotating_and_blocking_leave_the_rest_of_the_text() {
    let hash = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";
    let block = format!(
        "# who calls\napiVersion: gw/v1\nkind: ApiKey\nmetadata: {{ name: block }}\nspec:\n  auth: partners # ours\n  \
         keyId: a1\n  secrets:\n    # the first\n    - sha256: {hash} # old\n  readOnly: true\n"
    );
    let flow = format!(
        "---\napiVersion: gw/v1\nkind: ApiKey\nmetadata: {{ name: flow }}\n\
         spec: {{ auth: partners, keyId: b1, secrets: [{{ sha256: {hash} }}], enabled: true }}\n"
    );
    let folder = Folder::new("edit", &(block + &flow));
    for name in ["block", "flow"] {
        let written = folder.keys().rotate(name, &"2100-01-01".parse().unwrap()).unwrap();
        assert!(folder.is_valid());
        assert_eq!(folder.keys().verify(&written.key).unwrap().object.address.short(), name);
        folder.keys().revoke(name).unwrap();
        assert!(folder.is_valid() && !folder.keys().find(name).unwrap().spec.enabled);
    }
    let text = fs::read_to_string(folder.0.join("keys.yaml")).unwrap();
    for kept in ["# who calls\n", "auth: partners # ours\n", "# the first\n", "# old\n    - {", "readOnly: true\n"] {
        assert!(text.contains(kept), "{kept} in\n{text}");
    }
}
