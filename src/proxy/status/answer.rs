//! What a request to the status listener gets. Pure: a request and what is in force in, an answer out.
//!
//! The `Host` rule keeps web pages out: a page whose name was rebound to this address still sends its own name.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HOST};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, Version};
use http_body_util::Full;
use serde::Serialize;

use crate::proxy::status::limits::usage;
use crate::proxy::status::metrics::metrics;
use crate::proxy::status::overview::overview;
use crate::proxy::status::table::table;
use crate::proxy::status::{FORMAT_VERSION, View};
use crate::value::host::{HostName, normalise_authority};

/// Who can reach the listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// This machine.
    Loopback,
    /// A network.
    Network,
}

/// What stands under one path.
struct Page {
    path: &'static str,
    summary: &'static str,
    audience: Audience,
    answer: fn(&View) -> Answer,
}

/// Who may ask for a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Audience {
    /// Whoever reaches the listener.
    All,
    /// This machine, and a network only if the manifest exposes it.
    Operators,
}

/// All pages but `/`, which lists them.
const PAGES: &[Page] = &[
    Page { path: "/livez", summary: "200 while the program runs", audience: Audience::All, answer: |_| text("ok\n") },
    Page { path: "/readyz", summary: "200 while requests are accepted", audience: Audience::All, answer: ready },
    Page { path: "/metrics", summary: "counters, for Prometheus", audience: Audience::All, answer: metrics },
    Page {
        path: "/status",
        summary: "what is in force, and what was refused",
        audience: Audience::Operators,
        answer: overview,
    },
    Page {
        path: "/usage",
        summary: "what keys have used of their quotas",
        audience: Audience::Operators,
        answer: usage,
    },
    Page { path: "/table", summary: "the routing table in force", audience: Audience::Operators, answer: table },
];

/// An answer before it is one of HTTP.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) media_type: &'static str,
    pub(super) body: Bytes,
}

/// Answers a request.
pub(super) fn answer(view: &View, reach: Reach, request: &Parts) -> Response<Full<Bytes>> {
    let settings = &view.live.load().table.settings.status;
    if let Some(refusal) = check_host(request, &settings.hosts) {
        return refusal.into_response();
    }
    if request.method != Method::GET && request.method != Method::HEAD {
        let refusal = problem(StatusCode::METHOD_NOT_ALLOWED, "this listener only shows: GET and HEAD");
        let mut response = refusal.into_response();
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let everything = reach == Reach::Loopback || settings.expose;
    let asked = request.uri.path();
    let found = match PAGES.iter().find(|page| page.path == asked) {
        Some(page) if page.audience == Audience::All || everything => (page.answer)(view),
        Some(_) => problem(StatusCode::NOT_FOUND, "shown on loopback addresses only, unless `status.expose` is set"),
        None if asked == "/" => index(everything),
        None => problem(StatusCode::NOT_FOUND, "`/` lists the paths there are"),
    };
    found.into_response()
}

/// The refusal of a request for a host that is neither an address, nor `localhost`, nor one of the manifest's.
fn check_host(request: &Parts, hosts: &[HostName]) -> Option<Answer> {
    let mut fields = request.headers.get_all(HOST).iter();
    let field = fields.next();
    if fields.next().is_some() {
        return Some(problem(StatusCode::BAD_REQUEST, "more than one `Host`"));
    }
    let authority = match (request.uri.authority(), field) {
        (Some(authority), _) => authority.as_str().as_bytes(),
        (None, Some(field)) => field.as_bytes(),
        // Simple probes speak HTTP/1.0; no browser does.
        (None, None) if request.version == Version::HTTP_10 => return None,
        (None, None) => return Some(problem(StatusCode::BAD_REQUEST, "no `Host`")),
    };
    let mut host = String::new();
    let known = normalise_authority(authority, &mut host).is_ok()
        && (host == "localhost"
            || host.starts_with('[')
            || host.parse::<Ipv4Addr>().is_ok()
            || hosts.iter().any(|known| known.as_str() == host));
    (!known).then(|| problem(StatusCode::FORBIDDEN, "this `Host` is not listed in `status.hosts`"))
}

fn ready(view: &View) -> Answer {
    if !view.ready.load(Ordering::Acquire) {
        return problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "requests are not accepted: the gateway is starting or draining",
        );
    }
    match (&*view.notices.rejected.load(), &*view.notices.release.load()) {
        (None, _) => text("ready\n"),
        (Some(rejected), Some(release)) => text(format!(
            "ready: serving last known good release {} ({}): {}\n",
            release.serial,
            release.bundle.short(),
            rejected.reason.map_or("the newest could not be put in force".to_owned(), |reason| format!(
                "refused the newest ({reason})"
            ))
        )),
        (Some(_), None) => text("ready: serving the last good table, the newest manifests were refused\n"),
    }
}

