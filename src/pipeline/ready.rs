//! What plugins and ends are made ready with, before their table is put in force: all that can fail is done then.

use std::io;
use std::sync::Arc;

use crate::pipeline::background::Background;
use crate::pipeline::limits::Limiter;
use crate::pipeline::secrets::Secrets;
use crate::pipeline::state::StatePool;

/// What belongs to the gateway that runs and not to the table.
#[derive(Clone, Copy)]
pub struct Ready<'a> {
    /// State that outlives the table.
    pub pool: &'a StatePool,
    /// The secrets that the table names.
    pub secrets: &'a Secrets,
    /// A thread for what belongs to no request.
    pub background: &'a Background,
    /// What keeps the counts of limits.
    pub limiter: &'a Arc<Limiter>,
    /// Whose state it is: `namespace/route/id` of a plugin, `namespace/name` of a backend, always with the namespace.
    pub owner: &'a str,
}

/// Why something cannot be made ready: the table is not put in force then.
#[derive(Debug, thiserror::Error)]
pub enum ReadyError {
    /// A secret is not what is needed; never its value.
    #[error("the secret {secret} of `{owner}` {why}")]
    Secret {
        /// Whose it is.
        owner: String,
        /// Where it is found.
        secret: String,
        /// What is wrong with it.
        why: String,
    },
    /// What goes on beside requests cannot be started.
    #[error("a thread cannot be started: {0}")]
    Thread(#[from] io::Error),
    /// Something else.
    #[error("`{owner}` cannot be made ready: {why}")]
    Failed {
        /// Whose it is.
        owner: String,
        /// What is wrong.
        why: String,
    },
}
