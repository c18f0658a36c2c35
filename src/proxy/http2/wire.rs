//! The bytes of a connection on their way to and from `h2`, past the meter.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::proxy::http2::frame::Scanner;
use crate::proxy::http2::meter::Meter;
use crate::proxy::http2::opening::PREFACE;
use crate::proxy::stream::Stream;

/// A stream whose frames are metered.
pub(super) struct Wire {
    stream: Stream,
    /// What was read before.
    early: Bytes,
    incoming: Scanner,
    outgoing: Scanner,
    meter: Rc<Meter>,
}

impl Wire {
    /// A stream of which `early` was read before.
    pub(super) fn new(stream: Stream, early: Bytes, meter: &Rc<Meter>) -> Self {
        let (incoming, outgoing) = (Scanner::new(PREFACE.len()), Scanner::default());
        Self { stream, early, incoming, outgoing, meter: Rc::clone(meter) }
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.early.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let length = self.early.len().min(buffer.remaining());
        buffer.put_slice(&self.early[..length]);
        self.early.advance(length);
        Poll::Ready(Ok(()))
    }

    fn note_sent(&mut self, bytes: &[u8]) {
        self.outgoing.scan(bytes, |frame, _| {
            self.meter.note_sent(frame);
            true
        });
        if self.outgoing.is_at_data() {
            self.meter.sent.set(self.meter.sent.get() + bytes.len() as u64);
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        let before = buffer.filled().len();
        if me.meter.fault().is_none() {
            ready!(me.poll_bytes(cx, buffer))?;
        }
        let bytes = &buffer.filled()[before..];
        let sound = me.incoming.scan(bytes, |frame, content| me.meter.accept(frame, content));
        if sound == 0 && me.meter.fault().is_some() {
            // nothing more is read: who watches the meter ends the connection
            buffer.set_filled(before);
            return Poll::Pending;
        }
        me.meter.received.set(me.meter.received.get() + sound as u64);
        me.meter.head.set(me.incoming.unfinished());
        buffer.set_filled(before + sound);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let me = self.get_mut();
        let written = ready!(Pin::new(&mut me.stream).poll_write(cx, bytes))?;
        me.note_sent(&bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let me = self.get_mut();
        let written = ready!(Pin::new(&mut me.stream).poll_write_vectored(cx, slices))?;
        let mut left = written;
        for slice in slices {
            let length = slice.len().min(left);
            me.note_sent(&slice[..length]);
            left -= length;
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
