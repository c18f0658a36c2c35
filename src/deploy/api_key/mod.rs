//! API keys as manifests: made, rotated, blocked, listed and looked up. What is secret in one is shown once and stored nowhere.

mod edit;
mod secret;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

pub use secret::NewSecret;

use crate::compiler::manifest::Spec;
use crate::compiler::manifest::api_key::ApiKeySpec;
use crate::compiler::{Manifests, Object, Parsed};
use crate::deploy::api_key::edit::{add_item, set_field};
use crate::deploy::load::{LoadError, read_folder};
use crate::value::api_key::{KeyId, KeyText};
use crate::value::moment::Moment;
use crate::value::name::Name;
use crate::value::sha256::Sha256;

/// A folder of manifests with the API keys in it.
pub struct KeyFolder {
    root: PathBuf,
    parsed: Parsed,
}

/// Why nothing was changed, or nothing found.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The folder cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A file cannot be written.
    #[error("cannot write {}: {error}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// There is no such key, or one where none may be.
    #[error("{0}")]
    Wrong(String),
    /// This machine gives no random numbers.
    #[error("this machine gives no random numbers")]
    Random,
}

/// A key that is about to be written.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// The name of its object.
    pub name: Name,
    /// Its namespace, where it is not the one of its folder.
    pub namespace: Option<Name>,
    /// The `Auth` that accepts it; the default is the only one of the folder.
    pub auth: Option<String>,
    /// Its plan.
    pub plan: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// From when on it is refused.
    pub expires: Option<Moment>,
    /// The routes that it may call.
    pub routes: Vec<String>,
    /// Its labels.
    pub labels: Vec<(String, String)>,
    /// The file that it is written to; the default is one of its own in the folder `api-keys`.
    pub file: Option<PathBuf>,
}

/// What was written, and the key that goes with it.
pub struct Written {
    /// The file.
    pub path: PathBuf,
    /// The whole key: shown once, for it is stored nowhere.
    pub key: String,
}

/// A key of a folder.
pub struct Known<'a> {
    /// Its object.
    pub object: &'a Object,
    /// What it says.
    pub spec: &'a ApiKeySpec,
}

