//! A certificate that a listener shows, ready to sign with, and which of them a client gets.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;
use x509_parser::time::ASN1Time;

use crate::pipeline::secrets::Secrets;
use crate::proxy::tls::by_host::ByHost;
use crate::proxy::tls::facts::alternative_names;
use crate::proxy::tls::issued::{Issued, Slot};
use crate::proxy::tls::material::{self, MaterialError, chain, content};
use crate::proxy::tls::provider::provider;
use crate::table::Digest;
use crate::table::tls::{Certificate, CertificateFiles, CertificateSource};
use crate::value::Scalar as _;
use crate::value::host::HostPattern;
use crate::value::secret::SecretRef;

/// The names of a self-signed certificate whose manifest says none.
const THIS_MACHINE: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A certificate of the table, read and checked.
#[derive(Debug)]
pub struct Loaded {
    /// Its name in the manifests.
    pub name: Box<str>,
    /// A digest of all that it was made from.
    pub digest: Digest,
    hosts: Box<[HostPattern]>,
    source: Source,
}

/// Where a certificate is, with its key.
#[derive(Debug)]
enum Source {
    /// Here, as it was read.
    Read { key: Arc<CertifiedKey>, expires: SystemTime },
    /// In a slot, once an authority has issued it.
    Issued(Arc<Slot>),
}

impl Loaded {
    /// Reads a certificate and its key, and checks that they belong together. One that is ordered may not be there yet.
    ///
    /// # Errors
    /// If something of it is unusable.
    pub fn read(
        name: &str,
        certificate: &Certificate,
        secrets: &Secrets,
        issued: &Issued,
    ) -> Result<Self, MaterialError> {
        let digest = digest(name, certificate, secrets)?;
        let read = |made: Made| {
            let hosts = if certificate.hosts.is_empty() { made.names } else { certificate.hosts.as_slice().into() };
            (hosts, Source::Read { key: Arc::new(made.key), expires: made.expires })
        };
        let (hosts, source) = match &certificate.source {
            CertificateSource::Given(files) => read(given(files, secrets)?),
            CertificateSource::SelfSigned => read(self_signed(&certificate.hosts)?),
            CertificateSource::Acme(_) => (certificate.hosts.as_slice().into(), Source::Issued(issued.slot(name))),
        };
        Ok(Self { name: name.into(), digest, hosts, source })
    }

    /// When it expires, if it is there.
    pub fn expires(&self) -> Option<SystemTime> {
        match &self.source {
            Source::Read { expires, .. } => Some(*expires),
            Source::Issued(slot) => slot.current().map(|current| current.expires),
        }
    }

    /// Its slot, if it is ordered.
    pub fn slot(&self) -> Option<&Arc<Slot>> {
        match &self.source {
            Source::Read { .. } => None,
            Source::Issued(slot) => Some(slot),
        }
    }

    /// What is shown to who asks for a host, or for none.
    fn shown_for(&self, host: Option<&str>) -> Option<Arc<CertifiedKey>> {
        match &self.source {
            Source::Read { key, .. } => Some(Arc::clone(key)),
            Source::Issued(slot) => slot.shown_for(host),
        }
    }
}

/// A digest of all that a certificate is made from. One that is ordered is made from nothing here.
///
/// # Errors
/// If a secret was not read.
pub fn digest(name: &str, certificate: &Certificate, secrets: &Secrets) -> Result<Digest, MaterialError> {
    let mut text = format!("{name} {:?}\n", certificate.hosts);
    if let CertificateSource::Acme(_) = certificate.source {
        text.push_str("ordered");
        return Ok(Digest::of_bytes(text.as_bytes()));
    }
    for secret in certificate.secrets() {
        text.push_str(&Digest::of_bytes(content(&secret.reference, secrets)?).to_string());
    }
    Ok(Digest::of_bytes(text.as_bytes()))
}

/// A certificate with its key, and what it says of itself.
struct Made {
    key: CertifiedKey,
    expires: SystemTime,
    names: Box<[HostPattern]>,
}

