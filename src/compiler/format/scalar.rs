//! Scalars: quotes only where they are needed, and texts over several lines moved with what they belong to.

use crate::compiler::format::line::Line;
use crate::compiler::quote::quoted;

/// A scalar in one line as it is best written; `None` if it stands over several lines.
pub(super) fn one_line(written: &str, value: &str) -> Option<String> {
    if written.contains('\n') {
        return None;
    }
    let quote = written.chars().next().filter(|quote| matches!(quote, '"' | '\''));
    Some(match quote {
        // What begins with a digit may be something else for other programs: a date, a time.
        Some(_) if value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/') && quoted(value) == value => {
            value.to_owned()
        }
        Some('\'') if !value.contains(['"', '\\', '\'']) && value.chars().all(|c| !c.is_control()) => {
            format!("\"{value}\"")
        }
        _ => written.to_owned(),
    })
}

/// A scalar over several lines, after what stands before it on the first; the other lines stand `indent` deep.
///
/// # Errors
/// If it says itself how deep it stands.
pub(super) fn several_lines(before: &str, at: usize, written: &str, indent: usize) -> Result<Vec<Line>, &'static str> {
    let mut lines = written.split('\n');
    let first = lines.next().unwrap_or_default();
    let mut out = vec![Line::new(at, format!("{before}{}", first.trim_end()))];
    if !first.starts_with(['|', '>']) {
        // the spaces at the beginning of a line that is folded are no part of the text
        out.extend(
            lines.map(str::trim).map(|line| if line.is_empty() { Line::blank() } else { Line::new(indent, line) }),
        );
        return Ok(out);
    }
    let header = first.split(" #").next().unwrap_or_default();
    if header.contains(|c: char| c.is_ascii_digit()) {
        return Err("a text says itself how deep it stands");
    }
    let lines: Vec<&str> = lines.collect();
    let depth = |line: &&&str| line.len() - line.trim_start_matches(' ').len();
    let depth = lines.iter().filter(|line| !line.trim().is_empty()).map(|line| depth(&line)).next().unwrap_or(0);
    out.extend(lines.iter().map(|line| match line.get(depth..) {
        Some(rest) if !rest.is_empty() => Line::new(indent, rest),
        _ => Line::blank(),
    }));
    Ok(out)
}
