//! `gw fmt` over every manifest of the project, and over the same manifests with comments put anywhere: formatting twice is formatting
//! once, the table stays the same, and no comment is lost.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on fails")]

mod support;

#[path = "support/beside.rs"]
mod beside;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use gw::compiler::format::{Notation, Refusal, format};
use gw::compiler::{SourceFile, compile, parse};
use gw::pipeline::assets::Folder;
use proptest::prelude::{ProptestConfig, any, prop, prop_assert, prop_assert_eq, proptest};

use support::command::{Folder as Work, gw_command};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn manifests(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = entries
        .flat_map(|path| if path.is_dir() { manifests(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml" || ending == "json"))
        .collect();
    found.sort();
    found
}

/// The manifests that a user could have.
fn valid() -> Vec<(PathBuf, String)> {
    let folders = ["tests/ui/valid", "examples", "gateway.d", "src/deploy/starter"];
    let paths = folders.iter().flat_map(|folder| manifests(&root().join(folder)));
    paths.map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// The digest of the table, or the codes of what is wrong.
fn meaning(text: &str) -> String {
    let file = SourceFile { path: "a.yaml".into(), shown: "a.yaml".into(), bytes: text.into() };
    let assets = beside::files(Folder::new());
    let compiled = compile(parse(vec![file]), &assets);
    let mut codes: Vec<&str> = compiled.diagnostics.iter().map(|problem| problem.code.id).collect();
    codes.sort_unstable();
    compiled.table.map_or_else(|| codes.join(" "), |table| table.digest.to_string())
}

#[test]
fn formatting_changes_no_meaning_and_twice_is_once() {
    for (path, text) in valid() {
        let name = path.display();
        let formatted = match format(&text, Notation::of(path.to_str().unwrap())) {
            Ok(formatted) => formatted,
            Err(Refusal::Unusual(why)) => {
                assert!(["it uses anchors", "it ends a document with `...`"].contains(&why), "{name}: {why}");
                continue;
            }
            Err(refusal) => panic!("{name}: {refusal:?}"),
        };
        assert_eq!(meaning(&formatted), meaning(&text), "{name}");
        assert_eq!(format(&formatted, Notation::of(path.to_str().unwrap())).unwrap(), formatted, "{name}");
    }
}

#[test]
fn the_examples_are_formatted() {
    for folder in ["examples", "gateway.d", "src/deploy/starter"] {
        let is_yaml = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "yaml");
        for path in manifests(&root().join(folder)).into_iter().filter(is_yaml) {
            let text = fs::read_to_string(&path).unwrap();
            assert_eq!(format(&text, Notation::Yaml).unwrap(), text, "{}: gw fmt {folder}", path.display());
        }
    }
}

/// Manifests with mistakes too: whatever can be read is formatted, and has the same mistakes afterwards.
#[test]
fn mistakes_stay_as_they_are() {
    for path in manifests(&root().join("tests/ui")) {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let Ok(formatted) = format(&text, Notation::Yaml) else { continue };
        assert_eq!(meaning(&formatted), meaning(&text), "{}\n{formatted}", path.display());
        assert_eq!(format(&formatted, Notation::Yaml).unwrap(), formatted, "{}", path.display());
    }
}

/// Puts comments and blank lines into a text: `how` says at which lines, and how deep.
fn with_comments(text: &str, how: &[(prop::sample::Index, usize)]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (n, (line, depth)) in how.iter().enumerate() {
        let at = line.index(lines.len() + 1);
        match depth {
            0..=8 => lines.insert(at, format!("{}# own {n}", " ".repeat(*depth))),
            9 => lines.insert(at, String::new()),
            _ => {
                if let Some(line) = lines.get_mut(at) {
                    *line = format!("{line}{}# end {n}", " ".repeat(depth - 9));
                }
            }
        }
    }
    lines.join("\n") + "\n"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn no_comment_is_lost(
        which in any::<prop::sample::Index>(),
        how in prop::collection::vec((any::<prop::sample::Index>(), 0..13_usize), 1..12),
    ) {
        thread_local!(static TEXTS: Vec<String> = valid().into_iter().map(|(_, text)| text).collect());
        let text = TEXTS.with(|texts| texts[which.index(texts.len())].clone());
        let commented = with_comments(&text, &how);
        // a line that is put into a text over several lines is a part of it
        let Ok(formatted) = format(&commented, Notation::Yaml) else {
            let refused = format(&commented, Notation::Yaml).unwrap_err();
            prop_assert!(!matches!(refused, Refusal::Unusual("a part of it would be lost")), "{commented}");
            return Ok(());
        };
        prop_assert_eq!(meaning(&formatted), meaning(&commented));
        prop_assert_eq!(format(&formatted, Notation::Yaml).unwrap(), formatted.clone(), "{}\n---\n{}", commented, formatted);
        for n in 0..how.len() {
            for comment in [format!("# own {n}\n"), format!("# end {n}\n")] {
                let count = |text: &str| text.matches(&comment).count();
                prop_assert_eq!(count(&formatted), count(&commented), "{}\n---\n{}", commented, formatted);
            }
        }
    }
}

const UGLY: &str = "kind: Route\napiVersion: gw/v1\nmetadata: {name: \"a\"}\nspec:\n    plugins:\n    - respond: {}\n    public: true\n";
const PRETTY: &str =
    "apiVersion: gw/v1\nkind: Route\nmetadata: { name: a }\nspec:\n  public: true\n  plugins:\n    - respond: {}\n";

#[test]
fn files_are_written_unless_they_are_only_checked() {
    let site = "apiVersion: gw/v1\nkind: Backend\nmetadata: { name: site }\nspec:\n  folder: { path: site }\n";
    let work = Work::with(&[
        ("gateway.d/ugly.yaml", UGLY),
        ("gateway.d/site.yaml", site),
        ("gateway.d/site/data.json", "{\"a\":1}"),
        ("gateway.d/site/text.yaml", "a:   1"),
    ]);
    let check = work.gw("fmt --check");
    assert_eq!((check.code, check.out.as_str()), (1, "gateway.d/ugly.yaml would change\n"));
    assert_eq!(work.read("gateway.d/ugly.yaml"), UGLY);
    let written = work.gw("fmt");
    assert_eq!((written.code, written.out.as_str()), (0, "gateway.d/ugly.yaml\n"));
    assert_eq!(work.read("gateway.d/ugly.yaml"), PRETTY);
    assert_eq!(work.read("gateway.d/site/data.json"), "{\"a\":1}", "content is not a manifest");
    let again = work.gw("fmt --check gateway.d");
    assert_eq!((again.code, again.out.as_str(), again.err.as_str()), (0, "", ""));
}

#[test]
fn what_cannot_be_formatted_is_said() {
    let work = Work::with(&[("a.yaml", "a: [\n"), ("b.yaml", "a: &x 1\nb:   *x\n"), ("c.yaml", UGLY)]);
    let done = work.gw("fmt a.yaml b.yaml c.yaml nowhere.yaml");
    assert_eq!((done.code, done.out.as_str()), (1, "c.yaml\n"));
    for part in [
        "error[GW1001]",
        "a.yaml:",
        "note: b.yaml is left as it is: it uses anchors",
        "error: `nowhere.yaml` does not exist",
    ] {
        assert!(done.err.contains(part), "no `{part}` in {}", done.err);
    }
    assert_eq!(work.read("b.yaml"), "a: &x 1\nb:   *x\n");
}

#[test]
fn standard_input_goes_to_standard_output() {
    let mut child = gw_command().args(["fmt", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(UGLY.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stdout).unwrap().as_str()), (Some(0), PRETTY));
}
