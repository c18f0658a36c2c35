//! Why a node does not take a release. Whatever the reason, what is in force stays in force.

use jiff::Timestamp;

use crate::deploy::bundle::BundleError;
use crate::table::Digest;

/// Why a release is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// What is said of it cannot be read.
    #[error("the store holds no release that can be read: {0}")]
    Unreadable(String),
    /// Nobody signed it.
    #[error("the release is not signed, and this program trusts only signed ones")]
    Unsigned,
    /// Nobody signed it who is trusted.
    #[error("no trusted key signed the release; it names {}", if .0.is_empty() { "none".to_owned() } else { .0.join(", ") })]
    Untrusted(Vec<String>),
    /// It is for another environment.
    #[error("the release is for {}, and this program runs for {}", environment(.release.as_deref()), environment(.own.as_deref()))]
    Environment {
        /// The one that the release is for.
        release: Option<String>,
        /// The one that the program runs for.
        own: Option<String>,
    },
    /// A later one was seen already.
    #[error(
        "the store shows release {serial} of {time}, and release {last} was seen before: it is old, or the store was begun anew"
    )]
    Replayed {
        /// Its number.
        serial: u64,
        /// When it was made.
        time: Timestamp,
        /// The highest number that was seen.
        last: u64,
    },
    /// There is another one of the same number.
    #[error("there are two releases with the number {serial}: {} was seen before, and the store shows {}", seen.short(), shown.short())]
    Forked {
        /// The number.
        serial: u64,
        /// The bundle of the one that was seen before.
        seen: Digest,
        /// The bundle of the other one.
        shown: Digest,
    },
    /// The store has no bundle for it.
    #[error("the store does not hold the bundle {}", .0.short())]
    Missing(Digest),
    /// This node has lost it.
    #[error("the bundle {} that this node has kept is missing or damaged", .0.short())]
    Damaged(Digest),
    /// The store has another bundle for it.
    #[error("the bundle of the release is not the one that was signed: {} is wanted, and the store holds {}", wanted.short(), found.short())]
    Digest {
        /// The digest that was signed.
        wanted: Digest,
        /// The digest of what the store holds.
        found: Digest,
    },
    /// It is no bundle that this program can read.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The bundle does not compile to the table that was reviewed.
    #[error("the bundle compiles to the table {}, and {} was reviewed", found.short(), reviewed.short())]
    Table {
        /// What was reviewed.
        reviewed: Digest,
        /// What it compiles to.
        found: Digest,
    },
}

impl Refusal {
    /// The reason in one word, for counters and programs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::Unsigned | Self::Untrusted(_) => "signature",
            Self::Environment { .. } => "environment",
            Self::Replayed { .. } => "replayed",
            Self::Forked { .. } => "forked",
            Self::Missing(_) => "missing",
            Self::Damaged(_) => "damaged",
            Self::Digest { .. } => "digest",
            Self::Bundle(_) => "bundle",
            Self::Table { .. } => "table",
        }
    }
}

/// An environment in a sentence.
pub(super) fn environment(name: Option<&str>) -> String {
    match name {
        Some(name) => format!("the environment `{}`", name.escape_debug()),
        None => "no environment".to_owned(),
    }
}