fn index(everything: bool) -> Answer {
    let mut lines = format!("gw {}\n\n", env!("CARGO_PKG_VERSION"));
    for page in PAGES.iter().filter(|page| page.audience == Audience::All || everything) {
        // Writing into a string cannot fail.
        let _ = writeln!(lines, "{:<10}{}", page.path, page.summary);
    }
    text(lines)
}

fn text(body: impl Into<Bytes>) -> Answer {
    Answer { status: StatusCode::OK, media_type: "text/plain; charset=utf-8", body: body.into() }
}

/// A JSON document, with the version of its format.
pub(super) fn document(content: impl Serialize) -> Answer {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Document<T> {
        format_version: &'static str,
        #[serde(flatten)]
        content: T,
    }
    match serde_json::to_vec_pretty(&Document { format_version: FORMAT_VERSION, content }) {
        Ok(mut body) => {
            body.push(b'\n');
            Answer { status: StatusCode::OK, media_type: "application/json", body: body.into() }
        }
        Err(error) => failure(&error),
    }
}

/// The answer to a request that should have succeeded.
pub(super) fn failure(error: &(dyn std::error::Error + 'static)) -> Answer {
    tracing::error!(error, "the status listener could not answer");
    problem(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be made")
}

/// A problem as RFC 9457 tells it.
fn problem(status: StatusCode, detail: &str) -> Answer {
    let title = status.canonical_reason().unwrap_or("Error");
    let body = serde_json::json!({ "title": title, "status": status.as_u16(), "detail": detail });
    Answer { status, media_type: "application/problem+json", body: format!("{body}\n").into() }
}

impl Answer {
    fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::check_host;
    use http::{Request, Version};

    #[test]
    fn hosts_are_addresses_localhost_or_listed() {
        let listed = ["gw.internal".parse().unwrap()];
        for (host, status) in [
            ("127.0.0.1:9900", None),
            ("10.1.2.3", None),
            ("[::1]:9900", None),
            ("localhost:9900", None),
            ("LOCALHOST", None),
            ("gw.internal", None),
            ("evil.example", Some(403)),
            ("localhost.evil.example", Some(403)),
            ("127.0.0.1.evil.example", Some(403)),
            ("2130706433", Some(403)),
            ("", Some(403)),
            ("localhost:x", Some(403)),
        ] {
            let (request, ()) = Request::get("/").header("host", host).body(()).unwrap().into_parts();
            assert_eq!(check_host(&request, &listed).map(|refusal| refusal.status.as_u16()), status, "{host}");
        }
    }

    #[test]
    fn one_host_is_needed_but_by_http_1_0() {
        let status = |request: Request<()>| check_host(&request.into_parts().0, &[]).map(|r| r.status.as_u16());
        let request = || Request::get("/");
        assert_eq!(status(request().body(()).unwrap()), Some(400));
        assert_eq!(status(request().version(Version::HTTP_10).body(()).unwrap()), None);
        assert_eq!(status(request().header("host", "::1").header("host", "localhost").body(()).unwrap()), Some(400));
        let absolute = Request::get("http://evil.example/").header("host", "localhost");
        assert_eq!(status(absolute.body(()).unwrap()), Some(403), "the target's authority decides");
    }
}
