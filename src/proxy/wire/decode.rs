//! Taking the framing off a body (RFC 9112, 6 and 7), without copying it.
//!
//! Strict: a chunk that could be read in two ways ends the message with an error, and a message that ends early
//! never looks like one that ended.

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;
use http_body::SizeHint;

use crate::proxy::wire::trailers;

/// Chunk extensions in one body, all together: nobody reads them, so nobody needs many.
const EXTENSION_BYTES: usize = 4096;

/// The digits of the largest chunk size, 2⁶⁴ - 1.
const SIZE_DIGITS: usize = 16;

/// The trailer section of one body.
const TRAILER_BYTES: usize = 8192;

/// Why a body cannot be read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The framing breaks HTTP, or could mean two things.
    #[error("{0}")]
    Malformed(&'static str),
    /// The connection ended within the body.
    #[error("the body is cut short")]
    Truncated,
}

/// How the body of a message is framed, and how far it was read.
#[derive(Debug)]
pub enum Decoder {
    /// So many bytes are to come, at least one.
    Length(u64),
    /// Chunks.
    Chunked(Chunked),
    /// All bytes until the connection ends.
    UntilClose,
    /// Nothing more is to come.
    Ended,
}

/// Where in a chunked body the input stands.
#[derive(Debug)]
pub struct Chunked {
    next: Next,
    /// How many bytes of extensions may still come.
    extensions: usize,
}

#[derive(Clone, Copy, Debug)]
enum Next {
    Size,
    Data(u64),
    DataEnd,
    Trailers,
}

/// A part of a body.
#[derive(Debug)]
pub enum Piece {
    /// Bytes of the body.
    Data(Bytes),
    /// The trailers, after which the body has ended.
    Trailers(HeaderMap),
    /// The body has ended.
    End,
    /// More input is needed.
    Starved,
}

impl Decoder {
    /// A body of a known length.
    pub fn length(length: u64) -> Self {
        if length == 0 { Self::Ended } else { Self::Length(length) }
    }

    /// A chunked body.
    pub fn chunked() -> Self {
        Self::Chunked(Chunked { next: Next::Size, extensions: EXTENSION_BYTES })
    }

    /// Whether nothing more is to come.
    pub fn has_ended(&self) -> bool {
        matches!(self, Self::Ended)
    }

    /// How many bytes are to come, as far as that is known.
    pub fn size_hint(&self) -> SizeHint {
        match self {
            Self::Length(left) => SizeHint::with_exact(*left),
            Self::Ended => SizeHint::with_exact(0),
            Self::Chunked(_) | Self::UntilClose => SizeHint::default(),
        }
    }

    /// The next part of the body that the input holds.
    pub fn decode(&mut self, input: &mut BytesMut) -> Result<Piece, DecodeError> {
        let piece = match self {
            Self::Ended => Piece::End,
            _ if input.is_empty() => Piece::Starved,
            Self::UntilClose => Piece::Data(input.split().freeze()),
            Self::Length(left) => {
                let data = take(input, left);
                if *left == 0 {
                    *self = Self::Ended;
                }
                Piece::Data(data)
            }
            Self::Chunked(chunked) => {
                let piece = chunked.decode(input)?;
                if matches!(piece, Piece::End | Piece::Trailers(_)) {
                    *self = Self::Ended;
                }
                piece
            }
        };
        Ok(piece)
    }

    /// The connection has ended: whether the body has, too.
    pub fn close(&mut self) -> Result<(), DecodeError> {
        match self {
            Self::UntilClose | Self::Ended => {
                *self = Self::Ended;
                Ok(())
            }
            Self::Length(_) | Self::Chunked(_) => Err(DecodeError::Truncated),
        }
    }
}

impl Chunked {
    fn decode(&mut self, input: &mut BytesMut) -> Result<Piece, DecodeError> {
        loop {
            match &mut self.next {
                _ if input.is_empty() => return Ok(Piece::Starved),
                Next::Size => {
                    let Some(size) = self.read_size(input)? else { return Ok(Piece::Starved) };
                    self.next = if size == 0 { Next::Trailers } else { Next::Data(size) };
                }
                Next::Data(left) => {
                    let data = take(input, left);
                    if *left == 0 {
                        self.next = Next::DataEnd;
                    }
                    return Ok(Piece::Data(data));
                }
                Next::DataEnd => match &input[..input.len().min(2)] {
                    b"\r\n" => {
                        input.advance(2);
                        self.next = Next::Size;
                    }
                    b"\r" => return Ok(Piece::Starved),
                    _ => return malformed("chunk is longer than its size"),
                },
                Next::Trailers => return read_trailers(input),
            }
        }
    }

