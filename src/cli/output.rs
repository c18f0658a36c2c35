//! Where commands write: data on standard output, logs and progress on standard error.

use std::io::{IsTerminal as _, Write};

use clap::ValueEnum;

use crate::cli::Exit;
use crate::diagnostic::render::Style;

/// The two outputs of a command, and how people read them.
pub struct Output {
    /// Data.
    pub out: Box<dyn Write + Send>,
    /// Logs and progress.
    pub err: Box<dyn Write + Send>,
    /// How data looks.
    pub style: Style,
    /// How logs look.
    pub log_style: Style,
    /// Whether data goes to a terminal.
    pub terminal: bool,
}

/// Who data is shown to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Layout {
    /// People.
    Human,
    /// Programs.
    Json,
}

impl Output {
    /// The outputs of this process.
    pub fn of_process() -> Self {
        let (out, err) = (std::io::stdout(), std::io::stderr());
        let terminal = out.is_terminal();
        Self {
            style: style(terminal),
            log_style: style(err.is_terminal()),
            terminal,
            out: Box::new(out),
            err: Box::new(err),
        }
    }

    /// Writes data; a reader that has gone away is no error.
    pub fn data(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes());
        let _ = self.out.flush();
    }

    /// Writes data in the layout that is wanted.
    pub fn show(&mut self, layout: Layout, human: impl FnOnce() -> String, json: impl FnOnce() -> serde_json::Value) {
        match layout {
            Layout::Human => self.data(&human()),
            Layout::Json => self.data(&format!("{:#}\n", json())),
        }
    }

    /// Ends a command that says why it failed.
    pub fn verdict(&mut self, done: Result<Exit, String>) -> Exit {
        match done {
            Ok(exit) => exit,
            Err(message) => {
                self.note(&format!("error: {message}\n"));
                Exit::Error
            }
        }
    }

    /// Writes a remark for people.
    pub fn note(&mut self, text: &str) {
        let _ = self.err.write_all(text.as_bytes());
        let _ = self.err.flush();
    }
}

/// Colours on a terminal unless `NO_COLOR` says otherwise, and anywhere if `CLICOLOR_FORCE` does.
fn style(terminal: bool) -> Style {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let color = !set("NO_COLOR") && (set("CLICOLOR_FORCE") || terminal && !dumb);
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    Style { color, width: columns.unwrap_or(100).clamp(40, 400) }
}
