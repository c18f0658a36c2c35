//! Reading the head of an answer: the fields that go on to the client, and how its body is framed (RFC 9112).
//!
//! Strict where leniency lets two parties see two different answers: a head is either beyond doubt or refused.
//! Nothing hop-by-hop gets past this file.

use std::mem::MaybeUninit;

use bytes::{Buf, BytesMut};
use httparse::{Header, ParserConfig, Status};
use smallvec::SmallVec;

use crate::pipeline::head::{Fields, ResponseHead};
use crate::proxy::upstream::client::AnswerLimits;
use crate::proxy::upstream::error::UpstreamError;
use crate::proxy::wire::{Decoder, Kind, crlf_only, decimal, kind, take_field};

/// Informational answers in a row; real servers send one or two.
const INTERIM_AT_MOST: u8 = 8;

/// The most fields a head may have, whatever the limits say: they stand on the stack while it is read.
const FIELDS_AT_MOST: usize = 256;

/// What the request said that decides how its answer is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// It was a `HEAD` request: the answer has no body.
    pub(super) head_only: bool,
    /// It asked for another protocol: 101 is an answer.
    pub(super) upgrade: bool,
}

/// What the head of an answer says about the connection.
#[derive(Debug)]
pub(super) struct Head {
    /// How the body is read.
    pub(super) decoder: Decoder,
    /// Whether the connection may serve another request.
    pub(super) reusable: bool,
    /// Whether it is a 101: from here on the connection is a tunnel.
    pub(super) switched: bool,
}

/// Reads heads, however they are cut into pieces.
#[derive(Debug, Default)]
pub(super) struct HeadReader {
    interim: u8,
    /// How much of the input was seen without an end of the head in it.
    scanned: usize,
}

enum Parsed {
    Partial,
    Interim(usize),
    Final(usize, Head),
}

impl HeadReader {
    /// Takes a final head off the input, and what goes on to the client into `response`; `None` if more is needed.
    pub(super) fn read(
        &mut self,
        input: &mut BytesMut,
        asked: Asked,
        limits: AnswerLimits,
        response: &mut ResponseHead,
    ) -> Result<Option<Head>, UpstreamError> {
        while !input.is_empty() {
            let parsed =
                if self.may_be_whole(input) { parse(input, asked, limits, response)? } else { Parsed::Partial };
            match parsed {
                Parsed::Partial if input.len() >= limits.head_bytes => return Err(UpstreamError::HeadTooLarge),
                Parsed::Partial if has_bare_line_feed(&input[self.scanned.saturating_sub(1)..]) => {
                    return malformed("bare line feed in the head");
                }
                Parsed::Partial => {
                    self.scanned = input.len();
                    break;
                }
                Parsed::Interim(_) if self.interim == INTERIM_AT_MOST => return malformed("endless interim answers"),
                Parsed::Interim(length) => {
                    self.interim += 1;
                    self.scanned = 0;
                    input.advance(length);
                }
                Parsed::Final(length, head) => {
                    input.advance(length);
                    return Ok(Some(head));
                }
            }
        }
        Ok(None)
    }

    /// A head that drips in is parsed again only once its end is there.
    fn may_be_whole(&self, input: &[u8]) -> bool {
        self.scanned == 0 || input[self.scanned.saturating_sub(3)..].windows(4).any(|end| end == b"\r\n\r\n")
    }
}

fn has_bare_line_feed(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| pair[1] == b'\n' && pair[0] != b'\r')
}

fn malformed<T>(why: &'static str) -> Result<T, UpstreamError> {
    Err(UpstreamError::Malformed(why))
}

fn parse(
    input: &[u8],
    asked: Asked,
    limits: AnswerLimits,
    response: &mut ResponseHead,
) -> Result<Parsed, UpstreamError> {
    if input[0] != b'H' {
        return malformed("not HTTP/1");
    }
    let mut space = [const { MaybeUninit::uninit() }; FIELDS_AT_MOST];
    let space = &mut space[..limits.fields.min(FIELDS_AT_MOST)];
    let mut parsed = httparse::Response::new(&mut []);
    let length = match ParserConfig::default().parse_response_with_uninit_headers(&mut parsed, input, space) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return Ok(Parsed::Partial),
        Err(httparse::Error::TooManyHeaders) => return Err(UpstreamError::HeadTooLarge),
        Err(error) => return malformed(what(error)),
    };
    if length > limits.head_bytes {
        return Err(UpstreamError::HeadTooLarge);
    }
    if !crlf_only(&input[..length], parsed.headers.len() + 2) {
        return malformed("bare line feed in the head");
    }
    let status = parsed.code.unwrap_or_default();
    match status {
        101 if !asked.upgrade => malformed("unsolicited 101"),
        100 | 102..=199 => Ok(Parsed::Interim(length)),
        101 | 200..=599 => {
            response.status = status;
            let facts = Facts::take(parsed.headers, input, status, &mut response.fields)?;
            Ok(Parsed::Final(length, facts.head(status, asked, parsed.version == Some(1))?))
        }
        _ => malformed("status out of range"),
    }
}

fn what(error: httparse::Error) -> &'static str {
    match error {
        httparse::Error::HeaderName => "invalid field name",
        httparse::Error::HeaderValue => "invalid field value",
        httparse::Error::NewLine => "invalid line end in the head",
        httparse::Error::Version => "not HTTP/1",
        _ => "invalid status line",
    }
}

/// What the hop-by-hop fields of a head say.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing a head may say")]
struct Facts<'h> {
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    upgrade: bool,
    trailer: Option<&'h [u8]>,
    /// The fields that `Connection` makes hop-by-hop, beyond those that always are.
    named: SmallVec<[&'h [u8]; 2]>,
}

