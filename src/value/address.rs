//! Addresses that a listener binds: `0.0.0.0:8080`, `[::1]:8080`, `unix:/run/gw.sock`.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// An IP address and a port to listen on; port 0 takes a free one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IpListenAddress(pub SocketAddr);

impl fmt::Display for IpListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Scalar for IpListenAddress {
    const FORMAT: &'static str = "gw-ip-listen-address";
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

scalar!(IpListenAddress);

/// Where a listener of clients listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ListenAddress {
    /// An IP address and a port.
    Ip(SocketAddr),
    /// A socket of this machine, by its absolute path.
    Unix(PathBuf),
}

/// What a path of a socket begins with, and the most bytes that the system takes of it.
const UNIX: &str = "unix:";
const UNIX_PATH_AT_MOST: usize = 107;

impl ListenAddress {
    /// The IP address, if it is one.
    pub fn ip(&self) -> Option<SocketAddr> {
        match self {
            Self::Ip(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// Whether it takes whatever port is free.
    pub fn is_any_port(&self) -> bool {
        self.ip().is_some_and(|address| address.port() == 0)
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

impl Scalar for ListenAddress {
    const FORMAT: &'static str = "gw-listen-address";
    const DESCRIPTION: &'static str = "An IP address and a port, such as `0.0.0.0:8080` for every IPv4 interface, or the path of a \
        Unix socket, such as `unix:/run/gw/http.sock`; port 0 takes a free one.";
    const EXAMPLES: &'static [&'static str] =
        &["0.0.0.0:8080", "127.0.0.1:8080", "[::]:8080", "unix:/run/gw/http.sock"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        let Some(path) = text.strip_prefix(UNIX) else {
            return IpListenAddress::parse(text).map(|address| Self::Ip(address.0));
        };
        match Path::new(path) {
            absolute if absolute.is_absolute() && path.len() <= UNIX_PATH_AT_MOST && !path.contains('\0') => {
                Ok(Self::Unix(absolute.to_owned()))
            }
            absolute if absolute.is_absolute() => {
                Err(ScalarError::new(format!("the path of a Unix socket has at most {UNIX_PATH_AT_MOST} bytes")))
            }
            _ => Err(ScalarError::new("the path of a Unix socket is absolute, such as `unix:/run/gw/http.sock`")),
        }
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

    #[test]
    fn the_path_of_a_socket_is_absolute() {
        let socket = ListenAddress::parse("unix:/run/gw.sock").unwrap();
        assert_eq!((socket.to_string().as_str(), socket.ip()), ("unix:/run/gw.sock", None));
        assert!(ListenAddress::parse("unix:gw.sock").is_err());
        assert!(ListenAddress::parse(&format!("unix:/{}", "x".repeat(200))).is_err());
    }
}
