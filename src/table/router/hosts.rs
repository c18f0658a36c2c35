//! The host patterns of one listener.

use std::collections::HashMap;

use ahash::RandomState;

use crate::value::host::HostPattern;

/// A host pattern, and the root of its trie.
#[derive(Debug)]
pub(super) struct Site {
    /// Any host if absent.
    pub(super) pattern: Option<HostPattern>,
    pub(super) root: u32,
}

/// The sites of a listener, by their hosts.
#[derive(Debug, Default)]
pub(super) struct HostIndex {
    exact: HashMap<Box<str>, u32, RandomState>,
    wildcards: HashMap<Box<str>, u32, RandomState>,
    any: Option<u32>,
}

impl HostIndex {
    pub(super) fn insert(&mut self, pattern: Option<&HostPattern>, site: u32) {
        match pattern {
            Some(HostPattern::Exact(name)) => drop(self.exact.insert(name.as_str().into(), site)),
            Some(HostPattern::Wildcard(suffix)) => drop(self.wildcards.insert(suffix.as_str().into(), site)),
            None => self.any = Some(site),
        }
    }

    /// The site of a host: that of the exact name, else of the longest wildcard, else of any host.
    pub(super) fn find(&self, host: &str) -> Option<u32> {
        self.exact.get(host).copied().or_else(|| self.longest_wildcard(host)).or(self.any)
    }

    fn longest_wildcard(&self, host: &str) -> Option<u32> {
        if self.wildcards.is_empty() {
            return None;
        }
        let mut rest = host;
        while let Some((_, suffix)) = rest.split_once('.') {
            if let Some(site) = self.wildcards.get(suffix) {
                return Some(*site);
            }
            rest = suffix;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::HostIndex;
    use crate::value::Scalar;
    use crate::value::host::HostPattern;

    #[test]
    fn exact_then_longest_wildcard_then_any() {
        let mut index = HostIndex::default();
        for (pattern, site) in [("a.example", 1), ("*.example", 2), ("*.eu.example", 3)] {
            index.insert(Some(&HostPattern::parse(pattern).unwrap()), site);
        }
        let check = |index: &HostIndex, any| {
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
                assert_eq!(index.find(host), site, "{host}");
            }
        };
        check(&index, None);
        index.insert(None, 9);
        check(&index, Some(9));
    }
}
