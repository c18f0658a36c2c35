//! The head of a request: read strictly, with its framing, into our own head (RFC 9112, 2 to 6).
//!
//! Whatever could be read in two ways is refused here: both framings or one of them twice, an unknown coding, a bare line feed,
//! a folded line. What is left means one thing to everybody behind the gateway.

use std::mem::MaybeUninit;

use httparse::{Header, Status};

use crate::pipeline::head::{Fields, RequestHead};
use crate::pipeline::version::Version as HeadVersion;
use crate::proxy::ingress::{self, HostIn, Refusal, Target, receive};
use crate::proxy::wire::{Decoder, Kind, crlf_only, decimal, kind, take_field};
use crate::table::settings::Limits;
use crate::value::method::Method;

/// The most fields a head may have, as the schema says: they stand on the stack while it is read.
const FIELDS_AT_MOST: usize = 500;

/// The version of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
}

/// What the head of a request says of the connection and the body.
#[derive(Debug)]
pub struct Request {
    /// Its bytes.
    pub(super) length: usize,
    pub(super) version: Version,
    /// How the body is read.
    pub(super) body: Decoder,
    /// Whether the client would send another request on the connection.
    pub(super) keep_alive: bool,
    /// Whether the client waits to be asked for the body.
    pub(super) expects_continue: bool,
}

/// Reads a head into `head`; `None` if it is not all there.
///
/// # Errors
/// If it is refused; `head` then holds what had been read, enough for an answer.
pub fn parse(input: &[u8], limits: &Limits, head: &mut RequestHead) -> Result<Option<Request>, Refusal> {
    let mut space = [const { MaybeUninit::<Header<'_>>::uninit() }; FIELDS_AT_MOST];
    let space = &mut space[..usize::from(limits.headers).min(FIELDS_AT_MOST)];
    let mut parsed = httparse::Request::new(&mut []);
    let length = match parsed.parse_with_uninit_headers(input, space) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(Refusal::HeadTooLarge),
        Err(httparse::Error::Version) if names_a_version(input) => return Err(Refusal::Version),
        Err(_) => return Err(Refusal::Head),
    };
    if !crlf_only(&input[..length], parsed.headers.len() + 2) {
        return Err(Refusal::Head);
    }
    let version = if parsed.version == Some(0) { Version::Http10 } else { Version::Http11 };
    let target = parsed.path.unwrap_or_default();
    if (length - target.len()) as u64 > limits.header_bytes.bytes() {
        return Err(Refusal::HeadTooLarge);
    }
    head.version = if version == Version::Http10 { HeadVersion::Http10 } else { HeadVersion::Http11 };
    head.method = Method::from_token(parsed.method.unwrap_or_default()).ok_or(Refusal::Head)?;
    let facts = Facts::take(parsed.headers, input, &mut head.fields)?;
    let body = facts.framing(version)?;
    ingress::method(&head.method)?;
    let named = if version == Version::Http10 { HostIn::Anywhere } else { HostIn::Field };
    receive(&Target::parse(target)?, named, limits, head)?;
    if facts.length.is_some_and(|length| length > limits.body_bytes.bytes()) {
        return Err(Refusal::BodyTooLarge);
    }
    let keep_alive = !facts.close && (version == Version::Http11 || facts.keep_alive);
    let expects_continue = facts.expects_continue && version == Version::Http11;
    Ok(Some(Request { length, version, body, keep_alive, expects_continue }))
}

/// Whether the first line ends in a version of HTTP, only not one of ours.
fn names_a_version(input: &[u8]) -> bool {
    let line = input.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let words = line.split(|byte| *byte == b' ').count();
    words == 3 && matches!(line, [.., b' ', b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'])
}

/// What the fields of a head say of its connection and its body.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing a head may say")]
struct Facts {
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    expects_continue: bool,
}

impl Facts {
    /// Takes the fields of a head over, all of them: which go on is decided when the request does.
    fn take(headers: &[Header<'_>], input: &[u8], fields: &mut Fields) -> Result<Self, Refusal> {
        let mut facts = Self::default();
        let mut refused = Ok(());
        for header in headers {
            // all are taken, so that a refusal is answered in the form that the client accepts
            refused = refused.and(facts.note(kind(header.name), header.value));
            take_field(header, input, fields);
        }
        refused.map(|()| facts)
    }

    fn note(&mut self, kind: Kind, value: &[u8]) -> Result<(), Refusal> {
        match kind {
            Kind::ContentLength => {
                let length = decimal(value).ok_or(Refusal::Field)?;
                if self.length.replace(length).is_some() {
                    return Err(Refusal::Field);
                }
            }
            Kind::TransferEncoding if self.chunked || !value.eq_ignore_ascii_case(b"chunked") => {
                return Err(Refusal::Field);
            }
            Kind::TransferEncoding => self.chunked = true,
            Kind::Connection => self.note_connection(value),
            Kind::Expect if !value.eq_ignore_ascii_case(b"100-continue") => return Err(Refusal::Expectation),
            Kind::Expect => self.expects_continue = true,
            Kind::Upgrade if value.split(|byte| *byte == b',').any(is_clear_text_http2) => return Err(Refusal::Field),
            _ => {}
        }
        Ok(())
    }

    fn note_connection(&mut self, value: &[u8]) {
        for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    /// How the body is framed (RFC 9112, 6.3); a request without a length has none.
    fn framing(&self, version: Version) -> Result<Decoder, Refusal> {
        match (self.chunked, self.length) {
            (true, Some(_)) => Err(Refusal::Field),
            (true, None) if version == Version::Http10 => Err(Refusal::Field),
            (true, None) => Ok(Decoder::chunked()),
            (false, length) => Ok(Decoder::length(length.unwrap_or(0))),
        }
    }
}

fn is_clear_text_http2(protocol: &[u8]) -> bool {
    protocol.trim_ascii().get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"h2c"))
}
