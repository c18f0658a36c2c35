//! What backends that ask others have in common: the client, and sites whose files are elsewhere.

mod absent;
mod client;
mod represent;
mod site;

pub use client::SharedClient;
pub use site::{Origin, RemoteSite};

use crate::pipeline::exchange::{Content, Exchange, Step};
use crate::value::duration::Duration;

/// How long what was not there is not asked for again, where the manifest doesn't say.
pub fn absent_for() -> Duration {
    Duration::from_secs(10)
}

/// What is answered where nobody may be asked, as in tests of manifests.
pub fn stand_in(exchange: &mut Exchange<'_>) -> Step {
    exchange.response.status = 200;
    Step::Answer(Content::Empty)
}
