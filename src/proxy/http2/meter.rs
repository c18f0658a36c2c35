//! What a client does on a connection, frame by frame: how much of it is no part of a message, and what no client may do.
//!
//! `h2` bounds the memory of a connection. It does not bound how much work may be asked for with frames that carry nothing, and
//! does not know how long a head has been on its way. Where it ends a connection for a reason that has a code of its own, that
//! code is said here.

use std::cell::{Cell, RefCell};

use h2::Reason;

use crate::proxy::http2::frame::{Frame, asks_for_too_large_a_window, kind};
use crate::proxy::timer::Timers;

/// What a piece of a message is worth, and a head that is answered.
const PIECE: i64 = 4;
const ANSWER: i64 = 2;

/// What a frame costs that is no part of a message, and one that makes more work than most.
const IDLE_FRAME: i64 = 1;
const DEAR_FRAME: i64 = 5;

/// How many streams are remembered as ended.
const REMEMBERED: usize = 16;

/// What has been seen on a connection.
pub(super) struct Meter {
    timers: Timers,
    /// What may be spent at once.
    most: i64,
    credit: Cell<i64>,
    /// When credit last came in, on the clock of the timers.
    filled: Cell<u64>,
    fault: Cell<Option<Reason>>,
    ended: RefCell<Ended>,
    /// How many bytes have come.
    pub(super) received: Cell<u64>,
    /// How many bytes have gone, in writes that ended within an answer.
    pub(super) sent: Cell<u64>,
    /// The number of the head, or other frame without data, that is on its way; `None` between two.
    pub(super) head: Cell<Option<u64>>,
}

/// The streams that the client has ended last.
#[derive(Default)]
struct Ended {
    streams: [u32; REMEMBERED],
    next: usize,
}

impl Ended {
    /// Notes a frame; whether it may be sent on its stream, as far as is remembered.
    fn note(&mut self, frame: Frame) -> bool {
        if matches!(frame.kind, kind::DATA | kind::HEADERS) && self.streams.contains(&frame.stream) {
            return frame.stream == 0;
        }
        if frame.ends_stream() {
            self.streams[self.next] = frame.stream;
            self.next = (self.next + 1) % REMEMBERED;
        }
        true
    }
}

impl Meter {
    /// A meter by which so many idle frames may come at once.
    pub(super) fn new(most: u32, timers: &Timers) -> Self {
        Self {
            timers: timers.clone(),
            most: i64::from(most),
            credit: Cell::new(i64::from(most)),
            filled: Cell::new(timers.now()),
            fault: Cell::default(),
            ended: RefCell::default(),
            received: Cell::default(),
            sent: Cell::default(),
            head: Cell::new(Some(0)),
        }
    }

    /// Why the connection is to end, if it is.
    pub(super) fn fault(&self) -> Option<Reason> {
        self.fault.get()
    }

    fn earn(&self, amount: i64) {
        self.credit.set((self.credit.get() + amount).min(self.most));
    }

    fn spend(&self, amount: i64) {
        self.credit.set(self.credit.get() - amount);
        if self.credit.get() < 0 {
            // a tenth comes in each second
            let now = self.timers.now();
            let since = i64::try_from(now - self.filled.replace(now)).unwrap_or(i64::MAX);
            self.earn((self.most / 10).saturating_mul(since) / 1000);
            if self.credit.get() < 0 {
                self.fault.set(Some(Reason::ENHANCE_YOUR_CALM));
            }
        }
    }

    /// Notes a frame of the client, with what is there of its content; whether it may go on.
    pub(super) fn accept(&self, frame: Frame, content: &[u8]) -> bool {
        let settings = &content[..content.len().min(frame.length as usize)];
        if !frame.is_sized() {
            self.fault.set(Some(Reason::FRAME_SIZE_ERROR));
        } else if frame.kind == kind::PUSH_PROMISE {
            self.fault.set(Some(Reason::PROTOCOL_ERROR));
        } else if frame.kind == kind::SETTINGS && asks_for_too_large_a_window(settings) {
            self.fault.set(Some(Reason::FLOW_CONTROL_ERROR));
        } else if !self.ended.borrow_mut().note(frame) {
            self.fault.set(Some(Reason::STREAM_CLOSED));
        } else {
            self.charge(frame);
        }
        self.fault.get().is_none()
    }

    fn charge(&self, frame: Frame) {
        match frame.kind {
            kind::DATA if frame.length > 0 => self.earn(PIECE),
            kind::DATA if frame.ends_stream() => {}
            kind::HEADERS => {}
            kind::RST_STREAM | kind::SETTINGS => self.spend(DEAR_FRAME),
            _ => self.spend(IDLE_FRAME),
        }
    }

    /// Notes a frame of the gateway.
    pub(super) fn note_sent(&self, frame: Frame) {
        match frame.kind {
            kind::DATA if frame.length > 0 => self.earn(PIECE),
            kind::HEADERS => self.earn(ANSWER),
            // what the client made the gateway reset
            kind::RST_STREAM => self.spend(DEAR_FRAME),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use h2::Reason;

    use super::Meter;
    use crate::proxy::http2::frame::Scanner;
    use crate::proxy::http2::frame::tests::frame;
    use crate::proxy::timer::Timers;

    fn after(frames: &[Vec<u8>]) -> (usize, Option<Reason>) {
        let meter = Meter::new(100, &Timers::new());
        let sound = Scanner::new(0).scan(&frames.concat(), |frame, content| meter.accept(frame, content));
        (sound, meter.fault())
    }

    #[test]
    fn nothing_of_a_frame_of_a_wrong_size_goes_on() {
        for (kind, flags, length) in [(2, 0, 4), (3, 0, 5), (4, 0, 5), (4, 1, 6), (6, 0, 7), (8, 0, 3), (0, 0, 16385)] {
            let frames = [frame(6, 0, 8).1, frame(kind, flags, length).1];
            assert_eq!(after(&frames), (17, Some(Reason::FRAME_SIZE_ERROR)));
        }
    }

    #[test]
    fn what_has_ended_has_ended() {
        let (head, last_head, data, reset) = (frame(1, 4, 5).1, frame(1, 5, 5).1, frame(0, 0, 5).1, frame(3, 0, 4).1);
        assert_eq!(after(&[head.clone(), data.clone(), last_head.clone()]).1, None);
        for ended in [vec![last_head.clone()], vec![head.clone(), last_head], vec![head.clone(), reset]] {
            for more in [&data, &head] {
                let frames = [&ended[..], std::slice::from_ref(more)].concat();
                assert_eq!(after(&frames).1, Some(Reason::STREAM_CLOSED));
            }
        }
    }

    #[test]
    fn idle_frames_use_up_what_pieces_bring() {
        let meter = Meter::new(100, &Timers::new());
        meter.accept(frame(1, 4, 1).0, b"");
        let (ping, data) = (frame(6, 0, 8).0, frame(0, 0, 10).0);
        for _ in 0..1000 {
            assert!(meter.accept(data, b"") && (0..4).all(|_| meter.accept(ping, b"")));
        }
        assert!((0..96).all(|_| meter.accept(ping, b"")) && !meter.accept(ping, b""));
        assert_eq!(meter.fault(), Some(Reason::ENHANCE_YOUR_CALM));
    }
}
