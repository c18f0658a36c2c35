//! The keys that an issuer publishes at a URL.

use std::sync::Arc;

use crate::auth::calls::Calls;
use crate::auth::kept::Kept;
use crate::auth::token::key_set::{KeySet, Origin};
use crate::pipeline::ready::{Ready, ReadyError};
use crate::value::service_url::ServiceUrl;
use crate::value::sha256::Sha256;

/// The keys of an issuer, for as long as somebody uses them.
pub type IssuerKeys = Arc<Kept<KeySet>>;

/// The keys at a URL; everybody who names it shares them.
///
/// # Errors
/// If they could never be fetched.
pub fn published(url: &ServiceUrl, ready: &Ready<'_>) -> Result<IssuerKeys, ReadyError> {
    let keys = ready.pool.get_or(&format!("keys {url}"), Kept::default);
    // what is only tried calls nobody
    if !ready.secrets.are_made_up() {
        let (calls, url) = (Calls::of(ready)?, url.clone());
        keys.start(ready.background, format!("the keys at {url}"), move || fetch(calls.clone(), url.clone()))?;
    }
    Ok(keys)
}

async fn fetch(calls: Calls, url: ServiceUrl) -> Result<(KeySet, Sha256), String> {
    let content = calls.fetch(&url).await?;
    let keys = KeySet::read(&content, Origin::Public).map_err(|why| format!("what {url} answers {why}"))?;
    Ok((keys, Sha256::of(&content)))
}
