//! Resolves the secrets that a table names, from the environment and files of this node.

use std::collections::BTreeSet;
use std::env;
use std::fs::{self, File};
use std::io::Read as _;

use crate::pipeline::secrets::Secrets;
use crate::table::Digest;
use crate::value::secret::{Secret, SecretForm, SecretRef};

/// A secret may be this long: lists of revoked certificates are the longest.
const LIMIT: u64 = 16 << 20;

/// Secrets that could not be resolved: their references, and why. Never a value.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct Missing(Vec<String>);

/// Reads all of them.
///
/// # Errors
/// Names each one that is missing, empty or cannot be read.
pub fn resolve(named: &BTreeSet<Secret>) -> Result<Secrets, Missing> {
    let mut secrets = Secrets::default();
    let mut missing = Vec::new();
    for secret in named {
        match read(secret) {
            Ok(value) => secrets.insert(secret.clone(), value),
            Err(why) => missing.push(why),
        }
    }
    if missing.is_empty() { Ok(secrets) } else { Err(Missing(missing)) }
}

/// A digest of the contents, by which a rotation is noticed.
pub fn fingerprint(named: &BTreeSet<Secret>) -> Digest {
    let mut text = Vec::new();
    for secret in named {
        text.extend_from_slice(secret.reference.to_string().as_bytes());
        match read(secret) {
            Ok(value) => text.extend_from_slice(Digest::of_bytes(&value).to_string().as_bytes()),
            Err(why) => text.extend_from_slice(why.as_bytes()),
        }
        text.push(b'\n');
    }
    Digest::of_bytes(&text)
}

fn read(secret: &Secret) -> Result<Vec<u8>, String> {
    let reference = &secret.reference;
    let value = raw(reference)?;
    let value = match secret.form {
        SecretForm::Line => line(reference, value)?,
        SecretForm::Content => value,
    };
    if value.is_empty() { Err(format!("the secret `{reference}` is empty")) } else { Ok(value) }
}

fn raw(reference: &SecretRef) -> Result<Vec<u8>, String> {
    match reference {
        SecretRef::Env(name) => {
            env::var(name).map(String::into_bytes).map_err(|_| format!("the environment variable `{name}` is not set"))
        }
        SecretRef::File(path) => {
            let trouble = |error| format!("the secret file `{path}` cannot be read: {error}");
            // whatever else it is, reading it might never end
            if !fs::metadata(path).map_err(trouble)?.is_file() {
                return Err(format!("the secret file `{path}` is no regular file"));
            }
            let mut value = Vec::new();
            File::open(path).and_then(|file| file.take(LIMIT + 1).read_to_end(&mut value)).map_err(trouble)?;
            if value.len() as u64 > LIMIT {
                return Err(format!("the secret file `{path}` is larger than 16 MiB"));
            }
            Ok(value)
        }
    }
}

/// One line of text, as a header field holds it.
fn line(reference: &SecretRef, mut value: Vec<u8>) -> Result<Vec<u8>, String> {
    let end = value.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
    value.truncate(end);
    if value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return Err(format!(
            "the secret `{reference}` holds a control character or several lines, which no header field can"
        ));
    }
    Ok(value)
}
