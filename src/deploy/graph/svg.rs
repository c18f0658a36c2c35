//! A picture as SVG. It is drawn here, so that it needs no other program and is the same everywhere; a layout for graphs of any
//! shape would gain nothing: requests go from left to right, and each route has a row for itself and its plugins.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::deploy::graph::{Graph, Kind, Node};
use crate::diagnostic::render::xml::{attribute, escaped};

/// The width of a character and the height of a line, of the font that is asked for.
const CHARACTER: usize = 7;
const LINE: usize = 16;

/// What is free around texts, between rows, and between columns.
const PADDING: usize = 10;
const GAP: usize = 16;
const GUTTER: usize = 110;

/// A longer line is cut; pointing at it shows all of it.
const LONGEST: usize = 48;

/// How things look.
const STYLE: &str = "text{font:12px monospace;fill:#222}.label{paint-order:stroke;stroke:#fff;stroke-width:4px}\
    rect{stroke:#555}path{fill:none;stroke:#555}\
    .listener{fill:#e3f0ff}.route{fill:#fff8dc}.plugin{fill:#f0f0f0}.backend{fill:#e2f5e2}.copies{stroke-dasharray:5 4}";

/// Where a node stands.
#[derive(Clone, Copy, Default)]
struct Area {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

impl Area {
    fn middle(self) -> usize {
        self.y + self.height / 2
    }

    fn right(self) -> usize {
        self.x + self.width
    }
}

/// Where everything stands.
struct Layout<'a> {
    areas: HashMap<&'a str, Area>,
    /// Where the gutter before the last column begins.
    gutter: usize,
    width: usize,
    height: usize,
}

/// The picture as SVG.
pub fn svg(graph: &Graph) -> String {
    let layout = Layout::of(graph);
    let Layout { width, height, .. } = layout;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <style>{STYLE}</style>\n\
         <defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" \
         orient=\"auto\"><path d=\"M0 0 8 4 0 8\"/></marker></defs>\n\
         <rect width=\"100%\" height=\"100%\" style=\"fill:#fff;stroke:none\"/>\n"
    );
    layout.edges(graph, &mut out);
    for node in &graph.nodes {
        write_node(node, layout.area(&node.id), &mut out);
    }
    out.push_str("</svg>\n");
    out
}

impl<'a> Layout<'a> {
    fn of(graph: &'a Graph) -> Self {
        let (columns, rows) = spots(graph);
        let last = columns.iter().copied().max().unwrap_or_default() + 1;
        let column = |at: usize| if graph.nodes[at].kind == Kind::Backend { last } else { columns[at] };
        let (mut widths, mut heights) =
            (vec![0; last + 1], vec![0; rows.iter().flatten().max().map_or(0, |row| row + 1)]);
        for (at, node) in graph.nodes.iter().enumerate() {
            let (width, height) = size(node);
            widths[column(at)] = widths[column(at)].max(width);
            if let Some(row) = rows[at] {
                heights[row] = heights[row].max(height);
            }
        }
        let (lefts, width) = cumulated(&widths, GUTTER);
        let (tops, height) = cumulated(&heights, GAP);
        let areas = graph.nodes.iter().enumerate().map(|(at, node)| {
            let height = size(node).1;
            let y = rows[at].map_or(0, |row| tops[row] + (heights[row] - height) / 2);
            (node.id.as_str(), Area { x: lefts[column(at)], y, width: widths[column(at)], height })
        });
        let mut layout = Self { areas: areas.collect(), gutter: lefts[last] - GUTTER, width, height };
        layout.stack(graph, Kind::Listener);
        layout.stack(graph, Kind::Backend);
        layout
    }

    fn area(&self, id: &str) -> Area {
        self.areas.get(id).copied().unwrap_or_default()
    }

