//! What a connection in clear text begins with, where both versions of HTTP are spoken (RFC 9113, 3.3).

use std::future::poll_fn;
use std::task::{Context, Poll};

use crate::proxy::connection::Connection;
use crate::proxy::stream::Stream;
use crate::proxy::wire::{Input, Size};

/// What a client that speaks HTTP/2 says first (RFC 9113, 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Whether a connection begins as one of HTTP/2 does; what was read stays in `input`. `None` if nothing comes in time.
pub async fn opens_http2(stream: &mut Stream, input: &mut Input, connection: &Connection) -> Option<bool> {
    let core = &connection.core;
    let deadline = core.timers.deadline();
    deadline.set(core.generation().table.settings.timeouts.header.get());
    poll_fn(|cx| match poll_opening(stream, input, cx) {
        Poll::Ready(opening) => Poll::Ready(opening),
        // HTTP/1 knows what to do with who has not spoken yet
        Poll::Pending if connection.listener.closing.get() => Poll::Ready(Some(false)),
        Poll::Pending => deadline.poll_expired(cx).map(|()| None),
    })
    .await
}

fn poll_opening(stream: &mut Stream, input: &mut Input, cx: &mut Context<'_>) -> Poll<Option<bool>> {
    loop {
        let length = input.bytes.len().min(PREFACE.len());
        if input.bytes[..length] != PREFACE[..length] {
            return Poll::Ready(Some(false));
        }
        if length == PREFACE.len() {
            return Poll::Ready(Some(true));
        }
        match input.poll_read(stream, Size::Short, cx) {
            Poll::Ready(Ok(1..)) => {}
            Poll::Ready(_) => return Poll::Ready(None),
            Poll::Pending => {
                input.release();
                return Poll::Pending;
            }
        }
    }
}
