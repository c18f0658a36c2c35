//! Networks of IP addresses: `10.0.0.0/8`, `2001:db8::/32`, or one address.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// A network in CIDR notation (RFC 4632); a single address is the network of that address alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network(IpNet);

impl Network {
    /// Whether an address lies in it; an IPv4 address mapped into IPv6 counts as the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Whether all of another one lies in it.
    pub fn covers(&self, other: &Self) -> bool {
        self.0.contains(&other.0)
    }

    /// Its first address.
    pub fn first(&self) -> IpAddr {
        self.0.network()
    }

    /// The two networks that it is made of; `None` for a single address.
    pub fn halves(&self) -> Option<[Self; 2]> {
        let mut halves = self.0.subnets(self.0.prefix_len() + 1).ok()?;
        Some([Self(halves.next()?), Self(halves.next()?)])
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Scalar for Network {
    const FORMAT: &'static str = "gw-network";
    const DESCRIPTION: &'static str = "A network in CIDR notation, such as `10.0.0.0/8`, or one IP address.";
    const EXAMPLES: &'static [&'static str] = &["10.0.0.0/8", "203.0.113.9", "2001:db8::/32"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(address.into()));
        }
        let net: IpNet = text
            .parse()
            .map_err(|_| ScalarError::new("a network is an IP address and a prefix length, such as `10.0.0.0/8`"))?;
        if net.trunc() != net {
            return Err(
                ScalarError::new("the address has bits set behind the prefix length").suggest(net.trunc().to_string())
            );
        }
        Ok(Self(net))
    }
}

scalar!(Network);

/// One IP address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address(pub IpAddr);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Scalar for Address {
    const FORMAT: &'static str = "gw-ip-address";
    const DESCRIPTION: &'static str = "An IP address, version 4 or 6.";
    const EXAMPLES: &'static [&'static str] = &["203.0.113.9", "2001:db8::9"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        text.parse().map(Self).map_err(|_| {
            let error = ScalarError::new("an IP address has four numbers, such as `203.0.113.9`, or is one of IPv6");
            let address = text.split_once('/').and_then(|(address, _)| address.parse::<IpAddr>().ok());
            match address {
                Some(address) => error.suggest(address.to_string()),
                None => error,
            }
        })
    }
}

scalar!(Address);

#[cfg(test)]
mod tests {
    use super::{Network, Scalar};

    #[test]
    fn contains_its_addresses_only() {
        let net = Network::parse("10.0.0.0/8").unwrap();
        assert!(net.contains("10.1.2.3".parse().unwrap()) && net.contains("::ffff:10.0.0.1".parse().unwrap()));
        assert!(!net.contains("11.0.0.1".parse().unwrap()));
        assert!(Network::parse("::1").unwrap().contains("::1".parse().unwrap()));
    }

    #[test]
    fn stray_bits_are_named() {
        assert_eq!(Network::parse("10.0.0.1/8").unwrap_err().suggestion.as_deref(), Some("10.0.0.0/8"));
        assert!(Network::parse("10.0.0.0/33").is_err() && Network::parse("localhost").is_err());
    }
}
