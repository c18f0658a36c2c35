//! Something for each host: exact names come before wildcards, longer wildcards before shorter ones.

use std::collections::HashMap;

use crate::value::host::HostPattern;

type Names<T> = HashMap<Box<str>, T, ahash::RandomState>;

/// Values by the hosts that they are for.
#[derive(Debug)]
pub struct ByHost<T> {
    exact: Names<T>,
    /// By what stands behind `*.`.
    wildcard: Names<T>,
}

impl<T> Default for ByHost<T> {
    fn default() -> Self {
        Self { exact: Names::default(), wildcard: Names::default() }
    }
}

impl<T: Default> ByHost<T> {
    /// The value of a pattern, to be filled in.
    pub fn entry(&mut self, pattern: &HostPattern) -> &mut T {
        let (names, name) = match pattern {
            HostPattern::Exact(name) => (&mut self.exact, name),
            HostPattern::Wildcard(suffix) => (&mut self.wildcard, suffix),
        };
        names.entry(name.as_str().into()).or_default()
    }
}

impl<T> ByHost<T> {
    /// The value for a host, in lower case.
    pub fn find(&self, host: &str) -> Option<&T> {
        if let Some(found) = self.exact.get(host) {
            return Some(found);
        }
        let mut rest = host;
        while let Some((label, suffix)) = rest.split_once('.') {
            if let Some(found) = self.wildcard.get(suffix).filter(|_| !label.is_empty()) {
                return Some(found);
            }
            rest = suffix;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::ByHost;

    #[test]
    fn the_most_specific_pattern_wins() {
        let mut hosts = ByHost::<&str>::default();
        for pattern in ["a.example", "*.example", "*.b.example"] {
            *hosts.entry(&pattern.parse().unwrap()) = pattern;
        }
        for (host, found) in [
            ("a.example", Some("a.example")),
            ("x.example", Some("*.example")),
            ("x.y.example", Some("*.example")),
            ("x.b.example", Some("*.b.example")),
            ("b.example", Some("*.example")),
            ("example", None),
            (".example", None),
            ("other", None),
        ] {
            assert_eq!(hosts.find(host).copied(), found, "{host}");
        }
    }
}
