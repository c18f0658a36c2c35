//! Who asks: the peer of the connection, or whoever a trusted proxy says it forwards for (RFC 7239).

use std::net::IpAddr;

use crate::pipeline::exchange::Client;
use crate::pipeline::head::Fields;
use crate::value::network::Network;
use crate::value::url::Scheme;

/// Decides it once for a request.
pub fn client(peer: IpAddr, scheme: Scheme, trusted_proxies: &[Network], fields: &Fields) -> Client {
    let is_trusted = |ip: IpAddr| trusted_proxies.iter().any(|network| network.contains(ip));
    if trusted_proxies.is_empty() || !is_trusted(peer) {
        return Client { ip: peer, scheme, trusted: false };
    }
    let ip = match fields.received("forwarded") {
        Some(_) => nearest_stranger(elements(fields, "forwarded").map(forwarded_for), is_trusted),
        None => nearest_stranger(elements(fields, "x-forwarded-for").map(address), is_trusted),
    };
    Client { ip: ip.unwrap_or(peer), scheme: forwarded_scheme(fields).unwrap_or(scheme), trusted: true }
}

/// The last address that isn't one of ours. Whatever stands before it was written by somebody we don't trust.
fn nearest_stranger<'a>(
    chain: impl Iterator<Item = Option<IpAddr>> + 'a,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> Option<IpAddr> {
    let chain: Vec<Option<IpAddr>> = chain.collect();
    let mut farthest = None;
    for address in chain.into_iter().rev() {
        let address = address?;
        farthest = Some(address);
        if !is_trusted(address) {
            break;
        }
    }
    farthest
}

fn elements<'a>(fields: &'a Fields, name: &'a str) -> impl Iterator<Item = &'a str> {
    fields
        .received_all(name)
        .filter_map(|value| std::str::from_utf8(value).ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

fn forwarded_for(element: &str) -> Option<IpAddr> {
    parameter(element, "for").and_then(address)
}

fn parameter<'a>(element: &'a str, wanted: &str) -> Option<&'a str> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.eq_ignore_ascii_case(wanted).then(|| value.trim_matches('"'))
    })
}

/// An address, perhaps with a port, IPv6 perhaps in brackets.
fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok().or_else(|| {
        if let Some(rest) = text.strip_prefix('[') {
            return rest.split_once(']').and_then(|(inner, _)| inner.parse().ok());
        }
        text.rsplit_once(':').and_then(|(host, _)| host.parse().ok())
    })
}

fn forwarded_scheme(fields: &Fields) -> Option<Scheme> {
    let said = match elements(fields, "forwarded").last() {
        Some(element) => parameter(element, "proto"),
        None => elements(fields, "x-forwarded-proto").last(),
    }?;
    match said.to_ascii_lowercase().as_str() {
        "https" => Some(Scheme::Https),
        "http" => Some(Scheme::Http),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::client;
    use crate::pipeline::head::Fields;
    use crate::value::url::Scheme;

    #[test]
    fn only_trusted_proxies_are_believed() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        for (peer, fields, ip) in [
            ("203.0.113.1", &[("x-forwarded-for", "1.2.3.4")][..], "203.0.113.1"),
            ("10.0.0.1", &[("x-forwarded-for", "1.2.3.4")], "1.2.3.4"),
            ("10.0.0.1", &[("x-forwarded-for", "6.6.6.6, 1.2.3.4, 10.0.0.9")], "1.2.3.4"),
            ("10.0.0.1", &[("x-forwarded-for", "10.0.0.7")], "10.0.0.7"),
            ("10.0.0.1", &[("x-forwarded-for", "junk")], "10.0.0.1"),
            ("10.0.0.1", &[("forwarded", "for=\"[2001:db8::1]:99\";proto=https")], "2001:db8::1"),
            ("10.0.0.1", &[], "10.0.0.1"),
        ] {
            let mut received = Fields::default();
            for (name, value) in fields {
                received.receive(name.as_bytes(), value.as_bytes());
            }
            assert_eq!(
                client(peer.parse().unwrap(), Scheme::Http, &trusted, &received).ip.to_string(),
                ip,
                "{fields:?}"
            );
        }
    }
}
