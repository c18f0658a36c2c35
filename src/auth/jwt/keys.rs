//! The keys of an issuer, wherever they come from.

use std::sync::Arc;

use crate::auth::jwt::config::{JwtConfig, KeySource};
use crate::auth::token::{IssuerKeys, KeySet, Origin, SECRET_BYTES, VerifyingKey, from_pem, published};
use crate::pipeline::ready::{Ready, ReadyError};
use crate::value::secret::SecretRef;

/// The keys that tokens are verified with.
pub struct Keys {
    own: Vec<VerifyingKey>,
    published: Vec<IssuerKeys>,
}

impl Keys {
    /// The keys that a manifest names.
    ///
    /// # Errors
    /// If one of them cannot be used: the table is not put in force then.
    pub fn new(config: &JwtConfig, ready: &Ready<'_>) -> Result<Self, ReadyError> {
        let (mut own, mut all_published) = (Vec::new(), Vec::new());
        for source in &config.keys {
            match &source.jwks_url {
                Some(url) => all_published.push(published(url, ready)?),
                None => own.extend(kept_here(source, ready)?),
            }
        }
        let own = own.into_iter().map(|key| key.narrowed(&config.algorithms)).collect();
        Ok(Self { own, published: all_published })
    }

    /// The sets as they are now.
    pub fn sets(&self) -> Vec<Arc<KeySet>> {
        self.published.iter().filter_map(|keys| keys.value()).collect()
    }

    /// All keys, those of some sets among them.
    pub fn all<'a>(&'a self, sets: &'a [Arc<KeySet>]) -> impl Iterator<Item = &'a VerifyingKey> {
        self.own.iter().chain(sets.iter().flat_map(|set| set.iter()))
    }

    /// Which keys these are: another number after a change.
    pub fn revision(&self) -> u64 {
        self.published.iter().map(|keys| keys.revision()).sum()
    }

    /// Whether others publish some of them.
    pub fn may_be_renewed(&self) -> bool {
        !self.published.is_empty()
    }

    /// Whether some were never fetched.
    pub fn are_missing(&self) -> bool {
        self.published.iter().any(|keys| keys.value().is_none())
    }

    /// Waits until newer ones are fetched, if they may be asked for now.
    pub async fn renew(&self) {
        for keys in &self.published {
            keys.renewed().await;
        }
    }
}

fn kept_here(source: &KeySource, ready: &Ready<'_>) -> Result<Vec<VerifyingKey>, ReadyError> {
    let kid = source.kid.as_deref();
    let wrong = |reference: &SecretRef, why: &str| ReadyError::Secret {
        owner: ready.owner.to_owned(),
        secret: reference.to_string(),
        why: why.to_owned(),
    };
    if let Some(reference) = &source.secret {
        let secret = ready.secrets.line(reference).unwrap_or_default();
        let short = || wrong(reference, &format!("has less than {SECRET_BYTES} bytes: it could be guessed"));
        return Ok(vec![VerifyingKey::secret(kid, secret).ok_or_else(short)?]);
    }
    let Some(file) = source.public_key.as_ref().or(source.jwks.as_ref()).filter(|_| !ready.secrets.are_made_up())
    else {
        return Ok(Vec::new());
    };
    let reference = file.reference();
    let content = ready.secrets.content(&reference).unwrap_or_default();
    if source.public_key.is_some() {
        return Ok(vec![from_pem(content).map_err(|why| wrong(&reference, why))?.with_id(kid)]);
    }
    let set = KeySet::read(content, Origin::Private).map_err(|why| wrong(&reference, why))?;
    Ok(set.into_keys().collect())
}
