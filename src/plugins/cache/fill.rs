//! Keeping an answer while it goes by on its way to the client that asked first.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::pipeline::body::{BrokenOff, Transform};
use crate::plugins::cache::entry::Entry;
use crate::plugins::cache::store::{Landed, Lead, Store, land};

/// Keeps what goes by once it is whole.
pub(super) struct Fill {
    pub(super) store: Arc<Store>,
    pub(super) key: Arc<str>,
    /// The head, and who waits for it; none once the body has become too large.
    pub(super) entry: Option<(Entry, Option<Lead>)>,
    pub(super) body: BytesMut,
    pub(super) most: usize,
}

impl Transform for Fill {
    fn take(&mut self, piece: Option<Bytes>) -> Result<Bytes, BrokenOff> {
        let Some(piece) = piece else {
            if let Some((entry, lead)) = self.entry.take() {
                let body = std::mem::take(&mut self.body).freeze();
                self.store.keep(&self.key, Entry { body, ..entry });
                land(lead, Landed::Kept);
            }
            return Ok(Bytes::new());
        };
        if self.entry.is_some() && self.body.len() + piece.len() <= self.most {
            self.body.extend_from_slice(&piece);
        } else if let Some((_, lead)) = self.entry.take() {
            self.body = BytesMut::new();
            self.store.note_passing(&self.key);
            land(lead, Landed::Passed);
        }
        Ok(piece)
    }

    fn keeps_length(&self) -> bool {
        true
    }
}
