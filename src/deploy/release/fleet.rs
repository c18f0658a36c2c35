//! The fleet as its receipts show it: which node runs which release, which one refused it and why, and who is silent.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::deploy::release::receipt::{EVERY, RECEIPT_LIMIT, RECEIPTS, Receipt, RefusedRelease};
use crate::deploy::release::{Release, Statement};
use crate::deploy::store::{Found, Objects, StoreError};
use crate::diagnostic::render::printable;
use crate::table::Digest;

/// A node that has written no receipt for so long is silent.
const SILENT: Duration = Duration::from_secs(3 * EVERY.as_secs());

/// All nodes that have written a receipt, and the release that they follow.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// What the store says is in force.
    pub current: Option<Release>,
    /// The nodes, by name.
    pub nodes: Vec<Node>,
}

/// What manifests compile to, beside what is released.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// What they are, such as `gateway.d (3f2a1b0c9d1e)`.
    pub name: String,
    /// The digest of its table; `None` if its manifests have errors.
    pub table: Option<Digest>,
    /// Whether that is another table than the one that is released.
    pub drifts: bool,
}

/// A node, as its receipt shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// How it stands to the release in force.
    pub state: State,
    /// Whether it is one of those that take the release before the others.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub canary: bool,
    /// What it says of itself.
    #[serde(flatten)]
    pub receipt: Receipt,
}

/// How a node stands to a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// It runs it, or a later one.
    Follows,
    /// It doesn't run it yet.
    Behind,
    /// It refused it.
    Refuses,
    /// It hasn't written a receipt for a while.
    Silent,
}

impl State {
    const ALL: [Self; 4] = [Self::Follows, Self::Behind, Self::Refuses, Self::Silent];

    fn of(receipt: &Receipt, wanted: Option<&Statement>, now: Timestamp) -> Self {
        let age = now.duration_since(receipt.written);
        if age.unsigned_abs() > SILENT && age.is_positive() {
            return Self::Silent;
        }
        let Some(wanted) = wanted else { return Self::Follows };
        let runs = |serial: u64| serial >= wanted.serial;
        match (&receipt.running, &receipt.refused) {
            // an old release that was put back is refused by nodes that run a newer one
            (_, Some(refused)) if refused.serial == Some(wanted.serial) => Self::Refuses,
            (Some(running), _) if runs(running.serial) => Self::Follows,
            (_, Some(RefusedRelease { serial: Some(serial), .. })) if runs(*serial) => Self::Refuses,
            _ => Self::Behind,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Follows => "follows",
            Self::Behind => "behind",
            Self::Refuses => "refuses",
            Self::Silent => "silent",
        }
    }
}

impl Fleet {
    /// Reads the receipts in a store. One that cannot be read as such is none.
    ///
    /// # Errors
    /// If the store cannot be asked.
    pub fn read(current: Option<Release>, receipts: &dyn Objects, now: Timestamp) -> Result<Self, StoreError> {
        let wanted = current.as_ref().map(|release| &release.statement);
        let mut nodes = Vec::new();
        for key in receipts.list(RECEIPTS)? {
            let Found::Object(content, _) = receipts.get(&key, RECEIPT_LIMIT, None)? else { continue };
            match serde_json::from_slice::<Receipt>(&content) {
                Ok(receipt) => nodes.push(Node {
                    state: State::of(&receipt, wanted, now),
                    canary: takes_canary(wanted, &receipt),
                    receipt,
                }),
                Err(error) => tracing::warn!(key, %error, "it is no receipt"),
            }
        }
        nodes.sort_by(|a, b| a.receipt.node.cmp(&b.receipt.node));
        Ok(Self { current, nodes })
    }

    /// How many nodes are in a state.
    pub fn count(&self, state: State) -> usize {
        self.nodes.iter().filter(|node| node.state == state).count()
    }

    /// Whether all nodes that are heard run the release, and there are some.
    pub fn follows(&self) -> bool {
        self.count(State::Follows) > 0 && self.is_decided() && self.count(State::Refuses) == 0
    }

