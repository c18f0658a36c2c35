//! What a load balancer says of a client before the client's own first byte: the PROXY protocol, versions 1 and 2.
//!
//! It is read to its last byte and no further: what follows may be TLS.

use std::io;
use std::net::{IpAddr, SocketAddr};

use ppp::{v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::pipeline::upstream::ProxyVersion;

/// What is said first on a connection that is made for a client; for nobody's request, as health checks are, without one.
pub fn write(version: ProxyVersion, client: Option<(SocketAddr, SocketAddr)>) -> Box<[u8]> {
    match (version, client) {
        (ProxyVersion::V1, None) => v1::Addresses::Unknown.to_string().into_bytes().into(),
        (ProxyVersion::V1, Some(ends)) => v1::Addresses::from(ends).to_string().into_bytes().into(),
        (ProxyVersion::V2, None) => binary_head(v2::Command::Local, v2::Addresses::Unspecified),
        (ProxyVersion::V2, Some(ends)) => binary_head(v2::Command::Proxy, ends.into()),
    }
}

fn binary_head(command: v2::Command, addresses: v2::Addresses) -> Box<[u8]> {
    let builder = v2::Builder::with_addresses(v2::Version::Two | command, v2::Protocol::Stream, addresses);
    // it is written into memory, and its addresses fit its length
    builder.build().unwrap_or_default().into()
}

/// What version 2 begins with.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// The bytes of version 2 before its addresses.
const FIXED: usize = 16;

/// The most bytes of addresses and further values in version 2.
const VALUES_AT_MOST: usize = 4096;

/// The most bytes of a line of version 1.
const LINE_AT_MOST: usize = 107;

/// Reads a preface: the client's address and port, or `None` where the balancer speaks for itself or does not know it.
///
/// # Errors
/// If it is none, or the connection fails.
pub async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Option<SocketAddr>> {
    let mut bytes = vec![0; SIGNATURE.len()];
    stream.read_exact(&mut bytes).await?;
    if bytes == SIGNATURE { binary(stream, bytes).await } else { line(stream, bytes).await }
}

async fn binary<S: AsyncRead + Unpin>(stream: &mut S, mut bytes: Vec<u8>) -> io::Result<Option<SocketAddr>> {
    bytes.resize(FIXED, 0);
    stream.read_exact(&mut bytes[SIGNATURE.len()..]).await?;
    let length = usize::from(u16::from_be_bytes([bytes[14], bytes[15]]));
    if length > VALUES_AT_MOST {
        return Err(malformed());
    }
    bytes.resize(FIXED + length, 0);
    stream.read_exact(&mut bytes[FIXED..]).await?;
    let header = v2::Header::try_from(&bytes[..]).map_err(|_| malformed())?;
    Ok(match header.addresses {
        _ if header.command == v2::Command::Local => None,
        v2::Addresses::IPv4(ip) => Some((ip.source_address, ip.source_port).into()),
        v2::Addresses::IPv6(ip) => Some((IpAddr::from(ip.source_address).to_canonical(), ip.source_port).into()),
        v2::Addresses::Unspecified | v2::Addresses::Unix(_) => None,
    })
}

async fn line<S: AsyncRead + Unpin>(stream: &mut S, mut bytes: Vec<u8>) -> io::Result<Option<SocketAddr>> {
    if !bytes.starts_with(b"PROXY ") {
        return Err(malformed());
    }
    while !bytes.ends_with(b"\r\n") {
        if bytes.len() == LINE_AT_MOST {
            return Err(malformed());
        }
        bytes.push(stream.read_u8().await?);
    }
    let header = v1::Header::try_from(&bytes[..]).map_err(|_| malformed())?;
    Ok(match header.addresses {
        v1::Addresses::Unknown => None,
        v1::Addresses::Tcp4(ip) => Some((ip.source_address, ip.source_port).into()),
        v1::Addresses::Tcp6(ip) => Some((IpAddr::from(ip.source_address).to_canonical(), ip.source_port).into()),
    })
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not the PROXY protocol")
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::{read, write};
    use crate::pipeline::upstream::ProxyVersion;

    /// The address, and what is left to be read.
    fn address(bytes: &[u8]) -> Result<(Option<String>, usize), ()> {
        let mut rest = bytes;
        let read = pin!(read(&mut rest)).poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(Ok(ip)) = read else { return Err(()) };
        Ok((ip.map(|ip| ip.to_string()), rest.len()))
    }

    fn binary(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
        let length = u16::try_from(addresses.len()).unwrap().to_be_bytes();
        [super::SIGNATURE, &[command, family][..], &length, addresses, b"rest"].concat()
    }

    #[test]
    fn both_versions_are_read_to_their_end() {
        let some = |ip: &str| Ok((Some(ip.to_owned()), 4));
        assert_eq!(address(b"PROXY TCP4 203.0.113.7 10.0.0.1 5000 80\r\nrest"), some("203.0.113.7:5000"));
        assert_eq!(address(b"PROXY TCP6 2001:db8::1 ::1 5000 80\r\nrest"), some("[2001:db8::1]:5000"));
        assert_eq!(address(b"PROXY UNKNOWN\r\nrest"), Ok((None, 4)));
        let ip4 = [203, 0, 113, 7, 10, 0, 0, 1, 0x13, 0x88, 0, 80];
        assert_eq!(address(&binary(0x21, 0x11, &ip4)), some("203.0.113.7:5000"));
        assert_eq!(address(&binary(0x20, 0x11, &ip4)), Ok((None, 4)), "a health check of the balancer");
        assert_eq!(address(&binary(0x20, 0x00, &[])), Ok((None, 4)));
        let with_value = [&ip4[..], &[0x03, 0, 4, 1, 2, 3, 4]].concat();
        assert_eq!(address(&binary(0x21, 0x11, &with_value)), some("203.0.113.7:5000"));
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let ends = |client: &str, server: &str| Some((client.parse().unwrap(), server.parse().unwrap()));
        for version in [ProxyVersion::V1, ProxyVersion::V2] {
            for (client, server) in [("203.0.113.7:5000", "10.0.0.1:80"), ("[2001:db8::1]:5000", "[::1]:80")] {
                let written = write(version, ends(client, server));
                assert_eq!(address(&written), Ok((Some(client.to_owned()), 0)));
            }
            assert_eq!(address(&write(version, None)), Ok((None, 0)));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for bytes in [
            &b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..],
            b"PROXY TCP4 1.2.3.4\r\n",
            b"PROXY TCP4 999.0.0.1 10.0.0.1 5000 80\r\n",
            b"PROXY TCP4 203.0.113.7 10.0.0.1 5000 80",
            &[b"PROXY TCP4 ".as_slice(), &[b'1'; 200]].concat(),
            &binary(0x31, 0x11, &[0; 12]),
            &binary(0x21, 0x11, &[0; 4]),
            &binary(0x21, 0x11, &[0; 5000]),
        ] {
            assert_eq!(address(bytes), Err(()), "{}", String::from_utf8_lossy(bytes));
        }
    }
}
