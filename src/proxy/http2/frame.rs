//! The heads of frames among the bytes of a connection (RFC 9113, 4.1 and 6).

/// What a frame is.
pub(super) mod kind {
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const PRIORITY: u8 = 2;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PUSH_PROMISE: u8 = 5;
    pub const PING: u8 = 6;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}

/// The largest frame that a client may send, as long as it isn't told another size.
const FRAME_AT_MOST: u32 = 16 * 1024;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// The setting that says how much of a stream's data the other side takes at first.
const INITIAL_WINDOW_SIZE: u16 = 4;

/// The head of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Frame {
    /// The bytes that follow the head.
    pub(super) length: u32,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
}

impl Frame {
    /// The head that stands in these bytes.
    fn parse(head: [u8; 9]) -> Self {
        let [a, b, c, kind, flags, stream @ ..] = head;
        let stream = u32::from_be_bytes(stream) & (u32::MAX >> 1);
        Self { length: u32::from_be_bytes([0, a, b, c]), kind, flags, stream }
    }

    /// Whether it has a size that its kind may have.
    pub(super) fn is_sized(self) -> bool {
        match self.kind {
            kind::PRIORITY => self.length == 5,
            kind::RST_STREAM | kind::WINDOW_UPDATE => self.length == 4,
            kind::SETTINGS if self.flags & ACK != 0 => self.length == 0,
            kind::SETTINGS => self.length.is_multiple_of(6) && self.length <= FRAME_AT_MOST,
            kind::PING => self.length == 8,
            _ => self.length <= FRAME_AT_MOST,
        }
    }

    /// Whether it is the last one of its side of the stream; a head is not if more of it follows.
    pub(super) fn ends_stream(self) -> bool {
        match self.kind {
            kind::DATA => self.flags & END_STREAM != 0,
            kind::HEADERS => self.flags & END_STREAM != 0 && self.flags & END_HEADERS != 0,
            kind => kind == kind::RST_STREAM,
        }
    }
}

/// Whether settings ask for a window that cannot be; of those that are cut, only what is there is looked at.
pub(super) fn asks_for_too_large_a_window(settings: &[u8]) -> bool {
    settings.chunks_exact(6).any(|setting| match *setting {
        [a, b, high, ..] => u16::from_be_bytes([a, b]) == INITIAL_WINDOW_SIZE && high > 0x7f,
        _ => false,
    })
}

/// Finds the heads of frames, however the bytes are cut.
#[derive(Default)]
pub(super) struct Scanner {
    head: [u8; 9],
    /// How many bytes of the head are there.
    filled: usize,
    /// How many bytes are still to come before the next head.
    rest: usize,
    frame: Option<Frame>,
    /// How many frames there have been.
    number: u64,
    /// The frame that began the block of fields which has not ended.
    block: Option<u64>,
}

impl Scanner {
    /// A scanner of what comes after so many bytes.
    pub(super) fn new(ahead: usize) -> Self {
        Self { rest: ahead, ..Self::default() }
    }

    /// Looks at bytes; how many of them come before the first frame that `accept` doesn't, which is given each head and what
    /// follows it.
    pub(super) fn scan(&mut self, bytes: &[u8], mut accept: impl FnMut(Frame, &[u8]) -> bool) -> usize {
        let mut at = 0;
        loop {
            let skipped = self.rest.min(bytes.len() - at);
            self.rest -= skipped;
            at += skipped;
            if at == bytes.len() {
                return at;
            }
            let begins = at;
            let taken = (self.head.len() - self.filled).min(bytes.len() - at);
            self.head[self.filled..self.filled + taken].copy_from_slice(&bytes[at..at + taken]);
            self.filled += taken;
            at += taken;
            if self.filled < self.head.len() {
                self.frame = None;
                return at;
            }
            let frame = self.begin();
            if !accept(frame, &bytes[at..]) {
                return begins;
            }
        }
    }

    fn begin(&mut self) -> Frame {
        let frame = Frame::parse(self.head);
        self.filled = 0;
        self.frame = Some(frame);
        self.rest = frame.length as usize;
        self.number += 1;
        if frame.kind == kind::HEADERS || frame.kind == kind::CONTINUATION {
            let begun = self.block.unwrap_or(self.number);
            self.block = (frame.flags & END_HEADERS == 0).then_some(begun);
        }
        frame
    }

    /// Whether the last byte was one of data, or of the head of its frame.
    pub(super) fn is_at_data(&self) -> bool {
        self.frame.is_some_and(|frame| frame.kind == kind::DATA)
    }

    /// The number of the block of fields, or of the other frame without data, that is on its way; `None` between two. The first
    /// frame is always on its way.
    pub(super) fn unfinished(&self) -> Option<u64> {
        let within = self.filled > 0 || self.number == 0 || (self.rest > 0 && !self.is_at_data());
        self.block.or_else(|| within.then_some(self.number))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::{prop, proptest};

    use super::{Frame, Scanner, asks_for_too_large_a_window};

    /// A frame of so many bytes on stream 1, and its head.
    pub fn frame(kind: u8, flags: u8, length: u32) -> (Frame, Vec<u8>) {
        let [_, a, b, c] = length.to_be_bytes();
        let mut bytes = vec![a, b, c, kind, flags, 0, 0, 0, 1];
        bytes.resize(9 + length as usize, b'x');
        (Frame { length, kind, flags, stream: 1 }, bytes)
    }

    proptest! {
        #[test]
        fn frames_are_found_however_they_are_cut(
            frames in prop::collection::vec((0_u8..9, 0_u8.., 0_u32..40), 1..20),
            cuts in prop::collection::vec(1..30_usize, 0..40),
        ) {
            let frames: Vec<_> = frames.into_iter().map(|(kind, flags, length)| frame(kind, flags | 4, length)).collect();
            let text: Vec<u8> = frames.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
            let (mut scanner, mut found, mut rest) = (Scanner::new(0), Vec::new(), &text[..]);
            for cut in cuts.into_iter().chain([text.len()]) {
                let (piece, later) = rest.split_at(cut.min(rest.len()));
                rest = later;
                scanner.scan(piece, |frame, _| {
                    found.push(frame);
                    true
                });
            }
            assert_eq!(found, frames.into_iter().map(|(frame, _)| frame).collect::<Vec<_>>());
            assert_eq!(scanner.unfinished(), None);
        }
    }

    #[test]
    fn a_head_is_on_its_way_until_its_block_ends() {
        let mut scanner = Scanner::new(0);
        let mut after = |bytes: &[u8]| {
            scanner.scan(bytes, |_, _| true);
            scanner.unfinished()
        };
        assert_eq!(after(&frame(1, 4, 5).1), None);
        assert_eq!(after(&frame(1, 0, 5).1), Some(2));
        assert_eq!(after(&frame(9, 0, 0).1), Some(2));
        assert_eq!(after(&frame(9, 4, 3).1[..10]), Some(4));
        assert_eq!(after(b"xx"), None);
        assert_eq!(after(&frame(0, 0, 5).1[..12]), None);
        assert_eq!(after(b"xx"), None);
    }

    #[test]
    fn windows_have_a_limit() {
        assert!(!asks_for_too_large_a_window(&[0, 3, 0xff, 0, 0, 0, 0, 4, 0x7f, 0xff, 0xff, 0xff, 0, 4]));
        assert!(asks_for_too_large_a_window(&[0, 3, 0, 0, 0, 0, 0, 4, 0x80, 0, 0, 0]));
    }
}