    /// Whether all nodes that are heard of those that take the release first run it, and there are some.
    pub fn canary_follows(&self) -> bool {
        let mut heard = self.nodes.iter().filter(|node| node.canary && node.state != State::Silent).peekable();
        heard.peek().is_some() && heard.all(|node| node.state == State::Follows)
    }

    /// Whether each node that is heard has taken or refused it, and there are some.
    pub fn is_decided(&self) -> bool {
        self.count(State::Behind) == 0 && self.count(State::Silent) < self.nodes.len()
    }

    /// What manifests compile to, beside what is released.
    pub fn drift(&self, name: String, table: Option<Digest>) -> Drift {
        let released = self.current.as_ref().map(|release| release.statement.table);
        Drift { name, table, drifts: table.is_none() || table != released }
    }

    /// The nodes for programs, with how many are in each state.
    pub fn document(&self) -> serde_json::Value {
        let counts: serde_json::Map<String, serde_json::Value> =
            State::ALL.iter().map(|state| (state.as_str().to_owned(), self.count(*state).into())).collect();
        serde_json::json!({ "counts": counts, "nodes": self.nodes })
    }

    /// Such as `37 of 40 nodes follow: 2 refuse, 1 is silent`.
    pub fn summary(&self) -> String {
        if self.nodes.is_empty() {
            return "no node has written a receipt\n".to_owned();
        }
        let (follows, all) = (self.count(State::Follows), self.nodes.len());
        let mut text = format!("{follows} of {all} node{} it", if all == 1 { " runs" } else { "s run" });
        for state in &State::ALL[1..] {
            let count = self.count(*state);
            if count > 0 {
                let _ = write!(text, ", {count} {}", state.as_str());
            }
        }
        text + "\n"
    }

    /// The nodes for people, one a line, and below it what it refused and why.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let width = self.nodes.iter().map(|node| node.receipt.node.chars().count()).max().unwrap_or(0).min(60);
        for Node { state, canary, receipt } in &self.nodes {
            let running = receipt.running.as_ref().map_or_else(
                || "nothing".to_owned(),
                |running| format!("release {} ({}) since {}", running.serial, running.bundle.short(), running.since),
            );
            let canary = if *canary { ", canary" } else { "" };
            let _ = writeln!(text, "  {:<width$}  {:<8} {running}{canary}", receipt.node, state.as_str());
            if *state == State::Silent {
                let _ = writeln!(text, "  {:<width$}  last heard of {}", "", receipt.written);
            }
            if let Some(refused) = &receipt.refused {
                why(refused, width, &mut text);
            }
        }
        printable(&text)
    }
}

/// Whether a node takes a release that not all take.
fn takes_canary(wanted: Option<&Statement>, receipt: &Receipt) -> bool {
    let canary = wanted.and_then(|wanted| wanted.canary.as_ref());
    canary.is_some_and(|canary| canary.nodes.holds(&receipt.identity()))
}

impl Drift {
    /// The same for people.
    pub fn line(&self) -> String {
        let name = &self.name;
        match &self.table {
            None => format!("{name} has errors, so it is not what is released\n"),
            Some(table) if self.drifts => {
                format!("{name} is not what is released: it compiles to the table {}\n", table.short())
            }
            Some(_) => format!("{name} is what is released\n"),
        }
    }
}

fn why(refused: &RefusedRelease, width: usize, text: &mut String) {
    let reason = refused.reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
    let which = refused.serial.map_or_else(|| "no new release".to_owned(), |serial| format!("refused {serial}"));
    let trouble = refused.trouble.as_ref().map_or_else(String::new, |trouble| format!(": {trouble}"));
    let _ = writeln!(text, "  {:<width$}  {which}{reason}{trouble}", "");
    for problem in &refused.problems {
        let place = problem.place.as_ref().map_or_else(String::new, |place| format!("{place}: "));
        let _ = writeln!(text, "  {:<width$}    {place}{} {}", "", problem.code, problem.message);
    }
}
