//! How upstreams are spoken to over TLS: settings that are made before a table is put in force, and kept while their parts are equal,
//! so that connections and sessions live on over swaps.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustls::ClientConfig;
use rustls::sign::SingleCertAndKey;

use crate::pipeline::secrets::Secrets;
use crate::pipeline::upstream::tls::UpstreamTls;
use crate::proxy::tls::certificate::pair;
use crate::proxy::tls::material::{MaterialError, content, roots};
use crate::proxy::upstream::{client_config, system_roots};
use crate::table::Digest;

/// Settings for upstreams, and a digest of all that they were made from.
pub struct UpstreamConfig {
    /// The digest.
    pub digest: Digest,
    /// The settings.
    pub config: Arc<ClientConfig>,
}

/// Settings for upstreams, kept as long as a generation uses them.
#[derive(Default)]
pub struct UpstreamCache {
    /// Reading the machine's authorities takes a while, so only the first use does it.
    usual: OnceLock<Arc<ClientConfig>>,
    own: Mutex<HashMap<Digest, Arc<ClientConfig>>>,
}

impl UpstreamCache {
    /// The settings of a backend.
    ///
    /// # Errors
    /// If a certificate, a key or an authority is unusable.
    pub fn of(&self, tls: &UpstreamTls, secrets: &Secrets) -> Result<UpstreamConfig, MaterialError> {
        let digest = digest(tls, secrets)?;
        if tls.ca.is_none() && tls.client_certificate.is_none() {
            return Ok(UpstreamConfig { digest, config: self.usual()? });
        }
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let config = match own.get(&digest) {
            Some(kept) => Arc::clone(kept),
            None => Arc::clone(own.entry(digest).or_insert(Arc::new(config(tls, secrets)?))),
        };
        Ok(UpstreamConfig { digest, config })
    }

    fn usual(&self) -> Result<Arc<ClientConfig>, MaterialError> {
        if let Some(config) = self.usual.get() {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(client_config(system_roots())?);
        Ok(Arc::clone(self.usual.get_or_init(|| config)))
    }

    /// Forgets what no generation uses.
    pub fn forget_unused(&self) {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, kept| Arc::strong_count(kept) > 1);
    }
}

fn config(tls: &UpstreamTls, secrets: &Secrets) -> Result<ClientConfig, MaterialError> {
    let trusted = tls.ca.as_ref().map_or_else(|| Ok(system_roots()), |ca| roots(ca, secrets))?;
    let mut config = client_config(trusted)?;
    if let Some(own) = &tls.client_certificate {
        let pair = pair(&own.certificate, &own.key, secrets)?;
        config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(pair));
    }
    Ok(config)
}

fn digest(tls: &UpstreamTls, secrets: &Secrets) -> Result<Digest, MaterialError> {
    let mut text = format!("{:?} {:?}", tls.ca, tls.client_certificate);
    for secret in tls.secrets() {
        text.push_str(&Digest::of_bytes(content(&secret.reference, secrets)?).to_string());
    }
    Ok(Digest::of_bytes(text.as_bytes()))
}
