//! A plan for people at a terminal.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::deploy::plan::lines::{self, Line};
use crate::deploy::plan::{Action, Behaviour, Format, Look, ObjectChange, Place, Plan};
use crate::diagnostic::render::printable;

/// The format.
pub(super) const FORMAT: Format = Format { name: "human", render };

fn render(plan: &Plan, look: &Look) -> String {
    let paint = Paint { color: look.style.color };
    let mut out = String::new();
    for line in lines::head(plan) {
        let _ = writeln!(out, "{}", printable(&line));
    }
    for change in &plan.changes {
        object(change, paint, &mut out);
    }
    if let Some(behaviour) = &plan.behaviour {
        requests(behaviour, paint, &mut out);
    }
    for warning in lines::warnings(plan) {
        let _ = writeln!(out, "\n{}", paint.of(AnsiColor::Yellow, &warning));
    }
    let behaviour = plan.behaviour.as_ref().filter(|_| plan.has_changes());
    let behaviour = behaviour.map_or_else(String::new, |behaviour| behaviour.line() + "\n");
    let _ = writeln!(out, "\n{behaviour}{}", plan.last_line());
    out
}

/// The requests that get something else.
fn requests(behaviour: &Behaviour, paint: Paint, out: &mut String) {
    let changes = behaviour.changes.iter().map(|change| (change.is_security(), lines::requests(change)));
    let unproved = lines::unproved(behaviour);
    for (is_security, lines) in changes.chain((!unproved.is_empty()).then_some((false, unproved))) {
        out.push('\n');
        for Line { action, text } in lines {
            let text = printable(&format!("  {text}"));
            let text = match action {
                Some(_) if is_security => paint.of(AnsiColor::Red, &text),
                Some(action) => paint.action(action, &text),
                None => format!("  {text}"),
            };
            let _ = writeln!(out, "{text}");
        }
    }
}

// Writing into a string cannot fail: the results of `write!` hold nothing.
fn object(change: &ObjectChange, paint: Paint, out: &mut String) {
    let sign = format!("{:>3}", change.action.sign());
    let title = format!("{sign} {}", change.address);
    let _ = write!(out, "\n{}{}", paint.action(change.action, &title), paint.dim(&place(&change.place)));
    if !change.because.is_empty() {
        let why = format!("  is replaced: {}", change.because.join(", "));
        let _ = write!(out, "{}", paint.of(AnsiColor::Red, &printable(&why)));
    }
    out.push('\n');
    for field in &change.fields {
        for (i, Line { action, text }) in lines::field(field).into_iter().enumerate() {
            let text = printable(&text);
            let _ = write!(out, "      {}", action.map_or_else(|| text.clone(), |action| paint.action(action, &text)));
            if i == 0 {
                if let Some(what) = &field.security {
                    let _ = write!(out, "  {}", paint.of(AnsiColor::Red, &format!("({what})")));
                }
                let _ = write!(out, "{}", paint.dim(&place(&field.place)));
            }
            out.push('\n');
        }
    }
}

fn place(place: &Place) -> String {
    let base = if place.in_base { " in the base" } else { "" };
    printable(&format!("  {}:{}{base}", place.file, place.line))
}

/// Colours, where they are shown.
#[derive(Clone, Copy)]
struct Paint {
    color: bool,
}

impl Paint {
    fn action(self, action: Action, text: &str) -> String {
        self.of(
            match action {
                Action::Add => AnsiColor::Green,
                Action::Change => AnsiColor::Yellow,
                Action::Remove | Action::Replace => AnsiColor::Red,
            },
            text,
        )
    }

    fn of(self, color: AnsiColor, text: &str) -> String {
        self.styled(color.on_default(), text)
    }

    fn dim(self, text: &str) -> String {
        self.styled(Style::new().dimmed(), text)
    }

    fn styled(self, style: Style, text: &str) -> String {
        if self.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}
