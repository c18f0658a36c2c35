//! Which requests of a log get something else.

use std::cmp::Reverse;
use std::fmt::Write as _;

use serde::Serialize;

use crate::deploy::replay::decide::{Decision, Names};
use crate::deploy::replay::tally::Tally;
use crate::table::space::Facet;

/// How many clients of a class are named.
const CLIENTS: usize = 3;

/// Which requests of a log get something else.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The version of this form.
    pub format_version: u32,
    /// How many requests were decided.
    pub requests: u64,
    /// How many of them get something else.
    pub changed: u64,
    /// How many lines are of no known format.
    pub unknown_lines: u64,
    /// The requests that get something else: the most frequent first.
    pub classes: Vec<Changed>,
}

/// Requests that get something else.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// What they got: a route, or why none.
    pub old: String,
    /// What they get.
    pub new: String,
    /// What the route does differently, where both are the same one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<String>,
    /// Whether the outcome may depend on header fields, cookies, a query or a certificate, which the log doesn't hold.
    pub maybe: bool,
    /// How many.
    pub count: u64,
    /// The first ones.
    pub examples: Vec<String>,
    /// The clients that sent most of them, each with how many.
    pub clients: Vec<(String, u64)>,
}

impl Report {
    pub(super) fn new(tally: Tally, names: &Names) -> Self {
        let said = |decision: Decision| match decision {
            Decision::NotFound => "no route (404)".to_owned(),
            Decision::MethodNotAllowed => "no route for the method (405)".to_owned(),
            Decision::Forbidden => "another caller (403)".to_owned(),
            Decision::Route(route, _) => format!("the route {}", names.get(route)),
        };
        let classes = tally.classes.into_iter().map(|(class, found)| {
            let mut clients: Vec<(String, u64)> =
                found.clients.into_iter().map(|(client, count)| (client.into_string(), count)).collect();
            clients.sort_by_key(|(client, count)| (Reverse(*count), client.clone()));
            clients.truncate(CLIENTS);
            let (old, new) = (said(class.old), said(class.new));
            let examples = found.examples.into_iter().map(|(_, example)| example).collect();
            let differences = class.differences.iter().map(facet).collect();
            Changed { differences, old, new, maybe: class.maybe, count: found.count, examples, clients }
        });
        let mut classes: Vec<Changed> = classes.collect();
        let key = |class: &Changed| (class.old.clone(), class.new.clone(), class.differences.clone(), class.maybe);
        classes.sort_by_key(|class| (Reverse(class.count), key(class)));
        Self {
            format_version: 1,
            requests: tally.requests,
            changed: classes.iter().map(|class| class.count).sum(),
            unknown_lines: tally.unknown,
            classes,
        }
    }

    /// It as text for people.
    pub fn human(&self) -> String {
        let mut out = String::new();
        for class in &self.classes {
            let change = if class.differences.is_empty() {
                format!("{} -> {}", class.old, class.new)
            } else {
                format!("{} differs in {}", class.old, class.differences.join(", "))
            };
            let maybe = if class.maybe { ", if header fields, cookies and query don't say otherwise" } else { "" };
            // Writing into a string cannot fail.
            let _ = writeln!(out, "{:>10}  {change}{maybe}", class.count);
            for example in &class.examples {
                let _ = writeln!(out, "            {}", example.escape_debug());
            }
            let clients: Vec<String> =
                class.clients.iter().map(|(client, count)| format!("{} ({count})", client.escape_debug())).collect();
            let _ = writeln!(out, "            clients: {}", clients.join(", "));
        }
        let share = share(self.changed, self.requests);
        let _ = writeln!(out, "{} requests, {} of them ({share} %) get something else", self.requests, self.changed);
        if self.unknown_lines > 0 {
            let _ = writeln!(out, "{} lines are of no known format", self.unknown_lines);
        }
        out
    }
}

/// What a route does differently, in words.
fn facet(facet: &Facet) -> String {
    match facet {
        Facet::Route => "its name".to_owned(),
        Facet::Status => "the status".to_owned(),
        Facet::Authentication => "how callers prove who they are".to_owned(),
        Facet::Tls => "TLS with clients".to_owned(),
        Facet::UpstreamTls => "TLS with servers".to_owned(),
        Facet::Plugin(id) => format!("the plugin {id}"),
        Facet::Parameters => "its path parameters".to_owned(),
        Facet::Backend => "its backend".to_owned(),
        Facet::Split => "how it is split".to_owned(),
        Facet::Mirror => "where copies go".to_owned(),
        Facet::Timeouts => "its timeouts".to_owned(),
        Facet::Retries => "its retries".to_owned(),
    }
}

/// A part in percent, with two digits behind the point.
fn share(part: u64, whole: u64) -> String {
    let hundredths = (u128::from(part) * 10_000).checked_div(u128::from(whole)).unwrap_or(0);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
