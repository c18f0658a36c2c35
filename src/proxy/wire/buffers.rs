//! What a request borrows while it runs: buffers and a deadline, from free lists of the worker.
//!
//! A read buffer is given back while its bytes may still be on their way to the client: it is used again only
//! once they are gone, which [`BytesMut::try_reclaim`] knows. So no body is copied, and the common request
//! allocates nothing.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::mem;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::proxy::timer::{Deadline, Timers};

/// Room for a head and a short body.
const SHORT: usize = 16 * 1024;

/// Room once a body is known to be long: fewer system calls and wakeups for each byte.
const LONG: usize = 256 * 1024;

/// How many short buffers, and how many pairs of output and deadline, are kept.
const SHORT_KEPT: usize = 64;

/// How many long buffers are kept.
const LONG_KEPT: usize = 16;

/// An output buffer that has grown beyond this isn't kept.
const OUTPUT_KEPT: usize = 64 * 1024;

/// The free lists of one worker.
pub struct Buffers {
    timers: Timers,
    short: RefCell<Vec<BytesMut>>,
    long: RefCell<VecDeque<BytesMut>>,
    rest: RefCell<Vec<(Vec<u8>, Rc<Deadline>)>>,
}

/// What one request borrows; given back when dropped.
pub struct Desk {
    /// What was read and not yet handed on.
    pub input: Input,
    /// What is to be written next.
    pub output: Vec<u8>,
    /// The deadline of what is waited for.
    pub deadline: Rc<Deadline>,
}

/// What was read from a connection and not yet handed on. It holds a buffer only while it must.
pub struct Input {
    /// The bytes.
    pub bytes: BytesMut,
    size: Size,
    home: Rc<Buffers>,
}

/// How much is worth reading at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// A head, or a body that is short or of unknown length.
    Short,
    /// A body that is known to be long.
    Long,
}

impl Size {
    /// The size for so many bytes to come.
    pub fn of(bytes: u64) -> Self {
        if bytes > 4 * SHORT as u64 { Self::Long } else { Self::Short }
    }

    /// Its bytes.
    pub fn bytes(self) -> usize {
        match self {
            Self::Short => SHORT,
            Self::Long => LONG,
        }
    }
}

impl Buffers {
    /// Empty lists.
    pub fn new(timers: Timers) -> Self {
        Self { timers, short: RefCell::default(), long: RefCell::default(), rest: RefCell::default() }
    }

    /// What a request needs.
    pub fn desk(self: &Rc<Self>) -> Desk {
        let rest = self.rest.borrow_mut().pop();
        let (output, deadline) = rest.unwrap_or_else(|| (Vec::with_capacity(2048), Rc::new(self.timers.deadline())));
        Desk { input: self.input(), output, deadline }
    }

    /// An input without a buffer yet.
    pub fn input(self: &Rc<Self>) -> Input {
        Input { bytes: BytesMut::new(), size: Size::Short, home: Rc::clone(self) }
    }

    /// An empty buffer of a size.
    pub fn take(&self, size: Size) -> BytesMut {
        let kept = match size {
            Size::Short => self.short.borrow_mut().pop().and_then(|mut b| b.try_reclaim(SHORT).then_some(b)),
            Size::Long => self.take_long(),
        };
        kept.unwrap_or_else(|| BytesMut::with_capacity(size.bytes()))
    }

    /// Keeps a buffer for another request.
    pub fn keep(&self, mut buffer: BytesMut, size: Size) {
        if buffer.capacity() == 0 {
            return;
        }
        buffer.clear();
        match size {
            Size::Short => {
                let mut short = self.short.borrow_mut();
                if short.len() < SHORT_KEPT {
                    short.push(buffer);
                }
            }
            Size::Long => {
                let mut long = self.long.borrow_mut();
                if long.len() < LONG_KEPT {
                    long.push_back(buffer);
                }
            }
        }
    }

