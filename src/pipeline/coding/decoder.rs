//! Reading coded content as it comes, however much larger it becomes.

use bytes::{Buf as _, Bytes, BytesMut};
use compression_codecs::core::util::{PartialBuffer, WriteBuffer};
use compression_codecs::zstd::params::DParameter;
use compression_codecs::{BrotliDecoder, DecodeV2, GzipDecoder, ZstdDecoder};

use crate::pipeline::body::{BrokenOff, PIECE, Transform};
use crate::pipeline::coding::Coding;

/// How far back zstd may look, as a power of two (RFC 9659, 3).
const ZSTD_WINDOW: u32 = 23;

/// Bytes that a codec gives at once.
const STEP: usize = 16 << 10;

/// Reads coded content.
pub struct Decoder {
    coding: Coding,
    codec: Box<dyn DecodeV2>,
    /// What is still to be read.
    input: Bytes,
    buffer: Box<[u8]>,
    /// Whether the codec has more to give of what it has read.
    full: bool,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing has come yet.
    Empty,
    Within,
    /// At an end, behind which another part may begin (RFC 1952, 2.2; RFC 8878, 3.1).
    Ended,
}

const BROKEN: BrokenOff = BrokenOff("coded content is broken");
const CUT_SHORT: BrokenOff = BrokenOff("coded content is cut short");

impl Decoder {
    /// A decoder.
    pub fn new(coding: Coding) -> Self {
        let codec: Box<dyn DecodeV2> = match coding {
            Coding::Gzip => Box::new(GzipDecoder::new()),
            Coding::Br => Box::new(BrotliDecoder::new()),
            Coding::Zstd => Box::new(ZstdDecoder::new_with_params(&[DParameter::window_log_max(ZSTD_WINDOW)])),
        };
        let buffer = vec![0; STEP].into();
        Self { coding, codec, input: Bytes::new(), buffer, full: false, state: State::Empty }
    }

    /// Reads something, or gives something that was read: so many bytes of the buffer.
    fn step(&mut self) -> Result<usize, BrokenOff> {
        let mut buffer = WriteBuffer::new_initialized(&mut self.buffer);
        let drains = self.input.is_empty();
        if drains && self.coding == Coding::Gzip {
            // its end is in what comes after the content, and it takes nothing for an error
            self.codec.flush(&mut buffer).map_err(|_| BROKEN)?;
            return Ok(buffer.written_len());
        }
        if self.state == State::Ended && !drains {
            self.codec.reinit().map_err(|_| BROKEN)?;
        }
        let mut input = PartialBuffer::new(&self.input[..]);
        let ended = self.codec.decode(&mut input, &mut buffer).map_err(|_| BROKEN)?;
        let (read, written) = (input.written_len(), buffer.written_len());
        if read == 0 && written == 0 && !ended && !drains {
            return Err(BROKEN);
        }
        self.state = if ended || (drains && self.state == State::Ended) { State::Ended } else { State::Within };
        self.input.advance(read);
        Ok(written)
    }
}

impl Transform for Decoder {
    fn take(&mut self, piece: Option<Bytes>) -> Result<Bytes, BrokenOff> {
        let Some(piece) = piece else {
            return if self.state == State::Within { Err(CUT_SHORT) } else { Ok(Bytes::new()) };
        };
        self.input = piece;
        self.more()
    }

    fn more(&mut self) -> Result<Bytes, BrokenOff> {
        let mut out = BytesMut::new();
        while (self.full || !self.input.is_empty()) && out.len() + STEP <= PIECE {
            let written = self.step()?;
            self.full = written == STEP;
            out.extend_from_slice(&self.buffer[..written]);
        }
        Ok(out.freeze())
    }
}
