//! Sets of methods: some, or all but some.

use std::fmt;

use crate::value::method::Method;

/// A set of methods.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MethodSet {
    /// Sorted.
    listed: Vec<Method>,
    /// Whether the listed ones are those that are not in the set.
    all_but: bool,
}

impl MethodSet {
    /// Every method.
    pub fn every() -> Self {
        Self { listed: Vec::new(), all_but: true }
    }

    /// What the `methods` of a manifest mean: none given is every one.
    pub fn of(methods: &[Method]) -> Self {
        let mut listed = methods.to_vec();
        listed.sort_unstable();
        listed.dedup();
        Self { all_but: listed.is_empty(), listed }
    }

    /// The methods by which it is told: those that are in it, or those that are not.
    pub(super) fn listed(&self) -> &[Method] {
        &self.listed
    }

    /// Whether a method is in it.
    pub fn contains(&self, method: &Method) -> bool {
        self.listed.binary_search(method).is_ok() != self.all_but
    }

    /// Whether no method is in it.
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty() && !self.all_but
    }

    /// Whether every method is in it.
    pub fn is_every(&self) -> bool {
        self.listed.is_empty() && self.all_but
    }

    /// What is in both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        match (self.all_but, other.all_but) {
            (true, true) => Self { listed: union(&self.listed, &other.listed), all_but: true },
            (true, false) => other.and(self),
            (false, _) => Self {
                listed: self.listed.iter().filter(|method| other.contains(method)).cloned().collect(),
                all_but: false,
            },
        }
    }

    /// What is in one of them.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        self.not().and(&other.not()).not()
    }

    /// What is not in it.
    #[must_use]
    pub fn not(&self) -> Self {
        Self { listed: self.listed.clone(), all_but: !self.all_but }
    }

    /// One of them, a common one if there is one.
    pub fn sample(&self) -> Method {
        let common = [
            Method::Get,
            Method::Post,
            Method::Put,
            Method::Delete,
            Method::Patch,
            Method::Head,
            Method::Options,
            Method::Other("PROPFIND".into()),
        ];
        let rare = (0..).map(|i| Method::Other(format!("METHOD-{i}").into()));
        let listed = self.listed.iter().filter(|_| !self.all_but).cloned();
        common.into_iter().chain(listed).chain(rare).find(|method| self.contains(method)).unwrap_or_default()
    }
}

fn union(a: &[Method], b: &[Method]) -> Vec<Method> {
    let mut all: Vec<Method> = a.iter().chain(b).cloned().collect();
    all.sort_unstable();
    all.dedup();
    all
}

impl fmt::Display for MethodSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed: Vec<&str> = self.listed.iter().map(Method::as_str).collect();
        match (self.all_but, listed.is_empty()) {
            (true, true) => f.write_str("any method"),
            (true, false) => write!(f, "any method but {}", listed.join(", ")),
            (false, _) => f.write_str(&listed.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::MethodSet;
    use crate::value::method::Method;

    #[test]
    fn sets_are_combined() {
        let get = MethodSet::of(&[Method::Get]);
        let both = MethodSet::of(&[Method::Put, Method::Get]);
        assert_eq!(both.and(&get), get);
        assert_eq!(both.and(&get.not()).to_string(), "PUT");
        assert_eq!(get.not().and(&both.not()).to_string(), "any method but GET, PUT");
        assert!(get.or(&get.not()).is_every() && get.and(&get.not()).is_empty());
        assert_eq!(MethodSet::every().sample(), Method::Get);
        assert_eq!(get.not().sample(), Method::Post);
        assert_eq!(MethodSet::of(&[]).to_string(), "any method");
    }
}
