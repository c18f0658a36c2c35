//! Releases that some nodes take first: which nodes, and what all others go on with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::deploy::release::Statement;
use crate::deploy::release::fleet::{Fleet, Node, State};
use crate::deploy::release::receipt::check_node_name;
use crate::table::Digest;

/// The most nodes that a share of the fleet is: what is said of a release stays small, and so many are enough to see by.
const MOST: usize = 200;

/// Who a node is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// What a release makes a node run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    /// The number of the release that brought it.
    pub serial: u64,
    /// The digest of the bundle.
    pub bundle: Digest,
    /// The digest of the table that the bundle compiles to.
    pub table: Digest,
}

/// What is said of a release that only some nodes take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Canary {
    /// The nodes that take it.
    pub nodes: Chosen,
    /// What all others go on with.
    pub rest: Content,
}

/// The nodes that take a release. Each node finds out by itself whether it is one of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Chosen {
    /// Those with a label.
    Label {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// Those with these names.
    Named(Vec<String>),
}

/// Which nodes somebody wants to take a release first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Those with a label.
    Label(String, String),
    /// So many of a hundred.
    Percent(u8),
}

/// Why nodes cannot be chosen.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCanary {
    /// Nobody would take it.
    #[error("no node that is heard has the label `{0}={1}`, so nobody would take the release first")]
    Nobody(String, String),
    /// Nobody would be left.
    #[error("all nodes that are heard have the label `{0}={1}`, so there would be none to compare them with")]
    Everybody(String, String),
    /// There are too few.
    #[error("{0} of the nodes that have written receipts are heard: a canary needs at least two")]
    TooFew(usize),
}

impl Statement {
    /// What all nodes run that take no canary.
    pub fn settled(&self) -> Content {
        self.canary.as_ref().map_or_else(|| self.own(), |canary| canary.rest)
    }

    /// What a node is to run.
    pub fn content_for(&self, node: &Identity) -> Content {
        match &self.canary {
            Some(canary) if !canary.nodes.holds(node) => canary.rest,
            _ => self.own(),
        }
    }

    fn own(&self) -> Content {
        Content { serial: self.serial, bundle: self.bundle, table: self.table }
    }
}

impl Chosen {
    /// Whether a node is one of them.
    pub fn holds(&self, node: &Identity) -> bool {
        match self {
            Self::Label { name, value } => node.labels.get(name) == Some(value),
            Self::Named(names) => names.contains(&node.name),
        }
    }

    /// In words, such as `nodes with ring=canary`.
    pub fn describe(&self) -> String {
        match self {
            Self::Label { name, value } => format!("nodes with {name}={value}"),
            Self::Named(names) if names.len() > 3 => format!("{} nodes", names.len()),
            Self::Named(names) => names.join(", "),
        }
    }
}

impl Wish {
    /// `LABEL=VALUE`, or a share of the fleet such as `10%`.
    ///
    /// # Errors
    /// If it is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.contains('=') {
            return parse_label(text).map(|(name, value)| Self::Label(name, value));
        }
        match text.strip_suffix('%').unwrap_or(text).parse() {
            Ok(percent @ 1..=99) => Ok(Self::Percent(percent)),
            _ => Err("write a label of nodes, `ring=canary`, or a share of them from `1%` to `99%`".to_owned()),
        }
    }

    /// Chooses among the nodes that are heard. The share is rounded up, and other nodes are chosen for another bundle.
    ///
    /// # Errors
    /// If nobody would be chosen, or everybody.
    pub fn choose(&self, fleet: &Fleet, bundle: Digest) -> Result<Chosen, NoCanary> {
        // a receipt is not believed more than that there may be such a node
        let may_be = |node: &&Node| node.state != State::Silent && check_node_name(&node.receipt.node).is_ok();
        let heard = fleet.nodes.iter().filter(may_be);
        let heard: Vec<Identity> = heard.map(|node| node.receipt.identity()).collect();
        match self {
            Self::Label(name, value) => {
                let chosen = Chosen::Label { name: name.clone(), value: value.clone() };
                match heard.iter().filter(|node| chosen.holds(node)).count() {
                    0 => Err(NoCanary::Nobody(name.clone(), value.clone())),
                    all if all == heard.len() => Err(NoCanary::Everybody(name.clone(), value.clone())),
                    _ => Ok(chosen),
                }
            }
            Self::Percent(_) if heard.len() < 2 => Err(NoCanary::TooFew(heard.len())),
            Self::Percent(percent) => {
                let count = (heard.len() * usize::from(*percent)).div_ceil(100).min(heard.len() - 1).min(MOST);
                let mut names: Vec<String> = heard.into_iter().map(|node| node.name).collect();
                names.sort_by_cached_key(|name| Digest::of_bytes(format!("{bundle} {name}").as_bytes()).to_string());
                names.truncate(count);
                names.sort_unstable();
                Ok(Chosen::Named(names))
            }
        }
    }
}

