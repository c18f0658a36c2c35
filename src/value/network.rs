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

/// Many networks, in which an address is looked up by halving.
#[derive(Clone, Debug, Default)]
pub struct NetworkSet {
    v4: Box<[(IpAddr, IpAddr)]>,
    v6: Box<[(IpAddr, IpAddr)]>,
}

impl NetworkSet {
    /// These.
    pub fn of(networks: &[Network]) -> Self {
        let ranges = |is_v4: bool| {
            let own = networks.iter().filter(|network| network.first().is_ipv4() == is_v4);
            let mut ranges: Vec<_> = own.map(|network| (network.0.network(), network.0.broadcast())).collect();
            ranges.sort_unstable();
            // of two networks one holds the other, or they have nothing in common
            ranges.dedup_by(|later, earlier| {
                let overlaps = later.0 <= earlier.1;
                earlier.1 = if overlaps { earlier.1.max(later.1) } else { earlier.1 };
                overlaps
            });
            ranges.into_boxed_slice()
        };
        Self { v4: ranges(true), v6: ranges(false) }
    }

    /// Whether an address lies in one of them; an IPv4 address mapped into IPv6 counts as the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let ranges = if address.is_ipv4() { &self.v4 } else { &self.v6 };
        let after = ranges.partition_point(|(first, _)| *first <= address);
        after.checked_sub(1).is_some_and(|at| address <= ranges[at].1)
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
    use super::{Network, NetworkSet, Scalar};

    #[test]
    fn a_set_holds_what_its_networks_hold() {
        let networks: Vec<Network> = ["10.0.0.0/8", "10.1.0.0/16", "192.0.2.7", "::/1", "2001:db8::/32"]
            .map(|text| Network::parse(text).unwrap())
            .into();
        let set = NetworkSet::of(&networks);
        for address in [
            "9.255.255.255",
            "10.0.0.0",
            "10.1.2.3",
            "10.255.255.255",
            "11.0.0.0",
            "192.0.2.6",
            "192.0.2.7",
            "192.0.2.8",
            "::ffff:10.0.0.1",
            "::ffff:11.0.0.1",
            "::1",
            "2001:db8::1",
            "8000::",
        ] {
            let address = address.parse().unwrap();
            assert_eq!(set.contains(address), networks.iter().any(|network| network.contains(address)), "{address}");
        }
        assert!(!NetworkSet::default().contains("10.0.0.1".parse().unwrap()));
    }

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
