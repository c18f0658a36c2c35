//! Sending a request on a stream and getting the head of its answer.
//!
//! What a server has not seen, by its own word (`REFUSED_STREAM`, or `GOAWAY` with a lower stream; RFC 9113, 8.7), is sent once more at
//! once, whatever it is, as long as nothing of its body was taken.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{Reason, RecvStream, SendStream};
use http::uri::Scheme;
use http::{Request, Response};
use http_body::Body;

use crate::proxy::duplex::Duplex;
use crate::proxy::upstream::body::UpstreamBody;
use crate::proxy::upstream::client::{Call, Failure, Reply};
use crate::proxy::upstream::error::{BoxError, UpstreamError};
use crate::proxy::upstream::http2::body::{Http2Body, Open};
use crate::proxy::upstream::http2::head;
use crate::proxy::upstream::http2::sessions::{Lease, Sessions, Wish};
use crate::proxy::upstream::http2::upgrade;
use crate::proxy::upstream::http2::upload::Upload;
use crate::proxy::upstream::open::Opening;
use crate::proxy::upstream::tunnel::Tunnel;
use crate::proxy::wire::{Buffers, Desk, Sending};
use crate::value::method::Method;

/// How often a request is sent that no server has seen.
const ATTEMPTS: usize = 10;

/// Informational answers in a row; real servers send one or two.
const INTERIM_AT_MOST: u8 = 8;

/// Sends a request; see [`Upstreams::send`](crate::proxy::upstream::Upstreams::send).
pub(in crate::proxy::upstream) async fn send<B>(
    sessions: &Sessions,
    buffers: &Rc<Buffers>,
    call: Call<'_, B>,
) -> Result<Reply<B>, Failure<B>>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    let Call { target, method, head, body, upgrade, timeouts, patience, limits, gate, response } = call;
    let (mut upload, desk) = (Upload::new(body), buffers.desk());
    let length = if upload.is_bodiless() { length_of_nothing(method) } else { upload.length() };
    let scheme = if target.tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP };
    let wish = Wish { opening: Opening { target, timeouts, patience }, limits, gate, tunnel: upgrade };
    let mut attempts = 0;
    loop {
        attempts += 1;
        let Some(mut request) = head::request(head, &scheme, length) else {
            return Err(Failure::last(UpstreamError::Unsendable));
        };
        let accept = match upgrade.then(|| upgrade::connect(head, &mut request)).transpose() {
            Ok(accept) => accept,
            Err(error) => return Err(Failure { error, unsent: Some(upload.into_unsent()) }),
        };
        let lost = match ask(sessions, wish, request, &mut upload, &desk).await {
            Ok((mut stream, answer, receive)) => {
                desk.deadline.clear();
                let length = head::answer(&answer, limits, response).map_err(Failure::last)?;
                if let Some(accept) = accept {
                    if answer.status().is_success() {
                        upgrade::switch(response, &accept);
                        let duplex = Duplex::new(receive, stream.send);
                        return Ok(Reply::Upgraded(Tunnel::on_stream(duplex, desk, stream.lease)));
                    }
                    // no tunnel, and nothing more is said; a server that takes no more shows it in its answer
                    let _ = stream.send.send_data(Bytes::new(), true);
                }
                let length = length.filter(|_| *method != Method::Head);
                let open = Open::new(receive, stream.send, upload, desk, stream.lease);
                let body = Box::new(Http2Body::new(open, length, timeouts.idle));
                return Ok(Reply::Answer(UpstreamBody::Http2(body)));
            }
            Err(lost) => lost,
        };
        let Lost { error, seen, again } = lost;
        let repeatable = match seen {
            Seen::No => upload.is_untaken(),
            Seen::Maybe => upload.is_untaken() && method.is_idempotent(),
            Seen::Yes => false,
        };
        if !(repeatable && again && attempts < ATTEMPTS) {
            return Err(Failure { error, unsent: repeatable.then(|| upload.into_unsent()) });
        }
    }
}

/// Asks once.
async fn ask<B>(
    sessions: &Sessions,
    wish: Wish<'_>,
    request: Request<()>,
    upload: &mut Upload<B>,
    desk: &Desk,
) -> Result<(Stream, Response<()>, RecvStream), Lost>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    let unseen = |error, again| Lost { error, seen: Seen::No, again };
    let lease = sessions.lease(wish, desk).await.map_err(|error| unseen(error, false))?;
    if wish.tunnel && !lease.opens_tunnels(wish.opening, desk).await.map_err(|error| unseen(error, false))? {
        return Err(unseen(UpstreamError::NoUpgrade, false));
    }
    let begun = lease.sender().send_request(request, upload.is_bodiless() && !wish.tunnel);
    let (response, send) = begun.map_err(|_| unseen(UpstreamError::Closed, true))?;
    let heard = lease.heard();
    let mut stream = Stream { response, send, lease, heard, interim: 0, waits_for: None };
    upload.begin();
    let (answer, receive) = poll_fn(|cx| stream.poll(upload, desk, wish.opening, cx)).await?;
    Ok((stream, answer, receive))
}

