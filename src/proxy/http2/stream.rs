//! One stream: its request handled, its answer sent as fast as the client takes it.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::{Body as _, Frame};

use crate::proxy::answer::AnswerBody;
use crate::proxy::core::Heads;
use crate::proxy::duplex::Duplex;
use crate::proxy::error_page;
use crate::proxy::grpc;
use crate::proxy::handler::{Answer, Arrival};
use crate::proxy::http2::answer;
use crate::proxy::http2::body::{RequestBody, Stream};
use crate::proxy::http2::request::{Facts, receive};
use crate::proxy::ingress::Refusal;
use crate::proxy::tunnel::Upgrade;
use crate::proxy::visit::Visit;
use crate::value::method::Method;

/// How long a client is heard out that has its answer already.
const LINGER: Duration = Duration::from_secs(5);

/// Serves a stream until it ends, or outlives its listener or its route. What is then unfinished is reset.
pub(super) async fn serve(request: Request<RecvStream>, respond: SendResponse<Bytes>, visit: Rc<Visit>) {
    let mut exchanging = pin!(exchange(request, respond, &visit));
    poll_fn(|cx| match exchanging.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(()),
        Poll::Pending => visit.poll_outlived(cx),
    })
    .await;
}

async fn exchange(request: Request<RecvStream>, mut respond: SendResponse<Bytes>, visit: &Rc<Visit>) {
    let core = &visit.connection.core;
    let mut heads = core.heads();
    let (parts, stream) = request.into_parts();
    let mut facts = Facts::default();
    let received = receive(&parts, &core.generation().table.settings.limits, &mut heads.request, &mut facts);
    let is_malformed = matches!(received, Err(Refusal::Field | Refusal::Host | Refusal::HostMismatch));
    drop(parts);
    visit.patience.set(facts.patience);
    let (mut tunnel, mut upgrade, mut body, mut source) = (None, None, None, None);
    if facts.is_websocket {
        tunnel = Some(stream);
        upgrade = Some(Upgrade::websocket(core.random_bits(), &mut heads.request.fields));
    } else if !stream.is_end_stream() {
        if facts.expects_continue {
            let mut go_on = Response::new(());
            *go_on.status_mut() = StatusCode::CONTINUE;
            let _ = respond.send_informational(go_on);
        }
        let stream = source.insert(Rc::new(RefCell::new(stream)));
        body = Some(RequestBody::new(stream, facts.length));
    }
    let head_only = heads.request.method == Method::Head;
    // lent: the task of a stream, which is moved when it begins and when it ends, is then small
    let mut room = core.room();
    room.enter(Rc::clone(visit), heads, Arrival::of_http2(received, body, upgrade));
    let answer = poll_fn(|cx| match room.poll(cx) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => respond.poll_reset(cx).map(|_| None),
    })
    .await;
    core.give_back(room);
    let Some(answer) = answer else { return };
    if is_malformed {
        // to `h2` it was a message, but it is none (RFC 9113, 8.1.1)
        return respond.send_reset(Reason::PROTOCOL_ERROR);
    }
    match tunnel {
        Some(stream) => Box::pin(join(answer, stream, respond, visit)).await,
        None if facts.is_grpc && !answer.framed => send_status(answer, respond, visit),
        None => send(answer, head_only, respond, visit).await,
    }
    if let Some(source) = source.filter(|_| !visit.connection.ends_soon()) {
        linger(&source, visit).await;
    }
}

/// Hears a client out that had its answer before it has said all: what it still sends, it may have sent before it saw the answer.
/// After a while, or once its window is used up, the stream is reset.
async fn linger(source: &Stream, visit: &Visit) {
    visit.deadline.set(LINGER);
    poll_fn(|cx| {
        let mut source = source.borrow_mut();
        loop {
            match source.poll_data(cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return visit.deadline.poll_expired(cx),
            }
        }
    })
    .await;
}

/// Answers a call of gRPC that no server has answered: its clients look for a status of their own (Trailers-Only).
fn send_status(mut answer: Answer, mut respond: SendResponse<Bytes>, visit: &Visit) {
    let core = &visit.connection.core;
    let Heads { response, .. } = &mut *answer.heads;
    let status = std::mem::replace(&mut response.status, 200);
    response.fields.set("content-type", b"application/grpc");
    response.fields.set("grpc-status", grpc::status(status).as_bytes());
    response.fields.set("grpc-message", error_page::title(status).as_bytes());
    answer.body.stays_here();
    let mut head = answer::head(&answer, true, &core.date());
    head.headers_mut().remove(CONTENT_LENGTH);
    core.recycle(answer.heads);
    // the client may be gone
    let _ = respond.send_response(head, true);
}

