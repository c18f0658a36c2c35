//! Proposes cases for what no case gets to, with what happens now as what is expected.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};

use crate::compiler::Compiled;
use crate::compiler::manifest::{API_VERSION, DEFAULT_NAMESPACE};
use crate::deploy::test::TestError;
use crate::deploy::test::case::planned;
use crate::deploy::test::parts::Parts;
use crate::deploy::test::propose::Proposer;
use crate::deploy::test::written::Written;
use crate::value::name::Name;

/// Manifests with cases for each entry of `match` that no case gets to, as YAML: requests that get to it, and some just outside of it; `None` if what was compiled has no table.
///
/// # Errors
/// If the data plane cannot be made ready.
pub fn generate(compiled: &mut Compiled) -> Result<Option<String>, TestError> {
    let Some(table) = compiled.table.take() else { return Ok(None) };
    let parts = Parts::of(table);
    let mut proposer = Proposer::new(&parts)?;
    let mut covered = BTreeSet::new();
    for case in planned(compiled, &parts.settings, None)? {
        covered.extend(proposer.play(&case.script)?.rule);
    }
    let written = Written::of(compiled);
    let mut found: BTreeMap<&Name, Vec<Value>> = BTreeMap::new();
    let mut out = String::new();
    for rule in (0..).take(parts.rules.len()).filter(|rule| !covered.contains(rule)) {
        let route = parts.rules[rule as usize].route as usize;
        let Some(object) = written.object(route) else { continue };
        let namespace = &object.address.namespace;
        let cases = proposer.propose(rule, namespace)?;
        if cases.is_empty() {
            let (entry, route) = (parts.rules[rule as usize].entry + 1, object.address.short());
            let place = written.rule(rule as usize).map_or_else(String::new, |place| format!("{place}: "));
            let text = format!("# {place}no request was found for entry {entry} of `match` of the route {route}\n");
            out.push_str(&text);
        } else {
            found.entry(namespace).or_default().extend(cases);
        }
    }
    let manifests = found.into_iter().map(|(namespace, cases)| manifest(namespace, cases));
    out.push_str(&manifests.collect::<Vec<_>>().join("---\n"));
    Ok(Some(out))
}

fn manifest(namespace: &Name, mut cases: Vec<Value>) -> String {
    let mut names: HashMap<String, usize> = HashMap::new();
    for case in &mut cases {
        let name = case["name"].as_str().unwrap_or_default().to_owned();
        let times = names.entry(name.clone()).or_default();
        *times += 1;
        if *times > 1 {
            case["name"] = format!("{name} ({times})").into();
        }
    }
    let mut metadata = json!({ "name": "generated" });
    if namespace.as_str() != DEFAULT_NAMESPACE {
        metadata["namespace"] = namespace.as_str().into();
    }
    let manifest =
        json!({ "apiVersion": API_VERSION, "kind": "Test", "metadata": metadata, "spec": { "cases": cases } });
    serde_yaml::to_string(&manifest).unwrap_or_default()
}
