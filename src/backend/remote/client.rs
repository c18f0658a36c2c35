//! The client of all backends that ask others: one for the whole gateway, so that connections are kept from table to table.

use std::sync::{Arc, OnceLock};

use crate::net::{Client, NetError};
use crate::pipeline::ready::{Ready, ReadyError};

/// The client, for as long as somebody has it.
pub struct SharedClient {
    /// The client.
    pub client: Client,
    _kept: Arc<OnceLock<Client>>,
}

impl SharedClient {
    /// The client, made where nobody has it.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn of(ready: &Ready<'_>) -> Result<Self, ReadyError> {
        let kept = ready.pool.get_or("client", OnceLock::<Client>::new);
        let failed = |error: NetError| ReadyError::Failed { owner: ready.owner.to_owned(), why: error.to_string() };
        let client = if let Some(client) = kept.get() {
            client.clone()
        } else {
            let made = Client::busy().map_err(failed)?;
            kept.get_or_init(|| made).clone()
        };
        Ok(Self { client, _kept: kept })
    }
}
