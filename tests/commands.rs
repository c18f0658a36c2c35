//! Commands that print what the program knows of itself: `gw new`, `gw version`, `gw completion`; and the hooks for pre-commit.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on fails")]

mod support;

use std::fs;
use std::process::Command;

use gw::compiler::format::{Notation, format};
use gw::compiler::manifest::KINDS;

use support::command::Folder;

#[test]
fn a_new_manifest_of_each_kind_is_valid_with_what_it_refers_to() {
    for kind in KINDS {
        let folder = Folder::with(&[]);
        let mut wanted = vec![(kind.name.to_owned(), "demo".to_owned())];
        let mut written = Vec::new();
        while let Some((kind, name)) = wanted.pop() {
            let new = folder.gw(&format!("new {} {name}", kind.to_lowercase()));
            assert_eq!(new.code, 0, "{new:?}");
            assert_eq!(format(&new.out, Notation::Yaml).unwrap(), new.out, "it is as `gw fmt` writes it");
            assert!(new.out.is_ascii() && new.out.lines().all(|line| line.len() <= 120), "{}", new.out);
            folder.write(&format!("gateway.d/{kind}-{name}.yaml"), &new.out);
            for line in new.err.lines() {
                let mut words = line.strip_prefix("It refers to the ").unwrap().split(' ');
                let reference =
                    (words.next().unwrap().to_owned(), words.next().unwrap().trim_matches(['`', ':']).to_owned());
                if !written.contains(&reference) {
                    wanted.push(reference);
                }
            }
            written.push((kind, name));
        }
        let valid = folder.gw("validate");
        assert_eq!(valid.code, 0, "{}: {valid:?}", kind.name);
    }
}

/// What is a comment may be taken in: each field alone keeps the manifest free of mistakes in its shape.
#[test]
fn the_comments_of_a_new_manifest_are_fields() {
    let folder = Folder::with(&[]);
    for kind in KINDS {
        let text = folder.gw(&format!("new {} demo", kind.name)).out;
        let fields: Vec<usize> = (0..text.lines().count())
            .filter(|i| {
                text.lines().nth(*i).unwrap().strip_prefix("  # ").is_some_and(|line| {
                    line.split_once(": ").is_some_and(|(name, _)| name.chars().all(char::is_alphanumeric))
                })
            })
            .collect();
        for field in fields {
            let lines = text
                .lines()
                .enumerate()
                .map(|(i, line)| if i == field { line.replacen("# ", "", 1) } else { line.to_owned() });
            let taken: Vec<String> = lines.collect();
            folder.write("gateway.d/a.yaml", &(taken.join("\n") + "\n"));
            let valid = folder.gw("validate");
            assert!(
                !valid.out.contains("error[GW12") && !valid.out.contains("error[GW10"),
                "{} {}: {valid:?}",
                kind.name,
                taken[field]
            );
        }
    }
}

#[test]
fn a_kind_that_does_not_exist() {
    let folder = Folder::with(&[]);
    let near = folder.gw("new rute demo");
    assert_eq!((near.code, near.err.as_str()), (1, "error: there is no kind `rute`, did you mean `Route`?\n"));
    assert!(folder.gw("new route Demo!").err.starts_with("error: invalid value 'Demo!' for '<NAME>'"));
}

#[test]
fn the_version_for_people_and_programs() {
    let folder = Folder::with(&[]);
    assert!(folder.gw("version").out.starts_with(&format!("gw {}\nmanifests gw/v1\n", env!("CARGO_PKG_VERSION"))));
    let json: serde_json::Value = serde_json::from_str(&folder.gw("version --output json").out).unwrap();
    assert_eq!(json["formatVersion"], "1.0");
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!((&json["apiVersion"], &json["schema"]), (&"gw/v1".into(), &"urn:gw:schema:v1".into()));
}

#[test]
fn a_shell_completes_commands_and_options() {
    let folder = Folder::with(&[]);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = folder.gw(&format!("completion {shell}"));
        assert_eq!(script.code, 0);
        assert!(script.out.contains("detailed-exitcode"), "{shell}");
    }
    folder.write("gw.bash", &folder.gw("completion bash").out);
    let ask = "source ./gw.bash; COMP_WORDS=(gw plan --det); COMP_CWORD=2; _gw gw --det plan; echo \"${COMPREPLY[@]}\"";
    let done = folder.run(Command::new("bash").args(["--norc", "-c", ask]));
    assert_eq!(done.out, "--detailed-exitcode\n", "{done:?}");
}

#[test]
fn the_hooks_for_pre_commit() {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/.pre-commit-hooks.yaml")).unwrap();
    let entries: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("entry: gw ")).collect();
    assert_eq!(entries, ["validate", "fmt"]);
    let manifest =
        "apiVersion: gw/v1\nkind: Route\nmetadata: {name: a}\nspec: { public: true, plugins: [{ respond: {} }] }\n";
    let folder = Folder::with(&[("gateway.d/a.yaml", manifest)]);
    let codes: Vec<i32> = entries.iter().map(|entry| folder.gw(entry).code).collect();
    assert_eq!(codes, [0, 0]);
    assert!(
        folder.read("gateway.d/a.yaml").contains("metadata: { name: a }\n"),
        "a file that changes makes pre-commit fail"
    );
}
