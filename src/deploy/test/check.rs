//! Whether what became of a request is what its case expects.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::compiler::object_name;
use crate::deploy::explain::Place;
use crate::deploy::test::case::Planned;
use crate::deploy::test::stage::Got;
use crate::value::header::HeaderName;
use crate::value::reference::Ref;

/// An expectation that does not hold.
#[derive(Clone, Debug, Serialize)]
pub struct Mismatch {
    /// The field of `expect`.
    pub what: String,
    /// What it says.
    pub expected: String,
    /// What happened.
    pub got: String,
    /// Where it is written.
    pub place: Place,
}

/// The expectations of a case that do not hold, in the order of the manual.
pub fn mismatches(case: &Planned<'_>, got: &Got) -> Vec<Mismatch> {
    let expect = case.expect;
    let mut checks = Checks { case, found: Vec::new() };
    let route = got.route.as_deref();
    let no_route = || format!("no route ({})", got.error.unwrap_or("none"));
    if let Some(expected) = &expect.route {
        checks.same("route", &named(case, expected), route.map_or_else(no_route, str::to_owned));
    }
    if let Some(route) = route.filter(|_| expect.no_route) {
        checks.add("noRoute", "no route".into(), format!("the route {route}"));
    }
    if let Some(expected) = &expect.backend {
        checks.same("backend", &named(case, expected), got.backend.as_deref().map_or_else(|| end(got), str::to_owned));
    }
    if let Some(expected) = &expect.rejected_by {
        let by = got.rejected_by.as_ref();
        if !by.is_some_and(|(id, plugin)| **id == **expected || *plugin == expected.as_str()) {
            checks.add("rejectedBy", expected.clone(), by.map_or_else(|| end(got), |(id, _)| id.to_string()));
        }
    }
    if let Some(expected) = &expect.upstream_path {
        checks.same("upstreamPath", expected, got.sent.as_ref().map_or_else(|| end(got), |(path, _)| path.clone()));
    }
    let none = Vec::new();
    let sent = got.sent.as_ref().map_or(&none, |(_, fields)| fields);
    checks.fields("upstreamHeaders", &expect.upstream_headers, sent);
    checks.no_fields("noUpstreamHeaders", &expect.no_upstream_headers, sent);
    if let Some(expected) = expect.status {
        checks.same("status", &expected.to_string(), got.status.to_string());
    }
    checks.fields("responseHeaders", &expect.response_headers, &got.fields);
    checks.no_fields("noResponseHeaders", &expect.no_response_headers, &got.fields);
    checks.found
}

/// What a test refers to as logs name it.
fn named<K>(case: &Planned<'_>, reference: &Ref<K>) -> String {
    object_name(reference.namespace(&case.object.address.namespace), reference.name())
}

/// Where a request ended that got to no backend.
fn end(got: &Got) -> String {
    match (&got.rejected_by, &got.backend, &got.route) {
        (Some((id, _)), ..) => format!("answered by the plugin {id}"),
        (None, Some(backend), _) => format!("the backend {backend}"),
        (None, None, Some(route)) => format!("an answer of the route {route}"),
        (None, None, None) => format!("no route ({})", got.error.unwrap_or("none")),
    }
}

struct Checks<'a> {
    case: &'a Planned<'a>,
    found: Vec<Mismatch>,
}

impl Checks<'_> {
    fn add(&mut self, what: &str, expected: String, got: String) {
        let place = self.case.place(&format!("/expect/{what}"));
        self.found.push(Mismatch { what: what.replace('/', "."), expected, got, place });
    }

    fn same(&mut self, what: &str, expected: &str, got: String) {
        if expected != got {
            self.add(what, expected.to_owned(), got);
        }
    }

    fn fields(&mut self, what: &str, expected: &BTreeMap<HeaderName, String>, got: &[(String, String)]) {
        for (name, value) in expected {
            let values = values(got, name);
            if !values.contains(&value.as_str()) {
                let got = if values.is_empty() { "no such field".to_owned() } else { values.join(", ") };
                self.add(&format!("{what}/{name}"), value.clone(), got);
            }
        }
    }

    fn no_fields(&mut self, what: &str, names: &[HeaderName], got: &[(String, String)]) {
        for (i, name) in names.iter().enumerate() {
            let values = values(got, name);
            if !values.is_empty() {
                self.add(&format!("{what}/{i}"), format!("no {name}"), values.join(", "));
            }
        }
    }
}

fn values<'a>(fields: &'a [(String, String)], name: &HeaderName) -> Vec<&'a str> {
    fields.iter().filter(|(n, _)| n == name.as_str()).map(|(_, value)| value.as_str()).collect()
}