    /// The first long buffer whose bytes are all gone; those still read by a client wait their turn.
    fn take_long(&self) -> Option<BytesMut> {
        let mut long = self.long.borrow_mut();
        let free = long.iter_mut().position(|buffer| buffer.try_reclaim(LONG))?;
        long.remove(free)
    }
}

impl Input {
    /// Reads what has come; `0` is the end of the connection.
    pub fn poll_read<R: AsyncRead + Unpin>(
        &mut self,
        stream: &mut R,
        size: Size,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        self.make_room(size);
        pin!(stream.read_buf(&mut self.bytes)).poll(cx)
    }

    /// Gives the buffer back while there is nothing in it: a silent connection holds none.
    pub fn release(&mut self) {
        if self.bytes.is_empty() {
            self.home.keep(mem::take(&mut self.bytes), self.size);
            self.size = Size::Short;
        }
    }

    /// Makes room for the next read, without moving more than the few bytes that are still to be decoded.
    fn make_room(&mut self, size: Size) {
        let wanted = if self.size == Size::Long { Size::Long } else { size };
        let spare = self.bytes.capacity() - self.bytes.len();
        let enough = wanted == self.size && spare >= wanted.bytes() / 4;
        if enough || (wanted == self.size && self.bytes.try_reclaim(wanted.bytes())) {
            return;
        }
        let mut next = self.home.take(wanted);
        next.extend_from_slice(&self.bytes);
        // only a head that is larger than the buffer makes it grow
        next.reserve(wanted.bytes() / 4);
        self.home.keep(mem::replace(&mut self.bytes, next), self.size);
        self.size = wanted;
    }

    /// The lists it came from.
    pub fn home(&self) -> &Rc<Buffers> {
        &self.home
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.home.keep(mem::take(&mut self.bytes), self.size);
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.deadline.clear();
        let mut output = mem::take(&mut self.output);
        let mut rest = self.input.home.rest.borrow_mut();
        if output.capacity() <= OUTPUT_KEPT && rest.len() < SHORT_KEPT {
            output.clear();
            rest.push((output, Rc::clone(&self.deadline)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::{Buffers, LONG, SHORT, Size};
    use crate::proxy::timer::Timers;

    #[test]
    fn a_buffer_is_used_again_once_its_bytes_are_gone() {
        let buffers = Rc::new(Buffers::new(Timers::new()));
        let input = || {
            let mut input = buffers.input();
            input.make_room(Size::Short);
            input
        };
        let mut first = input();
        first.bytes.extend_from_slice(b"hello");
        let place = first.bytes.as_ptr();
        let held = first.bytes.split().freeze();
        drop(first);
        let second = input();
        assert_ne!(second.bytes.as_ptr(), place, "still read by a client");
        assert!(held == b"hello"[..]);
        let place = second.bytes.as_ptr();
        drop(second);
        assert_eq!(input().bytes.as_ptr(), place);
    }

    #[test]
    fn room_grows_with_what_is_to_come() {
        let buffers = Rc::new(Buffers::new(Timers::new()));
        let mut input = buffers.input();
        input.bytes.extend_from_slice(b"rest");
        input.make_room(Size::of(1_000_000));
        assert!(input.bytes == b"rest"[..] && input.bytes.capacity() >= LONG / 4);
        // a head that fills its buffer is moved to a larger one
        let mut input = buffers.input();
        input.bytes.extend_from_slice(&[b'x'; SHORT]);
        input.make_room(Size::Short);
        assert!(input.bytes.len() == SHORT && input.bytes.capacity() >= SHORT + SHORT / 4);
    }

    #[test]
    fn a_silent_connection_holds_no_buffer() {
        let buffers = Rc::new(Buffers::new(Timers::new()));
        let mut input = buffers.input();
        input.make_room(Size::Short);
        input.bytes.extend_from_slice(b"x");
        input.release();
        assert!(input.bytes == b"x"[..]);
        input.bytes.clear();
        input.release();
        assert_eq!(input.bytes.capacity(), 0);
    }
}
