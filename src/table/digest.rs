//! The digest of a table: SHA-256 of its canonical form.

use std::fmt;

use aws_lc_rs::digest;
use serde::Serialize;

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of some parts, each serialised as JSON on a line of its own: the parts' order and types are the canonical form.
    ///
    /// # Errors
    /// If a part cannot be JSON, which no part of a table is.
    pub fn of_parts<'a>(parts: impl IntoIterator<Item = &'a dyn Part>) -> serde_json::Result<Self> {
        let mut context = digest::Context::new(&digest::SHA256);
        let mut line = Vec::with_capacity(4096);
        for part in parts {
            part.write(&mut line)?;
            line.push(b'\n');
            context.update(&line);
            line.clear();
        }
        Ok(Self::finish(context))
    }

    /// The digest of some bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(bytes);
        Self::finish(context)
    }

    /// Its first twelve hex digits: what people see.
    pub fn short(&self) -> String {
        self.to_string()[..12].to_owned()
    }

    fn finish(context: digest::Context) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(context.finish().as_ref());
        Self(bytes)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A part of what is digested.
pub trait Part {
    /// Writes it as JSON.
    ///
    /// # Errors
    /// If it cannot be JSON.
    fn write(&self, out: &mut Vec<u8>) -> serde_json::Result<()>;
}

impl<T: Serialize> Part for T {
    fn write(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        serde_json::to_writer(out, self)
    }
}
