//! What came from the client, as a head of our own: checked, normalised, or refused.
//!
//! This is where hyper's types end. hyper has parsed the head and framed the body (RFC 9112); what it lets through and we
//! don't is refused here, before a route is looked for.

use hyper::header::HeaderMap;
use hyper::{Uri, Version};

use crate::pipeline::head::RequestHead;
use crate::table::settings::Limits;
use crate::value::host::normalise_authority;
use crate::value::method::Method;
use crate::value::path::normalise;

/// Why a request is refused before a route is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A method that a gateway doesn't serve: `CONNECT` asks for a proxy, and the answer to `TRACE` would show what plugins
    /// and the gateway itself say to the upstream.
    #[error("the method is not served")]
    Method,
    /// The target is longer than the limit.
    #[error("the target of the request is too long")]
    TargetTooLong,
    /// The target is of a form or has a path that could mean two things.
    #[error("the target of the request is malformed or could mean two things")]
    Target,
    /// There is no `Host`, or more than one, or it is none.
    #[error("the request needs exactly one valid `Host`")]
    Host,
    /// The authority of the target and `Host` disagree.
    #[error("the target and `Host` name different hosts")]
    HostMismatch,
    /// The head holds more than the limit.
    #[error("the head of the request is too large")]
    HeadTooLarge,
    /// A field that cannot be sent on as it is.
    #[error("a header field of the request is malformed")]
    Field,
    /// An `Expect` that is not `100-continue`.
    #[error("the expectation cannot be met")]
    Expectation,
    /// The body is announced to be larger than the limit.
    #[error("the body of the request is too large")]
    BodyTooLarge,
}

impl Refusal {
    /// The status of the answer.
    pub fn status(self) -> u16 {
        match self {
            Self::Method => 405,
            Self::Target | Self::Host | Self::HostMismatch | Self::Field => 400,
            Self::TargetTooLong => 414,
            Self::BodyTooLarge => 413,
            Self::Expectation => 417,
            Self::HeadTooLarge => 431,
        }
    }
}

/// A request as hyper gives it, without its body.
pub struct Incoming<'a> {
    /// The method.
    pub method: &'a hyper::Method,
    /// The target.
    pub uri: &'a Uri,
    /// The version.
    pub version: Version,
    /// The fields.
    pub headers: &'a HeaderMap,
}

/// Fills `head` with a request.
///
/// # Errors
/// If it is refused; `head` then holds what had been read, enough for an answer.
pub fn receive(incoming: &Incoming<'_>, limits: &Limits, head: &mut RequestHead) -> Result<(), Refusal> {
    head.method = Method::from_token(incoming.method.as_str()).ok_or(Refusal::Method)?;
    if matches!(*incoming.method, hyper::Method::CONNECT | hyper::Method::TRACE) {
        return Err(Refusal::Method);
    }
    copy_fields(incoming, limits, head)?;
    target(incoming.uri, limits, head)?;
    host(incoming, head)?;
    check_fields(head, limits)
}

fn copy_fields(incoming: &Incoming<'_>, limits: &Limits, head: &mut RequestHead) -> Result<(), Refusal> {
    let mut bytes = 0;
    for (name, value) in incoming.headers {
        bytes += name.as_str().len() + value.len() + 4;
        head.fields.receive_lower(name.as_str().as_bytes(), value.as_bytes());
    }
    let too_large = bytes as u64 > limits.header_bytes.bytes() || incoming.headers.len() > usize::from(limits.headers);
    if too_large { Err(Refusal::HeadTooLarge) } else { Ok(()) }
}

fn target(uri: &Uri, limits: &Limits, head: &mut RequestHead) -> Result<(), Refusal> {
    let path = uri.path();
    let query = uri.query();
    if (path.len() + query.map_or(0, |query| query.len() + 1)) as u64 > limits.target_bytes.bytes() {
        return Err(Refusal::TargetTooLong);
    }
    if let Some(query) = query {
        if query.bytes().any(|b| b <= b' ' || b == 0x7f) {
            return Err(Refusal::Target);
        }
        head.query.get_or_insert_default().push_str(query);
    }
    if path == "*" {
        head.path.push('*');
        return if head.method == Method::Options { Ok(()) } else { Err(Refusal::Target) };
    }
    normalise(path.as_bytes(), &mut head.path).map_err(|_| Refusal::Target)
}

/// The one `Host`, which an absolute target must agree with (RFC 9112, 3.2).
fn host(incoming: &Incoming<'_>, head: &mut RequestHead) -> Result<(), Refusal> {
    let mut hosts = head.fields.received_all("host");
    let (first, more) = (hosts.next(), hosts.next());
    let authority = incoming.uri.authority();
    if authority.is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(Refusal::Target);
    }
    if incoming.uri.scheme_str().is_some_and(|scheme| scheme != "http" && scheme != "https") {
        return Err(Refusal::Target);
    }
    let given = match (first, more) {
        (_, Some(_)) => return Err(Refusal::Host),
        (Some(value), None) => std::str::from_utf8(value).map_err(|_| Refusal::Host)?,
        (None, None) if incoming.version == Version::HTTP_11 => return Err(Refusal::Host),
        (None, None) => return Ok(()),
    };
    if authority.is_some_and(|authority| !authority.as_str().eq_ignore_ascii_case(given)) {
        return Err(Refusal::HostMismatch);
    }
    normalise_authority(given.as_bytes(), &mut head.host).map_err(|_| Refusal::Host)?;
    head.authority.push_str(given);
    Ok(())
}

fn check_fields(head: &RequestHead, limits: &Limits) -> Result<(), Refusal> {
    let mut codings = 0;
    for (name, value) in head.fields.received_fields() {
        match name {
            b"expect" if !value.eq_ignore_ascii_case(b"100-continue") => return Err(Refusal::Expectation),
            b"content-length" if length(value)? > limits.body_bytes.bytes() => return Err(Refusal::BodyTooLarge),
            b"transfer-encoding" => {
                codings += 1;
                if codings > 1 || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Refusal::Field);
                }
            }
            b"upgrade" if value.split(|b| *b == b',').any(is_clear_text_http2) => return Err(Refusal::Field),
            _ if value.iter().any(|b| (*b < b' ' && *b != b'\t') || *b == 0x7f) => return Err(Refusal::Field),
            _ => {}
        }
    }
    Ok(())
}

/// A length in its one canonical form: what some read as octal is refused.
fn length(value: &[u8]) -> Result<u64, Refusal> {
    let text = std::str::from_utf8(value).map_err(|_| Refusal::Field)?;
    let canonical =
        |length: &u64| value.first() != Some(&b'0') && value.first() != Some(&b'+') || *length == 0 && text == "0";
    text.parse().ok().filter(canonical).ok_or(Refusal::Field)
}

fn is_clear_text_http2(protocol: &[u8]) -> bool {
    protocol.trim_ascii().get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"h2c"))
}
