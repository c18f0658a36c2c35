//! Runs what `openidconnect` asks of servers by our own client: the library says what is sent and reads what is answered. Its futures
//! cannot leave the thread that they begin on, so each step is begun anew with the answers that have come, until it asks for no more.

use std::cell::{Cell, RefCell};

use bytes::Bytes;
use openidconnect::{HttpRequest, HttpResponse};

use crate::auth::calls::Calls;
use crate::net::Answer;

/// No step asks for more: a description and its keys.
const MAX_ASKED: usize = 4;

/// A request that has no answer yet.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("not answered yet")]
pub struct Unanswered;

/// What a step is given in place of a client.
pub type Http<'a> = &'a dyn Fn(HttpRequest) -> Result<HttpResponse, Unanswered>;

/// What a step ends in.
///
/// # Errors
/// If a server cannot be asked.
pub async fn driven<T>(calls: &Calls, step: impl Fn(Http<'_>) -> T + Send + Sync) -> Result<T, String> {
    let mut answers: Vec<Answer> = Vec::new();
    loop {
        let request = match attempt(&answers, &step) {
            (done, None) => return Ok(done),
            (_, Some(request)) => request,
        };
        if answers.len() == MAX_ASKED {
            return Err("it asks too often".to_owned());
        }
        answers.push(calls.exchange(request.map(Bytes::from)).await?);
    }
}

/// Begins a step, and what it asks for that is not answered yet.
fn attempt<T>(answers: &[Answer], step: impl Fn(Http<'_>) -> T) -> (T, Option<HttpRequest>) {
    let (next, asked) = (Cell::new(0), RefCell::new(None));
    let http = |request: HttpRequest| {
        let answer = answers.get(next.replace(next.get() + 1)).and_then(response);
        answer.ok_or_else(|| {
            asked.borrow_mut().get_or_insert(request);
            Unanswered
        })
    };
    let done = step(&http);
    (done, asked.into_inner())
}

fn response(answer: &Answer) -> Option<HttpResponse> {
    let mut response = http::Response::builder().status(answer.status).body(answer.body.to_vec()).ok()?;
    *response.headers_mut() = answer.headers.clone();
    Some(response)
}
