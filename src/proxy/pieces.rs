//! A body that a plugin or an end without a server makes piece by piece, which is not waited for endlessly.

use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;

use crate::pipeline::body::{BrokenOff, Pieces};
use crate::proxy::timer::Deadline;
use crate::proxy::visit::Visit;

/// A body that is made piece by piece.
pub struct Streamed {
    pieces: Box<dyn Pieces>,
    /// When it has been silent for too long, while it is waited for.
    silence: Deadline,
    longest: Duration,
}

impl Streamed {
    /// What a plugin or an end without a server makes for a request.
    pub fn new(pieces: Box<dyn Pieces>, visit: &Visit) -> Self {
        let core = &visit.connection.core;
        let longest = core.generation().table.settings.timeouts.message.get();
        Self { pieces, silence: core.timers.deadline(), longest }
    }

    /// The next piece that is not empty.
    pub fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BrokenOff>>> {
        loop {
            match self.pieces.poll_piece(cx) {
                Poll::Ready(Some(Ok(piece))) if piece.is_empty() => {}
                Poll::Ready(piece) => {
                    self.silence.clear();
                    return Poll::Ready(piece);
                }
                Poll::Pending => break,
            }
        }
        if !self.silence.is_set() {
            self.silence.set(self.longest);
        }
        self.silence.poll_expired(cx).map(|()| Some(Err(BrokenOff("it was silent for too long"))))
    }

    /// How many bytes are still to come, if that is known.
    pub fn length(&self) -> Option<u64> {
        self.pieces.length()
    }
}
