//! What the router is built from.

use std::sync::Arc;

use crate::table::router::conditions::Conditions;
use crate::value::host::HostPattern;
use crate::value::path::{PathPrefix, PathRegex, PathTemplate};

/// One entry of a route's `match`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The index of the route.
    pub route: u32,
    /// The index of the entry in its `match`.
    pub entry: u32,
    /// The indices of the listeners; at least one.
    pub listeners: Vec<u16>,
    /// The hosts; none means any.
    pub hosts: Vec<HostPattern>,
    /// The paths.
    pub path: PathMatch,
    /// What else must hold.
    pub conditions: Conditions,
    /// The `Auth`s of the first `auth` that guards all of its requests, as one text; `None` if there is none.
    pub auth: Option<Arc<str>>,
    /// What settles a wanted overlap: the highest is tried first.
    pub priority: i32,
}

/// The path condition of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathMatch {
    /// Every path; the same as the prefix `/`.
    Any,
    /// `path`
    Template(PathTemplate),
    /// `pathPrefix`
    Prefix(PathPrefix),
    /// `pathRegex`
    Regex(PathRegex),
}

impl PathMatch {
    /// Its text, that of a prefix without a slash at the end.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Any => "",
            Self::Template(template) => template.as_str(),
            Self::Prefix(prefix) => prefix.as_str(),
            Self::Regex(regex) => regex.as_str(),
        }
    }

    /// Whether it matches a normalised path.
    pub fn matches(&self, path: &str) -> bool {
        match self {
            Self::Any => path.starts_with('/'),
            Self::Template(template) => template.matches(path),
            Self::Prefix(prefix) => prefix.matches(path),
            Self::Regex(regex) => regex.matches(path),
        }
    }
}
