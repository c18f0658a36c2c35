//! Holds what `src/ARCHITECTURE.md` says of the code: who imports whom, how large things are, what stands in which table.
//!
//! It reads lines, not syntax: the code is formatted by rustfmt, so a function ends where a `}` stands below its `fn`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use gw::backend::BACKENDS;
use gw::compiler::lint::LINTS;
use gw::compiler::manifest::KINDS;
use gw::compiler::{codes, schema};
use gw::plugins::PLUGINS;

const FILE_LIMIT: usize = 400;
const FUNCTION_LIMIT: usize = 60;

/// What may be larger, and why.
const EXCEPTIONS: &[(&str, &str)] = &[];

/// Names that say nothing (rule 28 of the house style), as the end of a type's name.
const EMPTY_NAMES: &[&str] = &["Manager", "Helper", "Util", "Utils", "Impl", "Base"];

struct SourceFile {
    /// From the root of the project, with `/` between segments.
    path: String,
    /// Without test modules.
    lines: Vec<String>,
}

impl SourceFile {
    /// The folder of `src` that it stands in; a file of `src` itself has none.
    fn folder(&self) -> Option<&str> {
        let mut segments = self.path.split('/').skip(1);
        let first = segments.next()?;
        segments.next().map(|_| first)
    }

    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.lines.iter().enumerate().map(|(i, line)| (i + 1, line.as_str()));
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries
        .flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|ext| ext == "rs"))
        .collect();
    files.sort();
    files
}

/// The files of `src` without their tests.
fn sources() -> Vec<SourceFile> {
    let files = rust_files(&root().join("src"));
    let is_test = |path: &PathBuf| path.ends_with("tests.rs") || path.ends_with("testing.rs");
    files
        .into_iter()
        .filter(|path| !is_test(path))
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let lines = without_tests(&text);
            let path = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
            SourceFile { path, lines }
        })
        .collect()
}

/// The lines of a file; those of its test modules are empty, so that line numbers stay.
fn without_tests(text: &str) -> Vec<String> {
    let mut inside = false;
    let lines: Vec<&str> = text.lines().collect();
    let mut kept: Vec<String> = Vec::with_capacity(lines.len());
    for (i, line) in lines.iter().enumerate() {
        inside |= *line == "#[cfg(test)]" && lines.get(i + 1).is_some_and(|next| next.starts_with("mod "));
        kept.push(if inside { String::new() } else { (*line).to_owned() });
        inside &= *line != "}" && !(line.starts_with("mod ") && line.ends_with(';'));
    }
    while kept.last().is_some_and(String::is_empty) {
        kept.pop();
    }
    kept
}

/// The import table of `src/ARCHITECTURE.md`: what each folder may import of which others, as paths such as `proxy` or
/// `proxy::metrics`.
fn import_table() -> BTreeMap<String, Vec<String>> {
    let text = fs::read_to_string(root().join("src/ARCHITECTURE.md")).unwrap();
    let table = text.split("| folder |").nth(1).unwrap().lines().skip(2).take_while(|line| line.starts_with('|'));
    table
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let names = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
            (names(cells[0]).remove(0), names(cells[2]))
        })
        .collect()
}

/// The paths that a line imports, such as `proxy::metrics::Metrics`; of a list in braces, each one.
fn imported(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for after in line.split("crate::").skip(1) {
        let end = after.find(|c: char| !c.is_alphanumeric() && !"_:".contains(c)).unwrap_or(after.len());
        let (path, rest) = after.split_at(end);
        match rest.strip_prefix('{').and_then(|list| list.split('}').next()) {
            Some(list) => found.extend(list.split(',').map(|item| format!("{path}{}", item.trim()))),
            None => found.push(path.to_owned()),
        }
    }
    found
}

