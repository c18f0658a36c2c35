//! The cases of the tests of a folder, ready to be played.

use crate::compiler::manifest::Spec;
use crate::compiler::manifest::test::{Case, CaseRequest, Expect};
use crate::compiler::{Compiled, Object};
use crate::deploy::explain::{Asked, AskedError, Place};
use crate::deploy::test::credential::{Credential, credential};
use crate::deploy::test::stage::Script;
use crate::diagnostic::SourceMap;
use crate::proxy::rehearsal::Caller;
use crate::table::settings::Settings;

/// A case that can be played.
pub struct Planned<'a> {
    /// The object that it stands in.
    pub object: &'a Object,
    /// Its index there.
    pub index: usize,
    /// Its name.
    pub name: &'a str,
    /// What it expects.
    pub expect: &'a Expect,
    /// The request.
    pub script: Script,
    sources: &'a SourceMap,
}

/// A case that can't be played, or a statement that can't be decided.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {error}")]
pub struct CaseError {
    pub(super) place: Place,
    pub(super) error: AskedError,
}

impl Planned<'_> {
    /// The place of a part of it, such as `/expect/route`.
    pub fn place(&self, pointer: &str) -> Place {
        place(self.object, self.sources, self.index, pointer)
    }
}

/// The name of a case or statement with that of its object: what `--filter` looks at.
pub(super) fn full_name(object: &Object, name: &str) -> String {
    format!("{} / {name}", object.address.short())
}

fn place(object: &Object, sources: &SourceMap, index: usize, pointer: &str) -> Place {
    Place::of(sources, object.place(&format!("/spec/cases/{index}{pointer}")))
}

/// The cases whose name holds a text, in the order of their objects and places.
///
/// # Errors
/// At the first case whose request can't be one.
pub fn planned<'a>(
    compiled: &'a Compiled,
    settings: &Settings,
    filter: Option<&str>,
) -> Result<Vec<Planned<'a>>, CaseError> {
    let sources = &compiled.sources;
    let tests = compiled.objects.iter().filter_map(|object| match &object.spec {
        Some(Spec::Test(spec)) => Some((object, spec)),
        _ => None,
    });
    let cases = tests.flat_map(|(object, spec)| spec.cases.iter().enumerate().map(move |case| (object, case)));
    let wanted =
        cases.filter(|(object, (_, case))| filter.is_none_or(|filter| full_name(object, &case.name).contains(filter)));
    let planned = wanted.map(|(object, (index, case))| {
        let Case { name, request, expect } = case;
        let credential = request.api_key.as_ref().and_then(|key| credential(compiled, &object.address.namespace, key));
        let script = script(request, credential.unwrap_or_default(), settings)
            .map_err(|error| CaseError { place: place(object, sources, index, "/request"), error })?;
        Ok(Planned { object, index, name, expect, script, sources })
    });
    planned.collect()
}

fn script(request: &CaseRequest, credential: Credential, settings: &Settings) -> Result<Script, AskedError> {
    let headers = request.headers.iter().map(|(name, value)| format!("{name}: {value}"));
    let headers: Vec<String> = headers.chain(credential.fields).collect();
    let mut url = request.url.to_string();
    if let Some(parameter) = credential.parameter {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(&parameter);
    }
    let mut asked = Asked::new(request.method.as_str(), &url, &headers, request.ip.0)?;
    asked.listener = request.listener.as_ref().map(ToString::to_string);
    let caller = Caller { listener: asked.listener(settings)?, ip: asked.ip, scheme: asked.scheme };
    Ok(Script { caller, bytes: asked.bytes(request.body.as_deref()) })
}
