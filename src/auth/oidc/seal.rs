//! What a browser keeps for the gateway and can neither read nor change: texts under AES-256-GCM, each for one purpose.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// The first byte of what is sealed in this way.
const VERSION: u8 = 1;

/// A secret has at least so many bytes.
pub const SECRET_BYTES: usize = 32;

/// Keys: the first one seals, all of them open.
pub struct Seal(Box<[LessSafeKey]>);

impl Seal {
    /// Keys made of secrets, for one `Auth` only; `None` if there is none, or one is too short.
    pub fn new<'s>(secrets: impl IntoIterator<Item = &'s [u8]>, owner: &str) -> Option<Self> {
        let keys: Option<Box<[_]>> = secrets.into_iter().map(|secret| key(secret, owner)).collect();
        keys.filter(|keys| !keys.is_empty()).map(Self)
    }

    /// Seals a text for a purpose.
    pub fn seal(&self, purpose: &str, text: &[u8]) -> Option<String> {
        let nonce = random::<NONCE_LEN>()?;
        let mut sealed = text.to_vec();
        let key = self.0.first()?;
        let nonce_of = Nonce::assume_unique_for_key(nonce);
        key.seal_in_place_append_tag(nonce_of, Aad::from(purpose.as_bytes()), &mut sealed).ok()?;
        Some(BASE64_URL_SAFE_NO_PAD.encode([&[VERSION], nonce.as_slice(), &sealed].concat()))
    }

    /// Opens what was sealed for a purpose; `None` if it was not, or not by one of the keys.
    pub fn open(&self, purpose: &str, sealed: &str) -> Option<Vec<u8>> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (&[VERSION], rest) = bytes.split_first_chunk::<1>()? else { return None };
        let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>()?;
        self.0.iter().find_map(|key| {
            let (nonce, mut text) = (Nonce::assume_unique_for_key(*nonce), text.to_vec());
            let opened = key.open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut text).ok()?.len();
            text.truncate(opened);
            Some(text)
        })
    }
}

fn key(secret: &[u8], owner: &str) -> Option<LessSafeKey> {
    if secret.len() < SECRET_BYTES {
        return None;
    }
    let pseudo_random = Salt::new(HKDF_SHA256, b"gw session").extract(secret);
    let info = [owner.as_bytes()];
    let key: UnboundKey = pseudo_random.expand(&info, &AES_256_GCM).ok()?.into();
    Some(LessSafeKey::new(key))
}

/// Bytes that nobody can guess.
pub fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).ok()?;
    Some(bytes)
}

/// A text that nobody can guess, of 256 bits.
pub fn token() -> Option<String> {
    random::<32>().map(|bytes| BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::Seal;

    #[test]
    fn what_is_sealed_is_opened_by_its_keys_for_its_purpose_and_owner() {
        let (one, two) = ([1_u8; 32], [2_u8; 32]);
        let old = Seal::new([&one[..]], "default/a").unwrap();
        let rotated = Seal::new([&two[..], &one[..]], "default/a").unwrap();
        let sealed = old.seal("session", b"text").unwrap();
        assert_eq!(old.open("session", &sealed).as_deref(), Some(&b"text"[..]));
        assert_eq!(rotated.open("session", &sealed).as_deref(), Some(&b"text"[..]));
        assert_eq!(old.open("login", &sealed), None);
        assert_eq!(old.open("session", &rotated.seal("session", b"text").unwrap()), None);
        assert_eq!(Seal::new([&one[..]], "default/b").unwrap().open("session", &sealed), None);
        assert_ne!(sealed, old.seal("session", b"text").unwrap());
        for at in [0, 5, 20, sealed.len() - 1] {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(old.open("session", std::str::from_utf8(&changed).unwrap()), None, "at {at}");
        }
        for wrong in ["", "A", "AQ", "!"] {
            assert_eq!(old.open("session", wrong), None);
        }
        assert!(Seal::new([&one[..31]], "a").is_none() && Seal::new([], "a").is_none());
    }
}