/// What `Content-Length` says of a request without a body, as over HTTP/1.
fn length_of_nothing(method: &Method) -> Option<u64> {
    matches!(method, Method::Post | Method::Put | Method::Patch).then_some(0)
}

/// A request that was lost.
struct Lost {
    error: UpstreamError,
    seen: Seen,
    /// Whether another connection may do better at once.
    again: bool,
}

/// Whether a server has seen a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    No,
    Maybe,
    Yes,
}

impl Lost {
    /// `reused` if its connection had been there before.
    fn of(error: &h2::Error, reused: bool) -> Self {
        let is_refusal = error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM);
        if error.is_remote() && (is_refusal || error.is_go_away()) {
            return Self { error: UpstreamError::Closed, seen: Seen::No, again: true };
        }
        if error.is_io() {
            return Self { error: UpstreamError::Closed, seen: Seen::Maybe, again: reused };
        }
        if error.is_remote() {
            return Self { error: UpstreamError::Closed, seen: Seen::Maybe, again: false };
        }
        Self { error: UpstreamError::Malformed("not as HTTP/2 has it"), seen: Seen::Yes, again: false }
    }
}

/// A request on its stream.
struct Stream {
    response: ResponseFuture,
    send: SendStream<Bytes>,
    lease: Lease,
    /// How often something had been heard on the connection when it was sent.
    heard: u64,
    interim: u8,
    /// Who was waited for, and how much was sent, when the step's deadline was set.
    waits_for: Option<(Sending, u64)>,
}

impl Stream {
    /// Sends and reads in one go, so that an answer is seen however early it comes.
    fn poll<B>(
        &mut self,
        upload: &mut Upload<B>,
        desk: &Desk,
        opening: Opening<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(Response<()>, RecvStream), Lost>>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<BoxError>,
    {
        let seen = |error| Lost { error, seen: Seen::Yes, again: false };
        let sending = match upload.poll_send(&mut self.send, cx) {
            Ok(sending) => sending,
            Err(error) => return Poll::Ready(Err(seen(error))),
        };
        while let Poll::Ready(Some(Ok(_))) = self.response.poll_informational(cx) {
            self.lease.answered();
            self.interim += 1;
            if self.interim > INTERIM_AT_MOST {
                return Poll::Ready(Err(seen(UpstreamError::Malformed("endless interim answers"))));
            }
        }
        match Pin::new(&mut self.response).poll(cx) {
            Poll::Ready(Ok(answer)) => {
                self.lease.answered();
                let (head, receive) = answer.into_parts();
                return Poll::Ready(Ok((Response::from_parts(head, ()), receive)));
            }
            Poll::Ready(Err(error)) => return Poll::Ready(Err(Lost::of(&error, self.lease.reused))),
            Poll::Pending => {}
        }
        self.poll_late(sending, upload.sent(), desk, opening, cx).map(|error| Err(self.given_up(error)))
    }

    fn given_up(&self, error: UpstreamError) -> Lost {
        // a connection on which nothing comes may be dead: others find out on a new one
        let suspect = match error {
            UpstreamError::FirstByteTimeout | UpstreamError::IdleTimeout | UpstreamError::TryTimeout => true,
            UpstreamError::RequestTimeout => self.lease.heard() == self.heard,
            _ => false,
        };
        if suspect {
            self.lease.retire();
        }
        Lost { error, seen: Seen::Maybe, again: false }
    }

    /// Ready once what is waited for takes too long. A client that is slow to send isn't the upstream's fault.
    fn poll_late(
        &mut self,
        sending: Sending,
        sent: u64,
        desk: &Desk,
        Opening { timeouts, patience, .. }: Opening<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<UpstreamError> {
        if self.waits_for.replace((sending, sent)) != Some((sending, sent)) {
            match sending {
                Sending::Blocked => desk.deadline.set(timeouts.idle),
                Sending::Waiting => desk.deadline.clear(),
                Sending::Over => desk.deadline.set(timeouts.first_byte),
            }
        }
        if let Poll::Ready(error) = patience.poll_over(cx) {
            return Poll::Ready(error);
        }
        let error = if sending == Sending::Over { UpstreamError::FirstByteTimeout } else { UpstreamError::IdleTimeout };
        desk.deadline.poll_expired(cx).map(|()| error)
    }
}
