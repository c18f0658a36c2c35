//! A picture in the language of Graphviz.

use std::fmt::Write as _;

use crate::deploy::graph::{Graph, Kind};

/// The picture as a directed graph.
pub fn dot(graph: &Graph) -> String {
    let mut out = String::from("digraph gateway {\n  rankdir=LR;\n  node [fontname=\"sans-serif\", fontsize=11];\n");
    for node in &graph.nodes {
        let shape = match node.kind {
            Kind::Listener => "oval",
            Kind::Route => "box",
            Kind::Plugin => "component",
            Kind::Backend => "cylinder",
        };
        let label: Vec<String> = node.label.iter().map(|line| escaped(line)).collect();
        // Writing into a string cannot fail.
        let _ = writeln!(out, "  {} [shape={shape}, label=\"{}\"];", node.id, label.join("\\n"));
    }
    for edge in &graph.edges {
        let label = if edge.label.is_empty() { String::new() } else { format!("label=\"{}\"", escaped(&edge.label)) };
        let style = if edge.copies { "style=dashed" } else { "" };
        let attributes: Vec<&str> = [label.as_str(), style].into_iter().filter(|text| !text.is_empty()).collect();
        let attributes = if attributes.is_empty() { String::new() } else { format!(" [{}]", attributes.join(", ")) };
        let _ = writeln!(out, "  {} -> {}{attributes};", edge.from, edge.to);
    }
    out.push_str("}\n");
    out
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
