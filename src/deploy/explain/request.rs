//! The request that is asked about, from a command line to what the proxy would have received (RFC 9112, 3.2).

use std::net::IpAddr;

use crate::pipeline::head::RequestHead;
use crate::proxy::http1::parse;
use crate::proxy::ingress::Refusal;
use crate::table::settings::{Limits, Settings};
use crate::value::did_you_mean::did_you_mean;
use crate::value::method::{Method, is_token};
use crate::value::url::Scheme;

/// A request that is asked about.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The method.
    pub method: Method,
    /// How the client speaks.
    pub scheme: Scheme,
    /// The address of the client.
    pub ip: IpAddr,
    /// The listener that it comes in by; without a name the one with the URL's port, else the first that speaks its scheme.
    pub listener: Option<String>,
    target: String,
    port: Option<u16>,
    /// Its header fields, as lines.
    fields: String,
}

/// Why something is no request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskedError {
    /// Neither an URL nor a path.
    #[error("`{0}` is no URL: write for example `http://localhost:8080/orders/7`, or a path")]
    Url(String),
    /// No method.
    #[error("`{0}` is no method: write for example `GET`")]
    Method(String),
    /// No header field.
    #[error("`{0}` is no header field: write for example `-H 'x-tenant: acme'`")]
    Header(String),
    /// No such listener.
    #[error("there is no listener `{name}`{}", near.as_ref().map_or_else(String::new, |near| format!(", did you mean `{near}`?")))]
    Listener {
        /// The name.
        name: String,
        /// A name that exists.
        near: Option<String>,
    },
}

impl Asked {
    /// Reads a request from its parts: an URL, or a path on `localhost`.
    ///
    /// # Errors
    /// If one of the parts is none.
    pub fn new(method: &str, url: &str, headers: &[String], ip: IpAddr) -> Result<Self, AskedError> {
        let (scheme, rest) = match url.split_once("://") {
            Some(("http", rest)) => (Scheme::Http, rest),
            Some(("https", rest)) => (Scheme::Https, rest),
            None if url.starts_with('/') => (Scheme::Http, url),
            _ => return Err(AskedError::Url(url.to_owned())),
        };
        let (authority, target) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let target = target.split_once('#').map_or(target, |(target, _)| target);
        let slash = if target.starts_with('/') { "" } else { "/" };
        let authority = if url.starts_with('/') { "localhost" } else { authority };
        let mut fields = String::new();
        let mut has_host = false;
        for header in headers {
            let (name, value) = field(header).ok_or_else(|| AskedError::Header(header.clone()))?;
            has_host |= name.eq_ignore_ascii_case("host");
            fields.extend([name, ": ", value, "\r\n"]);
        }
        if authority.chars().any(char::is_control) {
            return Err(AskedError::Url(url.to_owned()));
        }
        if !has_host {
            fields.extend(["host: ", authority, "\r\n"]);
        }
        Ok(Self {
            method: Method::from_token(method).ok_or_else(|| AskedError::Method(method.to_owned()))?,
            scheme,
            ip,
            listener: None,
            target: format!("{slash}{target}"),
            port: authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok()),
            fields,
        })
    }

    /// The path as it is sent.
    pub(super) fn path(&self) -> &str {
        self.target.split_once('?').map_or(&self.target, |(path, _)| path)
    }

    /// The index of the listener that it comes in by.
    ///
    /// # Errors
    /// If it names one that doesn't exist.
    pub fn listener(&self, settings: &Settings) -> Result<u16, AskedError> {
        let listeners = &settings.listeners;
        let index = match &self.listener {
            Some(name) => listener_named(name, settings)?,
            None => listeners
                .iter()
                .position(|listener| listener.address.ip().is_some_and(|ip| Some(ip.port()) == self.port))
                .or_else(|| listeners.iter().position(|one| one.tls.is_some() == (self.scheme == Scheme::Https)))
                .unwrap_or(0),
        };
        Ok(u16::try_from(index).unwrap_or(u16::MAX))
    }

    /// The bytes that it would be on a connection.
    pub fn bytes(&self, body: Option<&str>) -> Vec<u8> {
        let Self { method, target, fields, .. } = self;
        match body {
            None => format!("{method} {target} HTTP/1.1\r\n{fields}\r\n").into(),
            Some(body) => {
                let length = body.len();
                format!("{method} {target} HTTP/1.1\r\n{fields}content-length: {length}\r\n\r\n{body}").into()
            }
        }
    }

    /// Takes it in as the proxy does, from the bytes that it would be on a connection.
    pub(super) fn receive(&self, limits: &Limits, head: &mut RequestHead) -> Result<(), Refusal> {
        match parse(&self.bytes(None), limits, head) {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(Refusal::Head),
            Err(refusal) => Err(refusal),
        }
    }
}

/// The index of a listener.
///
/// # Errors
/// If it doesn't exist.
pub fn listener_named(name: &str, settings: &Settings) -> Result<usize, AskedError> {
    let names = || settings.listeners.iter().map(|listener| listener.name.as_str());
    let unknown = || {
        let near = did_you_mean(name, names()).map(str::to_owned);
        AskedError::Listener { name: name.to_owned(), near }
    };
    names().position(|known| known == name).ok_or_else(unknown)
}

fn field(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once(':')?;
    let (name, value) = (name.trim(), value.trim());
    let fits = !name.is_empty() && name.bytes().all(is_token) && !value.chars().any(|c| c.is_control() && c != '\t');
    fits.then_some((name, value))
}
