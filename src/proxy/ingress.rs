//! What a request asks for, in the one form that is matched and forwarded: its target, its host, or why it is refused.
//!
//! The protocol has read the head before and framed the body; what could still mean two things is refused here, before a
//! route is looked for.

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
    /// The head breaks HTTP.
    #[error("the head of the request is malformed")]
    Head,
    /// A version of HTTP that is not spoken here.
    #[error("the version of HTTP is not served")]
    Version,
    /// The head holds more than the limit.
    #[error("the head of the request is too large")]
    HeadTooLarge,
    /// A field that cannot be sent on as it is.
    #[error("a header field of the request is malformed")]
    Field,
    /// A protocol other than `websocket` to speak through a tunnel.
    #[error("the protocol is not served")]
    Protocol,
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
            Self::Target | Self::Host | Self::HostMismatch | Self::Head | Self::Field => 400,
            Self::TargetTooLong => 414,
            Self::BodyTooLarge => 413,
            Self::Expectation => 417,
            Self::HeadTooLarge => 431,
            Self::Protocol => 501,
            Self::Version => 505,
        }
    }
}

/// The target of a request, taken apart (RFC 9112, 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// Takes a target apart: `/path?query`, `http://authority/path?query` or `*`.
    ///
    /// # Errors
    /// If it is none of these, or holds what a target cannot.
    pub fn parse(target: &'a str) -> Result<Self, Refusal> {
        if target.bytes().any(|byte| byte <= b' ' || byte == b'#' || byte == 0x7f) {
            return Err(Refusal::Target);
        }
        let (authority, rest) = match target.as_bytes().first() {
            Some(b'/' | b'*') => (None, target),
            _ => absolute(target).ok_or(Refusal::Target)?,
        };
        let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
        Ok(Self { authority, path, query })
    }
}

impl<'a> Target<'a> {
    /// The same of a request whose protocol takes the authority apart itself (RFC 9113, 8.3.1).
    ///
    /// # Errors
    /// If the path is none.
    pub fn with_authority(authority: Option<&'a str>, path: &'a str) -> Result<Self, Refusal> {
        let target = Self::parse(path)?;
        if target.authority.is_some() {
            return Err(Refusal::Target);
        }
        Ok(Self { authority, ..target })
    }
}

/// Where a request says which host it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostIn {
    /// In `Host`, in any case.
    Field,
    /// In the target or in `Host`.
    TargetOrField,
    /// Nowhere, if it likes.
    Anywhere,
}

/// The authority of a URL, and what follows it.
fn absolute(target: &str) -> Option<(Option<&str>, &str)> {
    let (scheme, rest) = target.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    let rest = if rest.is_empty() { "/" } else { rest };
    (!authority.is_empty() && !authority.contains('@')).then_some((Some(authority), rest))
}

/// Refuses a method that a gateway doesn't serve.
///
/// # Errors
/// If it is one.
pub fn method(method: &Method) -> Result<(), Refusal> {
    if matches!(method.as_str(), "CONNECT" | "TRACE") { Err(Refusal::Method) } else { Ok(()) }
}

/// Writes what a request asks for into its head, whose method and fields stand there already.
///
/// # Errors
/// If it is refused.
pub fn receive(target: &Target<'_>, named: HostIn, limits: &Limits, head: &mut RequestHead) -> Result<(), Refusal> {
    path(target, limits, head)?;
    host(target, named, head)
}

fn path(target: &Target<'_>, limits: &Limits, head: &mut RequestHead) -> Result<(), Refusal> {
    let Target { path, query, .. } = *target;
    if (path.len() + query.map_or(0, |query| query.len() + 1)) as u64 > limits.target_bytes.bytes() {
        return Err(Refusal::TargetTooLong);
    }
    if let Some(query) = query {
        head.query.get_or_insert_default().push_str(query);
    }
    if path == "*" {
        head.path.push('*');
        return if head.method == Method::Options { Ok(()) } else { Err(Refusal::Target) };
    }
    let path = if path.is_empty() { "/" } else { path };
    normalise(path.as_bytes(), &mut head.path).map_err(|_| Refusal::Target)
}

/// The one `Host`, which the authority of the target must agree with (RFC 9112, 3.2; RFC 9113, 8.3.1).
fn host(target: &Target<'_>, named: HostIn, head: &mut RequestHead) -> Result<(), Refusal> {
    let mut hosts = head.fields.received_all("host");
    let given = match (hosts.next(), hosts.next()) {
        (_, Some(_)) => return Err(Refusal::Host),
        (Some(value), None) => std::str::from_utf8(value).map_err(|_| Refusal::Host)?,
        (None, None) => match target.authority {
            Some(authority) if named != HostIn::Field => authority,
            None if named == HostIn::Anywhere => return Ok(()),
            _ => return Err(Refusal::Host),
        },
    };
    let port = normalise_authority(given.as_bytes(), &mut head.host).map_err(|_| Refusal::Host)?;
    if let Some(authority) = target.authority {
        let mut host = String::new();
        let other = normalise_authority(authority.as_bytes(), &mut host).map_err(|_| Refusal::Target)?;
        if host != head.host || other.unwrap_or(HTTP_PORT) != port.unwrap_or(HTTP_PORT) {
            return Err(Refusal::HostMismatch);
        }
    }
    head.authority.push_str(given);
    Ok(())
}

/// The port of a URL that names none.
const HTTP_PORT: u16 = 80;
