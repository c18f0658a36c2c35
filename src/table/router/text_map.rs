//! A flat, immutable hash map from a number and a text to a number.
//!
//! `std`'s map would need an owned text in every key. Here all texts lie in one buffer, and a look-up touches one
//! slot and one text: among 100,000 keys nearly all its time is the wait for these two.

use ahash::RandomState;

use crate::table::router::narrow;

/// Fixed: requests add no keys, so none of them can make it slow.
const HASHER: RandomState = RandomState::with_seeds(0x6761_7465, 0x7761_7921, 0x726f_7574, 0x6572_2121);

/// The value of a slot that is not in use.
const VACANT: u32 = u32::MAX;

#[derive(Debug)]
pub(super) struct TextMap {
    /// A power of two of them, at most half of them in use.
    slots: Box<[Slot]>,
    texts: Box<[u8]>,
}

/// Four to a cache line.
#[derive(Clone, Copy, Debug)]
struct Slot {
    number: u32,
    start: u32,
    length: u16,
    tag: u16,
    value: u32,
}

impl TextMap {
    /// Lays out entries, each a number, a text and a value; no key stands twice. Host names and the literals of path
    /// patterns are far shorter than 64 KiB.
    pub(super) fn new(entries: &[(u32, &str, u32)]) -> Self {
        let vacant = Slot { number: 0, start: 0, length: 0, tag: 0, value: VACANT };
        // One more than needed, so that looking for what is not there always ends.
        let mut slots = vec![vacant; (entries.len() * 2 + 1).next_power_of_two()].into_boxed_slice();
        let mut texts = Vec::new();
        for &(number, text, value) in entries {
            let (tag, mut at) = place(number, text, slots.len());
            while slots[at].value != VACANT {
                at = (at + 1) & (slots.len() - 1);
            }
            let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
            slots[at] = Slot { number, start: narrow(texts.len()), length, tag, value };
            texts.extend_from_slice(text.as_bytes());
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

    fn text(&self, slot: &Slot) -> &[u8] {
        &self.texts[slot.start as usize..][..usize::from(slot.length)]
    }
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
        let names: Vec<String> = (0..1000).map(|i| i.to_string()).collect();
        let entries: Vec<_> =
            names.iter().zip(0..).flat_map(|(name, i)| [(0, name.as_str(), i), (7, name.as_str(), i + 1000)]).collect();
        let map = TextMap::new(&entries);
        assert!(entries.iter().all(|(number, name, value)| map.get(*number, name) == Some(*value)));
        assert!(map.get(1, "5").is_none() && map.get(0, "x").is_none());
    }

    #[test]
    fn a_small_map_ends_its_search_too() {
        assert_eq!(TextMap::new(&[]).get(0, ""), None);
        let one = TextMap::new(&[(0, "", 5)]);
        assert_eq!((one.get(0, ""), one.get(1, ""), one.get(0, "a")), (Some(5), None, None));
    }
}
