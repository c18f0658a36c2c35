//! The body of an answer, as plugins and ends without a server make it piece by piece, and as plugins change it on its way out.
//!
//! Whatever frames the message belongs to `proxy`: here a body is bytes, and has an end.

use std::task::{Context, Poll};

use bytes::Bytes;

use crate::pipeline::exchange::Content;

/// A body that is made piece by piece, each once the client has room for it. It is dropped when the client goes away.
pub trait Pieces {
    /// The next piece; `None` is the end, after which nothing is asked. Who is silent for too long is given up.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BrokenOff>>>;

    /// How many bytes are still to come, if that is known: it must be right then.
    fn length(&self) -> Option<u64> {
        None
    }
}

/// What a plugin does to the body of an answer on its way out. It holds no more of it than it must, and within a bound of its own:
/// what it is given are pieces of at most [`PIECE`] bytes, and it gives pieces of about that size.
pub trait Transform {
    /// Takes the next piece, or the end where there is none, and gives what comes of it so far. Only once [`Transform::more`] has
    /// nothing left.
    ///
    /// # Errors
    /// If the body is not what it should be: what is left of the answer is not sent, and the client sees that.
    fn take(&mut self, piece: Option<Bytes>) -> Result<Bytes, BrokenOff>;

    /// What else comes of that, if it is too much for one piece; empty if nothing does.
    ///
    /// # Errors
    /// As [`Transform::take`].
    fn more(&mut self) -> Result<Bytes, BrokenOff> {
        Ok(Bytes::new())
    }

    /// Gives what can be given of what it holds back: nothing has come for a while.
    ///
    /// # Errors
    /// As [`Transform::take`].
    fn flush(&mut self) -> Result<Bytes, BrokenOff> {
        Ok(Bytes::new())
    }

    /// Whether it gives as many bytes as it takes, as one does that only looks on.
    fn keeps_length(&self) -> bool {
        false
    }
}

/// The most bytes that a [`Transform`] is given at once.
pub const PIECE: usize = 64 << 10;

/// Why a body ends before its end; for the log, and nothing that a message said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BrokenOff(pub &'static str);

/// What plugins do to the body of an answer, in the order in which they do it.
#[derive(Default)]
pub struct BodyChanges {
    /// What takes the place of the body.
    pub instead: Option<Content>,
    /// What the body then goes through.
    pub transforms: Vec<Box<dyn Transform>>,
}
