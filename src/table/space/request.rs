//! One request, as an example of many.

use std::fmt::{self, Write as _};
use std::net::IpAddr;

use crate::pipeline::certificate::ClientCertificate;
use crate::pipeline::head::RequestHead;
use crate::table::space::assumption::Parts;
use crate::table::space::texts::Kind;
use crate::value::method::Method;

/// A request as a table sees it.
#[derive(Debug)]
pub struct Request {
    /// The name of the listener that it comes in on.
    pub listener: String,
    /// Its head.
    pub head: RequestHead,
    /// The certificate that the client shows, where it is asked for one.
    pub certificate: Option<ClientCertificate>,
    /// The client's address.
    pub ip: IpAddr,
    /// Whether it comes over TLS.
    pub secure: bool,
}

impl Request {
    /// Puts a request together.
    pub(super) fn new(listener: &str, host: &str, secure: bool, method: Method, parts: Parts) -> Self {
        let mut head = RequestHead {
            method,
            host: host.to_owned(),
            authority: host.to_owned(),
            path: parts.path,
            ..RequestHead::default()
        };
        receive(&mut head, &parts.values);
        Self { listener: listener.to_owned(), head, certificate: parts.certificate, ip: parts.ip, secure }
    }
}

/// A value of a name.
pub(super) type Value = (Kind, String, Vec<u8>);

/// Adds values to a head that has none.
pub(super) fn receive(head: &mut RequestHead, values: &[Value]) {
    let (mut query, mut cookies) = (String::new(), Vec::new());
    for (kind, name, value) in values {
        match kind {
            Kind::Header => head.fields.receive(name.as_bytes(), value),
            Kind::Query => {
                query.push_str(if query.is_empty() { "" } else { "&" });
                escape(name.as_bytes(), &mut query);
                query.push('=');
                escape(value, &mut query);
            }
            Kind::Cookie => {
                cookies.extend_from_slice(if cookies.is_empty() { b"" } else { b"; " });
                cookies.extend_from_slice(name.as_bytes());
                cookies.push(b'=');
                cookies.extend_from_slice(value);
            }
        }
    }
    if !cookies.is_empty() {
        head.fields.receive(b"cookie", &cookies);
    }
    head.query = (!query.is_empty()).then_some(query);
}

fn escape(text: &[u8], out: &mut String) {
    for byte in text {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(*byte)),
            // writing to a string never fails
            _ => write!(out, "%{byte:02X}").unwrap_or_default(),
        }
    }
}

/// As one would type it: `GET https://shop.example/orders x-tenant: acme`.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{} {scheme}://{}{}", self.head.method, self.head.host, self.head.path)?;
        if let Some(query) = &self.head.query {
            write!(f, "?{query}")?;
        }
        for (name, value) in self.head.fields.received_fields() {
            write!(f, " {}: {}", name.escape_ascii(), value.escape_ascii())?;
        }
        match &self.certificate {
            Some(certificate) if certificate.names.is_empty() => {
                write!(f, " with a client certificate of {}", certificate.subject)
            }
            Some(certificate) => write!(f, " with a client certificate for {}", certificate.names.join(", ")),
            None => Ok(()),
        }
    }
}
