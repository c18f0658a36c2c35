//! How a request ended: the body of its answer, and who frames it.

use bytes::Bytes;

use crate::pipeline::body::BodyChanges;
use crate::pipeline::exchange::{Content, Exchange};
use crate::proxy::answer::Source;
use crate::proxy::changed::changed;
use crate::proxy::pieces::Streamed;
use crate::proxy::visit::Visit;

/// How a request ended: its body, and who frames it.
pub struct End {
    /// The body.
    pub source: Source,
    /// Whether the head in the exchange came from an upstream, with its own `Content-Length`.
    pub framed: bool,
    /// Why the gateway answers with an error of its own.
    pub cause: Option<&'static str>,
}

impl End {
    /// No body.
    pub fn empty() -> Self {
        Self { source: Source::Empty, framed: false, cause: None }
    }

    /// Bytes in memory.
    pub fn bytes(bytes: Bytes) -> Self {
        let source = if bytes.is_empty() { Source::Empty } else { Source::Bytes(bytes) };
        Self { source, ..Self::empty() }
    }

    /// What a plugin or an end without a server says.
    pub fn content(content: Content, visit: &Visit) -> Self {
        match content {
            Content::Empty => Self::empty(),
            Content::Bytes(bytes) => Self::bytes(bytes),
            Content::Stream(pieces) => {
                Self { source: Source::Stream(Box::new(Streamed::new(pieces, visit))), ..Self::empty() }
            }
        }
    }

    /// No body, and a status.
    pub fn status(status: u16, exchange: &mut Exchange<'_>) -> Self {
        exchange.response.status = status;
        Self::empty()
    }

    /// An error of the upstream or the gateway, with its cause for the log.
    pub fn failed(status: u16, cause: &'static str, exchange: &mut Exchange<'_>) -> Self {
        exchange.response.fields.clear();
        Self { cause: Some(cause), ..Self::status(status, exchange) }
    }

    /// The same with what plugins do to the body.
    pub fn changed(self, changes: BodyChanges, exchange: &Exchange<'_>, visit: &Visit) -> Self {
        let BodyChanges { instead, transforms } = changes;
        let end = match instead {
            None => self,
            Some(content) => Self { cause: self.cause, ..Self::content(content, visit) },
        };
        // an answer to `HEAD` has the length that one to `GET` would have
        if transforms.is_empty() || matches!(exchange.response.status, 100..=199 | 204 | 304) {
            return end;
        }
        Self { source: changed(end.source, transforms, visit), ..end }
    }
}
