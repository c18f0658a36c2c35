//! Where several output formats of one command go: standard output, and files.

use std::fs;
use std::path::PathBuf;

use crate::cli::output::Output;
use crate::diagnostic::render::Style;

/// Files are read by programs and on pages: they hold no colours.
const IN_FILES: Style = Style { color: false, width: 100 };

/// Writes each format: those that have no file to standard output, the last ones to the files, in the same order. With as many files
/// as formats, nothing is left for standard output.
///
/// # Errors
/// If there are not enough files, or one cannot be written.
pub fn show<F>(
    formats: &[F],
    files: &[PathBuf],
    output: &mut Output,
    render: impl Fn(&F, Style) -> String,
) -> Result<(), String> {
    if formats.len().saturating_sub(1) > files.len() || files.len() > formats.len() {
        return Err("give an `--output-file` for each `--output` after the first".into());
    }
    let (to_output, rest) = formats.split_at(formats.len() - files.len());
    for format in to_output {
        output.data(&render(format, output.style));
    }
    for (format, file) in rest.iter().zip(files) {
        let text = render(format, IN_FILES);
        fs::write(file, text).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    Ok(())
}