impl<'h> Facts<'h> {
    /// Sorts the fields of a head: the end-to-end ones into `fields`, the others into what they say.
    fn take(headers: &[Header<'h>], input: &[u8], status: u16, fields: &mut Fields) -> Result<Self, UpstreamError> {
        let mut facts = Self::default();
        fields.clear();
        for header in headers {
            facts.sort(header, input, status, fields)?;
        }
        if !facts.named.is_empty() {
            // rare: a second look, now that all names are known
            let named = std::mem::take(&mut facts.named);
            facts = Self::default();
            fields.clear();
            let is_named = |header: &&Header<'h>| named.iter().any(|n| n.eq_ignore_ascii_case(header.name.as_bytes()));
            for header in headers.iter().filter(|header| kind(header.name) != Kind::EndToEnd || !is_named(header)) {
                facts.sort(header, input, status, fields)?;
            }
        }
        if let Some(trailer) = facts.trailer.filter(|_| facts.chunked) {
            fields.receive(b"trailer", trailer);
        }
        Ok(facts)
    }

    fn sort(
        &mut self,
        header: &Header<'h>,
        input: &[u8],
        status: u16,
        fields: &mut Fields,
    ) -> Result<(), UpstreamError> {
        let value = header.value;
        match kind(header.name) {
            Kind::EndToEnd | Kind::Host | Kind::Expect => take_field(header, input, fields),
            Kind::ContentLength => {
                let length = decimal(value).ok_or(UpstreamError::Malformed("invalid content-length"))?;
                match self.length.replace(length) {
                    None if !matches!(status, 101 | 204) => take_field(header, input, fields),
                    Some(other) if other != length => return malformed("contradicting content-lengths"),
                    _ => {}
                }
            }
            Kind::TransferEncoding if self.chunked || !value.eq_ignore_ascii_case(b"chunked") => {
                return malformed("unknown transfer-encoding");
            }
            Kind::TransferEncoding => self.chunked = true,
            Kind::Connection => self.read_connection(value),
            Kind::Trailer => self.trailer = Some(value),
            Kind::Upgrade if status == 101 => {
                self.upgrade = true;
                take_field(header, input, fields);
            }
            Kind::Upgrade | Kind::Te | Kind::HopByHop => {}
        }
        Ok(())
    }

    fn read_connection(&mut self, value: &'h [u8]) {
        for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if option.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if option.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            } else if !option.is_empty() && !option.eq_ignore_ascii_case(b"upgrade") {
                self.named.push(option);
            }
        }
    }

    /// How the body is framed (RFC 9112, 6.3), and whether the connection outlives it (9.3).
    fn head(&self, status: u16, asked: Asked, version_1_1: bool) -> Result<Head, UpstreamError> {
        if self.chunked && self.length.is_some() {
            return malformed("both transfer-encoding and content-length");
        }
        if self.chunked && !version_1_1 {
            return malformed("transfer-encoding in HTTP/1.0");
        }
        if status == 101 && !self.upgrade {
            return malformed("101 without upgrade");
        }
        let bodiless = asked.head_only || matches!(status, 101 | 204 | 304);
        let decoder = match self.length {
            _ if bodiless => Decoder::Ended,
            _ if self.chunked => Decoder::chunked(),
            Some(length) => Decoder::length(length),
            None => Decoder::UntilClose,
        };
        // a 204 that announces a body may well send one
        let sound = status != 204 || !(self.chunked || self.length.is_some_and(|length| length > 0));
        let keep = !self.close && (version_1_1 || self.keep_alive);
        let reusable = keep && sound && !matches!(decoder, Decoder::UntilClose);
        Ok(Head { decoder, reusable, switched: status == 101 })
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use proptest::prelude::{any, prop, proptest};

    use super::{Asked, HeadReader};
    use crate::pipeline::head::ResponseHead;
    use crate::proxy::upstream::client::AnswerLimits;

    const ASKED: Asked = Asked { head_only: false, upgrade: false };

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(start in "HTTP/1.1 [0-9]{3} [ -~]?\r\n", bytes: Vec<u8>, cut: bool) {
            let rest = if cut { &bytes[..] } else { b"x: y\r\ncontent-length: 5\r\n\r\n" };
            let mut input = BytesMut::from(&[start.as_bytes(), rest, &bytes].concat()[..]);
            drop(HeadReader::default().read(&mut input, ASKED, AnswerLimits::default(), &mut ResponseHead::default()));
        }

        #[test]
        fn cuts_do_not_matter(cuts in prop::collection::vec(1..9_usize, 0..20), keep in any::<bool>()) {
            let connection = if keep { "" } else { "connection: close\r\n" };
            let text = format!("HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 404 No\r\nX: y\r\n{connection}content-length: 3\r\n\r\n");
            let (mut reader, mut response) = (HeadReader::default(), ResponseHead::default());
            let (mut input, mut rest) = (BytesMut::new(), text.as_bytes());
            for cut in cuts.iter().copied().chain([text.len()]) {
                let (piece, later) = rest.split_at(cut.min(rest.len()));
                rest = later;
                input.extend_from_slice(piece);
                let head = reader.read(&mut input, ASKED, AnswerLimits::default(), &mut response).unwrap();
                assert_eq!(head.is_some(), rest.is_empty());
                if let Some(head) = head {
                    assert_eq!((head.reusable, response.status), (keep, 404));
                    assert_eq!(response.fields.get("x"), Some(&b"y"[..]));
                    break;
                }
            }
        }
    }
}
