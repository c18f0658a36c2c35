//! The head of a request, from the one that `h2` has read into ours.
//!
//! `h2` has refused what breaks HTTP/2: fields of a connection, pseudo-fields out of place, control characters, a length that the
//! body does not have. What is left to refuse is what a server behind the gateway could read in another way.

use std::time::Duration;

use h2::ext::Protocol;
use http::request::Parts;

use crate::pipeline::head::{Fields, RequestHead};
use crate::pipeline::version::Version;
use crate::proxy::grpc;
use crate::proxy::ingress::{self, HostIn, Refusal, Target};
use crate::proxy::wire::{Kind, decimal, kind};
use crate::table::settings::Limits;
use crate::value::method::Method;

/// What the head of a request says of its body.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// How long it is, if that is said.
    pub(super) length: Option<u64>,
    /// Whether the client waits to be asked for it.
    pub(super) expects_continue: bool,
    /// Whether it is no body, but a WebSocket (RFC 8441).
    pub(super) is_websocket: bool,
    /// Whether it is a call of gRPC.
    pub(super) is_grpc: bool,
    /// How long the client of such a call waits.
    pub(super) patience: Option<Duration>,
    /// The bytes of all fields.
    bytes: u64,
}

/// Takes a head over into `head`, and what it says of its body into `facts`.
///
/// # Errors
/// If it is refused; both then hold enough for an answer.
pub(super) fn receive(
    parts: &Parts,
    limits: &Limits,
    head: &mut RequestHead,
    facts: &mut Facts,
) -> Result<(), Refusal> {
    head.version = Version::Http2;
    head.method = Method::from_token(parts.method.as_str()).ok_or(Refusal::Head)?;
    let protocol = parts.extensions.get::<Protocol>().map(Protocol::as_str);
    if protocol.is_some() {
        // it is opened as over HTTP/1, and matched so, too
        head.method = Method::Get;
    }
    facts.take(parts, &mut head.fields)?;
    if facts.bytes > limits.header_bytes.bytes() || parts.headers.len() > usize::from(limits.headers) {
        return Err(Refusal::HeadTooLarge);
    }
    if parts.method == http::Method::CONNECT && parts.uri.authority().is_none() {
        return Err(Refusal::Host);
    }
    ingress::method(&head.method)?;
    if !matches!(parts.uri.scheme_str(), None | Some("http" | "https")) {
        return Err(Refusal::Target);
    }
    let authority = parts.uri.authority().map(http::uri::Authority::as_str);
    let path = parts.uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str);
    ingress::receive(&Target::with_authority(authority, path)?, HostIn::TargetOrField, limits, head)?;
    if facts.length.is_some_and(|length| length > limits.body_bytes.bytes()) {
        return Err(Refusal::BodyTooLarge);
    }
    facts.is_websocket = match protocol {
        Some("websocket") if facts.length.is_none() => true,
        Some(_) => return Err(Refusal::Protocol),
        None => false,
    };
    Ok(())
}

impl Facts {
    fn take(&mut self, parts: &Parts, fields: &mut Fields) -> Result<(), Refusal> {
        let (mut refused, mut waits) = (Ok(()), None);
        for (name, value) in &parts.headers {
            // all are taken, so that a refusal is answered in the form that the client accepts
            let (name, value) = (name.as_str(), value.as_bytes());
            self.bytes += (name.len() + value.len()) as u64;
            refused = refused.and(self.note(kind(name), value));
            match name {
                "content-type" => self.is_grpc = grpc::is_grpc(value),
                "grpc-timeout" => waits = grpc::timeout(value),
                _ => {}
            }
            // a key is the gateway's to make
            if name != "cookie" && name != "sec-websocket-key" {
                fields.receive_lower(name.as_bytes(), value);
            }
        }
        self.patience = waits.filter(|_| self.is_grpc);
        take_cookies(parts, fields);
        refused
    }

    fn note(&mut self, kind: Kind, value: &[u8]) -> Result<(), Refusal> {
        if value.trim_ascii().len() < value.len() {
            return Err(Refusal::Field);
        }
        match kind {
            Kind::ContentLength => {
                let length = decimal(value).ok_or(Refusal::Field)?;
                if self.length.replace(length).is_some() {
                    return Err(Refusal::Field);
                }
            }
            Kind::Expect if !value.eq_ignore_ascii_case(b"100-continue") => return Err(Refusal::Expectation),
            Kind::Expect => self.expects_continue = true,
            _ => {}
        }
        Ok(())
    }
}