/// Answers who wants to open a WebSocket, and lets it be spoken if it is open.
async fn join(mut answer: Answer, receive: RecvStream, mut respond: SendResponse<Bytes>, visit: &Visit) {
    let Some(tunnel) = visit.tunnel.take() else {
        // any success would tell the client that it is open
        if (200..300).contains(&answer.heads.response.status) {
            answer.heads.response.status = 502;
        }
        return send(answer, false, respond, visit).await;
    };
    answer.body.stays_here();
    let head = answer::head(&answer, true, &visit.connection.core.date());
    visit.connection.core.recycle(answer.heads);
    drop(answer.body);
    if let Ok(send) = respond.send_response(head, false) {
        tunnel.join(Duplex::new(receive, send), Bytes::new(), &visit.connection).await;
    }
}

async fn send(mut answer: Answer, head_only: bool, mut respond: SendResponse<Bytes>, visit: &Visit) {
    let core = &visit.connection.core;
    let bodiless = head_only || matches!(answer.heads.response.status, 204 | 304);
    if bodiless {
        answer.body.stays_here();
    }
    let head = answer::head(&answer, bodiless, &core.date());
    let Answer { heads, body, .. } = answer;
    core.recycle(heads);
    let over = bodiless || body.is_end_stream();
    let Ok(stream) = respond.send_response(head, over) else { return };
    if !over {
        // from here on it is the client's time
        visit.deadline.clear();
        let silence = core.generation().table.settings.timeouts.message.get();
        let mut pump = Pump { stream, body, data: Bytes::new(), visit, silence };
        if poll_fn(|cx| pump.poll(cx)).await.is_err() {
            pump.stream.send_reset(Reason::INTERNAL_ERROR);
        }
    }
}

/// Takes an answer's body piece by piece, each only once there is room for it.
struct Pump<'a> {
    stream: SendStream<Bytes>,
    body: AnswerBody,
    /// What was taken and not yet sent.
    data: Bytes,
    visit: &'a Visit,
    /// How long the client may take no bytes.
    silence: Duration,
}

/// An answer that cannot be sent to its end.
struct CutShort;

impl Pump<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CutShort>> {
        loop {
            let room = ready!(self.poll_room(cx))?;
            if self.data.is_empty() {
                match ready!(self.poll_body(cx))? {
                    Some(data) => self.data = data,
                    None => return Poll::Ready(Ok(())),
                }
                continue;
            }
            let piece = self.data.split_to(room.min(self.data.len()));
            let last = self.data.is_empty() && self.body.is_end_stream();
            self.stream.send_data(piece, last).map_err(|_| CutShort)?;
            if last {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// How many bytes the client takes, at least one; not waited for endlessly.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, CutShort>> {
        self.stream.reserve_capacity(self.data.len().max(1));
        let deadline = &self.visit.deadline;
        loop {
            let room = self.stream.capacity();
            if room > 0 {
                deadline.clear();
                return Poll::Ready(Ok(room));
            }
            match self.stream.poll_capacity(cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(_) => return Poll::Ready(Err(CutShort)),
                Poll::Pending => break,
            }
        }
        if !deadline.is_set() {
            deadline.set(self.silence);
        }
        deadline.poll_expired(cx).map(|()| Err(CutShort))
    }

    /// More data; `None` once the answer has been ended.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, CutShort>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            // the client may have lost interest meanwhile
            return self.stream.poll_reset(cx).map(|_| Err(CutShort));
        };
        match frame.map(|frame| frame.map(Frame::into_data)) {
            Some(Ok(Ok(data))) => Poll::Ready(Ok(Some(data))),
            Some(Ok(Err(frame))) => Poll::Ready(self.end(frame.into_trailers().ok())),
            Some(Err(_)) => Poll::Ready(Err(CutShort)),
            None => Poll::Ready(self.end(None)),
        }
    }

    fn end(&mut self, trailers: Option<HeaderMap>) -> Result<Option<Bytes>, CutShort> {
        let ended = match trailers {
            Some(trailers) if !trailers.is_empty() => self.stream.send_trailers(trailers),
            _ => self.stream.send_data(Bytes::new(), true),
        };
        ended.map(|()| None).map_err(|_| CutShort)
    }
}
