//! Pages of the gateway's own that a way of authenticating has: where a browser logs in, comes back and logs out.

use std::pin::Pin;

use crate::pipeline::auth::Call;
use crate::value::url::Scheme;

/// Pages stand below this, after the name of their `Auth`: `/.gw/auth/<name>/login`.
pub const PAGES: &str = "/.gw/auth/";

/// A way of authenticating with pages.
pub trait AuthPages: Send + Sync {
    /// What a browser without a credential is told when it wants to go somewhere.
    fn invite(&self, call: &Call<'_>) -> PageAnswer;

    /// The answer to a request for a page.
    fn answer(&self, page: &str, call: &Call<'_>, body: &[u8]) -> PendingPage;
}

/// An answer that somebody may have to be asked for.
pub type PendingPage = Pin<Box<dyn Future<Output = PageAnswer> + Send>>;

/// An answer of the gateway's own, without a body: an error gets the gateway's page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageAnswer {
    /// The status.
    pub status: u16,
    /// The fields.
    pub fields: Vec<(&'static str, String)>,
    /// What the page of an error says besides.
    pub detail: Option<&'static str>,
}

impl PageAnswer {
    /// An answer that nobody keeps.
    pub fn new(status: u16) -> Self {
        let fields = vec![("cache-control", "no-store".to_owned()), ("referrer-policy", "no-referrer".to_owned())];
        Self { status, fields, detail: None }
    }

    /// An error, and what the reader can do about it.
    pub fn error(status: u16, detail: &'static str) -> Self {
        Self { detail: Some(detail), ..Self::new(status) }
    }

    /// Sends the browser somewhere else, with `GET`.
    pub fn go(location: impl Into<String>) -> Self {
        Self::new(303).with("location", location)
    }

    /// The same with another field.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }
}

/// Whether a browser wants to show what it asks for: only then it makes sense to send it elsewhere. A script is told by the status.
pub fn is_navigation(call: &Call<'_>) -> bool {
    let text = |name| call.request.fields.received(name).and_then(|value| std::str::from_utf8(value).ok());
    let accepts_html = text("accept").is_some_and(|accept| accept.to_ascii_lowercase().contains("text/html"));
    matches!(call.request.method.as_str(), "GET" | "HEAD")
        && accepts_html
        && text("x-requested-with").is_none()
        && text("sec-fetch-mode").is_none_or(|mode| mode == "navigate")
        && text("upgrade").is_none()
}

/// The origin that a request was sent to (RFC 6454), as its client sees it.
pub fn origin(call: &Call<'_>) -> String {
    let scheme = if call.client.scheme == Scheme::Https { "https" } else { "http" };
    format!("{scheme}://{}", call.request.authority)
}