/// Cookies may come one by one; only HTTP/2 knows them so (RFC 9113, 8.2.3).
fn take_cookies(parts: &Parts, fields: &mut Fields) {
    let mut cookies = parts.headers.get_all(http::header::COOKIE).iter();
    let Some(first) = cookies.next() else { return };
    let Some(second) = cookies.next() else { return fields.receive_lower(b"cookie", first.as_bytes()) };
    let mut all = first.as_bytes().to_vec();
    for cookie in std::iter::once(second).chain(cookies) {
        all.extend_from_slice(b"; ");
        all.extend_from_slice(cookie.as_bytes());
    }
    fields.receive_lower(b"cookie", &all);
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::{Facts, receive};
    use crate::pipeline::head::RequestHead;
    use crate::proxy::ingress::Refusal;
    use crate::table::settings::Limits;

    fn read(target: &str, fields: &[(&str, &str)]) -> Result<RequestHead, Refusal> {
        let mut request = Request::builder().uri(target);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let mut head = RequestHead::default();
        let parts = request.body(()).unwrap().into_parts().0;
        receive(&parts, &Limits::default(), &mut head, &mut Facts::default()).map(|()| head)
    }

    #[test]
    fn a_head_means_one_thing() {
        let head =
            read("https://A.example:8443/a/%7Eb?q", &[("cookie", "a=1"), ("x", "y"), ("cookie", "b=2")]).unwrap();
        assert_eq!((&*head.host, &*head.authority), ("a.example", "A.example:8443"));
        assert_eq!((&*head.path, head.query.as_deref()), ("/a/~b", Some("q")));
        assert_eq!(head.fields.received_all("cookie").collect::<Vec<_>>(), [b"a=1; b=2"]);
        assert_eq!(read("http://a.example/", &[("host", "a.example:80")]).unwrap().host, "a.example");
        assert_eq!(read("/", &[("host", "a.example")]).unwrap().host, "a.example");
    }

    #[test]
    fn only_a_call_of_grpc_says_how_long_its_client_waits() {
        for (media_type, waits) in [("application/grpc+proto", true), ("application/json", false)] {
            let fields = [("grpc-timeout", "1S"), ("content-type", media_type)];
            let request = Request::builder().uri("http://a.example/").header(fields[0].0, fields[0].1);
            let parts = request.header(fields[1].0, fields[1].1).body(()).unwrap().into_parts().0;
            let mut facts = Facts::default();
            receive(&parts, &Limits::default(), &mut RequestHead::default(), &mut facts).unwrap();
            assert_eq!(facts.patience.is_some(), waits, "{media_type}");
        }
    }

    #[test]
    fn what_could_mean_two_things_is_refused() {
        for (target, fields, refusal) in [
            ("http://a.example/", &[("host", "b.example")][..], Refusal::HostMismatch),
            ("http://a.example/", &[("host", "a.example"), ("host", "a.example")], Refusal::Host),
            ("/", &[], Refusal::Host),
            ("http://a@b.example/", &[], Refusal::Host),
            ("http://a.example/%2f", &[], Refusal::Target),
            ("ftp://a.example/", &[], Refusal::Target),
            ("http://a.example/", &[("content-length", "1"), ("content-length", "1")], Refusal::Field),
            ("http://a.example/", &[("content-length", "+1")], Refusal::Field),
            ("http://a.example/", &[("x", " y")], Refusal::Field),
            ("http://a.example/", &[("expect", "tea")], Refusal::Expectation),
            ("http://a.example/", &[("content-length", "99999999999")], Refusal::BodyTooLarge),
        ] {
            assert_eq!(read(target, fields).unwrap_err(), refusal, "{target} {fields:?}");
        }
        let many = vec![("x", "y"); 101];
        assert_eq!(read("http://a.example/", &many).unwrap_err(), Refusal::HeadTooLarge);
        let long = "y".repeat(33 << 10);
        assert_eq!(read("http://a.example/", &[("x", &long)]).unwrap_err(), Refusal::HeadTooLarge);
    }
}
