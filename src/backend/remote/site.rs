//! A site whose files are elsewhere: each is asked for when a client asks, and passed on as it comes. Which file answers, and what of it, is
//! decided here as for files in memory.

use std::ops::Range;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::{Method as Verb, Request, Response, StatusCode};
use url::Url;

use crate::backend::files::{Asked, Rules, asked, page_path, redirect_to_folder, status};
use crate::backend::remote::absent::Absent;
use crate::backend::remote::client::SharedClient;
use crate::backend::remote::represent::{Metadata, Sent, is_conditional, represent, send};
use crate::backend::remote::stand_in;
use crate::net::{Download, NetError};
use crate::pipeline::exchange::{Exchange, Resume, Step};
use crate::pipeline::ready::{Ready, ReadyError};
use crate::value::method::Method;
use crate::value::percent::encode_path;

/// Where files are.
pub trait Origin: Send + Sync {
    /// Where a file is asked for, by its path on the site.
    fn url(&self, path: &str, verb: &Verb) -> Url;
}

/// A site.
pub struct RemoteSite {
    rules: Arc<Rules>,
    absent_for: Duration,
    tools: OnceLock<Arc<Tools>>,
}

/// What is asked with.
struct Tools {
    rules: Arc<Rules>,
    shared: SharedClient,
    origin: Arc<dyn Origin>,
    absent: Arc<Absent>,
    absent_for: Duration,
}

/// Why a file is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// It answers.
    Answer,
    /// If it is there, the client is sent to its folder.
    Folder,
    /// It is the body of a 404.
    NotFound,
}

/// The files that may answer a request, the next one last.
struct Search {
    tools: Arc<Tools>,
    candidates: Vec<(String, Role)>,
}

impl RemoteSite {
    /// A site with these rules. A file that is not there is not asked for again for so long.
    pub fn new(rules: Rules, absent_for: Duration) -> Self {
        Self { rules: Arc::new(rules), absent_for, tools: OnceLock::new() }
    }

    /// Makes it ready. What is `meant` names the files, whatever table they are of.
    ///
    /// # Errors
    /// If the client cannot be had.
    pub fn ready(&self, ready: &Ready<'_>, origin: Arc<dyn Origin>, meant: &str) -> Result<(), ReadyError> {
        if self.tools.get().is_some() {
            return Ok(());
        }
        let tools = Tools {
            rules: Arc::clone(&self.rules),
            shared: SharedClient::of(ready)?,
            origin,
            absent: ready.pool.get_or(&format!("{} {meant}", ready.owner), Absent::default),
            absent_for: self.absent_for,
        };
        // whoever was faster has the same
        let _ = self.tools.set(Arc::new(tools));
        Ok(())
    }

    /// Answers a request with a file, or says why not.
    pub fn answer(&self, exchange: &mut Exchange<'_>) -> Step {
        let asked = match asked(exchange) {
            Ok(asked) => asked,
            Err(answer) => return answer,
        };
        let Some(tools) = self.tools.get() else { return stand_in(exchange) };
        let mut candidates: Vec<(String, Role)> =
            self.rules.not_found.iter().map(|page| (page.clone(), Role::NotFound)).collect();
        if let Asked::File(path) = asked {
            let is_folder = path.is_empty() || path.ends_with('/');
            let page = page_path(&path).filter(|_| self.rules.clean_urls);
            candidates.extend(self.rules.fallback_for(&path).map(|page| (page.to_owned(), Role::Answer)));
            if is_folder {
                // what answers for a folder is asked for with a slash at the end, whatever a plugin made of the path
                let role = if exchange.request.path.ends_with('/') { Role::Answer } else { Role::Folder };
                candidates.push((format!("{path}{}", self.rules.index), role));
            } else {
                candidates.push((format!("{path}/{}", self.rules.index), Role::Folder));
                candidates.extend(page.map(|page| (page, Role::Answer)));
                candidates.push((path, Role::Answer));
            }
        }
        Search { tools: Arc::clone(tools), candidates }.next(exchange)
    }
}

impl Search {
    /// Asks for the next file that may be there.
    fn next(mut self, exchange: &mut Exchange<'_>) -> Step {
        while let Some((path, role)) = self.candidates.pop() {
            if self.tools.absent.holds(&path, self.tools.absent_for) {
                continue;
            }
            let head = exchange.request.method == Method::Head || role == Role::Folder;
            let first =
                if head || (role == Role::Answer && is_conditional(exchange.request)) { Verb::HEAD } else { Verb::GET };
            return self.ask(path, role, first);
        }
        status(exchange, 404)
    }

