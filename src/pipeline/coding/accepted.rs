//! What a client says of the codings that it takes (RFC 9110, 12.5.3).

use crate::pipeline::coding::Coding;

/// The coding in which a client gets an answer, of those that are `preferred` from the first to the last: one with the greatest
/// weight. `None` where it takes none of them, or likes none better than the answer as it is.
pub fn accepted<'a>(fields: impl Iterator<Item = &'a [u8]>, preferred: &[Coding]) -> Option<Coding> {
    let mut weights = Weights::default();
    fields.flat_map(|field| field.split(|byte| *byte == b',')).for_each(|element| weights.read(element));
    let mut best = None;
    let mut least = weights.identity.unwrap_or(1).max(1);
    for coding in preferred {
        let weight = weights.of(*coding);
        if weight > least || (weight == least && best.is_none()) {
            best = Some(*coding);
            least = weight;
        }
    }
    best
}

/// What of `accept-encoding` may be sent on, if the gateway is to read what comes: the elements that name a coding that it reads.
pub fn readable<'a>(fields: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut kept = Vec::new();
    for element in fields.flat_map(|field| field.split(|byte| *byte == b',')) {
        let name = element.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        if Coding::of(name).is_some() || name.eq_ignore_ascii_case(b"identity") {
            if !kept.is_empty() {
                kept.extend_from_slice(b", ");
            }
            kept.extend_from_slice(element.trim_ascii());
        }
    }
    if kept.is_empty() {
        kept.extend_from_slice(b"identity");
    }
    kept
}

/// Weights in thousandths, as far as they are said.
#[derive(Default)]
struct Weights {
    named: [Option<u16>; Coding::ALL.len()],
    others: Option<u16>,
    identity: Option<u16>,
}

impl Weights {
    fn read(&mut self, element: &[u8]) {
        let mut parts = element.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let name = parts.next().unwrap_or_default();
        let weight = parts.next().map_or(1000, weight);
        let place = match Coding::of(name) {
            Some(coding) => &mut self.named[coding as usize],
            None if name == b"*" => &mut self.others,
            None if name.eq_ignore_ascii_case(b"identity") => &mut self.identity,
            None => return,
        };
        *place = Some(weight);
    }

    fn of(&self, coding: Coding) -> u16 {
        self.named[coding as usize].or(self.others).unwrap_or(0)
    }
}

/// A weight (RFC 9110, 12.4.2); one that is none is 0.
fn weight(parameter: &[u8]) -> u16 {
    let value = parameter.strip_prefix(b"q=").or_else(|| parameter.strip_prefix(b"Q="));
    let weight = value.and_then(|value| std::str::from_utf8(value).ok()).and_then(|value| value.parse::<f32>().ok());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1000")]
    weight.map_or(0, |weight| (weight.clamp(0.0, 1.0) * 1000.0).round() as u16)
}

#[cfg(test)]
mod tests {
    use super::{accepted, readable};
    use crate::pipeline::coding::Coding::{Br, Gzip, Zstd};

    #[test]
    fn the_greatest_weight_decides_and_then_the_own_order() {
        for (field, expected) in [
            ("", None),
            ("identity", None),
            ("deflate", None),
            ("gzip", Some(Gzip)),
            ("x-gzip", Some(Gzip)),
            ("GZIP;Q=1", Some(Gzip)),
            ("gzip, deflate, br, zstd", Some(Br)),
            ("gzip;q=1.0, br;q=0.5", Some(Gzip)),
            ("gzip;q=0", None),
            ("gzip;q=0.001", Some(Gzip)),
            ("*", Some(Br)),
            ("*, br;q=0", Some(Zstd)),
            ("*;q=0", None),
            ("gzip;q=0.5, identity", None),
            ("gzip;q=0.5, identity;q=0.5", Some(Gzip)),
            ("gzip;q=junk", None),
            ("gzip ; q=0.8 , br ; q=0.9", Some(Br)),
        ] {
            assert_eq!(accepted([field.as_bytes()].into_iter(), &[Br, Zstd, Gzip]), expected, "{field}");
        }
        assert_eq!(accepted([&b"gzip"[..], b"br"].into_iter(), &[Gzip, Br]), Some(Gzip));
        assert_eq!(accepted(std::iter::empty(), &[Gzip]), None);
    }

    #[test]
    fn what_cannot_be_read_is_not_asked_for() {
        let readable = |field: &'static str| String::from_utf8(readable([field.as_bytes()].into_iter())).unwrap();
        assert_eq!(readable("gzip, deflate, br;q=0.9, compress"), "gzip, br;q=0.9");
        assert_eq!(readable("deflate"), "identity");
        assert_eq!(readable("*"), "identity");
    }
}
