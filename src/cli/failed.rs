//! Why a command ends before it is done.

use crate::cli::Exit;
use crate::cli::output::Output;
use crate::compiler::Compiled;
use crate::diagnostic::render;

/// Why a command ends early, as it is said, and what it ends with.
pub struct Failed {
    message: String,
    exit: Exit,
}

impl From<String> for Failed {
    fn from(message: String) -> Self {
        Self { message, exit: Exit::Error }
    }
}

impl Failed {
    /// Manifests with errors, all of which are said.
    pub fn invalid(compiled: &Compiled, output: &Output) -> Self {
        let (sources, diagnostics) = (&compiled.sources, &compiled.diagnostics);
        let report = render::Report { sources, diagnostics, style: output.log_style };
        Self { message: (render::FORMATS[0].render)(&report), exit: Exit::of_errors(diagnostics) }
    }

    /// Says it.
    pub fn tell(self, output: &mut Output) -> Exit {
        output.note(&self.message);
        self.exit
    }
}
