//! A picture in the language of Mermaid, which Git hosts draw within Markdown.

use std::fmt::Write as _;

use crate::deploy::graph::{Graph, Kind};

/// The picture as a flow chart.
pub fn mermaid(graph: &Graph) -> String {
    let mut out = String::from("flowchart LR\n");
    for node in &graph.nodes {
        let (open, close) = match node.kind {
            Kind::Listener => ("([", "])"),
            Kind::Route => ("[", "]"),
            Kind::Plugin => ("[[", "]]"),
            Kind::Backend => ("[(", ")]"),
        };
        let label: Vec<String> = node.label.iter().map(|line| escaped(line)).collect();
        // Writing into a string cannot fail.
        let _ = writeln!(out, "  {}{open}\"{}\"{close}", node.id, label.join("<br>"));
    }
    for edge in &graph.edges {
        let arrow = if edge.copies { "-.->" } else { "-->" };
        let label = if edge.label.is_empty() { String::new() } else { format!("|\"{}\"|", escaped(&edge.label)) };
        let _ = writeln!(out, "  {} {arrow}{label} {}", edge.from, edge.to);
    }
    out
}

/// Mermaid knows characters by the numbers that HTML has for them.
fn escaped(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || " ./:-_,*{}|%@~".contains(c);
    text.chars().map(|c| if plain(c) { c.to_string() } else { format!("#{};", u32::from(c)) }).collect()
}
