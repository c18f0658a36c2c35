//! Which bytes a search needs to try: of those that no machine tells apart, one.

use std::collections::HashMap;

use ahash::RandomState;

/// Bytes by what tells them apart.
pub(super) struct Classes {
    of: [u16; 256],
    count: u16,
}

/// The bytes that people like to read in an example, in front.
const NICE: &[u8] = b"xabcdefghijklmnopqrstuvwyz0123456789-_./ABCDEFGHIJKLMNOPQRSTUVWXYZ";

impl Classes {
    /// All bytes alike.
    pub(super) fn new() -> Self {
        Self { of: [0; 256], count: 1 }
    }

    /// Tells bytes apart that have different keys.
    pub(super) fn split(&mut self, key: impl Fn(u8) -> u16) {
        let mut numbers: HashMap<(u16, u16), u16, RandomState> = HashMap::default();
        for byte in 0..=u8::MAX {
            let class = &mut self.of[usize::from(byte)];
            let next = u16::try_from(numbers.len()).unwrap_or(u16::MAX);
            *class = *numbers.entry((*class, key(byte))).or_insert(next);
        }
        self.count = u16::try_from(numbers.len()).unwrap_or(u16::MAX);
    }

    /// Tells each of some bytes apart from all others.
    pub(super) fn split_alone(&mut self, is_alone: impl Fn(u8) -> bool) {
        self.split(|byte| if is_alone(byte) { u16::from(byte) } else { u16::MAX });
    }

    /// One byte of each class, those in front that people like to read.
    pub(super) fn representatives(&self) -> Vec<u8> {
        let mut seen = vec![false; usize::from(self.count)];
        let nice = NICE.iter().copied().chain(b' '..=b'~').chain(0..=u8::MAX);
        nice.filter(|byte| !std::mem::replace(&mut seen[usize::from(self.of[usize::from(*byte)])], true)).collect()
    }
}
