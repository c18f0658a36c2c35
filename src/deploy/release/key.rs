//! The keys that releases are signed with: Ed25519 (RFC 8032), private ones in PKCS#8 (RFC 8410), public ones as one word.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, ParsedPublicKey};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;

use crate::table::Digest;

/// What a public key begins with.
const SCHEME: &str = "ed25519:";

/// The file that a private key is written to.
const PRIVATE_FILE: &str = "gw.key";

/// The file that its public key is written to.
const PUBLIC_FILE: &str = "gw.pub";

/// A key file is not longer.
const FILE_LIMIT: u64 = 64 << 10;

/// A key that releases are signed with. It can be written to a file, and shown in no other way.
pub struct SigningKey(Ed25519KeyPair);

/// The key that what is signed is verified with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file cannot be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file holds no private key.
    #[error("{}: it holds no Ed25519 key in PKCS#8 PEM, as `gw key generate` writes it", .0.display())]
    NotPrivate(PathBuf),
    /// It is no public key.
    #[error("`{0}` is neither a file nor a public key, such as `gw key show` prints it")]
    NotPublic(String),
    /// The system gives no randomness.
    #[error("a key cannot be made")]
    Generate,
}

impl SigningKey {
    /// A new key.
    ///
    /// # Errors
    /// If the system gives no randomness.
    pub fn generate() -> Result<Self, KeyError> {
        Ed25519KeyPair::generate().map(Self).map_err(|_| KeyError::Generate)
    }

    /// Reads a private key.
    ///
    /// # Errors
    /// If the file cannot be read or holds none.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let text = read(path)?;
        let der = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).ok();
        let pair = der.and_then(|der| Ed25519KeyPair::from_pkcs8(der.secret_pkcs8_der()).ok());
        pair.map(Self).ok_or_else(|| KeyError::NotPrivate(path.to_owned()))
    }

    /// Writes it and its public key into a folder, the private one for its owner only; gives the paths.
    ///
    /// # Errors
    /// If a file cannot be written, or is there already: a key that is in use is never replaced.
    pub fn write(&self, folder: &Path) -> Result<(PathBuf, PathBuf), KeyError> {
        let der = self.0.to_pkcs8v1().map_err(|_| KeyError::Generate)?;
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            BASE64_STANDARD.encode(der.as_ref())
        );
        fs::create_dir_all(folder).map_err(|error| KeyError::File { path: folder.to_owned(), error })?;
        let file = |name: &str| if folder == Path::new(".") { name.into() } else { folder.join(name) };
        let (private, public) = (file(PRIVATE_FILE), file(PUBLIC_FILE));
        write_new(&public, &format!("{}\n", self.public()), 0o644)?;
        if let Err(error) = write_new(&private, &pem, 0o600) {
            let _ = fs::remove_file(&public);
            return Err(error);
        }
        Ok((private, public))
    }

    /// The public key that belongs to it.
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.0.public_key().as_ref());
        PublicKey(bytes)
    }

    /// Signs a message.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).as_ref().to_vec()
    }
}

impl PublicKey {
    /// Reads a public key from a file that holds it or its private key, or from its text.
    ///
    /// # Errors
    /// If it is neither.
    pub fn of(file_or_text: &str) -> Result<Self, KeyError> {
        if let Some(key) = Self::parse(file_or_text) {
            return Ok(key);
        }
        let path = Path::new(file_or_text);
        if !path.exists() {
            return Err(KeyError::NotPublic(file_or_text.escape_debug().to_string()));
        }
        let text = read(path)?;
        match Self::parse(text.trim()) {
            Some(key) => Ok(key),
            None => SigningKey::read(path).map(|key| key.public()),
        }
    }

    /// The public key with this text.
    fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64_STANDARD.decode(text.strip_prefix(SCHEME)?).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The short name that people and signatures know it by.
    pub fn id(&self) -> String {
        Digest::of_bytes(&self.0).short()
    }

    /// Whether a signature of a message is by its private key.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        ParsedPublicKey::new(&ED25519, self.0).is_ok_and(|key| key.verify_sig(message, signature).is_ok())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", BASE64_STANDARD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn read(path: &Path) -> Result<String, KeyError> {
    let file = |error| KeyError::File { path: path.to_owned(), error };
    let mut text = String::new();
    let opened = fs::File::open(path).map_err(file)?;
    io::Read::read_to_string(&mut io::Read::take(opened, FILE_LIMIT), &mut text).map_err(file)?;
    Ok(text)
}

fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), KeyError> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    opened
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .map_err(|error| KeyError::File { path: path.to_owned(), error })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::{PublicKey, SigningKey};

    #[test]
    fn keys_are_read_back_from_their_files() {
        let folder = std::env::temp_dir().join(format!("gw-key-{}", std::process::id()));
        let key = SigningKey::generate().unwrap();
        let (private, public) = key.write(&folder).unwrap();
        assert_eq!(fs::metadata(&private).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(SigningKey::read(&private).unwrap().public(), key.public());
        for text in [public.to_str().unwrap(), private.to_str().unwrap(), &key.public().to_string()] {
            assert_eq!(PublicKey::of(text).unwrap(), key.public());
        }
        let before = fs::read(&private).unwrap();
        assert!(SigningKey::generate().unwrap().write(&folder).is_err(), "a key is never replaced");
        assert_eq!(fs::read(&private).unwrap(), before);
        assert!(SigningKey::read(&public).is_err());
        fs::remove_dir_all(&folder).unwrap();
        for wrong in ["", "ed25519:", "ed25519:AAAA", "rsa:AAAA"] {
            assert!(PublicKey::of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn signatures_are_those_of_the_standard() {
        // RFC 8032, section 7.1, test 2
        let public = "ed25519:PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=";
        let signature = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                         085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
        let signature: Vec<u8> =
            (0..64).map(|i| u8::from_str_radix(&signature[2 * i..2 * i + 2], 16).unwrap()).collect();
        let key = PublicKey::of(public).unwrap();
        assert!(key.verifies(&[0x72], &signature));
        assert!(!key.verifies(&[0x73], &signature) && !key.verifies(&[0x72], &signature[..63]));
    }
}
