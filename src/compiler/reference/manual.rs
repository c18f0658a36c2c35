//! The manual of the language, in Markdown, from the published schema: what an editor shows is what stands here.

use std::collections::VecDeque;
use std::fmt::Write as _;

use serde_json::Value;

use crate::backend::BACKENDS;
use crate::compiler::manifest::KINDS;
use crate::compiler::reference::examples::{Example, examples};
use crate::compiler::reference::words::{Definitions, code, is_object};
use crate::compiler::schema::{properties, published};
use crate::plugins::PLUGINS;
use crate::value::FORMATS;

/// The manual.
pub fn manual() -> String {
    let schema = published();
    let Some(definitions) = schema.get("definitions").and_then(Value::as_object) else { return String::new() };
    let mut manual = Manual {
        definitions: Definitions(definitions),
        examples: examples(),
        shown: Vec::new(),
        pending: VecDeque::new(),
        out: String::from(INTRODUCTION),
    };
    manual.metadata(&schema);
    manual.kinds(&schema);
    manual.plugins();
    manual.backends(&schema);
    manual.scalars();
    manual.out
}

const INTRODUCTION: &str = "\
# Reference

Every manifest has the same four fields: `apiVersion` is `gw/v1`, `kind` says what the object is, `metadata` names it, and `spec` is
what it says. Several documents may stand in one file, with `---` between them. Unknown fields are errors. A field whose default is a
dash may be left out, and then nothing is set; a field that is required says so. No list may be empty: leave the field out instead.
";

struct Manual<'s> {
    definitions: Definitions<'s>,
    examples: Vec<Example>,
    /// The definitions that have, or will have, their section.
    shown: Vec<&'s str>,
    /// The definitions that fields have referred to, and whose section is to come.
    pending: VecDeque<(&'s str, &'s Value)>,
    out: String,
}

impl<'s> Manual<'s> {
    fn metadata(&mut self, schema: &'s Value) {
        let Some(field) = properties(schema).and_then(|fields| fields.get("metadata")) else { return };
        let metadata = self.definitions.referent(field).map_or(field, |(_, definition)| definition);
        self.heading("##", "metadata");
        self.object(metadata);
    }

    fn kinds(&mut self, schema: &'s Value) {
        self.reserve();
        for kind in KINDS {
            let Some(spec) = spec(schema, kind.name) else { continue };
            self.heading("##", kind.name);
            self.paragraph(kind.summary.trim());
            self.example(kind.name);
            self.table(spec);
            self.pending();
        }
    }

    /// Plugins have sections of their own, under their names.
    fn reserve(&mut self) {
        let entry = self.definitions.0.get("PluginEntry").and_then(properties).into_iter().flatten();
        let configs = entry.filter(|(name, _)| PLUGINS.iter().any(|plugin| plugin.name == *name));
        let names = configs.filter_map(|(_, field)| self.definitions.referent(field)).map(|(name, _)| name);
        self.shown.extend(names);
    }

    fn plugins(&mut self) {
        self.heading("##", "Plugins");
        self.paragraph("An entry of a route's `plugins` is exactly one of these, by its name.");
        for plugin in PLUGINS {
            let field = self.definitions.0.get("PluginEntry").and_then(properties).and_then(|all| all.get(plugin.name));
            if let Some(field) = field {
                self.member(plugin.name, field);
            }
        }
    }

    fn backends(&mut self, schema: &'s Value) {
        self.heading("##", "Backends");
        self.paragraph("The `spec` of a `Backend` is exactly one of these, by its name.");
        for name in BACKENDS {
            let field = spec(schema, "Backend").and_then(properties).and_then(|all| all.get(*name));
            if let Some(field) = field {
                self.member(name, field);
            }
        }
    }

    /// A plugin or a backend.
    fn member(&mut self, name: &str, field: &'s Value) {
        let config = self.definitions.referent(field).map_or(field, |(_, definition)| definition);
        self.heading("###", name);
        if let Some(text) = description(field) {
            self.paragraph(text);
        }
        if let Some(text) = description(config).filter(|text| description(field) != Some(text)) {
            self.paragraph(text);
        }
        self.example(name);
        self.table(config);
        self.pending();
    }

