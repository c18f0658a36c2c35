//! A server that is known by name: the addresses of its name, as they were last looked up.
//!
//! Somebody else looks the name up again and again; a request only does so if nobody has yet. When a name can't be looked up, the
//! addresses that were known stay.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use tokio::net::lookup_host;

use crate::proxy::upstream::error::UpstreamError;

/// A name, a port, and the addresses of the name. None is the same as another one, not of the same name either: connections that were
/// made to what one knew are not those of who looks up anew.
#[derive(Debug)]
pub struct Host {
    number: u64,
    name: Box<str>,
    port: u16,
    known: ArcSwap<Known>,
    /// Which address a connection is made to first, counted on and on.
    turn: AtomicU32,
    /// Whether the last connection was made by IPv4.
    by_ipv4: AtomicBool,
}

#[derive(Debug)]
struct Known {
    addresses: Option<Box<[IpAddr]>>,
    /// How often the addresses changed.
    version: u32,
    /// Whether the last look-up failed.
    failed: bool,
}

impl Host {
    /// A name of which nothing is known.
    pub fn new(name: impl Into<Box<str>>, port: u16) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let known = Known { addresses: None, version: 0, failed: false };
        Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            name: name.into(),
            port,
            known: ArcSwap::from_pointee(known),
            turn: AtomicU32::new(0),
            by_ipv4: AtomicBool::new(false),
        }
    }

    /// Looks the name up and notes what is found.
    ///
    /// # Errors
    /// If that fails; what was known stays.
    pub async fn look_up(&self) -> io::Result<()> {
        let found =
            lookup_host((&*self.name, self.port)).await.map(|found| found.map(|address| address.ip()).collect());
        match found {
            Ok(addresses) => self.learn(addresses),
            Err(error) => {
                self.fail();
                return Err(error);
            }
        }
        Ok(())
    }

    /// Notes the addresses; none at all is no news.
    pub fn learn(&self, mut addresses: Vec<IpAddr>) {
        if addresses.is_empty() {
            return self.fail();
        }
        addresses.sort_unstable();
        addresses.dedup();
        let before = self.known.load();
        let changed = before.addresses.as_deref() != Some(&addresses);
        if changed || before.failed {
            let version = before.version + u32::from(changed && before.addresses.is_some());
            self.known.store(Known { addresses: Some(addresses.into()), version, failed: false }.into());
        }
    }

    fn fail(&self) {
        let before = self.known.load();
        let (addresses, version) = (before.addresses.clone(), before.version);
        self.known.store(Known { addresses, version, failed: true }.into());
    }

    /// Whether addresses are known.
    pub fn is_known(&self) -> bool {
        self.known.load().addresses.is_some()
    }

    /// A number that changes with the addresses: connections from before are not used again.
    pub(super) fn version(&self) -> u32 {
        self.known.load().version
    }

    /// The addresses to connect to, in the order in which they are to be tried.
    pub(super) async fn addresses(&self) -> Result<Vec<SocketAddr>, UpstreamError> {
        if !self.is_known() {
            if self.known.load().failed {
                return Err(UpstreamError::Resolve);
            }
            self.look_up().await.map_err(|_| UpstreamError::Resolve)?;
        }
        let known = self.known.load();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) as usize;
        let ordered =
            ordered(known.addresses.as_deref().unwrap_or_default(), turn, self.by_ipv4.load(Ordering::Relaxed));
        Ok(ordered.into_iter().map(|address| SocketAddr::new(address, self.port)).collect())
    }

    /// Notes by what a connection was made.
    pub(super) fn connected(&self, address: SocketAddr) {
        self.by_ipv4.store(address.is_ipv4(), Ordering::Relaxed);
    }
}

/// Each family in turn, the addresses of each beginning at another one each time (RFC 8305, 4).
fn ordered(addresses: &[IpAddr], turn: usize, ipv4_first: bool) -> Vec<IpAddr> {
    let (mut first, mut second): (Vec<IpAddr>, Vec<IpAddr>) =
        addresses.iter().partition(|address| address.is_ipv4() == ipv4_first);
    for family in [&mut first, &mut second] {
        let by = turn % family.len().max(1);
        family.rotate_left(by);
    }
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut ordered = Vec::with_capacity(addresses.len());
    while ordered.len() < addresses.len() {
        ordered.extend(first.next().into_iter().chain(second.next()));
    }
    ordered
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.port)
    }
}

impl PartialEq for Host {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Host {}

impl Hash for Host {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::{Host, ordered};
    use std::net::IpAddr;

    fn ips(text: &str) -> Vec<IpAddr> {
        text.split(' ').map(|ip| ip.parse().unwrap()).collect()
    }

    #[test]
    fn families_alternate_and_addresses_take_turns() {
        let all = ips("10.0.0.1 10.0.0.2 10.0.0.3 ::1 ::2");
        assert_eq!(ordered(&all, 0, false), ips("::1 10.0.0.1 ::2 10.0.0.2 10.0.0.3"));
        assert_eq!(ordered(&all, 1, true), ips("10.0.0.2 ::2 10.0.0.3 ::1 10.0.0.1"));
        assert_eq!(ordered(&ips("::1"), 7, true), ips("::1"));
        assert!(ordered(&[], 3, true).is_empty());
    }

    #[test]
    fn what_was_known_stays() {
        let host = Host::new("a.example", 80);
        assert!(!host.is_known());
        host.learn(ips("10.0.0.2 10.0.0.1"));
        assert_eq!(host.version(), 0);
        host.learn(ips("10.0.0.1 10.0.0.2 10.0.0.1"));
        host.fail();
        host.learn(Vec::new());
        assert!(host.is_known() && host.version() == 0, "the same addresses in another order");
        host.learn(ips("10.0.0.1"));
        assert_eq!(host.version(), 1);
    }
}
