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
    let said = believed(fields, is_trusted);
    let scheme = said.scheme.as_deref().and_then(read_scheme).unwrap_or(scheme);
    Client { ip: said.ip.unwrap_or(peer), scheme, trusted: true }
}

/// What the trusted proxies say of the client.
#[derive(Default)]
struct Said {
    ip: Option<IpAddr>,
    scheme: Option<String>,
}

/// `Forwarded` is believed unless `X-Forwarded-For` says otherwise: a proxy that writes only one of them passes on what a
/// client wrote into the other, and most write `X-Forwarded-For`.
fn believed(fields: &Fields, is_trusted: impl Fn(IpAddr) -> bool) -> Said {
    let last = |name| elements(fields, name).last().map(str::to_owned);
    let old: Vec<&str> = elements(fields, "x-forwarded-for").collect();
    let old_ip = nearest_stranger(old.iter().map(|text| address(text)), &is_trusted).map(|(_, ip)| ip);
    let new: Vec<&str> = elements(fields, "forwarded").collect();
    let new_ip = nearest_stranger(new.iter().map(|element| forwarded_for(element)), &is_trusted);
    match new_ip {
        Some((at, ip)) if old_ip.is_none_or(|old| old == ip) => {
            Said { ip: Some(ip), scheme: parameter(new[at], "proto").map(str::to_owned) }
        }
        _ => Said { ip: old_ip, scheme: last("x-forwarded-proto") },
    }
}

/// The last address that isn't one of ours, and which one of the chain it is. Whatever stands before it was written by somebody
/// we don't trust.
fn nearest_stranger(
    chain: impl Iterator<Item = Option<IpAddr>>,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> Option<(usize, IpAddr)> {
    let chain: Vec<Option<IpAddr>> = chain.collect();
    let mut farthest = None;
    for (at, address) in chain.into_iter().enumerate().rev() {
        let address = address?;
        farthest = Some((at, address));
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

fn read_scheme(said: &str) -> Option<Scheme> {
    match said.to_ascii_lowercase().as_str() {
        "https" => Some(Scheme::Https),
        "http" => Some(Scheme::Http),
        _ => None,
    }
}

/// The host that the client asked the trusted proxy for.
pub fn forwarded_host(fields: &Fields) -> Option<&str> {
    let new = elements(fields, "forwarded").last().and_then(|element| parameter(element, "host"));
    new.or_else(|| elements(fields, "x-forwarded-host").last())
}

#[cfg(test)]
mod tests {
    use super::{client, forwarded_host};
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
            ("10.0.0.1", &[("forwarded", "for=6.6.6.6"), ("x-forwarded-for", "1.2.3.4")], "1.2.3.4"),
            ("10.0.0.1", &[("forwarded", "for=1.2.3.4"), ("forwarded", "for=10.0.0.9")], "1.2.3.4"),
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

    #[test]
    fn address_and_scheme_are_of_one_hop() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let mut fields = Fields::default();
        fields.receive(b"forwarded", b"for=1.2.3.4;proto=https;host=a.example, for=10.0.0.9;proto=http;host=b.example");
        let client = client("10.0.0.1".parse().unwrap(), Scheme::Http, &trusted, &fields);
        assert_eq!((client.ip.to_string().as_str(), client.scheme), ("1.2.3.4", Scheme::Https));
        assert_eq!(forwarded_host(&fields), Some("b.example"));
    }
}
