//! Which host pattern of a listener a host meets.

use crate::table::router::text_map::TextMap;
use crate::value::host::HostPattern;

/// Added to the number of a listener in the key of a wildcard's suffix.
const WILDCARD: u32 = 1 << 16;

/// The host patterns of all listeners, each with the number of its site.
#[derive(Debug)]
pub(super) struct Hosts {
    names: TextMap,
    any: Box<[Option<u32>]>,
    has_wildcards: bool,
}

impl Hosts {
    /// Indexes patterns, each with its listener and its site; `None` is any host.
    pub(super) fn new(patterns: &[(u16, Option<&HostPattern>, u32)]) -> Self {
        let listeners = patterns.iter().map(|(listener, ..)| usize::from(*listener) + 1).max().unwrap_or(0);
        let mut any = vec![None; listeners].into_boxed_slice();
        let mut names = Vec::with_capacity(patterns.len());
        for &(listener, pattern, site) in patterns {
            match pattern {
                Some(HostPattern::Exact(name)) => names.push((u32::from(listener), name.as_str(), site)),
                Some(HostPattern::Wildcard(suffix)) => {
                    names.push((u32::from(listener) | WILDCARD, suffix.as_str(), site));
                }
                None => any[usize::from(listener)] = Some(site),
            }
        }
        let has_wildcards = names.iter().any(|(key, ..)| key & WILDCARD != 0);
        Self { names: TextMap::new(&names), any, has_wildcards }
    }

    /// The site of a host: that of the exact name, else of the longest wildcard, else of any host.
    pub(super) fn find(&self, listener: u16, host: &str) -> Option<u32> {
        self.names
            .get(u32::from(listener), host)
            .or_else(|| if self.has_wildcards { self.longest_wildcard(listener, host) } else { None })
            .or_else(|| self.any.get(usize::from(listener)).copied().flatten())
    }

    fn longest_wildcard(&self, listener: u16, host: &str) -> Option<u32> {
        std::iter::successors(parent(host), |name| parent(name))
            .find_map(|suffix| self.names.get(u32::from(listener) | WILDCARD, suffix))
    }
}

/// A name without its first label.
fn parent(name: &str) -> Option<&str> {
    name.split_once('.').map(|(_, parent)| parent)
}

#[cfg(test)]
mod tests {
    use super::Hosts;
    use crate::value::Scalar;
    use crate::value::host::HostPattern;

    #[test]
    fn exact_then_longest_wildcard_then_any() {
        let patterns = ["a.example", "*.example", "*.eu.example"].map(|text| HostPattern::parse(text).unwrap());
        let mut list: Vec<_> = patterns.iter().zip(1..).map(|(pattern, site)| (0, Some(pattern), site)).collect();
        let check = |hosts: &Hosts, any| {
            for (host, site) in [
                ("a.example", Some(1)),
                ("b.example", Some(2)),
                ("x.a.example", Some(2)),
                ("eu.example", Some(2)),
                ("x.eu.example", Some(3)),
                ("x.y.eu.example", Some(3)),
                ("example", any),
                ("other", any),
                ("", any),
                ("[::1]", any),
            ] {
                assert_eq!(hosts.find(0, host), site, "{host}");
                assert_eq!(hosts.find(1, host), None, "{host} on another listener");
            }
        };
        check(&Hosts::new(&list), None);
        list.push((0, None, 9));
        check(&Hosts::new(&list), Some(9));
    }
}