    fn scalars(&mut self) {
        self.heading("##", "Scalars");
        self.paragraph("Texts with rules of their own.");
        for format in FORMATS {
            self.heading("###", format.name.trim_start_matches("gw-"));
            let examples: Vec<String> = format.examples.iter().map(|example| format!("`{example}`")).collect();
            self.paragraph(&format!("{} Examples: {}.", format.description, examples.join(", ")));
        }
    }

    /// The sections of the definitions that were referred to.
    fn pending(&mut self) {
        while let Some((name, definition)) = self.pending.pop_front() {
            self.heading("###", name);
            self.object(definition);
        }
    }

    fn object(&mut self, schema: &'s Value) {
        if let Some(text) = description(schema) {
            self.paragraph(text);
        }
        self.table(schema);
    }

    fn table(&mut self, schema: &'s Value) {
        let Some(fields) = properties(schema).filter(|fields| !fields.is_empty()) else { return };
        self.out.push_str("\n| field | type | default | meaning |\n|---|---|---|---|\n");
        let required = schema.get("required").and_then(Value::as_array);
        for (name, field) in fields {
            let is_required = required.is_some_and(|names| names.iter().any(|required| required == name));
            self.row(name, field, is_required);
        }
    }

    fn row(&mut self, name: &str, field: &'s Value, required: bool) {
        let default = match field.get("default") {
            _ if required => "required".to_owned(),
            Some(default) if !default.is_object() => code(default),
            _ => "-".to_owned(),
        };
        let mut meaning = description(field).unwrap_or_default().replace('\n', " ");
        let referent = self.definitions.referent(field.get("items").unwrap_or(field));
        let is_plain = referent.is_none_or(|(_, definition)| !is_object(definition)) && !is_object(field);
        if let Some(example) = example(field).filter(|_| is_plain) {
            // Writing into a string cannot fail.
            let _ = write!(meaning, " Example: {}.", code(example));
        }
        let type_name = self.type_of(name, field);
        let cells = [&type_name, &default, &meaning].map(|cell| cell.replace('|', "\\|"));
        let _ = writeln!(self.out, "| `{name}` | {} | {} | {} |", cells[0], cells[1], cells[2]);
        if let Some((name, definition)) = referent.filter(|(_, definition)| is_object(definition))
            && !self.shown.contains(&name)
        {
            self.shown.push(name);
            self.pending.push_back((name, definition));
        }
        for (inner, field) in properties(field).into_iter().flatten() {
            self.row(&format!("{name}.{inner}"), field, false);
        }
    }

    /// The type of a field; plugins and backends are linked by their name.
    fn type_of(&self, name: &str, field: &'s Value) -> String {
        let is_member = PLUGINS.iter().any(|plugin| plugin.name == name) || BACKENDS.contains(&name);
        if is_member { format!("[{name}](#{})", name.to_ascii_lowercase()) } else { self.definitions.of(field) }
    }

    fn heading(&mut self, level: &str, text: &str) {
        let _ = writeln!(self.out, "\n{level} {text}");
    }

    fn paragraph(&mut self, text: &str) {
        let _ = writeln!(self.out, "\n{text}");
    }

    fn example(&mut self, of: &str) {
        if let Some(example) = self.examples.iter().find(|example| example.of == of) {
            let _ = write!(self.out, "\n```yaml\n{}```\n", example.yaml());
        }
    }
}

/// The schema of a kind's `spec` in the published one.
fn spec<'s>(schema: &'s Value, kind: &str) -> Option<&'s Value> {
    let branches = schema.get("allOf")?.as_array()?;
    let branch = branches.iter().find(|branch| branch["if"]["properties"]["kind"]["const"] == kind)?;
    branch.pointer("/then/properties/spec")
}

fn description(schema: &Value) -> Option<&str> {
    schema.get("description").and_then(Value::as_str)
}

fn example(schema: &Value) -> Option<&Value> {
    schema.get("examples")?.as_array()?.first()
}
