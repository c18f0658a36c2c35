//! Values as blocks: a field or an item to a line.

use crate::compiler::format::document::{Printer, Schema, item_of, property_of, rank};
use crate::compiler::format::line::Line;
use crate::compiler::format::{flow, scalar, slice};
use crate::compiler::syntax::{Entry, Node, Value};

/// A collection stays in one line if the line is no longer than this.
const WIDTH: usize = 120;

/// What belongs to a value, its comments included: from the end of its key or dash to where the next thing begins.
type Range = (usize, usize);

impl Printer<'_> {
    /// A value after what stands before it on its first line, which is `indent` deep.
    pub fn value(
        &mut self,
        before: &str,
        indent: usize,
        node: &Node,
        schema: Schema<'_>,
        range: Range,
    ) -> Result<Vec<Line>, &'static str> {
        let (start, end) = (node.span.start as usize, node.span.end as usize);
        let is_scalar = !matches!(node.value, Value::Sequence(_) | Value::Mapping(_));
        let line = match self.line(before, indent, node, schema) {
            Some(line) => vec![Line::new(indent, format!("{before}{line}").trim_end())],
            None if is_scalar => {
                let inner = if before.is_empty() { indent } else { indent + 2 };
                scalar::several_lines(before, indent, slice(self.text, node), inner)?
            }
            None => return self.collection(before, indent, node, schema, range),
        };
        let mut lines = self.leading(range.0, start, indent);
        lines.retain(|line| !line.is_blank());
        lines.extend(line);
        self.ending(end, &mut lines);
        Ok(lines)
    }

    /// The value in one line, if it stands so and fits, or is no collection.
    fn line(&self, before: &str, indent: usize, node: &Node, schema: Schema<'_>) -> Option<String> {
        let (start, end) = (node.span.start as usize, node.span.end as usize);
        let is_flow = slice(self.text, node).starts_with(['[', '{']);
        let is_scalar = !matches!(node.value, Value::Sequence(_) | Value::Mapping(_));
        if self.comments.any(start, end) || !(is_flow || is_scalar) {
            return None;
        }
        let line = flow::one_line(self.text, node, schema)?;
        let length = indent + before.chars().count() + line.chars().count();
        (is_scalar || is_empty(node) || length <= WIDTH).then_some(line)
    }

    fn collection(
        &mut self,
        before: &str,
        indent: usize,
        node: &Node,
        schema: Schema<'_>,
        (from, limit): Range,
    ) -> Result<Vec<Line>, &'static str> {
        let (start, end) = (node.span.start as usize, node.span.end as usize);
        let is_flow = slice(self.text, node).starts_with(['[', '{']);
        let range = (from, if is_flow { end } else { limit });
        let depth = if before.is_empty() { indent } else { indent + 2 };
        let mut lines = match &node.value {
            Value::Mapping(entries) => self.mapping(entries, schema, depth, range)?,
            Value::Sequence(items) => self.sequence(items, schema, depth, range)?,
            _ => Vec::new(),
        };
        if is_flow {
            lines.extend(self.leading(last_end(node).unwrap_or(start), end, depth));
            self.ending(end, &mut lines);
        } else if let Some(last) = last_end(node) {
            let column = self.column(start);
            lines.extend(self.tail(last, limit, column, depth));
        }
        Ok(lines)
    }

    fn mapping(
        &mut self,
        entries: &[Entry],
        schema: Schema<'_>,
        indent: usize,
        (from, limit): Range,
    ) -> Result<Vec<Line>, &'static str> {
        let mut parts = Vec::with_capacity(entries.len());
        let mut at = from;
        for (i, entry) in entries.iter().enumerate() {
            let next = entries.get(i + 1).map_or(limit, |next| next.key_span.start as usize);
            let mut lines = self.leading(at, entry.key_span.start as usize, indent);
            lines.extend(self.entry(entry, property_of(schema, &entry.key), indent, next)?);
            parts.push((rank(schema, &entry.key), lines));
            at = (entry.value.span.end as usize).max(entry.key_span.end as usize);
        }
        parts.sort_by_key(|(rank, _)| *rank);
        Ok(joined(parts.into_iter().map(|(_, lines)| lines)))
    }

    fn entry(
        &mut self,
        entry: &Entry,
        schema: Schema<'_>,
        indent: usize,
        limit: usize,
    ) -> Result<Vec<Line>, &'static str> {
        let key = flow::key(self.text, entry).ok_or("a key stands over several lines")?;
        let from = entry.key_span.end as usize;
        let text = self.text;
        let beside = text[from..].find('\n').map_or(text.len(), |i| from + i);
        let opens = |text: &str| text.chars().all(|c| matches!(c, ' ' | ':' | '[' | '{'));
        let comment = self.comments.take(from, beside.min(limit), |c| opens(&text[from..c.start]));
        let mut head = Line::new(indent, format!("{key}:"));
        head.comment = comment.map(|comment| comment.remark);
        let value = self.value(&format!("{key}: "), indent, &entry.value, schema, (from, limit))?;
        Ok(headed(head, value))
    }

    fn sequence(
        &mut self,
        items: &[Node],
        schema: Schema<'_>,
        indent: usize,
        (from, limit): Range,
    ) -> Result<Vec<Line>, &'static str> {
        let mut parts = Vec::with_capacity(items.len());
        let mut at = from;
        for (i, item) in items.iter().enumerate() {
            let (start, end) = (item.span.start as usize, item.span.end as usize);
            let next = items.get(i + 1).map_or(limit, |next| {
                let next = next.span.start as usize;
                self.comments.dash(self.text, end, next).unwrap_or(next)
            });
            let mut lines = self.leading(at, start, indent);
            lines.extend(self.value("- ", indent, item, item_of(schema), (start, next))?);
            parts.push(dashed(lines, indent));
            at = end;
        }
        Ok(joined(parts))
    }

    /// Puts the comment that stands at the end of a value's last line there.
    fn ending(&mut self, end: usize, lines: &mut Vec<Line>) {
        let text = self.text;
        let stop = text[end..].find('\n').map_or(text.len(), |i| end + i);
        let beside = |from: usize| text[end..from].chars().all(|c| matches!(c, ' ' | '\t' | ','));
        let Some(comment) = self.comments.take(end, stop, |comment| beside(comment.start)) else { return };
        match lines.last_mut() {
            Some(last) if last.comment.is_none() => last.comment = Some(comment.remark),
            _ => lines.push(Line::comment(lines.last().map_or(0, |line| line.indent), comment.remark)),
        }
    }

    /// The comments below a block that stand at least as far right as it does.
    fn tail(&mut self, from: usize, limit: usize, column: usize, indent: usize) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut from = from.max(self.done);
        while let Some(comment) = self.comments.take(from, limit, |c| c.alone && c.remark.column >= column) {
            lines.extend(self.leading(from, comment.start, indent));
            lines.push(Line::comment(indent, comment.remark));
            from = comment.end;
            self.done = self.done.max(from);
        }
        lines
    }
}

