//! Where what is ordered is kept, so that all gateways that share it find it: a few small entries under keys such as `a/b`.

use std::io;
use std::time::Duration;

/// A store.
pub trait Store: Send + Sync {
    /// Makes ready that entries can be kept below a key.
    ///
    /// # Errors
    /// If nothing could be kept there.
    fn begin(&self, key: &str) -> io::Result<()>;

    /// The entries directly below a key.
    ///
    /// # Errors
    /// If they cannot be listed; a key without entries is no error.
    fn list(&self, key: &str) -> io::Result<Vec<Entry>>;

    /// An entry's content.
    ///
    /// # Errors
    /// If it is there and cannot be read.
    fn read(&self, key: &str) -> io::Result<Option<Vec<u8>>>;

    /// Writes an entry, whole or not at all, and so that only gateways can read it.
    ///
    /// # Errors
    /// If it cannot be written; what was there before is there then.
    fn write(&self, key: &str, content: &[u8]) -> io::Result<()>;

    /// Takes an entry away, if it is there.
    ///
    /// # Errors
    /// If it is there and cannot be taken away.
    fn remove(&self, key: &str) -> io::Result<()>;

    /// Takes what one gateway has at a time; `None` if another one has it.
    ///
    /// # Errors
    /// If it cannot be said who has it.
    fn hold(&self, key: &str) -> io::Result<Option<Box<dyn Hold>>>;

    /// How often it is worth looking for what others have written.
    fn look_every(&self) -> Duration;
}

/// Something held until this value is dropped, or the program that has it ends in any way.
pub trait Hold: Send {}

/// An entry as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The last part of its key.
    pub name: String,
    /// Another one each time that its content is written.
    pub version: String,
}
