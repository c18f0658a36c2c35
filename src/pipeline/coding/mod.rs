//! The codings of content that the gateway reads and writes: gzip (RFC 1952), brotli (RFC 7932) and zstd (RFC 8878).

mod accepted;
mod decoder;
mod encoder;

pub use accepted::{accepted, readable};
pub use decoder::Decoder;
pub use encoder::{Effort, Encoder};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::head::{ResponseHead, elements};

/// A coding of content, by the name that HTTP has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Coding {
    /// Brotli: the smallest texts, and the most work.
    Br,
    /// Zstandard: nearly as small, and the least work.
    Zstd,
    /// What every client knows.
    Gzip,
}

impl Coding {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Br, Self::Zstd, Self::Gzip];

    /// Its name in `content-encoding` and `accept-encoding`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Br => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// The coding of an answer's body, or none.
    ///
    /// # Errors
    /// If it has a coding that is not known here, or several.
    pub fn of_answer(response: &ResponseHead) -> Result<Option<Self>, UnknownCoding> {
        let mut names = elements(response.fields.all("content-encoding"));
        match (names.next(), names.next()) {
            (None, _) => Ok(None),
            (Some(name), None) if name.eq_ignore_ascii_case(b"identity") => Ok(None),
            (Some(name), None) => Self::of(name).map(Some).ok_or(UnknownCoding),
            (Some(_), Some(_)) => Err(UnknownCoding),
        }
    }

    /// The coding that has a name.
    pub fn of(name: &[u8]) -> Option<Self> {
        let old = name.eq_ignore_ascii_case(b"x-gzip").then_some(Self::Gzip);
        old.or_else(|| Self::ALL.into_iter().find(|coding| name.eq_ignore_ascii_case(coding.name().as_bytes())))
    }
}

/// A coding that cannot be read here.
#[derive(Clone, Copy, Debug)]
pub struct UnknownCoding;

#[cfg(test)]
mod tests {
    use super::{Coding, Decoder, Effort, Encoder};
    use crate::pipeline::body::{PIECE, Transform};
    use bytes::Bytes;

    /// All that comes of some pieces, and the size of the largest piece.
    fn run(transform: &mut dyn Transform, pieces: &[&[u8]]) -> Result<(Vec<u8>, usize), &'static str> {
        let (mut out, mut largest) = (Vec::new(), 0);
        for piece in pieces.iter().map(|piece| Some(Bytes::copy_from_slice(piece))).chain([None]) {
            let mut given = transform.take(piece).map_err(|why| why.0)?;
            while !given.is_empty() {
                largest = largest.max(given.len());
                out.extend_from_slice(&given);
                given = transform.more().map_err(|why| why.0)?;
            }
        }
        Ok((out, largest))
    }

    #[test]
    fn what_is_written_is_read_again_in_bounded_pieces() {
        let text = "what is said twice is said twice. ".repeat(40_000);
        for coding in Coding::ALL {
            for effort in [Effort::Fast, Effort::Balanced, Effort::Small] {
                let pieces: Vec<&[u8]> = text.as_bytes().chunks(PIECE).collect();
                let (small, _) = run(&mut Encoder::new(coding, effort), &pieces).unwrap();
                assert!(small.len() < text.len() / 50, "{coding:?} {effort:?}: {}", small.len());
                for size in [1, 7, PIECE] {
                    let pieces: Vec<&[u8]> = small.chunks(size).collect();
                    let (read, largest) = run(&mut Decoder::new(coding), &pieces).unwrap();
                    assert!(read == text.as_bytes() && largest <= PIECE, "{coding:?} {effort:?} {size} {largest}");
                }
            }
        }
    }

    #[test]
    fn nothing_is_held_back_when_flushed() {
        for coding in Coding::ALL {
            let mut encoder = Encoder::new(coding, Effort::Balanced);
            let mut sent = encoder.take(Some(Bytes::from_static(b"first"))).unwrap().to_vec();
            sent.extend_from_slice(&encoder.flush().unwrap());
            let read = Decoder::new(coding).take(Some(sent.into())).unwrap();
            assert_eq!(read, "first", "{coding:?}");
        }
    }

    #[test]
    fn what_is_broken_or_cut_short_is_an_error() {
        for coding in Coding::ALL {
            let (whole, _) = run(&mut Encoder::new(coding, Effort::Balanced), &[b"hello hello hello"]).unwrap();
            assert_eq!(run(&mut Decoder::new(coding), &[&whole]).unwrap().0, b"hello hello hello");
            assert!(run(&mut Decoder::new(coding), &[&whole[..whole.len() - 1]]).is_err(), "{coding:?}");
            assert!(run(&mut Decoder::new(coding), &[b"no such thing at all"]).is_err(), "{coding:?}");
            assert_eq!(run(&mut Decoder::new(coding), &[]).unwrap().0, b"", "{coding:?}: nothing is nothing");
        }
        let (part, _) = run(&mut Encoder::new(Coding::Gzip, Effort::Fast), &[b"a"]).unwrap();
        assert_eq!(run(&mut Decoder::new(Coding::Gzip), &[&part, &part]).unwrap().0, b"aa", "members of RFC 1952");
    }
}