    fn ask(self, path: String, role: Role, verb: Verb) -> Step {
        let request = self.request(&path, &verb, None);
        self.then(request, move |search, answer, exchange| match answer.status() {
            StatusCode::OK => search.found(path, role, &verb, answer, exchange),
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                search.tools.absent.note(&path, search.tools.absent_for);
                search.next(exchange)
            }
            // a web server sends whoever asks for a folder to it with a slash
            _ if leads_to_folder(&answer, &path) => redirect_to_folder(exchange),
            _ => failed(502, exchange),
        })
    }

    fn found(
        self,
        path: String,
        role: Role,
        verb: &Verb,
        answer: Response<Download>,
        exchange: &mut Exchange<'_>,
    ) -> Step {
        if role == Role::Folder {
            return redirect_to_folder(exchange);
        }
        let metadata = Metadata::of(answer.headers(), &path, self.tools.rules.cache_control(&path));
        if role == Role::NotFound {
            return send(404, &metadata, answer.into_body(), exchange);
        }
        match represent(&metadata, exchange) {
            Sent::Nothing(code) => status(exchange, code),
            // the answer to HEAD has the length of what would be sent
            Sent::Whole if *verb == Verb::HEAD && exchange.request.method == Method::Get => self.ask_whole(path),
            Sent::Whole => send(200, &metadata, answer.into_body(), exchange),
            Sent::Part(range) => self.ask_part(path, metadata, range),
        }
    }

    /// Asks for all of a file that is there.
    fn ask_whole(self, path: String) -> Step {
        let request = self.request(&path, &Verb::GET, None);
        self.then(request, move |search, answer, exchange| match answer.status() {
            StatusCode::OK => search.whole(&path, answer, exchange),
            _ => failed(502, exchange),
        })
    }

    /// Asks for a part of a file, or for all of it where it is another one by now.
    fn ask_part(self, path: String, metadata: Metadata, range: Range<u64>) -> Step {
        let Some(etag) = &metadata.etag else { return self.ask_whole(path) };
        let part = format!("{}-{}", range.start, range.end - 1);
        let shown = format!("bytes {part}/{}", metadata.length.unwrap_or_default());
        let request = self.request(&path, &Verb::GET, Some((part.as_str(), etag.as_str())));
        self.then(request, move |search, answer, exchange| match answer.status() {
            StatusCode::PARTIAL_CONTENT if is_part(&answer, &shown) => {
                exchange.response.fields.set("content-range", shown.as_bytes());
                send(206, &metadata, answer.into_body(), exchange)
            }
            StatusCode::OK => search.whole(&path, answer, exchange),
            StatusCode::PRECONDITION_FAILED => search.ask_whole(path),
            _ => failed(502, exchange),
        })
    }

    /// Passes all of a file on, which may be another one than was asked about.
    fn whole(&self, path: &str, answer: Response<Download>, exchange: &mut Exchange<'_>) -> Step {
        let metadata = Metadata::of(answer.headers(), path, self.tools.rules.cache_control(path));
        metadata.tell(exchange);
        send(200, &metadata, answer.into_body(), exchange)
    }

    /// A request for a file, or for a part of it as long as it has a tag.
    fn request(&self, path: &str, verb: &Verb, part: Option<(&str, &str)>) -> http::Result<Request<Bytes>> {
        let url = self.tools.origin.url(path, verb);
        let mut request = Request::builder().method(verb).uri(url.as_str());
        if let Some((part, etag)) = part {
            request = request.header("range", format!("bytes={part}")).header("if-match", etag);
        }
        request.body(Bytes::new())
    }

    /// Asks, and goes on with the answer.
    fn then(
        self,
        request: http::Result<Request<Bytes>>,
        go_on: impl FnOnce(Self, Response<Download>, &mut Exchange<'_>) -> Step + Send + 'static,
    ) -> Step {
        let client = self.tools.shared.client.clone();
        Step::Pending(Box::pin(async move {
            let answer = match request {
                Ok(request) => client.open(request).await,
                Err(error) => Err(NetError::Failed(error.to_string())),
            };
            let resume: Resume = Box::new(move |exchange| match answer {
                Ok(answer) => go_on(self, answer, exchange),
                Err(error) => {
                    tracing::debug!(%error, "a file cannot be asked for");
                    failed(if matches!(error, NetError::Timeout) { 504 } else { 502 }, exchange)
                }
            });
            resume
        }))
    }
}

/// Whether an answer sends to the path that was asked for, with a slash at its end.
fn leads_to_folder(answer: &Response<Download>, path: &str) -> bool {
    let location = answer.headers().get("location").and_then(|value| value.to_str().ok());
    let last = encode_path(path.rsplit('/').next().unwrap_or_default());
    let there = location.is_some_and(|location| location.ends_with(&format!("/{last}/")));
    answer.status().is_redirection() && !last.is_empty() && there
}

/// Whether an answer is the part that was asked for.
fn is_part(answer: &Response<Download>, range: &str) -> bool {
    let said = answer.headers().get("content-range");
    answer.status() == StatusCode::PARTIAL_CONTENT && said.is_some_and(|said| said.as_bytes() == range.as_bytes())
}

/// An error, without what was said of a file before.
fn failed(code: u16, exchange: &mut Exchange<'_>) -> Step {
    exchange.response.fields.clear();
    status(exchange, code)
}
