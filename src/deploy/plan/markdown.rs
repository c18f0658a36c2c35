//! A plan as a comment of a pull request: the worst first, details folded, and no longer than a comment may be.

use std::fmt::Write as _;

use crate::deploy::plan::lines::{self, Line, counted};
use crate::deploy::plan::{Action, Format, Look, ObjectChange, Plan};
use crate::diagnostic::render::printable;

/// The format.
pub(super) const FORMAT: Format = Format { name: "markdown", render };

/// Room for the line that says what is left out.
const LAST: usize = 200;

fn render(plan: &Plan, look: &Look) -> String {
    let mut out = String::new();
    head(plan, &mut out);
    let room = look.max_bytes.saturating_sub(LAST);
    let told = requests(plan, room, &mut out);
    let shown = overview(plan, room, &mut out);
    let detailed = details(plan, room, &mut out);
    let (objects, left_out) = (plan.changes.len() - shown, plan.changes.len() - detailed);
    let mut left = Vec::new();
    let changes = plan.behaviour.as_ref().map_or(0, |behaviour| behaviour.changes.len());
    if changes > told {
        let more = changes - told;
        left.push(format!("{more} {} of what requests get", if more == 1 { "change" } else { "changes" }));
    }
    if objects > 0 {
        left.push(counted(objects, "object"));
    }
    if left_out > 0 {
        left.push(format!("the details of {}", counted(left_out, "object")));
    }
    if !left.is_empty() {
        let _ = writeln!(out, "\nTo keep this short, {} are left out: `gw plan` shows all.", left.join(" and "));
    }
    out
}

/// The mark by which a comment is found again, what changes in numbers, and what is compared.
fn head(plan: &Plan, out: &mut String) {
    let environment = plan.environment.as_deref().unwrap_or("default");
    let marked = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let mark: String = environment.chars().map(marked).collect();
    let _ = writeln!(out, "<!-- gw-plan:{mark} -->");
    let title = plan.environment.as_deref().map(|name| format!(" ({})", escape(name))).unwrap_or_default();
    let _ = writeln!(out, "### gw plan{title}\n\n**{}**\n", plan.last_line());
    for line in lines::head(plan) {
        let _ = writeln!(out, "{}  ", escape(&line));
    }
    for warning in lines::warnings(plan) {
        let _ = writeln!(out, "\n> [!WARNING]\n> {warning}");
    }
}

/// What requests get that they did not get before, the gravest first, as many as there is room for in a third of it; gives how many.
fn requests(plan: &Plan, room: usize, out: &mut String) -> usize {
    let Some(behaviour) = plan.behaviour.as_ref().filter(|_| plan.has_changes()) else { return 0 };
    let mut block = String::new();
    let mut shown = 0;
    for change in &behaviour.changes {
        let text = block_of(lines::requests(change));
        if out.len() + block.len() + text.len() > room / 3 {
            break;
        }
        block.push_str(&text);
        shown += 1;
    }
    let unproved = block_of(lines::unproved(behaviour));
    if out.len() + block.len() + unproved.len() <= room / 3 {
        block.push_str(&unproved);
    }
    let _ = writeln!(out, "\n**{}**", behaviour.line());
    if !block.is_empty() {
        let _ = write!(out, "\n{}", fenced(&block));
    }
    shown
}

fn block_of(lines: Vec<Line>) -> String {
    lines.into_iter().map(|line| printable(&coloured(&line.text)) + "\n").collect()
}

/// GitHub knows no `~`.
fn coloured(text: &str) -> String {
    text.strip_prefix('~').map_or_else(|| text.to_owned(), |rest| format!("!{rest}"))
}

/// One line for each object, as many as there is room for in two thirds of it; gives how many.
fn overview(plan: &Plan, room: usize, out: &mut String) -> usize {
    let mut block = String::new();
    let mut shown = 0;
    for change in &plan.changes {
        let security = if change.security.is_empty() { "" } else { "  # " };
        let line = format!("{} {}{security}{}\n", sign(change.action), change.address, change.security.join(", "));
        if out.len() + block.len() + line.len() > room / 3 * 2 {
            break;
        }
        block.push_str(&line);
        shown += 1;
    }
    if !block.is_empty() {
        let _ = write!(out, "\n{}", fenced(&block));
    }
    shown
}

/// The fields of each object, folded, as many as there is room for; gives of how many.
fn details(plan: &Plan, room: usize, out: &mut String) -> usize {
    let mut shown = 0;
    for change in &plan.changes {
        let text = detail(change);
        if out.len() + text.len() > room {
            break;
        }
        out.push_str(&text);
        shown += 1;
    }
    shown
}

fn detail(change: &ObjectChange) -> String {
    let mut block = String::new();
    for field in &change.fields {
        for (i, line) in lines::field(field).into_iter().enumerate() {
            let text = coloured(&line.text);
            let security = field.security.as_ref().filter(|_| i == 0).map(|what| format!("  # {what}"));
            let _ = writeln!(block, "{}{}", printable(&text), security.unwrap_or_default());
        }
    }
    let place = &change.place;
    let base = if place.in_base { " in the base" } else { "" };
    let why =
        if change.because.is_empty() { String::new() } else { format!(", replaced: {}", change.because.join(", ")) };
    let summary = format!("{}, {}:{}{base}{why}", counted(change.fields.len(), "field"), place.file, place.line);
    format!(
        "\n<details><summary><code>{} {}</code> {}</summary>\n\n{}\n</details>\n",
        sign(change.action),
        change.address,
        escape(&summary),
        fenced(&block)
    )
}

/// GitHub colours lines that begin with `+`, `-` and `!`, and knows no `~`.
fn sign(action: Action) -> &'static str {
    match action {
        Action::Change => "!",
        other => other.sign(),
    }
}

/// A block with a fence that is longer than any within.
fn fenced(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}diff\n{text}{fence}\n")
}

/// A text that is not to be read as Markdown or HTML.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in printable(text).chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '*' | '_' | '`' | '[' | ']' | '\\' | '@' => {
                out.push('\\');
                out.push(character);
            }
            other => out.push(other),
        }
    }
    out
}