impl KeyFolder {
    /// Reads a folder. What is wrong in it is `gw validate`'s to say; a key that cannot be read is not found.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn read(root: &Path) -> Result<Self, KeyError> {
        let parsed = Manifests::read(read_folder(root)?.files).parse(None);
        Ok(Self { root: root.to_owned(), parsed })
    }

    /// All keys, sorted by namespace and name.
    pub fn keys(&self) -> impl Iterator<Item = Known<'_>> {
        self.parsed.objects.iter().filter_map(|object| match &object.spec {
            Some(Spec::ApiKey(spec)) => Some(Known { object, spec }),
            _ => None,
        })
    }

    /// The key with a name, or with a namespace and a name.
    ///
    /// # Errors
    /// If there is none.
    pub fn find(&self, name: &str) -> Result<Known<'_>, KeyError> {
        let is_it = |key: &Known<'_>| key.object.address.short() == name;
        self.keys().find(is_it).ok_or_else(|| {
            let names: Vec<String> = self.keys().map(|key| key.object.address.short()).collect();
            let known = if names.is_empty() { "there is none".to_owned() } else { names.join(", ") };
            KeyError::Wrong(format!("there is no readable `ApiKey` named `{name}` in {}: {known}", self.root.display()))
        })
    }

    /// Makes a key and writes its manifest.
    ///
    /// # Errors
    /// If there is one of this name, no `Auth` for it, or the file cannot be written.
    pub fn create(&self, key: &NewKey) -> Result<Written, KeyError> {
        let mut short = key.name.to_string();
        if let Some(namespace) = &key.namespace {
            short = format!("{namespace}/{short}");
        }
        if self.keys().any(|known| known.object.address.short() == short) {
            return Err(KeyError::Wrong(format!("there is an `ApiKey` named `{short}` already")));
        }
        let auth = key.auth.clone().map_or_else(|| self.only_auth(), Ok)?;
        let id = self.free_id()?;
        let secret = NewSecret::random()?;
        let text = manifest(key, &auth, &id, &secret);
        let own_file = self.root.join("api-keys").join(format!("{}.yaml", key.name));
        let path = key.file.clone().unwrap_or(own_file);
        append(&path, &text).map_err(|error| KeyError::Write { path: path.clone(), error })?;
        Ok(Written { path, key: secret.key(&id) })
    }

    /// Gives a key a second secret that is accepted at once, and alone from a moment on.
    ///
    /// # Errors
    /// If there is no such key, or its file cannot be written.
    pub fn rotate(&self, name: &str, alone_from: &Moment) -> Result<Written, KeyError> {
        let Known { object, spec } = self.find(name)?;
        let secret = NewSecret::random()?;
        let item = format!("{{ sha256: {}, notBefore: {alone_from} }}", secret.hash());
        let path = self.change(object, |text| add_item(text, object, "/spec/secrets", &item))?;
        Ok(Written { path, key: secret.key(&spec.key_id) })
    }

    /// Blocks a key.
    ///
    /// # Errors
    /// If there is no such key, or its file cannot be written.
    pub fn revoke(&self, name: &str) -> Result<PathBuf, KeyError> {
        let object = self.find(name)?.object;
        self.change(object, |text| set_field(text, object, "/spec", "enabled", "false"))
    }

    /// The key that a text is a credential of.
    pub fn verify(&self, credential: &str) -> Option<Known<'_>> {
        let parts = KeyText::read(credential);
        let (id, hash) = match parts {
            Some(parts) => (Some(parts.id), Sha256::of(parts.secret.as_bytes())),
            None => (None, Sha256::of(credential.as_bytes())),
        };
        self.keys().find(|key| {
            let own = |secret: &crate::compiler::manifest::api_key::SecretHash| match id {
                Some(id) => key.spec.key_id.as_str() == id && secret.sha256 == Some(hash),
                None => secret.token_sha256 == Some(hash),
            };
            key.spec.secrets.iter().any(own)
        })
    }

    fn only_auth(&self) -> Result<String, KeyError> {
        let auths = self.parsed.objects.iter().filter(|object| match &object.spec {
            Some(Spec::Auth(spec)) => spec.api_key.is_some(),
            _ => false,
        });
        let names: Vec<String> = auths.map(|object| object.address.short()).collect();
        match names.as_slice() {
            [only] => Ok(only.clone()),
            [] => Err(KeyError::Wrong("there is no `Auth` of the kind `apiKey`: write one first".to_owned())),
            several => {
                Err(KeyError::Wrong(format!("there are several: say with --auth which of {}", several.join(", "))))
            }
        }
    }

    fn free_id(&self) -> Result<KeyId, KeyError> {
        loop {
            let id = secret::random_id()?;
            if self.keys().all(|key| key.spec.key_id != id) {
                return Ok(id);
            }
        }
    }

    /// Changes the text of an object's file.
    fn change(&self, object: &Object, edit: impl Fn(&str) -> Option<String>) -> Result<PathBuf, KeyError> {
        let path = self.root.join(&*object.manifest);
        let text = self.parsed.sources.get(object.root.span.source).original();
        let changed = edit(text).ok_or_else(|| {
            KeyError::Wrong(format!("{} is written in a way that cannot be changed by itself", path.display()))
        })?;
        fs::write(&path, changed).map_err(|error| KeyError::Write { path: path.clone(), error })?;
        Ok(path)
    }
}

fn manifest(key: &NewKey, auth: &str, id: &KeyId, secret: &NewSecret) -> String {
    let mut text = format!("apiVersion: gw/v1\nkind: ApiKey\nmetadata:\n  name: {}\n", key.name);
    let mut line = |line: String| text.extend([&*line, "\n"]);
    if let Some(namespace) = &key.namespace {
        line(format!("  namespace: {namespace}"));
    }
    if !key.labels.is_empty() {
        line("  labels:".to_owned());
        key.labels.iter().for_each(|(name, value)| line(format!("    {name}: {}", quoted(value))));
    }
    line("spec:".to_owned());
    line(format!("  auth: {auth}"));
    if let Some(plan) = &key.plan {
        line(format!("  plan: {plan}"));
    }
    line(format!("  keyId: {}", quoted(id.as_str())));
    line(format!("  secrets:\n    - sha256: {}", quoted(&secret.hash().to_string())));
    if !key.routes.is_empty() {
        line(format!("  routes: [{}]", key.routes.join(", ")));
    }
    if let Some(expires) = &key.expires {
        line(format!("  expires: {expires}"));
    }
    if let Some(owner) = &key.owner {
        line(format!("  owner: {}", quoted(owner)));
    }
    text
}

/// A text as YAML: in quotes, so that digits stay a text.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Writes a new file, or a document behind those of a file.
fn append(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    if !path.exists() {
        return fs::File::create_new(path)?.write_all(text.as_bytes());
    }
    let before = fs::read_to_string(path)?;
    let between = if before.is_empty() || before.ends_with('\n') { "---\n" } else { "\n---\n" };
    fs::OpenOptions::new().append(true).open(path)?.write_all(format!("{between}{text}").as_bytes())
}

#[cfg(test)]
mod tests;
