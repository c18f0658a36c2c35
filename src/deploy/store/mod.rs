//! Stores: where releases lie, as objects of bytes by key. What they mean is not known here.
//!
//! A store need not be trusted with more than to be there: what is read from it is verified by whoever reads it.

pub mod durable;
mod folder;
mod https;
mod location;
mod s3;

pub use location::{Location, LocationError};

use std::io;

use bytes::Bytes;

use crate::net::NetError;

/// Objects by key. Keys are made of `/`, letters, digits, `-` and `.`, and begin with none of the last two.
pub trait Objects: Send {
    /// Reads an object, unless it is the version that is known already.
    ///
    /// # Errors
    /// If that cannot be told, or the object has more bytes than the limit.
    fn get(&self, key: &str, limit: u64, known: Option<&Version>) -> Result<Found, StoreError>;

    /// Writes an object, whole or not at all. Of several writers with one condition, one wins.
    ///
    /// # Errors
    /// If it cannot be written; that another one has won is no error.
    fn put(&self, key: &str, content: &[u8], when: When<'_>) -> Result<Put, StoreError>;

    /// The keys that begin with a prefix that ends in `/`, sorted.
    ///
    /// # Errors
    /// If they cannot be listed.
    fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError>;

    /// Removes an object, which may be missing.
    ///
    /// # Errors
    /// If it cannot be removed.
    fn remove(&self, key: &str) -> Result<(), StoreError>;

    /// Whether the store is where it should be. A folder may be gone with the disk that it is on; who only reports makes no new one.
    fn is_there(&self) -> bool {
        true
    }

    /// What people know the store by: its address, without anything secret.
    fn name(&self) -> &str;
}

/// What tells one content of an object from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(String);

/// What stands under a key.
#[derive(Debug)]
pub enum Found {
    /// Nothing.
    Missing,
    /// The version that was known.
    Same,
    /// An object.
    Object(Bytes, Version),
}

/// Under which condition an object is written.
#[derive(Clone, Copy, Debug)]
pub enum When<'a> {
    /// Under none.
    Always,
    /// Nothing stands there.
    Absent,
    /// This version stands there.
    Is(&'a Version),
}

/// What came of writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is written.
    Done,
    /// The condition did not hold, and nothing was written.
    Refused,
}

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file of it cannot be read or written.
    #[error("{what}: {error}")]
    File {
        /// The file.
        what: String,
        /// Why.
        error: io::Error,
    },
    /// Its server cannot be asked.
    #[error("{what}: {error}")]
    Net {
        /// What was asked for.
        what: String,
        /// Why.
        error: NetError,
    },
    /// Its server answers otherwise than it should.
    #[error("{what}: the server answers {status}{}", if .detail.is_empty() { String::new() } else { format!(" ({detail})") })]
    Answer {
        /// What was asked for.
        what: String,
        /// The status.
        status: u16,
        /// What it says.
        detail: String,
    },
    /// It is larger than it can be.
    #[error("{what}: it has more than {limit} bytes")]
    TooLarge {
        /// The object.
        what: String,
        /// The limit.
        limit: u64,
    },
    /// It can only be read.
    #[error("{0}: a store behind HTTPS can be read only; write to the folder or bucket that it shows")]
    ReadOnly(String),
}

impl StoreError {
    /// Something that went wrong on the network, with what was asked for.
    fn net(what: &str, error: NetError) -> Self {
        match error {
            NetError::TooLarge(limit) => Self::TooLarge { what: what.to_owned(), limit },
            error => Self::Net { what: what.to_owned(), error },
        }
    }
}
