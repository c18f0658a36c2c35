//! Seeded mistakes: each manifest under `tests/ui/<code>/` holds the mistakes that its first line states, and gets one
//! diagnostic for each of them, at its place. What a person reads is beside it in `<case>.txt`, and where a fix is offered,
//! what `--fix` writes in `<case>.fixed.yaml`. Manifests in `tests/ui/valid/` get none.
//!
//! `UPDATE=1 cargo test --test ui` writes the files anew; `-- --nocapture` shows the table.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that can't go on fails, and its table is to be read"
)]

#[path = "support/beside.rs"]
mod beside;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use gw::compiler::{Manifests, SourceFile, Verdict, codes, compile, validate};
use gw::diagnostic::fix;
use gw::diagnostic::render::{Report, Style, find};
use gw::pipeline::assets::Folder;
use gw::value::date::Date;

/// The least share of cases, in percent, that get exactly what they expect.
const LEAST: usize = 99;

/// Compiles one text; it may name the folder `site`, which is empty, and what else stands beside. Environments are taken in turn, as by `gw validate`, unless
/// a line `# gw run`, perhaps with `--env`, says how it is used.
fn compiled(name: &str, bytes: &[u8]) -> Verdict {
    let file = SourceFile { path: name.to_owned(), shown: name.to_owned(), bytes: bytes.to_vec() };
    let assets = beside::files(Folder::new());
    let manifests = Manifests::read(vec![file]);
    let text = String::from_utf8_lossy(bytes);
    match text.lines().find_map(|line| line.strip_prefix("# gw run")) {
        Some(run) => {
            let compiled = compile(manifests.parse(run.trim().strip_prefix("--env ")), &assets);
            Verdict { sources: compiled.sources, diagnostics: compiled.diagnostics }
        }
        None => validate(manifests, None, Date::of(UNIX_EPOCH), |_| assets.clone()),
    }
}

fn human(compiled: &Verdict) -> String {
    let style = Style { color: false, width: 120 };
    let report = Report { sources: &compiled.sources, diagnostics: &compiled.diagnostics, style };
    (find("human").unwrap().render)(&report)
}

/// Each diagnostic as `GW1201 at 9:7`.
fn places(compiled: &Verdict) -> Vec<String> {
    let place = |span| compiled.sources.position(span);
    let shown = compiled.diagnostics.iter().map(|diagnostic| {
        let at = place(diagnostic.span().unwrap());
        format!("{} at {}:{}", diagnostic.code.id, at.line, at.column)
    });
    shown.collect()
}

/// Whether a golden file holds a text; with `UPDATE=1` it does afterwards.
fn golden(path: &Path, text: Option<&str>) -> bool {
    let before = fs::read_to_string(path).ok();
    if before.as_deref() == text {
        return true;
    }
    if std::env::var_os("UPDATE").is_none() {
        return false;
    }
    match text {
        Some(text) => fs::write(path, text).unwrap(),
        None => fs::remove_file(path).unwrap(),
    }
    true
}

