//! The published schema in a real editor's server: yaml-language-server, spoken to as an editor does (LSP over its standard
//! input and output). What people see while they write is held here: names that complete, texts that explain, places of mistakes.
//!
//! The server is installed by npm into the target folder when it is missing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on fails")]

#[path = "editor/lsp.rs"]
mod lsp;

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use gw::backend::BACKENDS;
use gw::compiler::manifest::KINDS;
use gw::compiler::reference::examples;
use gw::compiler::schema::{self, of_kind, properties};
use gw::deploy::starter;
use gw::plugins::PLUGINS;
use serde_json::Value;

use crate::lsp::Server;

static SERVER: LazyLock<Mutex<Server>> = LazyLock::new(|| Mutex::new(Server::start()));

fn server() -> MutexGuard<'static, Server> {
    SERVER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A manifest of a kind, up to its `spec`.
fn head(kind: &str) -> String {
    format!("apiVersion: gw/v1\nkind: {kind}\nmetadata: {{ name: shop }}\n")
}

/// The names of `expected` that are not among `found`.
fn missing<'a>(expected: impl IntoIterator<Item = &'a str>, found: &[String]) -> Vec<String> {
    expected.into_iter().filter(|name| !found.iter().any(|label| label == name)).map(str::to_owned).collect()
}

#[test]
fn kinds_complete() {
    let found = server().complete("apiVersion: gw/v1\nkind: |\nmetadata: { name: shop }\n");
    assert_eq!(missing(KINDS.iter().map(|kind| kind.name), &found), [] as [&str; 0], "{found:?}");
}

#[test]
fn plugins_and_backends_complete() {
    let found = server().complete(&format!("{}spec:\n  plugins:\n    - |\n", head("Route")));
    assert_eq!(missing(PLUGINS.iter().map(|plugin| plugin.name), &found), [] as [&str; 0], "{found:?}");
    let found = server().complete(&format!("{}spec:\n  |\n", head("Backend")));
    assert_eq!(missing(BACKENDS.iter().copied(), &found), [] as [&str; 0], "{found:?}");
}

/// Every object of a kind, as a text that leads to it and the names of its fields.
fn objects(schema: &Value, text: &str, indent: usize, out: &mut Vec<(String, Vec<String>)>) {
    let Some(fields) = properties(schema).filter(|fields| !fields.is_empty()) else { return };
    out.push((format!("{text}|\n"), fields.keys().cloned().collect()));
    for (name, field) in fields {
        let items = field.get("items").filter(|items| properties(items).is_some());
        let (inner, step, dash) = items.map_or((field, 2, ""), |items| (items, 4, "- "));
        let column = indent + step;
        let text = format!("{text}{name}:\n{:width$}{dash}", "", width = column - dash.len());
        objects(inner, &text, column, out);
    }
}

#[test]
fn every_field_completes() {
    let mut failures = Vec::new();
    for kind in KINDS {
        let schema = &of_kind(kind);
        let mut all = Vec::new();
        objects(schema::at(schema, "/spec").unwrap(), &format!("{}spec:\n  ", head(kind.name)), 2, &mut all);
        for (text, fields) in all {
            let found = server().complete(&text);
            let missing = missing(fields.iter().map(String::as_str), &found);
            if !missing.is_empty() {
                failures.push(format!("{missing:?} in\n{text}\nonly {found:?}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn names_are_explained() {
    for example in examples() {
        let kind = example.manifest["kind"].as_str().unwrap();
        let schema = &schema::named(kind).unwrap();
        let (pointer, place) = match kind {
            _ if example.of == kind => ("/spec".to_owned(), "spec:".to_owned()),
            "Route" => (format!("/spec/plugins/0/{}", example.of), format!("{}:", example.of)),
            _ => (format!("/spec/{}", example.of), format!("{}:", example.of)),
        };
        let text = schema::at(schema, &pointer).unwrap()["description"].as_str().unwrap();
        let sentence = text.split('`').next().unwrap().split(". ").next().unwrap().trim_end_matches('.');
        let (first, rest) = place.split_at(1);
        let hover = server().hover(&example.yaml().replacen(&place, &format!("{first}|{rest}"), 1));
        assert!(hover.contains(sentence), "{}: `{sentence}` is not in\n{hover}", example.of);
    }
    let hover = server().hover(&head("Route").replacen("kind", "k|ind", 1));
    assert!(hover.contains("it decides what"), "{hover}");
}

#[test]
fn mistakes_are_shown_where_they_are() {
    let route = head("Route");
    for (text, line) in [
        ("apiVersion: gw/v1\nkind: Rute\nmetadata: { name: shop }\nspec: {}\n".to_owned(), 1),
        (format!("{route}spec:\n  public: true\n  bakend: shop\n"), 5),
        (format!("{route}spec:\n  public: \"yes\"\n  backend: shop\n"), 4),
        (format!("{route}spec:\n  plugins:\n    - rewrite: {{ addPrefix: /v2 }}\n    - redirct: {{ to: / }}\n"), 6),
        (format!("{route}spec:\n  plugins:\n    - redirect: {{ to: /new, status: 200 }}\n"), 5),
        (format!("{route}spec:\n  match: []\n  backend: shop\n"), 4),
    ] {
        let found = server().diagnostics(&text);
        let lines: Vec<u64> = found.iter().map(|problem| problem["range"]["start"]["line"].as_u64().unwrap()).collect();
        assert_eq!(lines, [line], "{text}\n{found:#?}");
    }
}

#[test]
fn what_is_right_has_no_mistake() {
    let starter = starter::FILES.iter().filter(|(name, _)| name.ends_with(".yaml")).map(|(_, text)| {
        text.lines().skip_while(|line| line.contains("$schema=")).map(|line| format!("{line}\n")).collect::<String>()
    });
    for text in examples().iter().map(|example| example.yaml()).chain(starter) {
        let found = server().diagnostics(&text);
        assert!(found.is_empty(), "{text}\n{found:#?}");
    }
}
