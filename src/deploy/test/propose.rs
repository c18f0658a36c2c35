//! Cases for an entry of `match`: requests that are played now, with what happens to them as what is expected.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Map, Value, json};

use crate::compiler::manifest::DEFAULT_NAMESPACE;
use crate::deploy::explain::Asked;
use crate::deploy::test::TestError;
use crate::deploy::test::parts::Parts;
use crate::deploy::test::sample::{Sample, outside, sample};
use crate::deploy::test::stage::{Got, Script, Stage};
use crate::proxy::rehearsal::Caller;
use crate::table::router::Rule;
use crate::value::name::Name;

/// Fields that differ from one request to the next, or that every message has.
const COMMON: &[&str] = &["connection", "content-length", "date", "via", "x-request-id"];

/// How many values are tried for what keeps a caller with one backend of a split.
const TRIES: u32 = 32;

/// How long the name of a case may be, with room for a number behind it.
const LONGEST: usize = 190;

/// Proposes cases.
pub struct Proposer<'a> {
    parts: &'a Parts,
    stage: Stage,
    /// What was asked already.
    asked: HashSet<(Sample, u16)>,
}

/// A request that can be played, as a case says it.
struct Request {
    sample: Sample,
    url: String,
    /// The listener, where the URL doesn't lead to it.
    listener: Option<String>,
    script: Script,
}

/// Header fields with their values.
type Fields = Vec<(String, String)>;

impl<'a> Proposer<'a> {
    /// For a table.
    ///
    /// # Errors
    /// If the data plane cannot be made ready.
    pub fn new(parts: &'a Parts) -> Result<Self, TestError> {
        Ok(Self { parts, stage: Stage::new(parts)?, asked: HashSet::new() })
    }

    /// Plays a request to the table.
    ///
    /// # Errors
    /// If it cannot be sent.
    pub fn play(&mut self, script: &Script) -> Result<Got, TestError> {
        Ok(self.stage.play(script, self.parts)?)
    }

    /// Cases for a rule: by each of its listeners, if that makes a difference, and just outside of it. None if no request was found.
    ///
    /// # Errors
    /// If a request cannot be sent.
    pub fn propose(&mut self, rule: u32, namespace: &Name) -> Result<Vec<Value>, TestError> {
        let asked = &self.parts.rules[rule as usize];
        let (mut cases, mut seen) = (Vec::new(), HashSet::new());
        let Some(own) = sample(asked) else { return Ok(cases) };
        let variants = self.variants(&own, asked);
        for (listener, variant) in
            asked.listeners.iter().flat_map(|one| variants.iter().map(move |variant| (one, variant)))
        {
            let Some(request) = self.request(variant, *listener) else { continue };
            let got = self.play(&request.script)?;
            let way = (got.rejected_by.clone(), got.backend.clone(), got.status, got.ran.clone());
            if got.rule == Some(rule) && seen.insert(way) {
                let effects = self.effects(&request, &got)?;
                cases.push(case(&request, &got, namespace, effects));
            }
        }
        let listener = asked.listeners.first().copied().unwrap_or_default();
        for near in if cases.is_empty() { Vec::new() } else { outside(asked) } {
            let Some(request) = self.request(&near, listener) else { continue };
            let got = self.play(&request.script)?;
            if got.rule != Some(rule) && got.status != 400 && self.asked.insert((near, listener)) {
                cases.push(case(&request, &got, namespace, Effects::default()));
            }
        }
        Ok(cases)
    }

    fn request(&self, sample: &Sample, listener: u16) -> Option<Request> {
        let settings = &self.parts.settings;
        let named = settings.listeners.get(usize::from(listener))?;
        let scheme = if named.tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}{}", sample.host, sample.target);
        let headers: Vec<String> = sample.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let asked = Asked::new(&sample.method, &url, &headers, ip).ok()?;
        let natural = asked.listener(settings).ok()?;
        let script = Script { caller: Caller { listener, ip, scheme: asked.scheme }, bytes: asked.bytes(None) };
        let listener = (natural != listener).then(|| named.name.to_string());
        Some(Request { sample: sample.clone(), url, listener, script })
    }

    /// Requests that the rule matches, too, and that may go another way: by other methods, and to other backends of a split.
    fn variants(&self, own: &Sample, rule: &Rule) -> Vec<Sample> {
        let mut found = vec![own.clone()];
        let others = rule.conditions.methods.iter().skip(1);
        found.extend(others.map(|method| Sample { method: method.to_string(), ..own.clone() }));
        let by = self.parts.routes.get(rule.route as usize).and_then(|route| route.split_by.as_ref());
        for value in (0..TRIES).filter(|_| by.is_some()) {
            let mut variant = own.clone();
            let header = by.and_then(|by| by.header.as_ref()).map(|name| (name.to_string(), value.to_string()));
            let cookie =
                by.and_then(|by| by.cookie.as_ref()).map(|name| ("cookie".to_owned(), format!("{name}={value}")));
            variant.headers.extend(header.or(cookie));
            found.push(variant);
        }
        found
    }

    /// What plugins do to fields: those that are others without one of the plugins that ran, and those that would be there if one
    /// that didn't had. Secrets, which are others each time, are not among them.
    fn effects(&mut self, request: &Request, got: &Got) -> Result<Effects, TestError> {
        self.stage.change(self.parts)?;
        let again = self.play(&request.script)?;
        let mut effects = Effects::default();
        let rule = got.rule.and_then(|rule| self.parts.rules.get(rule as usize));
        let route = rule.map_or(usize::MAX, |rule| rule.route as usize);
        let steps = self.parts.routes.get(route).map(|route| route.steps.clone()).unwrap_or_default();
        for step in steps {
            let ran = got.ran.contains(&step.index);
            let mut changed = self.parts.clone();
            if let Some(route) = changed.routes.get_mut(route) {
                if ran {
                    route.steps.retain(|own| own.index != step.index);
                } else {
                    route.steps.iter_mut().filter(|own| own.index == step.index).for_each(|own| own.guard = None);
                }
            }
            self.stage.change(&changed)?;
            let other = self.stage.play(&request.script, &changed)?;
            // what goes another way says nothing of fields
            if other.backend != got.backend || other.sent.is_some() != got.sent.is_some() {
                continue;
            }
            let (sent, sent_again, sent_other) = (sent(got), sent(&again), sent(&other));
            if ran {
                effects.sent.extend(made(sent, sent_again, sent_other));
                effects.answered.extend(made(&got.fields, &again.fields, &other.fields));
            } else {
                effects.not_sent.extend(missing(sent, sent_other));
                effects.not_answered.extend(missing(&got.fields, &other.fields));
            }
        }
        self.stage.change(self.parts)?;
        Ok(effects)
    }
}