/// The cases below a folder, sorted.
fn cases(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = entries
        .flat_map(|path| if path.is_dir() { cases(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|ext| ext == "yaml"))
        .filter(|path| !path.to_string_lossy().ends_with(".fixed.yaml"))
        .collect();
    found.sort();
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui")
}

/// What a case's first line says: `# expect: GW1201 at 9:7, GW1203 at 12:4`.
fn expected(path: &Path, bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let first = text.lines().next().unwrap_or_default().trim_start_matches('\u{feff}');
    let list = first.strip_prefix("# expect: ").unwrap_or_else(|| panic!("{}: no `# expect:`", path.display()));
    list.split(", ").map(str::to_owned).collect()
}

/// What applying the fixes gives, if there are any; it compiles if every problem has one.
fn fixed(name: &str, compiled: &Verdict) -> Result<Option<String>, String> {
    let Some((_, text, _)) = fix::apply(&compiled.sources, &compiled.diagnostics).pop() else { return Ok(None) };
    let again = self::compiled(name, text.as_bytes());
    if compiled.diagnostics.iter().all(|d| d.fix.is_some()) && !again.diagnostics.is_empty() {
        return Err(format!("the fixed text has problems:\n{}", human(&again)));
    }
    Ok(Some(text))
}

#[derive(Default)]
struct Row {
    cases: usize,
    /// As many diagnostics as mistakes.
    counted: usize,
    /// The right codes too.
    coded: usize,
    /// The right places too.
    placed: usize,
    /// A fix for each of them.
    fixed: usize,
}

impl Row {
    fn add(&mut self, expected: &[String], found: &[String], fixed: bool) {
        let codes = |list: &[String]| -> Vec<String> { list.iter().map(|p| p[..6].to_owned()).collect() };
        let counted = expected.len() == found.len();
        self.cases += 1;
        self.counted += usize::from(counted);
        self.coded += usize::from(counted && codes(expected) == codes(found));
        self.placed += usize::from(expected == found);
        self.fixed += usize::from(fixed);
    }

    fn print(&self, name: &str) {
        println!("{name:12} {:6} {:8} {:8} {:8} {:8}", self.cases, self.counted, self.coded, self.placed, self.fixed);
    }
}

#[test]
fn each_mistake_gets_one_diagnostic_at_its_place() {
    let mut table: BTreeMap<String, Row> = BTreeMap::new();
    let mut total = Row::default();
    let mut failures = String::new();
    let mut stale = String::new();
    for path in cases(&root()).into_iter().filter(|path| !path.starts_with(root().join("valid"))) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let topic = path.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        let bytes = fs::read(&path).unwrap();
        let compiled = compiled(&name, &bytes);
        let (expected, found) = (expected(&path, &bytes), places(&compiled));
        let all_fixed = compiled.diagnostics.iter().all(|d| d.fix.is_some());
        table.entry(topic.clone()).or_default().add(&expected, &found, all_fixed);
        total.add(&expected, &found, all_fixed);
        if expected != found {
            let _ = writeln!(failures, "{topic}/{name}: expected {expected:?}, found {found:?}\n{}", human(&compiled));
        }
        let fixed = fixed(&name, &compiled).unwrap_or_else(|why| {
            let _ = writeln!(stale, "{topic}/{name}: {why}");
            None
        });
        let goldens = golden(&path.with_extension("txt"), Some(&human(&compiled)))
            & golden(&path.with_extension("fixed.yaml"), fixed.as_deref());
        if !goldens {
            let _ = writeln!(stale, "{topic}/{name}: the golden files differ");
        }
    }
    println!("{:12} {:>6} {:>8} {:>8} {:>8} {:>8}", "", "cases", "counted", "+ code", "+ place", "fixed");
    for (topic, row) in &table {
        row.print(topic);
    }
    total.print("all");
    println!("{failures}");
    assert!(total.placed * 100 >= total.cases * LEAST, "only {} of {} are right", total.placed, total.cases);
    assert!(stale.is_empty(), "{stale}UPDATE=1 cargo test --test ui writes them; read the diff");
}

#[test]
fn valid_manifests_get_no_diagnostic() {
    for path in cases(&root().join("valid")) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let compiled = compiled(&name, &fs::read(&path).unwrap());
        assert!(compiled.diagnostics.is_empty(), "{}", human(&compiled));
    }
}

#[test]
fn the_page_of_a_code_shows_it_and_how_to_mend_it() {
    for code in codes() {
        for (marker, triggers) in [("```yaml wrong\n", true), ("```yaml right\n", false)] {
            let example = code.page.split(marker).nth(1).and_then(|rest| rest.split("```").next());
            let example = example.unwrap_or_else(|| panic!("{}: no example `{}`", code.id, marker.trim()));
            let compiled = compiled("example.yaml", example.as_bytes());
            let shown = compiled.diagnostics.iter().any(|d| d.code == code);
            let right = shown == triggers && (triggers || !compiled.diagnostics.has_errors());
            assert!(right, "{}: {}", code.id, human(&compiled));
        }
    }
}

/// Manifests that are too large to stand in files.
#[test]
fn what_is_too_large_is_one_diagnostic() {
    let gateway = "apiVersion: gw/v1\nkind: Gateway\nmetadata: { name: edge }\nspec: {}\n";
    let deep = |open: &str, close: &str| format!("{gateway}---\n{}{}\n", open.repeat(100_000), close.repeat(100_000));
    let long = format!("{gateway}# {}\n", "x".repeat(17 << 20));
    let many = format!("{gateway}---\nkind: [{}]\n", "1,".repeat(2_100_000));
    let bomb = {
        let mut text = String::from("apiVersion: gw/v1\nkind: Backend\nmetadata:\n  name: web\n  a0: &a0 [x, x]\n");
        for level in 1..40 {
            let _ = writeln!(text, "  a{level}: &a{level} [*a{0}, *a{0}]", level - 1);
        }
        text + "spec: { echo: {} }\n"
    };
    for (text, code) in [
        (deep("[", "]"), "GW1006"),
        (deep("{a: ", "}"), "GW1006"),
        (deep("- ", "x"), "GW1006"),
        (long, "GW1006"),
        (many, "GW1006"),
        (bomb, "GW1005"),
    ] {
        let compiled = compiled("large.yaml", text.as_bytes());
        let found: Vec<_> = compiled.diagnostics.iter().map(|d| d.code.id).collect();
        assert_eq!(found, [code], "{:.2000}", human(&compiled));
    }
}