fn given(files: &CertificateFiles, secrets: &Secrets) -> Result<Made, MaterialError> {
    let mut key = pair(&files.certificate, &files.key, secrets)?;
    let (expires, names) = read(&key.cert[0]).ok_or_else(|| MaterialError::Certificate(files.certificate.clone()))?;
    if let Some(staple) = &files.ocsp_staple {
        key.ocsp = Some(material::staple(&staple.reference(), secrets)?);
    }
    Ok(Made { key, expires, names })
}

fn self_signed(hosts: &[HostPattern]) -> Result<Made, MaterialError> {
    let names: Vec<String> = match hosts {
        [] => THIS_MACHINE.map(str::to_owned).into(),
        hosts => hosts.iter().map(|host| host.to_string().trim_matches(['[', ']']).to_owned()).collect(),
    };
    let made = rcgen::generate_simple_self_signed(names)?;
    let chain = vec![made.cert.der().clone()];
    let (expires, names) = read(&chain[0]).ok_or(rcgen::Error::CouldNotParseCertificate)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    Ok(Made { key: certified(chain, key)?, expires, names })
}

/// A certificate and its key, ready to sign with.
///
/// # Errors
/// If one of them is unusable, or they don't belong together.
pub fn pair(certificate: &SecretRef, key: &SecretRef, secrets: &Secrets) -> Result<CertifiedKey, MaterialError> {
    let own = material::key(key, secrets)?;
    certified(chain(certificate, secrets)?, own).map_err(|error| match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            MaterialError::Mismatch { certificate: certificate.clone(), key: key.clone() }
        }
        Error::InvalidCertificate(_) => MaterialError::Certificate(certificate.clone()),
        _ => MaterialError::Key(key.clone()),
    })
}

/// A chain of certificates and the key of the first.
///
/// # Errors
/// If one of them is unusable, or they don't belong together.
pub(super) fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<CertifiedKey, Error> {
    CertifiedKey::from_der(chain, key, &provider())
}

/// When a certificate expires, and the hosts that it is for.
fn read(certificate: &CertificateDer<'_>) -> Option<(SystemTime, Box<[HostPattern]>)> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Some((moment(certificate.validity().not_after), hosts(&certificate)?))
}

/// A time of a certificate.
pub(super) fn moment(time: ASN1Time) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(time.timestamp()).unwrap_or(0))
}

/// The hosts that a certificate is for.
pub(super) fn hosts(certificate: &X509Certificate<'_>) -> Option<Box<[HostPattern]>> {
    let names = alternative_names(certificate)?;
    Some(names.iter().filter_map(|name| HostPattern::parse(name).ok()).collect())
}

/// The certificates of a listener, by the names that clients ask for.
#[derive(Debug)]
pub struct Shown {
    named: ByHost<Vec<Arc<Loaded>>>,
    all: Box<[Arc<Loaded>]>,
}

impl Shown {
    /// These certificates; the first that is there is shown where no name fits.
    pub fn new(certificates: &[Arc<Loaded>]) -> Self {
        let mut named = ByHost::<Vec<_>>::default();
        for certificate in certificates {
            for host in &certificate.hosts {
                named.entry(host).push(Arc::clone(certificate));
            }
        }
        Self { named, all: certificates.into() }
    }
}

impl ResolvesServerCert for Shown {
    /// Of several for one name, such as an ECDSA and an RSA certificate, the first that the client can check.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().map(str::to_ascii_lowercase);
        let named = name.as_deref().and_then(|name| self.named.find(name)).map_or(&[][..], Vec::as_slice);
        let mut first = None;
        for key in named.iter().filter_map(|certificate| certificate.shown_for(name.as_deref())) {
            if key.key.choose_scheme(hello.signature_schemes()).is_some() {
                return Some(key);
            }
            first.get_or_insert(key);
        }
        first.or_else(|| self.all.iter().find_map(|certificate| certificate.shown_for(None)))
    }
}