/// What plugins do to fields.
#[derive(Default)]
struct Effects {
    sent: Fields,
    not_sent: Vec<String>,
    answered: Fields,
    not_answered: Vec<String>,
}

fn sent(got: &Got) -> &[(String, String)] {
    got.sent.as_ref().map_or(&[], |(_, fields)| fields)
}

/// The names of the fields that only the other one has.
fn missing(one: &[(String, String)], other: &[(String, String)]) -> Vec<String> {
    let names = other.iter().map(|(name, _)| name).filter(|name| one.iter().all(|(own, _)| own != *name));
    names.filter(|name| !COMMON.contains(&name.as_str())).cloned().collect()
}

/// The fields that two plays have, and a third one not.
fn made(one: &[(String, String)], again: &[(String, String)], other: &[(String, String)]) -> Fields {
    let fields = one.iter().filter(|field| again.contains(field) && !other.contains(field));
    fields.filter(|(name, _)| !COMMON.contains(&name.as_str())).cloned().collect()
}

fn case(request: &Request, got: &Got, namespace: &Name, mut effects: Effects) -> Value {
    let sample = &request.sample;
    let mut asked = Map::new();
    if sample.method != "GET" {
        asked.insert("method".into(), sample.method.as_str().into());
    }
    asked.insert("url".into(), request.url.as_str().into());
    asked.extend(request.listener.as_ref().map(|name| ("listener".into(), name.as_str().into())));
    insert_fields(&mut asked, "headers", &sample.headers);
    let (mut expect, mut is_own) = (Map::new(), false);
    let what = if let Some(route) = &got.route {
        is_own = own(route, namespace).is_some();
        expect.extend(own(route, namespace).map(|route| ("route".into(), route.into())));
        format!("the route {route}")
    } else {
        expect.insert("noRoute".into(), true.into());
        "no route".to_owned()
    };
    match (&got.rejected_by, &got.backend) {
        (Some((id, _)), _) => drop(expect.insert("rejectedBy".into(), (**id).into())),
        // what the route may use, its namespace may name
        (None, Some(backend)) if is_own => {
            expect.insert("backend".into(), named(backend, namespace).into());
        }
        (None, _) => {}
    }
    let path = sample.target.split('?').next().unwrap_or_default();
    let rewritten = got.sent.iter().filter(|(sent, _)| sent != path);
    expect.extend(rewritten.map(|(sent, _)| ("upstreamPath".into(), sent.as_str().into())));
    insert_fields(&mut expect, "upstreamHeaders", &effects.sent);
    insert_names(&mut expect, "noUpstreamHeaders", effects.not_sent);
    expect.insert("status".into(), got.status.into());
    let telling = got.fields.iter().filter(|(name, _)| matches!(name.as_str(), "location" | "allow"));
    effects.answered.extend(telling.cloned());
    insert_fields(&mut expect, "responseHeaders", &effects.answered);
    insert_names(&mut expect, "noResponseHeaders", effects.not_answered);
    let with = if sample.headers.is_empty() { "" } else { " with its header fields" };
    let name: String = format!("{} {}{with} gets {what}", sample.method, request.url).chars().take(LONGEST).collect();
    json!({ "name": name, "request": asked, "expect": expect })
}

/// An object as a manifest in a namespace refers to it.
fn named(name: &str, namespace: &Name) -> String {
    match own(name, namespace) {
        Some(name) => name.to_owned(),
        None if name.contains('/') => name.to_owned(),
        None => format!("{DEFAULT_NAMESPACE}/{name}"),
    }
}

/// The name of an object within a namespace; `None` if it is of another one.
fn own<'n>(name: &'n str, namespace: &Name) -> Option<&'n str> {
    let (of, name) = name.split_once('/').unwrap_or((DEFAULT_NAMESPACE, name));
    (of == namespace.as_str()).then_some(name)
}

fn insert_fields(into: &mut Map<String, Value>, name: &str, fields: &[(String, String)]) {
    if !fields.is_empty() {
        let fields: Map<String, Value> =
            fields.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        into.insert(name.into(), fields.into());
    }
}

fn insert_names(into: &mut Map<String, Value>, name: &str, mut names: Vec<String>) {
    names.sort();
    names.dedup();
    if !names.is_empty() {
        into.insert(name.into(), names.into());
    }
}
