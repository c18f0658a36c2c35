//! Addresses that a listener binds: `0.0.0.0:8080`, `[::1]:8080`.

use std::fmt;
use std::net::SocketAddr;

use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// An IP address and a port to listen on; port 0 takes a free one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListenAddress(pub SocketAddr);

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Scalar for ListenAddress {
    const FORMAT: &'static str = "gw-listen-address";
    const DESCRIPTION: &'static str =
        "An IP address and a port, such as `0.0.0.0:8080` for every IPv4 interface; port 0 takes a free one.";
    const EXAMPLES: &'static [&'static str] = &["0.0.0.0:8080", "127.0.0.1:8080", "[::]:8080"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        if let Ok(address) = text.parse() {
            return Ok(Self(address));
        }
        let error = ScalarError::new("an address to listen on is an IP address and a port, such as `0.0.0.0:8080`");
        let port = text.rsplit(':').next().filter(|port| port.parse::<u16>().is_ok());
        Err(match (text, port) {
            (_, Some(port)) if text.starts_with(':') || text.starts_with('*') || text == port => {
                error.suggest(format!("0.0.0.0:{port}"))
            }
            (_, Some(port)) if text.starts_with("localhost:") => error.suggest(format!("127.0.0.1:{port}")),
            _ => error,
        })
    }
}

scalar!(ListenAddress);

#[cfg(test)]
mod tests {
    use super::{ListenAddress, Scalar};

    #[test]
    fn needs_an_ip_address_and_a_port() {
        assert!(ListenAddress::parse("0.0.0.0:8080").is_ok() && ListenAddress::parse("[::]:0").is_ok());
        let suggestion = |text| ListenAddress::parse(text).unwrap_err().suggestion;
        assert_eq!(suggestion(":8080"), Some("0.0.0.0:8080".into()));
        assert_eq!(suggestion("8080"), Some("0.0.0.0:8080".into()));
        assert_eq!(suggestion("localhost:80"), Some("127.0.0.1:80".into()));
        assert_eq!(suggestion("0.0.0.0"), None);
    }
}
