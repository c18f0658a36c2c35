//! A flat, immutable hash map from a number and a text to a number.
//!
//! `std`'s map would need an owned text in every key. Here a slot holds its text, unless that is long: a look-up among
//! 100,000 keys is the wait for one cache line.

use ahash::RandomState;

use crate::table::router::narrow;

/// Fixed: requests add no keys, so none of them can make it slow.
const HASHER: RandomState = RandomState::with_seeds(0x6761_7465, 0x7761_7921, 0x726f_7574, 0x6572_2121);

/// The value of a slot that is not in use.
const VACANT: u32 = u32::MAX;

/// The bytes of a text that fit into its slot: most segments, and most host names.
const INLINE: usize = 20;

#[derive(Debug)]
pub(super) struct TextMap {
    /// A power of two of them, at most half of them in use.
    slots: Box<[Slot]>,
    /// The texts that are too long for a slot.
    texts: Box<[u8]>,
}

/// Two to a cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
struct Slot {
    number: u32,
    value: u32,
    length: u16,
    tag: u16,
    /// The text, or where a long one begins.
    text: [u8; INLINE],
}

impl TextMap {
    /// Lays out entries, each a number, a text and a value; no key stands twice. Host names and the literals of path
    /// patterns are far shorter than 64 KiB.
    pub(super) fn new(entries: &[(u32, &str, u32)]) -> Self {
        let vacant = Slot { number: 0, value: VACANT, length: 0, tag: 0, text: [0; INLINE] };
        // One more than needed, so that looking for what is not there always ends.
        let mut slots = vec![vacant; (entries.len() * 2 + 1).next_power_of_two()].into_boxed_slice();
        let mut texts = Vec::new();
        for &(number, text, value) in entries {
            let (tag, mut at) = place(number, text, slots.len());
            while slots[at].value != VACANT {
                at = (at + 1) & (slots.len() - 1);
            }
            let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
            slots[at] = Slot { number, value, length, tag, text: lay_down(text.as_bytes(), &mut texts) };
        }
        Self { slots, texts: texts.into() }
    }

    /// The value of a key.
    pub(super) fn get(&self, number: u32, text: &str) -> Option<u32> {
        let (tag, mut at) = place(number, text, self.slots.len());
        loop {
            let slot = &self.slots[at];
            if slot.value == VACANT {
                return None;
            }
            if slot.tag == tag && slot.number == number && self.text(slot) == text.as_bytes() {
                return Some(slot.value);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    fn text<'a>(&'a self, slot: &'a Slot) -> &'a [u8] {
        let length = usize::from(slot.length);
        slot.text.get(..length).unwrap_or_else(|| {
            let [a, b, c, d, ..] = slot.text;
            &self.texts[u32::from_le_bytes([a, b, c, d]) as usize..][..length]
        })
    }
}

/// A text as a slot holds it; a long one goes to the end of `texts`.
fn lay_down(text: &[u8], texts: &mut Vec<u8>) -> [u8; INLINE] {
    let mut held = [0; INLINE];
    if let Some(held) = held.get_mut(..text.len()) {
        held.copy_from_slice(text);
    } else {
        held[..4].copy_from_slice(&narrow(texts.len()).to_le_bytes());
        texts.extend_from_slice(text);
    }
    held
}

/// The tag of a key, and the slot where looking for it begins.
#[expect(clippy::cast_possible_truncation, reason = "any bits of the hash will do")]
fn place(number: u32, text: &str, slots: usize) -> (u16, usize) {
    let hash = HASHER.hash_one((number, text));
    ((hash >> 48) as u16, hash as usize & (slots - 1))
}

#[cfg(test)]
mod tests {
    use super::TextMap;

    #[test]
    fn keys_are_a_number_and_a_text() {
        let names: Vec<String> = (0..1000).map(|i| format!("{i}{}", "-long".repeat(i % 7))).collect();
        let entries: Vec<_> =
            names.iter().zip(0..).flat_map(|(name, i)| [(0, name.as_str(), i), (7, name.as_str(), i + 1000)]).collect();
        let map = TextMap::new(&entries);
        assert!(entries.iter().all(|(number, name, value)| map.get(*number, name) == Some(*value)));
        assert!(map.get(1, "7").is_none() && map.get(0, "x").is_none());
    }

    #[test]
    fn a_small_map_ends_its_search_too() {
        assert_eq!(TextMap::new(&[]).get(0, ""), None);
        let one = TextMap::new(&[(0, "", 5)]);
        assert_eq!((one.get(0, ""), one.get(1, ""), one.get(0, "a")), (Some(5), None, None));
    }
}
