//! The body of an answer, as plugins and ends without a server make it piece by piece, and as plugins change it on its way out.
//!
//! Whatever frames the message belongs to `proxy`: here a body is bytes, and has an end.

use std::task::{Context, Poll};

use bytes::Bytes;

use crate::pipeline::coding::{Coding, Decoder, Effort, Encoder, readable};
use crate::pipeline::exchange::{Content, Exchange};
use crate::value::method::Method;

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

impl Content {
    /// How long it is, if that is known.
    pub fn length(&self) -> Option<u64> {
        match self {
            Self::Empty => Some(0),
            Self::Bytes(bytes) => Some(bytes.len() as u64),
            Self::Stream(pieces) => pieces.length(),
        }
    }
}

impl Exchange<'_> {
    /// On the way out: lets the body of the answer, as it is so far, go through something. An answer without a body has none that
    /// could. Where the transform does not keep the length, the fields that speak of the very bytes go.
    pub fn transform(&mut self, transform: impl Transform + 'static) {
        if !transform.keeps_length() {
            self.response.body_changes();
            self.made = None;
        }
        self.changes.get_or_insert_default().transforms.push(Box::new(transform));
    }

    /// The same with what the body says, where that is coded: it is read, and coded again as it was.
    pub fn transform_content(&mut self, coding: Option<Coding>, transform: impl Transform + 'static) {
        let Some(coding) = coding else { return self.transform(transform) };
        self.transform(Decoder::new(coding));
        self.transform(transform);
        self.transform(Encoder::new(coding, Effort::Balanced));
    }

    /// On the way in: asks for no coding of the answer's body but those that can be read here.
    pub fn ask_for_readable(&mut self) {
        let fields = &mut self.request.fields;
        if fields.get("accept-encoding").is_some() {
            let readable = readable(fields.all("accept-encoding"));
            fields.set("accept-encoding", &readable);
        }
    }

    /// On the way out: puts another body in the place of the answer's, with all that plugins did to that.
    pub fn answer_instead(&mut self, content: Content) {
        self.made = content.length();
        self.changes = Some(Box::new(BodyChanges { instead: Some(content), ..BodyChanges::default() }));
    }

    /// On the way out: how long the body is, as far as that is known.
    pub fn body_length(&self) -> Option<u64> {
        let said = || std::str::from_utf8(self.response.fields.get("content-length")?).ok()?.parse().ok();
        self.made.or_else(said)
    }

    /// On the way out: whether the answer has a body to speak of (RFC 9110, 6.4.1).
    pub fn has_body(&self) -> bool {
        self.request.method != Method::Head && !matches!(self.response.status, 100..=199 | 204 | 304)
    }
}
