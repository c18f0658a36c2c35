//! The body of a request, read before a plugin that has to see it, and kept to be sent upstream.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use http_body::Body as _;

use crate::pipeline::exchange::Exchange;
use crate::proxy::handler::{ClientRequest, client_body};
use crate::proxy::live::Generation;
use crate::proxy::request_body::{BodyError, ClientBody, Held, Incoming};
use crate::proxy::visit::Visit;

/// Reads the body of a request into the exchange, if that is not done yet.
///
/// # Errors
/// If it has more than `most` bytes, or does not come.
pub async fn collect(
    most: u64,
    request: &mut ClientRequest,
    exchange: &mut Exchange<'_>,
    visit: &Visit,
    generation: &Generation,
) -> Result<(), BodyError> {
    if let Some(body) = &exchange.body {
        return if body.len() as u64 > most { Err(BodyError::TooLarge) } else { Ok(()) };
    }
    let mut held = Held::default();
    if let Some(incoming) = request.body.take() {
        let at_most = exchange.body_at_most.map_or(most, |at_most| at_most.min(most));
        let idle = generation.table.settings.timeouts.message.get();
        held = read(*client_body(incoming, Some(at_most), visit, generation, idle), visit).await?;
        request.body = Some(Incoming::Held(Held { data: held.data.clone(), trailers: held.trailers.take() }));
    }
    exchange.body = Some(held.data.unwrap_or_default());
    Ok(())
}

async fn read(mut body: ClientBody, visit: &Visit) -> Result<Held, BodyError> {
    let (mut data, mut trailers) = (BytesMut::new(), None);
    loop {
        let frame = poll_fn(|cx| match visit.deadline.poll_expired(cx) {
            Poll::Ready(()) => Poll::Ready(Some(Err(BodyError::Silent.into()))),
            Poll::Pending => Pin::new(&mut body).poll_frame(cx),
        });
        match frame.await {
            None => break,
            Some(Err(error)) => return Err(error.downcast().map_or(BodyError::Broken, |error| *error)),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(piece) => data.extend_from_slice(&piece),
                Err(frame) => trailers = frame.into_trailers().ok(),
            },
        }
    }
    let data: Bytes = data.freeze();
    Ok(Held { data: Some(data).filter(|data| !data.is_empty()), trailers })
}
