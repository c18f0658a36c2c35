//! The head of an answer as the client gets it, and how its body is framed (RFC 9112, 6).

use http::StatusCode;
use http_body::Body as _;

use crate::pipeline::head::ResponseHead;
use crate::proxy::answer::AnswerBody;
use crate::proxy::http1::request::Version;
use crate::proxy::wire::{Framing, push_decimal};

/// What decides how an answer is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// The version of the request.
    pub(super) version: Version,
    /// Whether it was a `HEAD` request: the body stays here.
    pub(super) head_only: bool,
    /// Whether the head came from an upstream.
    pub(super) framed: bool,
    /// Whether the connection may serve another request.
    pub(super) keep: bool,
}

impl Terms {
    /// How the body of an answer is framed.
    pub(super) fn framing(self, status: u16, body: &AnswerBody) -> Framing {
        match body.size_hint().exact() {
            _ if self.head_only || matches!(status, 100..=199 | 204 | 304) => Framing::None,
            Some(length) => Framing::Length(length),
            None if self.version == Version::Http11 => Framing::Chunked,
            None => Framing::UntilClose,
        }
    }

    /// Whether the connection ends with an answer that is framed so.
    pub(super) fn closes(self, framing: Framing) -> bool {
        !self.keep || framing == Framing::UntilClose
    }

    /// Writes the head of an answer. `length` is what `Content-Length` says of a body that stays here.
    pub(super) fn write(
        self,
        head: &ResponseHead,
        framing: Framing,
        date: &[u8],
        length: Option<u64>,
        out: &mut Vec<u8>,
    ) {
        status_line(head.status, out);
        let mut dated = false;
        let goes_on = |name: &[u8]| {
            dated |= name == b"date";
            name != b"content-length"
        };
        head.fields.write(goes_on, out);
        if self.framed {
            field(out, b"via", b"1.1 gw");
        }
        if !dated {
            field(out, b"date", date);
        }
        match framing {
            Framing::Length(length) => length_field(length, out),
            Framing::Chunked => field(out, b"transfer-encoding", b"chunked"),
            Framing::None => length.into_iter().for_each(|length| length_field(length, out)),
            Framing::UntilClose => {}
        }
        match self.version {
            _ if head.status == 101 => {}
            _ if self.closes(framing) => field(out, b"connection", b"close"),
            Version::Http10 => field(out, b"connection", b"keep-alive"),
            Version::Http11 => {}
        }
        out.extend_from_slice(b"\r\n");
    }
}

fn status_line(status: u16, out: &mut Vec<u8>) {
    if status == 200 {
        return out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    }
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default();
    out.extend_from_slice(b"HTTP/1.1 ");
    push_decimal(out, u64::from(status));
    out.push(b' ');
    out.extend_from_slice(reason.as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn length_field(length: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"content-length: ");
    push_decimal(out, length);
    out.extend_from_slice(b"\r\n");
}
