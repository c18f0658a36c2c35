//! `gw fmt`: brings manifests into one layout.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use crate::cli::Exit;
use crate::cli::output::Output;
use crate::cli::paths::expand;
use crate::compiler::format::{Notation, Refusal, format};
use crate::compiler::{SourceFile, parse, syntax};
use crate::deploy::load::{read_file, read_folder};
use crate::diagnostic::SourceMap;
use crate::diagnostic::render::{FORMATS, Report};

/// Arguments of `gw fmt`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folders, files or globs; `-` reads standard input and writes the result to standard output.
    #[arg(default_value = "gateway.d", value_name = "PATH")]
    paths: Vec<String>,
    /// Change nothing, and exit with 1 if something would change.
    #[arg(long)]
    check: bool,
}

pub fn run(arguments: Arguments, output: &mut Output) -> Exit {
    let mut exit = Exit::Ok;
    for path in &arguments.paths {
        let found = if path == "-" { standard_input() } else { files(path) };
        let found = found.unwrap_or_else(|message| {
            output.note(&format!("error: {message}\n"));
            exit = Exit::Error;
            Vec::new()
        });
        for file in &found {
            if !one(file, path == "-", arguments.check, output) {
                exit = Exit::Error;
            }
        }
    }
    exit
}

/// Formats one file; gives whether all is well with it.
fn one(file: &SourceFile, is_input: bool, check: bool, output: &mut Output) -> bool {
    let text = syntax::decode(&file.bytes);
    let formatted = match format(&text, Notation::of(&file.path)) {
        Ok(formatted) => formatted,
        Err(Refusal::Unusual(why)) => {
            output.note(&format!("note: {} is left as it is: {why}\n", file.shown));
            text.clone().into_owned()
        }
        Err(Refusal::Invalid(_)) => {
            output.note(&problems(file, &text, output));
            return false;
        }
    };
    let changes = formatted != text;
    match (check, is_input) {
        (true, _) if changes => output.data(&format!("{} would change\n", file.shown)),
        (false, true) => output.data(&formatted),
        (false, false) if changes => {
            if let Err(error) = fs::write(&file.shown, formatted) {
                output.note(&format!("error: cannot write {}: {error}\n", file.shown));
                return false;
            }
            output.data(&format!("{}\n", file.shown));
        }
        _ => {}
    }
    !(check && changes)
}

fn problems(file: &SourceFile, text: &str, output: &Output) -> String {
    let mut sources = SourceMap::default();
    let id = sources.add(file.shown.clone(), text);
    let (_, diagnostics) = syntax::parse(id, text);
    (FORMATS[0].render)(&Report { sources: &sources, diagnostics: &diagnostics, style: output.log_style })
}

fn standard_input() -> Result<Vec<SourceFile>, String> {
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).map_err(|error| format!("cannot read standard input: {error}"))?;
    let name = "<stdin>".to_owned();
    Ok(vec![SourceFile { path: name.clone(), shown: name, bytes }])
}

/// The manifests that a path names. Of a folder, files of folders that a manifest serves are content, whatever their names end in.
fn files(path: &str) -> Result<Vec<SourceFile>, String> {
    let mut found = Vec::new();
    for path in expand(path)? {
        if path.is_dir() {
            let files = read_folder(&path).map_err(|error| error.to_string())?.files;
            let served = parse(files.clone()).asset_requests();
            let is_content =
                |file: &SourceFile| served.iter().any(|folder| Path::new(&file.path).starts_with(&folder.path));
            found.extend(files.into_iter().filter(|file| !is_content(file)));
        } else {
            let name = path.to_string_lossy().into_owned();
            found.push(read_file(&path, name).map_err(|error| error.to_string())?);
        }
    }
    Ok(found)
}