#[test]
fn folders_import_what_the_table_says() {
    let table = import_table();
    let mut wrong = Vec::new();
    for file in sources() {
        let Some(folder) = file.folder() else { continue };
        let allowed = table.get(folder).unwrap_or_else(|| panic!("src/ARCHITECTURE.md has no line for `{folder}`"));
        for (number, line) in file.code() {
            for path in imported(line).into_iter().filter(|path| path.split("::").next() != Some(folder)) {
                if !allowed.iter().any(|may| path == *may || path.starts_with(&format!("{may}::"))) {
                    wrong.push(format!("{}:{number}: `{folder}` may not import `{path}`", file.path));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_and_functions_are_small() {
    let is_exception = |what: &str| EXCEPTIONS.iter().any(|(exception, _)| *exception == what);
    let mut wrong = Vec::new();
    for file in sources() {
        if file.lines.len() > FILE_LIMIT && !is_exception(&file.path) {
            wrong.push(format!("{} has {} lines, the limit is {FILE_LIMIT}", file.path, file.lines.len()));
        }
        for (name, length) in functions(&file.lines) {
            let what = format!("{}: {name}", file.path);
            if length > FUNCTION_LIMIT && !is_exception(&what) {
                wrong.push(format!("{what} has {length} lines, the limit is {FUNCTION_LIMIT}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The functions of a file with their lengths.
fn functions(lines: &[String]) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let Some((before, after)) = code.split_once("fn ") else { continue };
        if !before
            .split_whitespace()
            .all(|word| word.starts_with("pub") || ["const", "async", "super)"].contains(&word))
        {
            continue;
        }
        let end = format!("{}}}", &line[..line.len() - code.len()]);
        let one_line = code.ends_with('}') || code.ends_with(';');
        let length = if one_line { 1 } else { lines[i..].iter().position(|line| *line == end).map_or(1, |n| n + 1) };
        found.push((after.split(['(', '<']).next().unwrap_or_default().to_owned(), length));
    }
    found
}

#[test]
fn code_says_what_it_is() {
    let mut wrong = Vec::new();
    for file in sources() {
        if !file.lines.first().is_some_and(|line| line.starts_with("//!")) {
            wrong.push(format!("{}: no module doc", file.path));
        }
        for (i, line) in file.lines.iter().enumerate() {
            let place = format!("{}:{}", file.path, i + 1);
            if ["TODO", "FIXME", "XXX"].iter().any(|word| line.contains(word)) && !line.contains("\\x") {
                wrong.push(format!("{place}: unfinished"));
            }
            if line.contains("use super::*") || line.trim() == "use crate::*;" {
                wrong.push(format!("{place}: a glob import hides what the file depends on"));
            }
            if line.contains("pub use ") && !file.path.ends_with("/mod.rs") && file.path != "src/lib.rs" {
                wrong.push(format!("{place}: a re-export outside a mod.rs"));
            }
            let named = ["struct ", "enum ", "trait "].iter().find_map(|kind| line.split_once(kind));
            let name =
                named.and_then(|(_, rest)| rest.split(|c: char| !c.is_alphanumeric()).next()).unwrap_or_default();
            if EMPTY_NAMES.iter().any(|empty| name.ends_with(empty)) {
                wrong.push(format!("{place}: `{name}` says nothing"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every code, plugin, backend, kind and lint is in its table, documented, in the schema, and has seeded mistakes.
#[test]
fn tables_are_complete() {
    for code in codes() {
        assert!(code.page.starts_with(&format!("# {}: {}\n", code.id, code.name)), "{}: its page's heading", code.id);
        let cases = root().join("tests/ui").join(code.id);
        assert!(cases.is_dir(), "{}: no case in {}", code.id, cases.display());
    }
    let route = schema::named("Route").unwrap();
    let entry = schema::at(&route, "/spec/plugins/0").and_then(schema::properties).unwrap();
    for plugin in PLUGINS {
        assert!(entry[plugin.name]["description"].is_string(), "the plugin `{}` is not described", plugin.name);
        assert!(is_in_a_case(&format!("- {}:", plugin.name)), "no case has the plugin `{}`", plugin.name);
    }
    let backend = schema::named("Backend").unwrap();
    let ends = schema::at(&backend, "/spec").and_then(schema::properties).unwrap();
    for name in BACKENDS {
        assert!(ends[*name]["description"].is_string(), "the backend `{name}` is not described");
        assert!(is_in_a_case(&format!("{name}:")), "no case has the backend `{name}`");
    }
    for kind in KINDS {
        assert!(!kind.summary.trim().is_empty(), "the kind `{}` is not described", kind.name);
        assert!(is_in_a_case(&format!("kind: {}", kind.name)), "no case has the kind `{}`", kind.name);
    }
    for lint in LINTS {
        assert!(!lint.summary.is_empty() && codes().contains(&lint.code), "the lint `{}`", lint.name);
        assert!(lint.code.page.contains(&format!("`{}`", lint.name)), "the page of `{}` doesn't name it", lint.name);
    }
}

fn is_in_a_case(text: &str) -> bool {
    let folders = fs::read_dir(root().join("tests/ui")).unwrap().map(|entry| entry.unwrap().path());
    let mut cases = folders.filter(|path| path.is_dir()).flat_map(|folder| fs::read_dir(folder).unwrap());
    cases.any(|case| fs::read(case.unwrap().path()).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(text)))
}

/// The code map names every folder and no other.
#[test]
fn the_map_names_every_folder() {
    let entries = fs::read_dir(root().join("src")).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<String> =
        entries.filter(|path| path.is_dir()).map(|path| path.file_name().unwrap().to_string_lossy().into()).collect();
    folders.sort();
    assert_eq!(import_table().into_keys().collect::<Vec<_>>(), folders);
}