fn is_empty(node: &Node) -> bool {
    match &node.value {
        Value::Sequence(items) => items.is_empty(),
        Value::Mapping(entries) => entries.is_empty(),
        _ => false,
    }
}

/// Where the last part of a collection ends.
fn last_end(node: &Node) -> Option<usize> {
    let end = match &node.value {
        Value::Sequence(items) => items.last()?.span.end,
        Value::Mapping(entries) => entries.last().map(|entry| entry.value.span.end.max(entry.key_span.end))?,
        _ => return None,
    };
    Some(end as usize)
}

/// A key with its value: on the same line, with comments between them above it, or below it.
fn headed(head: Line, mut value: Vec<Line>) -> Vec<Line> {
    let beside = value.iter_mut().find(|line| line.says()).filter(|line| line.indent == head.indent);
    let Some(beside) = beside else {
        let mut lines = vec![head];
        lines.append(&mut value);
        return lines;
    };
    match head.comment {
        Some(remark) if beside.comment.is_none() => beside.comment = Some(remark),
        Some(remark) => value.insert(0, Line::comment(head.indent, remark)),
        None => {}
    }
    value
}

/// An item of a list: the first line that says something gets the dash, and comments stand above it.
fn dashed(mut value: Vec<Line>, indent: usize) -> Vec<Line> {
    let Some(first) = value.iter().position(Line::says) else { return value };
    for line in value[..first].iter_mut().filter(|line| !line.is_blank()) {
        line.indent = indent;
    }
    if value[first].indent > indent {
        value[first].text.insert_str(0, "- ");
        value[first].indent = indent;
    }
    value
}

/// Parts one after the other; the first one has no blank lines above it, and never two blank ones follow each other.
fn joined(parts: impl IntoIterator<Item = Vec<Line>>) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for part in parts {
        let spaced = lines.last().is_none_or(Line::is_blank);
        lines.extend(part.into_iter().skip_while(|line| spaced && line.is_blank()));
    }
    lines
}
