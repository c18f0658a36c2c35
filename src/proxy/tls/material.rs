//! Certificates, keys, authorities and lists of revoked certificates from their texts in PEM (RFC 7468).
//!
//! What is unusable is an error that names where it was found and never what stands there. Nothing falls back to anything.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use x509_parser::asn1_rs::{Any, FromDer as _, Tag};

use crate::pipeline::secrets::Secrets;
use crate::proxy::tls::provider::provider;
use crate::table::tls::{ClientAuth, ClientAuthMode};
use crate::value::secret::SecretRef;

/// Why something that TLS needs is unusable.
#[derive(Debug, thiserror::Error)]
pub enum MaterialError {
    /// A secret was not resolved.
    #[error("`{0}` was not read")]
    Unread(SecretRef),
    /// It is no PEM.
    #[error("`{0}` cannot be read as PEM")]
    Pem(SecretRef),
    /// It is PEM, of something else.
    #[error("`{0}` holds no {1} in PEM")]
    Lacks(SecretRef, &'static str),
    /// A certificate is malformed.
    #[error("`{0}` holds a malformed certificate")]
    Certificate(SecretRef),
    /// A list of revoked certificates is malformed.
    #[error("`{0}` holds a list of revoked certificates that cannot be used")]
    Crl(SecretRef),
    /// What is to be stapled is no statement that a certificate is good.
    #[error("`{0}` is no OCSP response in DER, or one that says nothing")]
    Staple(SecretRef),
    /// A key is of a kind that isn't known.
    #[error("the key `{0}` is malformed or of a kind that is not supported")]
    Key(SecretRef),
    /// A key belongs to another certificate.
    #[error("the key `{key}` is not that of the certificate `{certificate}`")]
    Mismatch {
        /// The certificate.
        certificate: SecretRef,
        /// The key.
        key: SecretRef,
    },
    /// The authorities are not usable.
    #[error("the authorities of `{0}` cannot be used")]
    Authorities(SecretRef),
    /// A certificate cannot be made.
    #[error("a self-signed certificate cannot be made: {0}")]
    SelfSigned(#[from] rcgen::Error),
    /// TLS itself cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// The bytes of a secret.
pub fn content<'s>(reference: &SecretRef, secrets: &'s Secrets) -> Result<&'s [u8], MaterialError> {
    secrets.content(reference).ok_or_else(|| MaterialError::Unread(reference.clone()))
}

/// A chain of certificates, the own one first.
pub fn chain(reference: &SecretRef, secrets: &Secrets) -> Result<Vec<CertificateDer<'static>>, MaterialError> {
    all(reference, secrets, "certificate")
}

/// A private key.
pub fn key(reference: &SecretRef, secrets: &Secrets) -> Result<PrivateKeyDer<'static>, MaterialError> {
    match PrivateKeyDer::from_pem_slice(content(reference, secrets)?) {
        Ok(key) => Ok(key),
        Err(PemError::NoItemsFound) => Err(MaterialError::Lacks(reference.clone(), "private key")),
        Err(_) => Err(MaterialError::Pem(reference.clone())),
    }
}

/// Authorities; at least one, and each of them usable.
pub fn roots(reference: &SecretRef, secrets: &Secrets) -> Result<RootCertStore, MaterialError> {
    let mut roots = RootCertStore::empty();
    for certificate in all::<CertificateDer<'static>>(reference, secrets, "certificate")? {
        roots.add(certificate).map_err(|_| MaterialError::Certificate(reference.clone()))?;
    }
    Ok(roots)
}

/// What decides whether a client's certificate is accepted.
pub fn verifier(auth: &ClientAuth, secrets: &Secrets) -> Result<Arc<dyn ClientCertVerifier>, MaterialError> {
    let roots = Arc::new(roots(&auth.ca, secrets)?);
    let mut builder = WebPkiClientVerifier::builder_with_provider(roots, provider());
    if let Some(crl) = &auth.crl {
        let lists: Vec<CertificateRevocationListDer<'static>> = all(crl, secrets, "list of revoked certificates")?;
        builder = builder.with_crls(lists);
    }
    if auth.mode == ClientAuthMode::Optional {
        builder = builder.allow_unauthenticated();
    }
    builder.build().map_err(|_| match &auth.crl {
        Some(crl) => MaterialError::Crl(crl.clone()),
        None => MaterialError::Authorities(auth.ca.clone()),
    })
}

/// An authority's statement on a certificate. It is only looked at as far as is needed to know that it is one (RFC 6960, 4.2.1): clients
/// check what it says.
pub fn staple(reference: &SecretRef, secrets: &Secrets) -> Result<Vec<u8>, MaterialError> {
    let bytes = content(reference, secrets)?;
    match Any::from_der(bytes) {
        Ok((&[], response)) if response.tag() == Tag::Sequence && response.data.starts_with(SUCCESSFUL) => {
            Ok(bytes.to_vec())
        }
        _ => Err(MaterialError::Staple(reference.clone())),
    }
}

/// The status of an OCSP response that holds a statement, in DER.
const SUCCESSFUL: &[u8] = &[0x0a, 1, 0];

fn all<T: PemObject>(reference: &SecretRef, secrets: &Secrets, what: &'static str) -> Result<Vec<T>, MaterialError> {
    let items: Vec<T> = T::pem_slice_iter(content(reference, secrets)?)
        .collect::<Result<_, _>>()
        .map_err(|_| MaterialError::Pem(reference.clone()))?;
    if items.is_empty() { Err(MaterialError::Lacks(reference.clone(), what)) } else { Ok(items) }
}