/// Reads a label of a node, `NAME=VALUE`.
///
/// # Errors
/// Says what it is made of.
pub fn parse_label(text: &str) -> Result<(String, String), String> {
    let known = |part: &str| {
        !part.is_empty() && part.len() <= 63 && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
    };
    match text.split_once('=') {
        Some((name, value)) if known(name) && known(value) => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write `NAME=VALUE`, each of at most 63 letters, digits, `-`, `_`, `.` and `/`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Chosen, Identity, NoCanary, Wish};
    use crate::deploy::release::fleet::{Fleet, Node, State};
    use crate::deploy::release::receipt::Receipt;
    use crate::table::Digest;

    /// A fleet of nodes of which the first few have a label, and one that is silent.
    fn fleet(heard: usize, labelled: usize) -> Fleet {
        let node = |index: usize| {
            let mut receipt = Receipt::new(format!("edge-{index}"), Timestamp::UNIX_EPOCH);
            if index < labelled {
                receipt.labels.insert("ring".to_owned(), "canary".to_owned());
            }
            let state = if index < heard { State::Follows } else { State::Silent };
            Node { state, canary: false, receipt }
        };
        Fleet { current: None, nodes: (0..=heard).map(node).collect() }
    }

    fn chosen(wish: &str, heard: usize, labelled: usize) -> Result<Chosen, NoCanary> {
        Wish::parse(wish).unwrap().choose(&fleet(heard, labelled), Digest::of_bytes(b"a"))
    }

    #[test]
    fn some_are_chosen_and_some_are_left() {
        let named = |wish: &str, heard: usize| match chosen(wish, heard, 0).unwrap() {
            Chosen::Named(names) => names.len(),
            Chosen::Label { .. } => 0,
        };
        for (wish, heard, count) in [("1%", 2, 1), ("99", 2, 1), ("10%", 10, 1), ("11%", 10, 2), ("50%", 2000, 200)] {
            assert_eq!(named(wish, heard), count, "{wish} of {heard}");
        }
        assert_eq!(chosen("10%", 1, 0), Err(NoCanary::TooFew(1)));
        let all = chosen("50%", 40, 0).unwrap();
        let other = Wish::Percent(50).choose(&fleet(40, 0), Digest::of_bytes(b"b")).unwrap();
        assert_eq!(all, chosen("50%", 40, 0).unwrap());
        assert_ne!(all, other);
    }

    #[test]
    fn a_label_is_one_that_some_have() {
        let ring = ("ring".to_owned(), "canary".to_owned());
        let holds = |labels: &[&(String, String)]| {
            let labels = labels.iter().map(|label| (*label).clone()).collect();
            chosen("ring=canary", 3, 1).unwrap().holds(&Identity { name: "edge-9".into(), labels })
        };
        assert!(holds(&[&ring]) && !holds(&[]));
        assert_eq!(chosen("ring=canary", 3, 0), Err(NoCanary::Nobody(ring.0.clone(), ring.1.clone())));
        assert_eq!(chosen("ring=canary", 3, 3), Err(NoCanary::Everybody(ring.0, ring.1)));
        for wrong in ["", "0%", "100%", "ten", "=a", "a=", "a=b c", "a=b=c"] {
            Wish::parse(wrong).unwrap_err();
        }
    }
}