    /// The size of the next chunk, if its whole line is there.
    fn read_size(&mut self, input: &mut BytesMut) -> Result<Option<u64>, DecodeError> {
        const TOO_LONG: DecodeError = DecodeError::Malformed("chunk size line is too long");
        let longest = SIZE_DIGITS + self.extensions + 2;
        let Some(end) = input.iter().take(longest).position(|byte| *byte == b'\n') else {
            return if input.len() < longest { Ok(None) } else { Err(TOO_LONG) };
        };
        let Some(line) = input[..end].strip_suffix(b"\r") else { return malformed("bare line feed in a chunk size") };
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let (digits, extension) = line.split_at(digits);
        if !(1..=SIZE_DIGITS).contains(&digits.len()) || !is_extension(extension) {
            return malformed("invalid chunk size");
        }
        let size = digits.iter().fold(0, |size, digit| size << 4 | hex(*digit));
        self.extensions =
            self.extensions.checked_sub(extension.len()).ok_or(DecodeError::Malformed("too many chunk extensions"))?;
        input.advance(end + 1);
        Ok(Some(size))
    }
}

fn malformed<T>(why: &'static str) -> Result<T, DecodeError> {
    Err(DecodeError::Malformed(why))
}

/// As much as there is of what is left.
fn take(input: &mut BytesMut, left: &mut u64) -> Bytes {
    let length = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
    *left -= length as u64;
    input.split_to(length).freeze()
}

/// Nothing, or what begins with a semicolon and holds no control characters.
fn is_extension(bytes: &[u8]) -> bool {
    let ascii_controls = |byte: &u8| *byte != b'\t' && byte.is_ascii_control();
    bytes.is_empty() || (bytes.trim_ascii_start().starts_with(b";") && !bytes.iter().any(ascii_controls))
}

fn hex(digit: u8) -> u64 {
    u64::from(match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    })
}

fn read_trailers(input: &mut BytesMut) -> Result<Piece, DecodeError> {
    if input.starts_with(b"\r\n") {
        input.advance(2);
        return Ok(Piece::End);
    }
    let seen = &input[..input.len().min(TRAILER_BYTES)];
    let Some(end) = seen.windows(4).position(|end| end == b"\r\n\r\n") else {
        let too_large = input.len() >= TRAILER_BYTES;
        return if too_large { malformed("trailers are too large") } else { Ok(Piece::Starved) };
    };
    let fields = trailers::parse(&input[..end + 4])?;
    input.advance(end + 4);
    Ok(if fields.is_empty() { Piece::End } else { Piece::Trailers(fields) })
}

/// Whether a parsed section of so many lines ends each of them with CR LF. The parser takes a CR only before an LF,
/// so it is enough to count; in bytes, which the compiler makes wide.
pub fn crlf_only(section: &[u8], lines: usize) -> bool {
    let in_block = |block: &[u8]| usize::from(block.iter().map(|byte| u8::from(*byte == b'\r')).sum::<u8>());
    section.chunks(128).map(in_block).sum::<usize>() == lines
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use proptest::prelude::{prop, proptest};

    use super::{DecodeError, Decoder, Piece};

    /// Feeds a chunked body in pieces; gives its data, and whether its end was seen.
    fn decode(text: &[u8], cuts: &[usize]) -> Result<(Vec<u8>, bool), DecodeError> {
        let (mut decoder, mut input, mut data) = (Decoder::chunked(), BytesMut::new(), Vec::new());
        let mut rest = text;
        for cut in cuts.iter().copied().chain([text.len()]) {
            let (piece, later) = rest.split_at(cut.min(rest.len()));
            rest = later;
            input.extend_from_slice(piece);
            loop {
                match decoder.decode(&mut input)? {
                    Piece::Data(bytes) => data.extend_from_slice(&bytes),
                    Piece::Starved => break,
                    Piece::End | Piece::Trailers(_) => return Ok((data, true)),
                }
            }
        }
        Ok((data, decoder.close().is_ok()))
    }

    proptest! {
        #[test]
        fn chunks_are_read_however_they_are_cut(
            chunks in prop::collection::vec(prop::collection::vec(0_u8.., 1..40), 0..8),
            cuts in prop::collection::vec(1..30_usize, 0..20),
        ) {
            let mut text = Vec::new();
            for chunk in &chunks {
                text.extend_from_slice(format!("{:X};x=\"y\"\r\n", chunk.len()).as_bytes());
                text.extend_from_slice(chunk);
                text.extend_from_slice(b"\r\n");
            }
            let whole = [&text[..], b"0\r\nx: y\r\n\r\n"].concat();
            assert_eq!(decode(&whole, &cuts).unwrap(), (chunks.concat(), true));
            assert_eq!(decode(&text, &cuts).unwrap(), (chunks.concat(), false));
        }

        #[test]
        fn any_bytes_are_read_or_refused(start in "[0-9a-f]{0,3}(;x)?(\r\n)?", bytes: Vec<u8>) {
            drop(decode(&[start.as_bytes(), &bytes].concat(), &[]));
        }
    }
}
