//! The requests of a connection, one after another: each is read, handled and answered before the next is looked at.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Buf as _;

use crate::proxy::answer::length_without_body;
use crate::proxy::core::Heads;
use crate::proxy::handler::{Answer, Arrival};
use crate::proxy::http1::answer::Terms;
use crate::proxy::http1::pace::Pace;
use crate::proxy::http1::request::{Request, Version, parse};
use crate::proxy::http1::socket::{Socket, Writer};
use crate::proxy::ingress::Refusal;
use crate::proxy::visit::Visit;
use crate::proxy::wire::{Decoder, Direction, Framing, SendError, Sender, Sending, Size};
use crate::value::method::Method;

/// How the requests of a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// The client has gone, or has nothing more to say.
    Gone,
    /// The gateway closes the connection after a whole answer.
    Closed,
    /// An answer could not be sent to its end; `visible` if its framing shows that to the client.
    CutShort {
        /// Whether a plain end of the connection shows it.
        visible: bool,
    },
    /// The last answer opened a tunnel.
    Tunnel,
}

/// Serves the requests of a connection until it ends.
pub async fn serve(socket: &Rc<Socket>, visit: &Rc<Visit>) -> Served {
    let pace = Pace::new(visit);
    let core = &visit.connection.core;
    loop {
        // lent once something has come: a connection that waits holds none
        let mut heads = None;
        let mut scanned = 0;
        let request = poll_fn(|cx| poll_head(socket, &pace, &mut heads, &mut scanned, cx)).await;
        let heads = heads.unwrap_or_else(|| core.heads());
        let (request, received) = match request {
            Arrived::Nothing => {
                core.recycle(heads);
                return Served::Gone;
            }
            Arrived::Whole(request) => (request, Ok(())),
            Arrived::Refused(refusal) => (Request::refused(), Err(refusal)),
        };
        pace.request_began();
        let end = exchange(socket, &pace, request, received, heads).await;
        pace.request_ended();
        if let Some(end) = end {
            return end;
        }
    }
}

/// What came of waiting for a head.
enum Arrived {
    /// None comes.
    Nothing,
    /// A head.
    Whole(Request),
    /// A head that is refused.
    Refused(Refusal),
}

fn poll_head(
    socket: &Socket,
    pace: &Pace,
    heads: &mut Option<Box<Heads>>,
    scanned: &mut usize,
    cx: &mut Context<'_>,
) -> Poll<Arrived> {
    let mut state = socket.state();
    loop {
        while state.input.bytes.starts_with(b"\r\n") {
            state.input.bytes.advance(2);
        }
        let input = &state.input.bytes[..];
        if !input.is_empty() {
            pace.first_bytes();
            let heads = heads.get_or_insert_with(|| pace.connection().core.heads());
            if let Some(arrived) = look(input, *scanned, pace, heads) {
                return Poll::Ready(arrived);
            }
        }
        *scanned = input.len();
        let idle = input.is_empty();
        match state.poll_read(Size::Short, cx) {
            Poll::Ready(Ok(1..)) if !pace.is_late(cx) => {}
            Poll::Pending if !(idle && pace.is_leaving()) => {
                return pace.poll_late(cx).map(|()| Arrived::Nothing);
            }
            _ => return Poll::Ready(Arrived::Nothing),
        }
    }
}

/// What came of the bytes so far, of which `scanned` hold no end of a head; nothing yet if the head is not whole.
fn look(input: &[u8], scanned: usize, pace: &Pace, heads: &mut Heads) -> Option<Arrived> {
    let limits = &pace.connection().core.generation().table.settings.limits;
    // a head that drips in is parsed again only once its end is there
    if scanned == 0 || has_end(&input[scanned.saturating_sub(3)..]) {
        match parse(input, limits, &mut heads.request) {
            Err(refusal) => return Some(Arrived::Refused(refusal)),
            Ok(Some(request)) => return Some(Arrived::Whole(request)),
            Ok(None) => {}
        }
    }
    let too_large = input.len() as u64 >= limits.header_bytes.bytes() + limits.target_bytes.bytes();
    let refusal = if input.contains(&b'\n') { Refusal::HeadTooLarge } else { Refusal::TargetTooLong };
    too_large.then_some(Arrived::Refused(refusal))
}

