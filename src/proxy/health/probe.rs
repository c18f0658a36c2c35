//! Asking a target once.

use tokio::time::timeout;

use crate::proxy::health::watch::Asked;
use crate::proxy::health::{grpc, http};
use crate::proxy::upstream::{UpstreamError, connect};

/// Why a target is not well.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unwell {
    /// It cannot be connected to.
    #[error(transparent)]
    Connect(#[from] UpstreamError),
    /// It took too long.
    #[error("it did not answer in time")]
    Late,
    /// It broke off, or does not speak the protocol.
    #[error("it does not speak the protocol: {0}")]
    Protocol(#[from] hyper::Error),
    /// It answered with a status that is not a good one.
    #[error("its status is {0}")]
    Status(u16),
    /// Its health service says so.
    #[error("its health service does not say that it serves")]
    NotServing,
}

/// Asks a target.
pub(super) async fn probe(asked: &Asked) -> Result<(), Unwell> {
    let limit = asked.check.timeout.get();
    timeout(limit, ask(asked)).await.unwrap_or(Err(Unwell::Late))
}

async fn ask(asked: &Asked) -> Result<(), Unwell> {
    if let Some(check) = &asked.check.grpc {
        return grpc::ask(asked, &check.service).await;
    }
    match &asked.check.path {
        Some(path) => http::ask(asked, path).await,
        None => connect(&asked.target).await.map(drop).map_err(Unwell::Connect),
    }
}
