//! The identity of a kind of problem; the table of all codes is `compiler::CODES`.

use serde::{Deserialize, Serialize};

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// The manifests are refused.
    Error,
    /// They are accepted, and something in them is probably not meant.
    Warning,
    /// Something worth knowing.
    Note,
}

impl Severity {
    /// The word shown to people and machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// A kind of problem, declared beside the code that finds it.
#[derive(Debug)]
pub struct Code {
    /// Its stable number, such as `GW1003`.
    pub id: &'static str,
    /// Its stable name, such as `unknown-field`.
    pub name: &'static str,
    /// Its severity where no lint level says otherwise.
    pub severity: Severity,
    /// Its page in Markdown: what it means, why it matters, then one fenced block ```` ```yaml wrong ````
    /// that triggers it and one ```` ```yaml right ```` that doesn't.
    pub page: &'static str,
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Code {}
