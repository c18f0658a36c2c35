//! Problems drawn into their texts, for people at a terminal.
//!
//! The drawing is miette's; here stand the headings, the colours and the totals.

use std::fmt::{self, Write as _};

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode};

use crate::diagnostic::render::excerpt::{Excerpt, Texts, texts};
use crate::diagnostic::render::printable::printable;
use crate::diagnostic::render::{Format, Report, counted};
use crate::diagnostic::{Diagnostic, Severity};

/// The format.
pub(super) const FORMAT: Format =
    Format { name: "human", summary: "each problem drawn into its text, for people", render };

/// Who has more problems than this mends the first ones and runs it again, so the others are only counted.
const MOST: usize = 50;

fn render(report: &Report<'_>) -> String {
    let shown = report.worst(MOST);
    let texts = texts(report.sources, &shown);
    let theme = if report.style.color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let mut output = String::new();
    for diagnostic in &shown {
        draw(&mut output, report, &theme, &texts, diagnostic);
    }
    totals(&mut output, report, shown.len());
    output
}

/// One problem and an empty line. The severity has one colour in the heading and under the primary place.
fn draw(output: &mut String, report: &Report<'_>, theme: &GraphicalTheme, texts: &Texts, diagnostic: &Diagnostic) {
    let severity = match diagnostic.severity {
        Severity::Error => theme.styles.error,
        Severity::Warning => theme.styles.warning,
        Severity::Note => theme.styles.advice,
    };
    let severity = if report.style.color { severity.bold() } else { severity };
    let heading = format!("{}[{}]", diagnostic.severity.as_str(), diagnostic.code.id);
    let object = diagnostic.object.as_deref().map(|object| format!(" in {object}")).unwrap_or_default();
    let _ = writeln!(output, "{} {}{}", severity.style(heading), diagnostic.code.name, printable(&object));

    let drawing = Drawing::new(report, texts, diagnostic);
    let mut theme = theme.clone();
    let help = theme.styles.help;
    if !drawing.labels.is_empty() {
        // Miette takes the colours in the order of the labels.
        let colors = drawing.labels.iter().map(|label| if label.primary() { severity } else { help });
        theme.styles.highlights = colors.collect();
    }
    let handler = GraphicalReportHandler::new_themed(theme).with_width(report.style.width);
    let _ = handler.render_report(output, &drawing);
    if let Some(fix) = &diagnostic.fix {
        let _ = writeln!(output, "{} {}", help.style("   fix:"), printable(&fix.message));
    }
    output.push('\n');
}

/// How many problems there are, and how many `--fix` would mend.
fn totals(output: &mut String, report: &Report<'_>, shown: usize) {
    let hidden = report.diagnostics.len() - shown;
    if hidden > 0 {
        let _ = writeln!(output, "… and {}\n", counted(hidden, "more problem"));
    }
    let _ = writeln!(output, "{}", report.summary());
    let mendable = report.diagnostics.iter().filter(|diagnostic| diagnostic.fix.is_some()).count();
    if mendable > 0 {
        let _ = writeln!(output, "fix available for {}: gw validate --fix", counted(mendable, "problem"));
    }
}

/// A problem as miette wants it.
struct Drawing<'a> {
    diagnostic: &'a Diagnostic,
    message: String,
    help: Option<String>,
    excerpt: Excerpt<'a>,
    labels: Vec<LabeledSpan>,
}

impl<'a> Drawing<'a> {
    fn new(report: &Report<'a>, texts: &'a Texts, diagnostic: &'a Diagnostic) -> Self {
        let excerpt = Excerpt::new(report, texts, diagnostic);
        let mut labels = Vec::with_capacity(diagnostic.labels.len());
        for (n, label) in diagnostic.labels.iter().enumerate() {
            let Some(place) = excerpt.place(label.span) else { continue };
            let message = Some(printable(&label.message)).filter(|message| !message.is_empty());
            labels.push(match n {
                0 => LabeledSpan::new_primary_with_span(message, place),
                _ => LabeledSpan::new_with_span(message, place),
            });
        }
        labels.sort_by_key(LabeledSpan::offset);
        Self {
            diagnostic,
            message: printable(&diagnostic.message),
            help: diagnostic.help.as_deref().map(printable),
            excerpt,
            labels,
        }
    }
}

impl miette::Diagnostic for Drawing<'_> {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Note => miette::Severity::Advice,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as _)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.excerpt)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

impl std::error::Error for Drawing<'_> {}

impl fmt::Display for Drawing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Drawing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.diagnostic, f)
    }
}
