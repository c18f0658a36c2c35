//! `gw validate`: checks manifests and says everything that is wrong with them.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::builder::PossibleValuesParser;

use crate::cli::output::Output;
use crate::cli::paths::expand;
use crate::cli::{Exit, shown};
use crate::compiler::{Manifests, SourceFile, Verdict, validate};
use crate::deploy::load::{read_assets, read_file, read_folder};
use crate::diagnostic::render::{FORMATS, Format, Report, Style, find};
use crate::diagnostic::{Severity, fix};
use crate::value::date::Date;

/// Arguments of `gw validate`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folders, files or globs; `-` reads standard input.
    #[arg(default_value = "gateway.d", value_name = "PATH")]
    paths: Vec<String>,
    /// The only environment to check, by the name of its `Environment`. The default is all of them in turn.
    #[arg(long, env = "GW_ENV", value_name = "NAME")]
    env: Option<String>,
    /// How problems are shown; several formats go to the files that `--output-file` names.
    #[arg(long, short, value_name = "FORMAT", value_parser = formats())]
    output: Vec<String>,
    /// A file for each `--output` after the first, in the same order.
    #[arg(long, value_name = "FILE")]
    output_file: Vec<PathBuf>,
    /// Apply the fixes that a machine may apply; comments and everything else stay as they are.
    #[arg(long)]
    fix: bool,
    /// Exit with 3 if there are warnings.
    #[arg(long)]
    deny_warnings: bool,
    /// The name that problems in standard input are shown under.
    #[arg(long, value_name = "NAME", default_value = "<stdin>")]
    stdin_filename: String,
}

fn formats() -> PossibleValuesParser {
    PossibleValuesParser::new(FORMATS.iter().map(|format| format.name))
}

pub fn run(arguments: Arguments, output: &mut Output) -> Exit {
    let read = match read(&arguments) {
        Ok(read) => read,
        Err(message) => return fail(output, &message),
    };
    let verdict = read.verdict(arguments.env.as_deref());
    if arguments.fix {
        match apply_fixes(&verdict, output) {
            Ok(0) => {}
            Ok(_) => return run(Arguments { fix: false, ..arguments }, output),
            Err(message) => return fail(output, &message),
        }
    }
    match show(&verdict, &arguments, output) {
        Ok(()) => exit(&verdict, arguments.deny_warnings),
        Err(message) => fail(output, &message),
    }
}

fn fail(output: &mut Output, message: &str) -> Exit {
    output.note(&format!("error: {message}\n"));
    Exit::Error
}

fn exit(verdict: &Verdict, deny_warnings: bool) -> Exit {
    match verdict.diagnostics.count(Severity::Warning) {
        _ if verdict.diagnostics.has_errors() => Exit::of_errors(&verdict.diagnostics),
        1.. if deny_warnings => Exit::Blocked,
        _ => Exit::Ok,
    }
}

/// Manifests, with the folder that the files they name are read from.
struct Read {
    files: Vec<SourceFile>,
    root: PathBuf,
}

impl Read {
    fn verdict(self, environment: Option<&str>) -> Verdict {
        let today = Date::of(SystemTime::now());
        validate(Manifests::read(self.files), environment, today, |requests| read_assets(&self.root, requests))
    }
}

fn read(arguments: &Arguments) -> Result<Read, String> {
    let mut read = Read { files: Vec::new(), root: PathBuf::from(".") };
    if let [only] = arguments.paths.as_slice()
        && Path::new(only).is_dir()
    {
        read.root = only.into();
    }
    for path in &arguments.paths {
        if path == "-" {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).map_err(|error| format!("cannot read standard input: {error}"))?;
            let name = arguments.stdin_filename.clone();
            read.files.push(SourceFile { path: name.clone(), shown: name, bytes });
            continue;
        }
        for path in expand(path)? {
            read.add(&path)?;
        }
    }
    if read.files.is_empty() {
        return Err(format!(
            "there is no manifest in {}: files end in .yaml, .yml or .json",
            arguments.paths.join(", ")
        ));
    }
    Ok(read)
}

impl Read {
    fn add(&mut self, path: &Path) -> Result<(), String> {
        let text = |path: &Path| path.to_string_lossy().replace('\\', "/");
        if path.is_dir() {
            let prefix = path.strip_prefix(&self.root).map_or_else(|_| text(path), text);
            let slash = if prefix.is_empty() { "" } else { "/" };
            for mut file in read_folder(path).map_err(|error| error.to_string())?.files {
                file.path = format!("{prefix}{slash}{}", file.path);
                self.files.push(file);
            }
        } else {
            self.files.push(read_file(path, text(path)).map_err(|error| error.to_string())?);
        }
        Ok(())
    }
}

fn apply_fixes(verdict: &Verdict, output: &mut Output) -> Result<usize, String> {
    let mut total = 0;
    for (source, text, count) in fix::apply(&verdict.sources, &verdict.diagnostics) {
        let name = &verdict.sources.get(source).name;
        if Path::new(name).is_file() {
            fs::write(name, text).map_err(|error| format!("cannot write {name}: {error}"))?;
            total += count;
        }
    }
    if total > 0 {
        output.note(&format!("applied {total} {}\n", if total == 1 { "fix" } else { "fixes" }));
    }
    Ok(total)
}

fn show(verdict: &Verdict, arguments: &Arguments, output: &mut Output) -> Result<(), String> {
    let named = |name: &String| find(name).unwrap_or(&FORMATS[0]);
    let formats: Vec<&Format> =
        if arguments.output.is_empty() { vec![&FORMATS[0]] } else { arguments.output.iter().map(named).collect() };
    shown::show(&formats, &arguments.output_file, output, |format, style| render(verdict, format, style))
}

fn render(verdict: &Verdict, format: &Format, style: Style) -> String {
    (format.render)(&Report { sources: &verdict.sources, diagnostics: &verdict.diagnostics, style })
}
