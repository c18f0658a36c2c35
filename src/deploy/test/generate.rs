//! Proposes cases for what no case gets to, with what happens now as what is expected.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::compiler::Compiled;
use crate::compiler::manifest::{API_VERSION, DEFAULT_NAMESPACE};
use crate::deploy::explain::Asked;
use crate::deploy::test::TestError;
use crate::deploy::test::case::planned;
use crate::deploy::test::parts::Parts;
use crate::deploy::test::sample::{Sample, sample};
use crate::deploy::test::stage::{Got, Script, Stage};
use crate::deploy::test::written::Written;
use crate::proxy::rehearsal::Caller;
use crate::value::name::Name;

/// Manifests with a case for each entry of `match` that no case gets to, as YAML; `None` if what was compiled has no table.
///
/// # Errors
/// If the data plane cannot be made ready.
pub fn generate(compiled: &mut Compiled) -> Result<Option<String>, TestError> {
    let Some(table) = compiled.table.take() else { return Ok(None) };
    let parts = Parts::of(table);
    let mut stage = Stage::new(&parts)?;
    let mut covered = BTreeSet::new();
    for case in planned(compiled, &parts.settings, None)? {
        covered.extend(stage.play(&case.script, &parts)?.rule);
    }
    let written = Written::of(compiled);
    let mut proposed: BTreeMap<&Name, Vec<Value>> = BTreeMap::new();
    let mut out = String::new();
    for rule in (0..).take(parts.rules.len()).filter(|rule| !covered.contains(rule)) {
        let route = parts.rules[rule as usize].route as usize;
        let Some(object) = written.object(route) else { continue };
        match propose(rule, &parts, &mut stage)? {
            Some(case) => proposed.entry(&object.address.namespace).or_default().push(case),
            None => {
                let entry = parts.rules[rule as usize].entry + 1;
                let place = written.rule(rule as usize).map_or_else(String::new, |place| format!("{place}: "));
                out.push_str(&format!(
                    "# {place}no request was found for entry {entry} of `match` of the route {}\n",
                    object.address.short()
                ));
            }
        }
    }
    let manifests = proposed.into_iter().map(|(namespace, cases)| manifest(namespace, &cases));
    out.push_str(&manifests.collect::<Vec<_>>().join("---\n"));
    Ok(Some(out))
}

fn manifest(namespace: &Name, cases: &[Value]) -> String {
    let mut metadata = json!({ "name": "generated" });
    if namespace.as_str() != DEFAULT_NAMESPACE {
        metadata["namespace"] = namespace.as_str().into();
    }
    let manifest =
        json!({ "apiVersion": API_VERSION, "kind": "Test", "metadata": metadata, "spec": { "cases": cases } });
    serde_yaml::to_string(&manifest).unwrap_or_default()
}

/// A case for a rule; `None` if the request that was thought of gets another one.
fn propose(rule: u32, parts: &Parts, stage: &mut Stage) -> Result<Option<Value>, TestError> {
    let asked = &parts.rules[rule as usize];
    let Some(sample) = sample(asked) else { return Ok(None) };
    for listener in &asked.listeners {
        let listener = &parts.settings.listeners[usize::from(*listener)];
        let scheme = if listener.tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}{}", sample.host, sample.target);
        let headers: Vec<String> = sample.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let ip = std::net::Ipv4Addr::LOCALHOST.into();
        let Ok(mut request) = Asked::new(&sample.method, &url, &headers, ip) else { continue };
        let plain = request.listener(&parts.settings).ok();
        request.listener = Some(listener.name.to_string());
        let Ok(index) = request.listener(&parts.settings) else { continue };
        let caller = Caller { listener: index, ip, scheme: request.scheme };
        let got = stage.play(&Script { caller, bytes: request.bytes(None) }, parts)?;
        if got.rule == Some(rule) {
            let listener = (plain != Some(index)).then(|| listener.name.as_str());
            return Ok(Some(case(&sample, &url, listener, &got, parts, rule)));
        }
    }
    Ok(None)
}

fn case(sample: &Sample, url: &str, listener: Option<&str>, got: &Got, parts: &Parts, rule: u32) -> Value {
    let rule = &parts.rules[rule as usize];
    let entries = parts.rules.iter().filter(|other| other.route == rule.route).count();
    let own = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    let route = own(got.route.as_deref().unwrap_or_default());
    let by = if entries > 1 { format!(" by entry {}", rule.entry + 1) } else { String::new() };
    let mut request = Map::new();
    if sample.method != "GET" {
        request.insert("method".into(), sample.method.as_str().into());
    }
    request.insert("url".into(), url.into());
    request.extend(listener.map(|name| ("listener".into(), name.into())));
    if !sample.headers.is_empty() {
        let fields: Map<String, Value> =
            sample.headers.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        request.insert("headers".into(), fields.into());
    }
    let mut expect = Map::new();
    expect.insert("route".into(), route.as_str().into());
    match (&got.rejected_by, &got.backend) {
        (Some((id, _)), _) => drop(expect.insert("rejectedBy".into(), (**id).into())),
        (None, Some(backend)) => drop(expect.insert("backend".into(), own(backend).into())),
        (None, None) => {}
    }
    let path = sample.target.split('?').next().unwrap_or_default();
    expect.extend(
        got.sent.iter().filter(|(sent, _)| sent != path).map(|(sent, _)| ("upstreamPath".into(), sent.as_str().into())),
    );
    expect.insert("status".into(), got.status.into());
    let location = got.fields.iter().find(|(name, _)| name == "location");
    expect.extend(location.map(|(name, value)| ("responseHeaders".into(), json!({ name: value }))));
    json!({ "name": format!("{} {path} gets the route {route}{by}", sample.method), "request": request, "expect": expect })
}