fn has_end(bytes: &[u8]) -> bool {
    bytes.windows(4).any(|end| end == b"\r\n\r\n")
}

impl Request {
    /// What stands in for a head that is refused: nothing of it is believed.
    fn refused() -> Self {
        Self { length: 0, version: Version::Http11, body: Decoder::Ended, keep_alive: false, expects_continue: false }
    }
}

/// One request and its answer; how the connection ends if it does.
async fn exchange(
    socket: &Rc<Socket>,
    pace: &Pace,
    request: Request,
    received: Result<(), Refusal>,
    heads: Box<Heads>,
) -> Option<Served> {
    let Request { length, version, body, keep_alive, expects_continue } = request;
    {
        let mut state = socket.state();
        state.input.bytes.advance(length);
        state.begin(body, expects_continue);
    }
    let head_only = heads.request.method == Method::Head;
    let arrival = Arrival::of_http1(received, version, &heads.request, socket.body());
    // lent: an idle connection then holds no memory for a request
    let mut room = pace.connection().core.room();
    room.enter(Rc::clone(&pace.visit), heads, arrival);
    let answer = poll_fn(|cx| match room.poll(cx) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => socket.state().poll_gone(cx).map(|()| None),
    })
    .await;
    pace.connection().core.give_back(room);
    let Some(answer) = answer else { return Some(Served::Gone) };
    let keep = keep_alive && !pace.connection().ends_soon();
    send(socket, pace, answer, Terms { version, head_only, framed: false, keep }).await
}

/// Sends an answer; how the connection ends if it does.
async fn send(socket: &Rc<Socket>, pace: &Pace, answer: Answer, terms: Terms) -> Option<Served> {
    let Answer { mut heads, mut body, framed } = answer;
    let unread = {
        let mut state = socket.state();
        state.answer_begins();
        !body.is_from_upstream() && !state.body.has_ended()
    };
    let terms = Terms { framed, keep: terms.keep && !unread, ..terms };
    let status = heads.response.status;
    let framing = terms.framing(status, &body);
    if framing == Framing::None {
        body.stays_here();
    }
    let length = if framing == Framing::None { length_without_body(&heads.response, framed, &body) } else { None };
    let Heads { response, outgoing: out, .. } = &mut *heads;
    out.clear();
    terms.write(response, framing, &pace.connection().core.date(), length, out);
    let mut sender = Sender::new(Some(body), framing, Direction::Answer);
    let mut writer = pin!(Writer { socket, pace });
    let sent = poll_fn(|cx| match sender.poll_send(&mut writer, out, cx) {
        Ok(Sending::Over) => Poll::Ready(Ok(())),
        Ok(Sending::Blocked) => Poll::Pending,
        Ok(Sending::Waiting) => socket.state().poll_gone(cx).map(|()| Err(SendError::Connection)),
        Err(error) => Poll::Ready(Err(error)),
    })
    .await;
    if matches!(sent, Err(SendError::Body(_) | SendError::Misfit)) {
        // what came before the error is the client's to see
        let _ = poll_fn(|cx| sender.poll_write(&mut writer, out, cx)).await;
    }
    pace.connection().core.recycle(heads);
    match sent {
        Err(SendError::Connection) => Some(Served::Gone),
        Err(SendError::Body(_) | SendError::Misfit) => {
            Some(Served::CutShort { visible: framing != Framing::UntilClose })
        }
        Ok(()) if status == 101 => Some(Served::Tunnel),
        Ok(()) if terms.closes(framing) || !socket.state().body.has_ended() => Some(Served::Closed),
        Ok(()) => None,
    }
}
