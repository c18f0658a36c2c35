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
use crate::value::name::Name;

/// Fields that differ from one request to the next, or that every message has.
const COMMON: &[&str] = &["connection", "content-length", "date", "via", "x-request-id"];

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
        for listener in &asked.listeners {
            let Some(request) = self.request(&own, *listener) else { continue };
            let got = self.play(&request.script)?;
            let way = (got.rejected_by.clone(), got.backend.clone(), got.status);
            if got.rule == Some(rule) && seen.insert(way) {
                let (sent, answered) = self.effects(&request, &got)?;
                cases.push(case(&request, &got, namespace, sent, answered));
            }
        }
        let listener = asked.listeners.first().copied().unwrap_or_default();
        for near in if cases.is_empty() { Vec::new() } else { outside(asked) } {
            let Some(request) = self.request(&near, listener) else { continue };
            let got = self.play(&request.script)?;
            if got.rule != Some(rule) && got.status != 400 && self.asked.insert((near, listener)) {
                cases.push(case(&request, &got, namespace, Fields::new(), Fields::new()));
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

    /// The fields that plugins make what they are: those that are others without one of the plugins that ran. Secrets, which are
    /// others each time, are not among them.
    fn effects(&mut self, request: &Request, got: &Got) -> Result<(Fields, Fields), TestError> {
        self.stage.change(self.parts)?;
        let again = self.play(&request.script)?;
        let (mut sent, mut answered) = (Fields::new(), Fields::new());
        let rule = got.rule.and_then(|rule| self.parts.rules.get(rule as usize));
        let route = rule.map_or(usize::MAX, |rule| rule.route as usize);
        for step in &got.ran {
            let mut without = self.parts.clone();
            without.routes.get_mut(route).into_iter().for_each(|route| route.steps.retain(|own| own.index != *step));
            self.stage.change(&without)?;
            let other = self.stage.play(&request.script, &without)?;
            // what doesn't get as far says nothing of fields
            if other.sent.is_some() == got.sent.is_some() {
                let of = |got: &'_ Got| got.sent.as_ref().map_or_else(Fields::new, |(_, fields)| fields.clone());
                sent.extend(made(&of(got), &of(&again), &of(&other)));
            }
            if other.backend == got.backend {
                answered.extend(made(&got.fields, &again.fields, &other.fields));
            }
        }
        self.stage.change(self.parts)?;
        Ok((sent, answered))
    }
}

/// The fields that two plays have, and a third one not.
fn made(one: &Fields, again: &Fields, other: &Fields) -> Fields {
    let fields = one.iter().filter(|field| again.contains(field) && !other.contains(field));
    fields.filter(|(name, _)| !COMMON.contains(&name.as_str())).cloned().collect()
}

fn case(request: &Request, got: &Got, namespace: &Name, sent: Fields, mut answered: Fields) -> Value {
    let sample = &request.sample;
    let mut asked = Map::new();
    if sample.method != "GET" {
        asked.insert("method".into(), sample.method.as_str().into());
    }
    asked.insert("url".into(), request.url.as_str().into());
    asked.extend(request.listener.as_ref().map(|name| ("listener".into(), name.as_str().into())));
    insert_fields(&mut asked, "headers", &sample.headers);
    let mut expect = Map::new();
    let what = match &got.route {
        Some(route) => {
            expect.extend(own(route, namespace).map(|route| ("route".into(), route.into())));
            format!("the route {route}")
        }
        None => {
            expect.insert("noRoute".into(), true.into());
            "no route".to_owned()
        }
    };
    match (&got.rejected_by, &got.backend) {
        (Some((id, _)), _) => drop(expect.insert("rejectedBy".into(), (**id).into())),
        (None, Some(backend)) => {
            expect.extend(own(backend, namespace).map(|backend| ("backend".into(), backend.into())));
        }
        (None, None) => {}
    }
    let path = sample.target.split('?').next().unwrap_or_default();
    let rewritten = got.sent.iter().filter(|(sent, _)| sent != path);
    expect.extend(rewritten.map(|(sent, _)| ("upstreamPath".into(), sent.as_str().into())));
    insert_fields(&mut expect, "upstreamHeaders", &sent);
    expect.insert("status".into(), got.status.into());
    answered.extend(got.fields.iter().filter(|(name, _)| matches!(name.as_str(), "location" | "allow")).cloned());
    insert_fields(&mut expect, "responseHeaders", &answered);
    let with = if sample.headers.is_empty() { "" } else { " with its header fields" };
    let name: String = format!("{} {}{with} gets {what}", sample.method, request.url).chars().take(LONGEST).collect();
    json!({ "name": name, "request": asked, "expect": expect })
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
