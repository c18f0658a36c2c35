//! The head that is sent upstream, written in one pass from the head that came in and its edits.
//!
//! Hop-by-hop fields go (RFC 9110, 7.6.1), forwarding fields are rewritten or extended, and a client can neither strip nor
//! forge what the gateway says of it.

use std::io::Write as _;

use crate::pipeline::exchange::Exchange;
use crate::pipeline::forwarding::ForwardingField;
use crate::pipeline::head::Fields;
use crate::value::header::is_of_the_hop;
use crate::value::url::Scheme;

/// What the gateway says of itself and the client in a head that is sent upstream.
pub struct Hop<'a> {
    /// What `Host` says; `None` for what the client sent.
    pub host: Option<&'a str>,
    /// The server's own name and port: what `Host` says where the client sent none.
    pub server: &'a str,
    /// The protocols that an upgrade asks for.
    pub upgrade: Option<&'a [u8]>,
    /// The address of the connection's peer.
    pub peer: &'a str,
    /// The id of the request.
    pub request_id: &'a [u8],
}

/// Writes the request line and all fields but the framing ones, each with its line end.
pub fn write_head(exchange: &Exchange<'_>, hop: &Hop<'_>, out: &mut Vec<u8>) {
    let request = &exchange.request;
    out.extend_from_slice(request.method.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(exchange.upstream_path().as_bytes());
    if let Some(query) = exchange.upstream_query() {
        out.push(b'?');
        out.extend_from_slice(query.as_bytes());
    }
    out.extend_from_slice(b" HTTP/1.1\r\n");
    let asked = if request.authority.is_empty() { hop.server } else { &request.authority };
    field(out, b"host", hop.host.unwrap_or(asked).as_bytes());
    let nominated = Nominated::of(&request.fields);
    let believed = exchange.client.trusted && exchange.upstream.forwarding.is_none();
    let is_believed = |name: &[u8]| !is_disguised(name) && (believed || !speaks_of_client(name));
    request.fields.write_kept(|name| is_believed(name) && !is_of_the_hop(name) && !nominated.holds(name), out);
    request.fields.write_edits(|name| !is_of_the_hop(name), out);
    if let Some(protocol) = hop.upgrade {
        field(out, b"connection", b"upgrade");
        field(out, b"upgrade", protocol);
    }
    forwarding(exchange, hop.peer, out);
    field(out, b"x-request-id", hop.request_id);
    via(&request.fields, out);
}

fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Whether it is one of those fields with underscores for dashes: CGI and its heirs see no difference.
fn is_disguised(name: &[u8]) -> bool {
    if !name.contains(&b'_') {
        return false;
    }
    let dashed: Vec<u8> = name.iter().map(|b| if *b == b'_' { b'-' } else { *b }).collect();
    is_of_the_hop(&dashed) || speaks_of_client(&dashed)
}

/// Fields that say who asked, and what for, before the gateway was asked: only trusted proxies are believed.
fn speaks_of_client(name: &[u8]) -> bool {
    name.starts_with(b"x-forwarded")
        || matches!(
            name,
            b"cf-connecting-ip"
                | b"fastly-client-ip"
                | b"true-client-ip"
                | b"x-client-ip"
                | b"x-cluster-client-ip"
                | b"x-original-forwarded-for"
                | b"x-original-host"
                | b"x-original-url"
                | b"x-originating-ip"
                | b"x-real-ip"
                | b"x-remote-addr"
                | b"x-remote-ip"
                | b"x-rewrite-url"
        )
}

/// The names that `Connection` lists: they belong to the client's connection. What a plugin set is not its to take away.
struct Nominated<'a>(Option<&'a Fields>);

impl<'a> Nominated<'a> {
    fn of(fields: &'a Fields) -> Self {
        let plain = |value: &[u8]| value.eq_ignore_ascii_case(b"keep-alive") || value.eq_ignore_ascii_case(b"close");
        let named = fields.received_all("connection").any(|value| !plain(value));
        Self(named.then_some(fields))
    }

    fn holds(&self, name: &[u8]) -> bool {
        self.0.is_some_and(|fields| {
            fields
                .received_all("connection")
                .flat_map(|value| value.split(|b| *b == b','))
                .any(|token| token.trim_ascii().eq_ignore_ascii_case(name))
        })
    }
}

/// Says who asks, how and for which host. What a trusted proxy said is kept and extended, what anybody else said is dropped.
fn forwarding(exchange: &Exchange<'_>, peer: &str, out: &mut Vec<u8>) {
    let request = &exchange.request;
    let trusted = exchange.client.trusted;
    let chosen = exchange.upstream.forwarding;
    let sends = |field: ForwardingField| chosen.unwrap_or_default().has(field);
    let proto: &[u8] = match exchange.client.scheme {
        Scheme::Http => b"http",
        Scheme::Https => b"https",
    };
    if sends(ForwardingField::For) {
        out.extend_from_slice(b"x-forwarded-for: ");
        if trusted {
            for value in request.fields.received_all("x-forwarded-for") {
                out.extend_from_slice(value);
                out.extend_from_slice(b", ");
            }
        }
        out.extend_from_slice(peer.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    if sends(ForwardingField::Proto) {
        field(out, b"x-forwarded-proto", proto);
    }
    let host = request.fields.received("x-forwarded-host").filter(|_| trusted).unwrap_or(request.authority.as_bytes());
    if !host.is_empty() && sends(ForwardingField::Host) {
        field(out, b"x-forwarded-host", host);
    }
    if sends(ForwardingField::Port) {
        field(out, b"x-forwarded-port", port(host, exchange.client.scheme).as_bytes());
    }
    if sends(ForwardingField::RealIp) {
        field(out, b"x-real-ip", exchange.client.ip.to_string().as_bytes());
    }
    // without a choice the chain of a trusted proxy goes on
    let goes_on = trusted && request.fields.received("forwarded").is_some();
    if chosen.map_or(goes_on, |chosen| chosen.has(ForwardingField::Forwarded)) {
        forwarded(exchange, peer, proto, out);
    }
}

/// The chain of RFC 7239, with the peer at its end.
fn forwarded(exchange: &Exchange<'_>, peer: &str, proto: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"forwarded: ");
    if exchange.client.trusted {
        for value in exchange.request.fields.received_all("forwarded") {
            out.extend_from_slice(value);
            out.extend_from_slice(b", ");
        }
    }
    let quoted = if peer.contains(':') { format!("\"[{peer}]\"") } else { peer.to_owned() };
    let _ = write!(out, "for={quoted};proto={}\r\n", String::from_utf8_lossy(proto));
}

/// The port that the client asked.
fn port(host: &[u8], scheme: Scheme) -> String {
    let host = String::from_utf8_lossy(host);
    let port = host.rsplit_once(':').map(|(_, port)| port).filter(|port| port.bytes().all(|b| b.is_ascii_digit()));
    let own = if scheme == Scheme::Https { "443" } else { "80" };
    port.filter(|port| !port.is_empty()).unwrap_or(own).to_owned()
}

fn via(fields: &Fields, out: &mut Vec<u8>) {
    out.extend_from_slice(b"via: ");
    for value in fields.received_all("via") {
        out.extend_from_slice(value);
        out.extend_from_slice(b", ");
    }
    out.extend_from_slice(b"1.1 gw\r\n");
}
