//! Coding content as it comes.

use std::io;

use bytes::{Bytes, BytesMut};
use compression_codecs::brotli::params::EncoderParams;
use compression_codecs::core::Level;
use compression_codecs::core::util::{PartialBuffer, WriteBuffer};
use compression_codecs::zstd::params::CParameter;
use compression_codecs::{BrotliEncoder, EncodeV2, GzipEncoder, ZstdEncoder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::body::{BrokenOff, Transform};
use crate::pipeline::coding::Coding;

/// How far back brotli and zstd look, as a power of two: it decides how much memory an answer takes while it is sent.
const WINDOW: u8 = 19;

/// How much work is put into making an answer small.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Effort {
    /// Little: where the processor is what is short.
    Fast,
    /// What pays for most answers that are made when they are asked for.
    #[default]
    Balanced,
    /// Much: where the network is what is short, or a `cache` above keeps the result.
    Small,
}

/// Codes content, with nothing held back once it is flushed.
pub struct Encoder {
    codec: Box<dyn EncodeV2>,
    buffer: Box<[u8]>,
}

/// Bytes that a codec gives at once.
const STEP: usize = 16 << 10;

const FAILED: BrokenOff = BrokenOff("content cannot be coded");

impl Encoder {
    /// An encoder.
    pub fn new(coding: Coding, effort: Effort) -> Self {
        let codec: Box<dyn EncodeV2> = match coding {
            Coding::Gzip => Box::new(GzipEncoder::new(Level::Precise(effort.of(1, 5, 9)).into())),
            Coding::Br => Box::new(BrotliEncoder::new(
                EncoderParams::default().quality(Level::Precise(effort.of(2, 4, 7))).window_size(WINDOW.into()),
            )),
            Coding::Zstd => {
                Box::new(ZstdEncoder::new_with_params(effort.of(1, 3, 9), &[CParameter::window_log(WINDOW.into())]))
            }
        };
        Self { codec, buffer: vec![0; STEP].into() }
    }

    /// Lets the codec write until it says that it is done.
    fn drain(&mut self, step: impl Fn(&mut dyn EncodeV2, &mut WriteBuffer<'_>) -> io::Result<bool>) -> Coded {
        let mut out = BytesMut::new();
        loop {
            let mut buffer = WriteBuffer::new_initialized(&mut self.buffer);
            let done = step(&mut *self.codec, &mut buffer).map_err(|_| FAILED)?;
            out.extend_from_slice(buffer.written());
            if done {
                return Ok(out.freeze());
            }
        }
    }
}

type Coded = Result<Bytes, BrokenOff>;

impl Effort {
    fn of<T>(self, fast: T, balanced: T, small: T) -> T {
        match self {
            Self::Fast => fast,
            Self::Balanced => balanced,
            Self::Small => small,
        }
    }
}

impl Transform for Encoder {
    fn take(&mut self, piece: Option<Bytes>) -> Coded {
        let Some(piece) = piece else { return self.drain(|codec, out| codec.finish(out)) };
        let mut out = BytesMut::new();
        let mut input = PartialBuffer::new(&piece[..]);
        while !input.unwritten().is_empty() {
            let mut buffer = WriteBuffer::new_initialized(&mut self.buffer);
            self.codec.encode(&mut input, &mut buffer).map_err(|_| FAILED)?;
            out.extend_from_slice(buffer.written());
        }
        Ok(out.freeze())
    }

    fn flush(&mut self) -> Coded {
        self.drain(|codec, out| codec.flush(out))
    }
}
