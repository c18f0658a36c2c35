//! Problems as SARIF 2.1.0 (OASIS), for code scanning.
//!
//! Not the whole format: one run, its rules, and for each problem what GitHub and editors show.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

use crate::diagnostic::render::{Format, Report, pretty_json};
use crate::diagnostic::{Code, Diagnostic, Edit, Fix, Severity, SourceId, Span};

/// The format.
pub(super) const FORMAT: Format =
    Format { name: "sarif", summary: "SARIF 2.1.0, for code scanning and the editors that read it", render };

/// GitHub refuses a run with more.
const MOST: usize = 25_000;

fn render(report: &Report<'_>) -> String {
    let problems = report.worst(MOST);
    let codes: BTreeMap<&str, &Code> = problems.iter().map(|d| (d.code.id, d.code)).collect();
    let indexes: HashMap<&str, usize> = codes.keys().enumerate().map(|(index, id)| (*id, index)).collect();
    let mut seen = HashMap::new();
    let results: Vec<Value> =
        problems.iter().map(|diagnostic| result(report, diagnostic, indexes[diagnostic.code.id], &mut seen)).collect();
    pretty_json(&json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "gw",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": codes.values().map(|code| rule(code)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    }))
}

fn rule(code: &Code) -> Value {
    let name = code.name.replace('-', " ");
    let first_paragraph =
        code.page.split("\n\n").map(str::trim).find(|text| !text.is_empty() && !text.starts_with('#'));
    json!({
        "id": code.id,
        "name": code.name,
        "shortDescription": { "text": name },
        "fullDescription": { "text": first_paragraph.unwrap_or(&name).replace('\n', " ") },
        "help": { "text": code.page, "markdown": code.page },
        "defaultConfiguration": { "level": level(code.severity) },
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn result(report: &Report<'_>, diagnostic: &Diagnostic, rule_index: usize, seen: &mut HashMap<String, usize>) -> Value {
    let mut result = Map::new();
    result.insert("ruleId".into(), diagnostic.code.id.into());
    result.insert("ruleIndex".into(), rule_index.into());
    result.insert("level".into(), level(diagnostic.severity).into());
    result.insert("message".into(), json!({ "text": message(diagnostic) }));
    result.insert("locations".into(), locations(report, diagnostic).into());
    let related = related_locations(report, diagnostic);
    if !related.is_empty() {
        result.insert("relatedLocations".into(), related.into());
    }
    result.insert("partialFingerprints".into(), fingerprints(report, diagnostic, seen));
    if let Some(fix) = &diagnostic.fix {
        result.insert("fixes".into(), json!([fix_value(report, fix)]));
    }
    Value::Object(result)
}

fn message(diagnostic: &Diagnostic) -> String {
    match &diagnostic.help {
        Some(help) => format!("{}\nhelp: {help}", diagnostic.message),
        None => diagnostic.message.clone(),
    }
}

/// The primary place and the object. GitHub refuses a result without a file, so a problem of the manifests as a whole
/// is shown at the first of them.
fn locations(report: &Report<'_>, diagnostic: &Diagnostic) -> Vec<Value> {
    let physical = match diagnostic.span() {
        Some(span) => Some(physical_location(report, span)),
        None => report.sources.iter().next().map(|(id, _)| json!({ "artifactLocation": artifact(report, id) })),
    };
    let mut location = Map::new();
    if let Some(physical) = physical {
        location.insert("physicalLocation".into(), physical);
    }
    if let Some(object) = &diagnostic.object {
        location.insert("logicalLocations".into(), json!([{ "fullyQualifiedName": object, "kind": "object" }]));
    }
    if location.is_empty() { Vec::new() } else { vec![Value::Object(location)] }
}

fn related_locations(report: &Report<'_>, diagnostic: &Diagnostic) -> Vec<Value> {
    let others = diagnostic.labels.iter().enumerate().skip(1);
    others
        .map(|(id, label)| {
            json!({
                "id": id,
                "physicalLocation": physical_location(report, label.span),
                "message": { "text": label.message },
            })
        })
        .collect()
}

fn physical_location(report: &Report<'_>, span: Span) -> Value {
    json!({ "artifactLocation": artifact(report, span.source), "region": region(report, span) })
}

fn region(report: &Report<'_>, span: Span) -> Value {
    let (start, end) = (report.sources.position(span), report.sources.end_position(span));
    json!({
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
    })
}

/// A file, from the root of the repository where its path is relative.
fn artifact(report: &Report<'_>, source: SourceId) -> Value {
    let name = report.name(source);
    if name.starts_with('/') {
        return json!({ "uri": format!("file://{}", uri(name)) });
    }
    json!({ "uri": uri(name), "uriBaseId": "%SRCROOT%" })
}

/// A path as a URI reference (RFC 3986).
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

/// What makes this problem the same one after unrelated edits: the rule, the object and the message, but not the line.
/// The key is the one GitHub reads; without it, GitHub would take a hash of the line.
fn fingerprints(report: &Report<'_>, diagnostic: &Diagnostic, seen: &mut HashMap<String, usize>) -> Value {
    let file = || diagnostic.span().map(|span| report.name(span.source));
    let object = diagnostic.object.as_deref().or_else(file).unwrap_or_default();
    let identity = [diagnostic.code.id, object, &diagnostic.message].join("\0");
    let hash = digest(&SHA256, identity.as_bytes());
    let mut print = String::new();
    for byte in hash.as_ref().iter().take(8) {
        let _ = write!(print, "{byte:02x}");
    }
    let occurrence = seen.entry(print.clone()).or_default();
    *occurrence += 1;
    json!({ "primaryLocationLineHash": format!("{print}:{occurrence}") })
}

fn fix_value(report: &Report<'_>, fix: &Fix) -> Value {
    let mut by_source: BTreeMap<SourceId, Vec<Value>> = BTreeMap::new();
    for edit in &fix.edits {
        by_source.entry(edit.span.source).or_default().push(replacement(report, edit));
    }
    let changes: Vec<Value> = by_source
        .into_iter()
        .map(|(id, replacements)| json!({ "artifactLocation": artifact(report, id), "replacements": replacements }))
        .collect();
    json!({ "description": { "text": fix.message }, "artifactChanges": changes })
}

fn replacement(report: &Report<'_>, edit: &Edit) -> Value {
    json!({ "deletedRegion": region(report, edit.span), "insertedContent": { "text": edit.replacement } })
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn a_path_becomes_a_uri() {
        assert_eq!(uri("gateway.d/a b#é%.yaml"), "gateway.d/a%20b%23%C3%A9%25.yaml");
    }
}
