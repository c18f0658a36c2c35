//! Certificates that an authority issues while the gateway runs. Each has a slot, which listeners show whatever is in it: what comes
//! is shown from the next handshake on, and no table is swapped for it.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;

use crate::proxy::challenges::Challenges;
use crate::proxy::tls::certificate::{certified, hosts, moment};
use crate::table::acme::AcmeKey;
use crate::value::host::HostPattern;

/// What authorities have issued, and what they may ask meanwhile.
#[derive(Default)]
pub struct Issued {
    slots: Mutex<BTreeMap<Box<str>, Arc<Slot>>>,
    /// What is answered to an authority.
    pub challenges: Arc<Challenges>,
}

/// The place of one certificate.
#[derive(Debug, Default)]
pub struct Slot {
    current: ArcSwapOption<Current>,
    course: Mutex<Course>,
    /// Orders that ended with a certificate.
    pub succeeded: AtomicU64,
    /// Orders that failed.
    pub failed: AtomicU64,
}

/// How it goes on with a certificate, for operators and for who orders it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Course {
    /// When the next one is ordered.
    pub next: Option<SystemTime>,
    /// How many orders failed since the last one that succeeded.
    pub failures: u32,
    /// Nothing is ordered before.
    pub not_before: Option<SystemTime>,
    /// Why the last order failed.
    pub trouble: Option<String>,
}

/// A certificate that was issued, with its key.
#[derive(Debug)]
pub struct Current {
    /// Who has issued it, by the directory.
    pub authority: Box<str>,
    /// The certificate itself.
    pub certificate: CertificateDer<'static>,
    /// From when on it is valid.
    pub begins: SystemTime,
    /// When it expires.
    pub expires: SystemTime,
    /// The kind of its key, if it is one that is ordered.
    pub kind: Option<AcmeKey>,
    hosts: Box<[HostPattern]>,
    key: Arc<CertifiedKey>,
}

impl Issued {
    /// The slot of a certificate, by its name in the manifests.
    pub fn slot(&self, name: &str) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        match slots.get(name) {
            Some(slot) => Arc::clone(slot),
            None => Arc::clone(slots.entry(name.into()).or_default()),
        }
    }

    /// Forgets what no generation has.
    pub fn forget_unused(&self) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.retain(|_, slot| Arc::strong_count(slot) > 1);
    }
}

impl Slot {
    /// The certificate in force.
    pub fn current(&self) -> Option<Arc<Current>> {
        self.current.load_full()
    }

    /// Puts a certificate in force.
    pub fn put(&self, current: Current) {
        self.current.store(Some(Arc::new(current)));
    }

    /// How it goes on.
    pub fn course(&self) -> Course {
        self.course.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes how it goes on.
    pub fn change(&self, change: impl FnOnce(&mut Course)) {
        change(&mut self.course.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// What is shown to who asks for a host, or for none; nothing if it is for other hosts.
    pub(super) fn shown_for(&self, host: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.load();
        let current = current.as_ref()?;
        host.is_none_or(|host| current.is_for(host)).then(|| Arc::clone(&current.key))
    }
}

impl Current {
    /// Reads a key and a chain of certificates in PEM, from an authority; `None` if they are unusable, or don't belong together.
    pub fn read(pem: &[u8], authority: &str) -> Option<Self> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()?;
        let certificate = chain.first()?.clone();
        let key = Arc::new(certified(chain, PrivateKeyDer::from_pem_slice(pem).ok()?).ok()?);
        let (_, parsed) = X509Certificate::from_der(&key.cert[0]).ok()?;
        let validity = parsed.validity();
        let (begins, expires) = (moment(validity.not_before), moment(validity.not_after));
        let (kind, hosts) = (kind(&parsed), hosts(&parsed)?);
        Some(Self { authority: authority.into(), certificate, begins, expires, kind, hosts, key })
    }

    /// Whether it is for a host.
    pub fn is_for(&self, host: &str) -> bool {
        self.hosts.iter().any(|pattern| pattern.matches(host))
    }

    /// How long it is valid in all.
    pub fn lifetime(&self) -> Duration {
        self.expires.duration_since(self.begins).unwrap_or_default()
    }
}

fn kind(certificate: &X509Certificate<'_>) -> Option<AcmeKey> {
    match certificate.public_key().parsed().ok()? {
        PublicKey::EC(point) if point.key_size() == 256 => Some(AcmeKey::EcdsaP256),
        PublicKey::EC(point) if point.key_size() == 384 => Some(AcmeKey::EcdsaP384),
        PublicKey::RSA(key) if key.key_size() == 2048 => Some(AcmeKey::Rsa2048),
        PublicKey::RSA(key) if key.key_size() == 4096 => Some(AcmeKey::Rsa4096),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, RsaKeySize};

    use super::{Current, Issued};
    use crate::table::acme::AcmeKey;

    fn pem(key: &KeyPair, names: &[&str]) -> String {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let certificate = CertificateParams::new(names).unwrap().self_signed(key).unwrap();
        key.serialize_pem() + &certificate.pem()
    }

    #[test]
    fn what_is_kept_is_read_with_what_it_is() {
        let keys = [
            (KeyPair::generate().unwrap(), AcmeKey::EcdsaP256),
            (KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap(), AcmeKey::EcdsaP384),
            (KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap(), AcmeKey::Rsa2048),
        ];
        for (key, kind) in &keys {
            let current = Current::read(pem(key, &["a.example", "b.example"]).as_bytes(), "ca").unwrap();
            assert_eq!(current.kind, Some(*kind));
            assert!(current.is_for("b.example") && !current.is_for("c.example"));
        }
        let (one, other) = (pem(&keys[0].0, &["a.example"]), pem(&keys[1].0, &["a.example"]));
        let crossed = one.split_inclusive("END PRIVATE KEY-----").next().unwrap().to_owned()
            + other.split_once("END PRIVATE KEY-----").unwrap().1;
        for bad in ["", "no PEM", &crossed, &keys[0].0.serialize_pem()] {
            assert!(Current::read(bad.as_bytes(), "ca").is_none());
        }
    }

    #[test]
    fn a_slot_shows_what_is_in_it() {
        let issued = Issued::default();
        let slot = issued.slot("site");
        assert!(slot.shown_for(None).is_none());
        slot.put(Current::read(pem(&KeyPair::generate().unwrap(), &["a.example"]).as_bytes(), "ca").unwrap());
        assert!(slot.shown_for(None).is_some() && issued.slot("site").shown_for(Some("a.example")).is_some());
        assert!(slot.shown_for(Some("b.example")).is_none());
        issued.forget_unused();
        assert!(issued.slot("site").current().is_some(), "it is used");
        drop(slot);
        issued.forget_unused();
        assert!(issued.slot("site").current().is_none());
    }
}
