//! A saved plan: read again, and compared with what would happen now.

use crate::deploy::plan::side::Side;
use crate::deploy::plan::{FORMAT_VERSION, Plan};

/// Why a file is no saved plan.
#[derive(Debug, thiserror::Error)]
pub enum SavedError {
    /// It is something else.
    #[error("it is no saved plan: {0}")]
    Form(#[from] serde_json::Error),
    /// It was made by a later program.
    #[error("it is a plan of version {0}, which this program doesn't know: use a newer one")]
    Version(String),
}

/// Why a saved plan is not carried out: something is not what was reviewed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stale {
    /// Something else is in force.
    #[error(
        "saved plan is stale: what is in force changed after the plan was made (base {planned}, now {now}). Run `gw plan` again"
    )]
    Base {
        /// What was compared with.
        planned: String,
        /// What is in force.
        now: String,
    },
    /// The manifests are others.
    #[error(
        "saved plan is stale: the manifests are not those that were planned (planned {planned}, now {now}). Run `gw plan` again"
    )]
    Target {
        /// What was planned.
        planned: String,
        /// What would be put in force.
        now: String,
    },
}

impl Plan {
    /// Reads a saved plan.
    ///
    /// # Errors
    /// If it is none that this program knows.
    pub fn read(bytes: &[u8]) -> Result<Self, SavedError> {
        let document: serde_json::Value = serde_json::from_slice(bytes)?;
        let version = document["formatVersion"].as_str().unwrap_or_default();
        let major = |version: &str| version.split('.').next().unwrap_or_default().to_owned();
        if !version.is_empty() && major(version) != major(FORMAT_VERSION) {
            return Err(SavedError::Version(version.escape_debug().to_string()));
        }
        Ok(serde_json::from_value(document)?)
    }

    /// Whether what would happen now is exactly what was planned.
    ///
    /// # Errors
    /// If something changed since.
    pub fn check(&self, base: &Side, target: &Side) -> Result<(), Stale> {
        if self.base.digest != base.digest() {
            return Err(Stale::Base { planned: short(self.base.digest.clone()), now: short(base.digest()) });
        }
        self.check_target(target.digest())
    }

    /// Whether the digest of what would be put in force is that of what was planned.
    ///
    /// # Errors
    /// If it is another one.
    pub fn check_target(&self, now: Option<String>) -> Result<(), Stale> {
        if self.target.digest == now {
            return Ok(());
        }
        Err(Stale::Target { planned: short(self.target.digest.clone()), now: short(now) })
    }
}

/// The first digits of a digest.
fn short(digest: Option<String>) -> String {
    digest.and_then(|digest| digest.get(..12).map(str::to_owned)).unwrap_or_else(|| "what does not compile".to_owned())
}