    /// Puts the nodes of a kind, which have no rows, as near to what they lead to or what leads to them as their number allows.
    fn stack(&mut self, graph: &'a Graph, kind: Kind) {
        let near = |id: &str| {
            let edges = graph.edges.iter().filter_map(|edge| match (edge.from == id, edge.to == id) {
                (true, _) => Some(&edge.to),
                (_, true) => Some(&edge.from),
                _ => None,
            });
            let middles: Vec<usize> = edges.map(|other| self.area(other).middle()).collect();
            middles.iter().sum::<usize>().checked_div(middles.len()).unwrap_or_default()
        };
        let of_kind = graph.nodes.iter().filter(|node| node.kind == kind);
        let mut wanted: Vec<(usize, &str)> = of_kind.map(|node| (near(&node.id), node.id.as_str())).collect();
        wanted.sort_by_key(|(middle, _)| *middle);
        let mut top = GAP;
        for (middle, id) in wanted {
            let Some(area) = self.areas.get_mut(id) else { continue };
            area.y = top.max(middle.saturating_sub(area.height / 2));
            top = area.y + area.height + GAP;
        }
        self.height = self.height.max(top);
    }

    /// An edge stays in the row where it begins up to the last column, and bends in the free space before it.
    fn edges(&self, graph: &Graph, out: &mut String) {
        let mut labels = String::new();
        for edge in &graph.edges {
            let (from, to) = (self.area(&edge.from), self.area(&edge.to));
            let bend = if to.x > self.gutter { self.gutter } else { from.right() };
            let (half, start, end) = (usize::midpoint(bend, to.x), from.middle(), to.middle());
            let class = if edge.copies { " class=\"copies\"" } else { "" };
            // Writing into a string cannot fail.
            let _ = writeln!(
                out,
                "<path{class} marker-end=\"url(#arrow)\" d=\"M{} {start}H{bend}C{half} {start} {half} {end} {} {end}\"/>",
                from.right(),
                to.x
            );
            if !edge.label.is_empty() {
                let (y, label) = (usize::midpoint(start, end) - 3, escaped(&edge.label));
                let _ = writeln!(
                    labels,
                    "<text class=\"label\" x=\"{half}\" y=\"{y}\" text-anchor=\"middle\">{label}</text>"
                );
            }
        }
        out.push_str(&labels);
    }
}

/// The column of each node, and its row if it has one.
fn spots(graph: &Graph) -> (Vec<usize>, Vec<Option<usize>>) {
    let (mut next_row, mut column) = (0_usize, 0);
    let spots = graph.nodes.iter().map(|node| match node.kind {
        Kind::Listener | Kind::Backend => (0, None),
        Kind::Route => {
            (next_row, column) = (next_row + 1, 1);
            (column, Some(next_row - 1))
        }
        Kind::Plugin => {
            column += 1;
            (column, next_row.checked_sub(1))
        }
    });
    spots.unzip()
}

/// Where things of some sizes begin that stand behind each other, and where all of them end.
fn cumulated(sizes: &[usize], between: usize) -> (Vec<usize>, usize) {
    let mut end = GAP;
    let begins = sizes.iter().map(|size| {
        let begin = end;
        end += size + between;
        begin
    });
    let begins = begins.collect();
    (begins, end - between.min(end) + GAP)
}

fn cut(line: &str) -> String {
    if line.chars().count() <= LONGEST {
        return line.to_owned();
    }
    line.chars().take(LONGEST - 1).chain(['…']).collect()
}

fn size(node: &Node) -> (usize, usize) {
    let longest = node.label.iter().map(|line| cut(line).chars().count()).max().unwrap_or_default();
    (longest * CHARACTER + 2 * PADDING, node.label.len() * LINE + 2 * PADDING)
}

fn write_node(node: &Node, area: Area, out: &mut String) {
    let (class, round) = match node.kind {
        Kind::Listener => ("listener", area.height / 2),
        Kind::Route => ("route", 0),
        Kind::Plugin => ("plugin", 4),
        Kind::Backend => ("backend", 10),
    };
    let Area { x, y, width, height } = area;
    let title = attribute(&node.label.join("\n"));
    let _ = writeln!(
        out,
        "<g><title>{title}</title><rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"{round}\"/>"
    );
    for (line, text) in node.label.iter().enumerate() {
        let (x, y) = (x + width / 2, y + PADDING + LINE * line + LINE * 3 / 4);
        let weight = if line == 0 { " font-weight=\"bold\"" } else { "" };
        let _ =
            writeln!(out, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\"{weight}>{}</text>", escaped(&cut(text)));
    }
    out.push_str("</g>\n");
}
