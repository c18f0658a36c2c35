//! The literal edges of the trie: a flat hash map from a node and a segment to the node below.
//!
//! `std`'s map would need an owned segment in every key; here all text lies in one buffer, and a look-up touches
//! little more than one cache line.

use ahash::RandomState;

use crate::table::router::narrow;

/// Fixed: requests add no keys, so none of them can make it slow.
const HASHER: RandomState = RandomState::with_seeds(0x6761_7465, 0x7761_7921, 0x726f_7574, 0x6572_2121);

/// Where the root of the first trie lies, which no edge leads to.
const VACANT: u32 = 0;

#[derive(Debug)]
pub(super) struct Edges {
    /// A power of two of them, at most half of them in use.
    slots: Box<[Slot]>,
    text: Box<[u8]>,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    tag: u32,
    parent: u32,
    child: u32,
    start: u32,
    length: u32,
}

impl Edges {
    /// Lays out edges, each a parent, a segment and a child; no pair of parent and segment stands twice.
    pub(super) fn new(edges: &[(u32, &str, u32)]) -> Self {
        let vacant = Slot { tag: 0, parent: 0, child: VACANT, start: 0, length: 0 };
        let mut slots = vec![vacant; (edges.len() * 2).next_power_of_two()].into_boxed_slice();
        let mut text = Vec::new();
        for &(parent, segment, child) in edges {
            let (tag, mut at) = place(parent, segment, slots.len());
            while slots[at].child != VACANT {
                at = (at + 1) & (slots.len() - 1);
            }
            slots[at] = Slot { tag, parent, child, start: narrow(text.len()), length: narrow(segment.len()) };
            text.extend_from_slice(segment.as_bytes());
        }
        Self { slots, text: text.into() }
    }

    /// The node below a node.
    pub(super) fn get(&self, parent: u32, segment: &str) -> Option<u32> {
        let (tag, mut at) = place(parent, segment, self.slots.len());
        loop {
            let slot = &self.slots[at];
            if slot.child == VACANT {
                return None;
            }
            if slot.tag == tag && slot.parent == parent && self.segment(slot) == segment.as_bytes() {
                return Some(slot.child);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    fn segment(&self, slot: &Slot) -> &[u8] {
        &self.text[slot.start as usize..][..slot.length as usize]
    }
}

/// The tag of an edge, and the slot where looking for it begins.
#[expect(clippy::cast_possible_truncation, reason = "any bits of the hash will do")]
fn place(parent: u32, segment: &str, slots: usize) -> (u32, usize) {
    let hash = HASHER.hash_one((parent, segment));
    ((hash >> 32) as u32, hash as usize & (slots - 1))
}

#[cfg(test)]
mod tests {
    use super::Edges;

    #[test]
    fn edges_are_found_by_parent_and_segment() {
        let names: Vec<String> = (0..1000).map(|i| i.to_string()).collect();
        let list: Vec<_> =
            names.iter().zip(1..).flat_map(|(name, i)| [(0, name.as_str(), i), (7, name.as_str(), i + 1000)]).collect();
        let edges = Edges::new(&list);
        assert!(list.iter().all(|(parent, segment, child)| edges.get(*parent, segment) == Some(*child)));
        assert!(edges.get(1, "5").is_none() && edges.get(0, "x").is_none() && Edges::new(&[]).get(0, "").is_none());
    }
}
