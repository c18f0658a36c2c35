//! Calls to issuers and providers: one client for all, bounded answers, JSON.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use http::{Method, Request, StatusCode};

use crate::net::{Answer, Client};
use crate::pipeline::ready::{Ready, ReadyError};
use crate::value::service_url::ServiceUrl;

/// No answer has more bytes than this.
const MAX_BYTES: u64 = 512 << 10;

/// The client that all share.
#[derive(Clone)]
pub struct Calls(Arc<Result<Client, String>>);

/// A call to a server.
pub struct Ask<'a> {
    /// Where.
    pub url: &'a ServiceUrl,
    /// What `Authorization` says, if it is there.
    pub authorization: Option<String>,
    /// What is sent, as a form; nothing is asked for with `GET`.
    pub form: Option<String>,
}

impl Calls {
    /// The client of a gateway.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn of(ready: &Ready<'_>) -> Result<Self, ReadyError> {
        let client = ready.pool.get_or("calls", || Client::new().map_err(|error| error.to_string()));
        match &*client {
            Ok(_) => Ok(Self(client)),
            Err(why) => Err(ReadyError::Failed { owner: ready.owner.to_owned(), why: why.clone() }),
        }
    }

    /// Sends it; the content of an answer with status 200, and the status of any other.
    ///
    /// # Errors
    /// If no answer comes. Never with what was sent or answered.
    pub async fn send(&self, ask: Ask<'_>) -> Result<Result<Bytes, StatusCode>, String> {
        let client = self.0.as_ref().as_ref().map_err(Clone::clone)?;
        let url = ask.url;
        let method = if ask.form.is_some() { Method::POST } else { Method::GET };
        let mut request = Request::builder().method(method).uri(url.to_string()).header(ACCEPT, "application/json");
        request = request.header(USER_AGENT, "gw");
        if let Some(authorization) = ask.authorization {
            let mut value = HeaderValue::try_from(authorization).map_err(|error| error.to_string())?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        if ask.form.is_some() {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let request = request.body(ask.form.map(Bytes::from).unwrap_or_default()).map_err(|error| error.to_string())?;
        let answer = client.send(request, MAX_BYTES).await.map_err(|error| format!("{url}: {error}"))?;
        Ok(if answer.status == StatusCode::OK { Ok(answer.body) } else { Err(answer.status) })
    }

    /// Sends a request as it is; no redirect is followed.
    ///
    /// # Errors
    /// If no answer comes.
    pub async fn exchange(&self, request: Request<Bytes>) -> Result<Answer, String> {
        let client = self.0.as_ref().as_ref().map_err(Clone::clone)?;
        client.send(request, MAX_BYTES).await.map_err(|error| error.to_string())
    }

    /// What stands at a place, which everybody may fetch.
    ///
    /// # Errors
    /// If it cannot be fetched.
    pub async fn fetch(&self, url: &ServiceUrl) -> Result<Bytes, String> {
        let answer = self.send(Ask { url, authorization: None, form: None }).await?;
        answer.map_err(|status| format!("{url} answers {status}"))
    }
}
