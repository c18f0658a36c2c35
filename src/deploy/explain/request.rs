//! The request that is asked about, from a command line to what the proxy would have received (RFC 9112, 3.2).

use std::net::IpAddr;

use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Uri, Version};

use crate::pipeline::head::RequestHead;
use crate::proxy::ingress::{Incoming, Refusal, receive};
use crate::table::settings::{Limits, Settings};
use crate::value::did_you_mean::did_you_mean;
use crate::value::url::Scheme;

/// A request that is asked about.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The method.
    pub method: hyper::Method,
    /// How the client speaks.
    pub scheme: Scheme,
    /// The address of the client.
    pub ip: IpAddr,
    /// The listener that it comes in by; without a name the one with the URL's port, else the first.
    pub listener: Option<String>,
    target: String,
    port: Option<u16>,
    headers: HeaderMap,
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
        let mut fields = HeaderMap::new();
        for header in headers {
            let (name, value) = field(header).ok_or_else(|| AskedError::Header(header.clone()))?;
            fields.append(name, value);
        }
        if !fields.contains_key(HOST) {
            fields.insert(HOST, HeaderValue::from_str(authority).map_err(|_| AskedError::Url(url.to_owned()))?);
        }
        Ok(Self {
            method: method.parse().map_err(|_| AskedError::Method(method.to_owned()))?,
            scheme,
            ip,
            listener: None,
            target: format!("{slash}{target}"),
            port: authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok()),
            headers: fields,
        })
    }

    /// The path as it is sent.
    pub(super) fn path(&self) -> &str {
        self.target.split_once('?').map_or(&self.target, |(path, _)| path)
    }

    /// The index of the listener that it comes in by.
    pub(super) fn listener(&self, settings: &Settings) -> Result<u16, AskedError> {
        let listeners = &settings.listeners;
        let index = match &self.listener {
            Some(name) => listeners.iter().position(|listener| listener.name.as_str() == name).ok_or_else(|| {
                let known = listeners.iter().map(|listener| listener.name.as_str());
                AskedError::Listener { name: name.clone(), near: did_you_mean(name, known).map(str::to_owned) }
            })?,
            None => listeners.iter().position(|listener| Some(listener.address.0.port()) == self.port).unwrap_or(0),
        };
        Ok(u16::try_from(index).unwrap_or(u16::MAX))
    }

    /// Takes it in as the proxy does.
    pub(super) fn receive(&self, limits: &Limits, head: &mut RequestHead) -> Result<(), Refusal> {
        // A target that hyper cannot read gets a 400 from it.
        let uri = self.target.parse::<Uri>().map_err(|_| Refusal::Target)?;
        let incoming = Incoming { method: &self.method, uri: &uri, version: Version::HTTP_11, headers: &self.headers };
        receive(&incoming, limits, head)
    }
}

fn field(text: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = text.split_once(':')?;
    Some((name.trim().parse().ok()?, HeaderValue::from_str(value.trim()).ok()?))
}
