//! What a schema without `oneOf` cannot say: exactly one of some fields, names that are unique within an object.

mod auth;
mod test;

use std::collections::HashMap;

use crate::backend::http::HttpConfig;
use crate::backend::{BACKENDS, BackendSpec};
use crate::compiler::manifest::Spec;
use crate::compiler::manifest::certificate::{CertificateSpec, SOURCES};
use crate::compiler::manifest::gateway::GatewaySpec;
use crate::compiler::manifest::route::{Match, RouteSpec};
use crate::compiler::object::Object;
use crate::compiler::quote::listed;
use crate::compiler::shape::auth::{api_key, auth};
use crate::compiler::shape::test::test;
use crate::diagnostic::{Code, Diagnostics, Severity, Span};
use crate::pipeline::condition::{NamedCondition, Names};
use crate::pipeline::limits::place;
use crate::pipeline::split::SplitBy;
use crate::pipeline::upstream::balancing::{ConsistentHash, LoadBalancing};
use crate::pipeline::upstream::health::HealthCheck;
use crate::pipeline::when::When;
use crate::plugins::{PLUGINS, PluginEntry};
use crate::table::tls::ListenerTls;
use crate::value::address::ListenAddress;

/// All problems of shape.
pub const CODES: &[&Code] = &[&UNREADABLE, &NOT_EXACTLY_ONE, &DUPLICATE_ID];

/// Checks the shape of an object; whether nothing is wrong.
pub(super) fn check(object: &Object, spec: &Spec, out: &mut Diagnostics) -> bool {
    let before = out.len();
    match spec {
        Spec::Gateway(spec) => gateway(object, spec, out),
        Spec::Route(spec) => route(object, spec, out),
        Spec::Backend(spec) => backend(object, spec, out),
        Spec::ApiKey(spec) => api_key(object, spec, out),
        Spec::Auth(spec) => auth(object, spec, out),
        Spec::Certificate(spec) => certificate(object, spec, out),
        Spec::Test(spec) => test(object, spec, out),
        Spec::Environment(_) | Spec::Grant(_) | Spec::Plan(_) | Spec::Policy(_) => {}
    }
    out.len() == before
}

fn backend(object: &Object, spec: &BackendSpec, out: &mut Diagnostics) {
    exactly_one(object, "/spec", &spec.ends(), BACKENDS, "a backend is", out);
    if let Some(http) = &spec.http {
        http_backend(object, http, out);
    }
    if spec.http.as_ref().is_some_and(|http| http.host_name.is_some())
        && object.root.pointer("/spec/http/hostHeader").is_some()
    {
        several(object, "/spec/http", &["hostHeader", "hostName"], "the `Host` sent upstream is", out);
    }
}

fn http_backend(object: &Object, http: &HttpConfig, out: &mut Diagnostics) {
    if let Some(check) = &http.health_check {
        exactly_one(object, "/spec/http/healthCheck", &check.named(), HealthCheck::WAYS, "a health check is", out);
        if check.path.is_none() && !check.statuses.is_empty() {
            let problem = object.problem(&NOT_EXACTLY_ONE, "`statuses` are those of a check by `path`");
            let place = object.key_place("/spec/http/healthCheck/statuses");
            out.push(problem.at(place, "has no effect").help("leave `statuses` out, or check by `path`"));
        }
    }
    let Some(balancing) = &http.load_balancing else { return };
    let pointer = "/spec/http/loadBalancing";
    exactly_one(object, pointer, &balancing.named(), LoadBalancing::WAYS, "`loadBalancing` is", out);
    if let Some(hash) = &balancing.consistent_hash {
        let pointer = format!("{pointer}/consistentHash");
        exactly_one(object, &pointer, &hash.named(), ConsistentHash::PARTS, "what is hashed is", out);
    }
}

fn certificate(object: &Object, spec: &CertificateSpec, out: &mut Diagnostics) {
    exactly_one(object, "/spec", &spec.sources(), SOURCES, "a certificate is", out);
}

fn gateway(object: &Object, spec: &GatewaySpec, out: &mut Diagnostics) {
    exactly_one(object, "/spec/state", &spec.state.named(), place::WAYS, "where counts are kept is", out);
    unique(object, spec.listeners.iter().map(|listener| listener.name.as_str()), "/spec/listeners", "name", out);
    unique(object, spec.variables.iter().map(|variable| variable.name.as_str()), "/spec/variables", "name", out);
    unique(object, spec.namespaces.iter().map(|namespace| namespace.name.as_str()), "/spec/namespaces", "name", out);
    unique(object, spec.namespaces.iter().map(|entry| entry.folder.as_str()), "/spec/namespaces", "folder", out);
    for (i, listener) in spec.listeners.iter().enumerate() {
        listener.tls.iter().for_each(|tls| tls_hosts(object, i, tls, out));
    }
    certificate_names(object, spec, out);
    let mut addresses = HashMap::new();
    let listeners = spec.listeners.iter().enumerate();
    let listeners = listeners.map(|(i, listener)| (format!("/spec/listeners/{i}/address"), listener.address.clone()));
    let status = ("/spec/status/address".to_owned(), ListenAddress::Ip(spec.status.address.0));
    for (pointer, address) in listeners.chain([status]) {
        let first = addresses.insert(address.clone(), pointer.clone());
        if let Some(first) = first.filter(|_| !address.is_any_port()) {
            let message = format!("two listeners have the address `{address}`");
            let problem = object.problem(&DUPLICATE_ID, message).at(object.place(&pointer), "the same address again");
            out.push(problem.at(object.place(&first), "first here").help("give one of them another address"));
        }
    }
}

/// What runs knows certificates by their names alone.
fn certificate_names(object: &Object, spec: &GatewaySpec, out: &mut Diagnostics) {
    let mut seen = HashMap::new();
    for (i, listener) in spec.listeners.iter().enumerate() {
        for (j, certificate) in listener.tls.iter().flat_map(|tls| &tls.certificates).enumerate() {
            let pointer = format!("/spec/listeners/{i}/tls/certificates/{j}");
            let (first, other) = seen.entry(certificate.name()).or_insert((pointer.clone(), certificate));
            if *other != certificate {
                let message = format!("two certificates are named `{}`", certificate.name());
                let problem = object.problem(&DUPLICATE_ID, message).at(object.place(&pointer), "the same name again");
                out.push(problem.at(object.place(first), "first here").help("give one of them another name"));
            }
        }
    }
}

/// Each host asks for the client certificates of one entry.
fn tls_hosts(object: &Object, listener: usize, tls: &ListenerTls, out: &mut Diagnostics) {
    let mut seen = HashMap::new();
    for (i, entry) in tls.hosts.iter().enumerate() {
        for (j, host) in entry.hosts.iter().enumerate() {
            let pointer = format!("/spec/listeners/{listener}/tls/hosts/{i}/hosts/{j}");
            let Some(first) = seen.insert(host, pointer.clone()) else { continue };
            let problem = object.problem(&DUPLICATE_ID, format!("two entries are for the host `{host}`"));
            let problem = problem.at(object.place(&pointer), "the same host again");
            out.push(problem.at(object.place(&first), "first here").help("keep it in one of them"));
        }
    }
}

fn route(object: &Object, spec: &RouteSpec, out: &mut Diagnostics) {
    for (i, alternative) in spec.matches.iter().enumerate() {
        alternative_shape(object, &format!("/spec/match/{i}"), alternative, out);
    }
    for (i, entry) in spec.plugins.iter().enumerate() {
        let pointer = format!("/spec/plugins/{i}");
        let named: Vec<&str> = entry.plugins().iter().map(|plugin| plugin.name).collect();
        let all: Vec<&str> = PLUGINS.iter().map(|plugin| plugin.name).collect();
        exactly_one(object, &pointer, &named, &all, "an entry of `plugins` is", out);
        if let Some(when) = &entry.when {
            when_shape(object, &format!("{pointer}/when"), when, out);
        }
    }
    plugin_ids(object, &spec.plugins, out);
    route_end(object, spec, out);
}

/// A route ends in one way, and what is said of it belongs to that way.
fn route_end(object: &Object, spec: &RouteSpec, out: &mut Diagnostics) {
    let answers = spec.plugins.iter().any(always_answers);
    let named = [("backend", spec.backend.is_some()), ("split", !spec.split.is_empty())];
    let named: Vec<&str> = named.iter().filter(|(_, named)| *named).map(|(name, _)| *name).collect();
    match (&named[..], answers) {
        ([], false) => {
            let problem = object.problem(&NOT_EXACTLY_ONE, "the route does not say where its requests end");
            let help = "add `backend: NAME`, or a plugin that always answers: `respond` or `redirect` without `when`";
            out.push(problem.at(object.key_place("/spec"), "").help(help));
        }
        ([first, ..], true) => {
            let message = "a plugin answers every request, none gets to the backend";
            let place = object.key_place(&format!("/spec/{first}"));
            let help = format!("leave `{first}` out, or give the plugin a `when`");
            out.push(object.problem(&NOT_EXACTLY_ONE, message).at(place, "never reached").help(help));
        }
        ([_, _], false) => several(object, "/spec", &named, "the end of a route is", out),
        _ => {}
    }
    let without = |field: &str, message: &str, help: &str| {
        let place = object.key_place(&format!("/spec/{field}"));
        object.problem(&NOT_EXACTLY_ONE, message).at(place, "has no effect").help(help)
    };
    if let Some(by) = &spec.split_by {
        exactly_one(object, "/spec/splitBy", &by.named(), SplitBy::PARTS, "`splitBy` is", out);
        if spec.split.is_empty() {
            out.push(without("splitBy", "there is nothing to split", "leave it out, or write `split` for `backend`"));
        }
    }
    if !spec.split.is_empty() && spec.split.iter().all(|arm| arm.weight == 0) {
        out.push(without("split", "no backend of the split gets requests", "give one of them a `weight` above 0"));
    }
    if spec.mirror.is_some() && named.is_empty() && answers {
        out.push(without(
            "mirror",
            "no request gets as far as to be copied",
            "leave it out, or give the plugin a `when`",
        ));
    }
}

/// Whether a plugin answers each request of its route.
pub(super) fn always_answers(entry: &PluginEntry) -> bool {
    entry.enabled && entry.when.is_none() && entry.plugins().iter().any(|plugin| plugin.answers)
}

fn alternative_shape(object: &Object, pointer: &str, alternative: &Match, out: &mut Diagnostics) {
    let given = [
        ("path", alternative.path.is_some()),
        ("pathPrefix", alternative.path_prefix.is_some()),
        ("pathRegex", alternative.path_regex.is_some()),
    ];
    let given: Vec<&str> = given.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
    if given.len() > 1 {
        several(object, pointer, &given, "an alternative of `match` has", out);
    }
    for (list, conditions) in
        [("headers", &alternative.headers), ("query", &alternative.query), ("cookies", &alternative.cookies)]
    {
        conditions_shape(object, &format!("{pointer}/{list}"), conditions, out);
    }
}

fn when_shape(object: &Object, pointer: &str, when: &When, out: &mut Diagnostics) {
    for (list, conditions) in [("headers", &when.headers), ("query", &when.query), ("cookies", &when.cookies)] {
        conditions_shape(object, &format!("{pointer}/{list}"), conditions, out);
    }
}

fn conditions_shape(object: &Object, pointer: &str, conditions: &[NamedCondition], out: &mut Diagnostics) {
    for (i, condition) in conditions.iter().enumerate() {
        if condition.compile(Names::ExactCase).is_none() {
            let pointer = format!("{pointer}/{i}");
            let tests = ["equals", "regex", "present", "absent"];
            let given = tests.map(|test| (test, object.root.pointer(&format!("{pointer}/{test}")).is_some()));
            let given: Vec<&str> = given.iter().filter(|(_, given)| *given).map(|(test, _)| *test).collect();
            if given.len() > 1 {
                several(object, &pointer, &given, "a condition has", out);
                continue;
            }
            let message = format!("the condition on `{}` has no test", condition.name.escape_debug());
            let place = object.key_place(&format!("{pointer}/name"));
            let help = "add one of `equals: text`, `regex: pattern`, `present: true`, `absent: true`";
            out.push(object.problem(&NOT_EXACTLY_ONE, message).at(place, "").help(help));
        }
    }
}

fn plugin_ids(object: &Object, entries: &[PluginEntry], out: &mut Diagnostics) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (i, entry) in entries.iter().enumerate() {
        let Some(plugin) = entry.plugins().first().copied() else { continue };
        let id = entry.id.as_ref().map_or(plugin.name, |id| id.as_str());
        if let Some(first) = seen.insert(id.to_owned(), i) {
            let message = format!("two plugins of the route have the id `{id}`");
            let place = |i: usize| {
                object.key_place(&format!(
                    "/spec/plugins/{i}/{}",
                    if entries[i].id.is_some() { "id" } else { plugin.name }
                ))
            };
            let problem =
                object.problem(&DUPLICATE_ID, message).at(place(i), "the same id again").at(place(first), "first here");
            out.push(problem.help(format!("give the second one an id: `- id: {id}-2`")));
        }
    }
}

fn exactly_one(object: &Object, pointer: &str, named: &[&str], all: &[&str], what: &str, out: &mut Diagnostics) {
    match named {
        [_] => {}
        [] => {
            let problem = object.problem(&NOT_EXACTLY_ONE, format!("{what} one of several, and this is none"));
            out.push(problem.at(object.place(pointer), "").help(format!("write one of {}", listed(all))));
        }
        _ => several(object, pointer, named, what, out),
    }
}

/// Reports fields of which only one may be given, at the second one in the text.
fn several(object: &Object, pointer: &str, named: &[&str], what: &str, out: &mut Diagnostics) {
    let mut named: Vec<(Span, &str)> =
        named.iter().map(|name| (object.key_place(&format!("{pointer}/{name}")), *name)).collect();
    named.sort_unstable();
    let list = named.iter().map(|(_, name)| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
    let mut problem = object.problem(&NOT_EXACTLY_ONE, format!("{what} one of several, and this has {list}"));
    for (n, (place, _)) in named.iter().enumerate().skip(1).chain(named.iter().enumerate().take(1)) {
        problem = problem.at(*place, if n == 0 { "one" } else { "another" });
    }
    out.push(problem.help("keep one of them; for both, write two entries"));
}

fn unique<'a>(object: &Object, names: impl Iterator<Item = &'a str>, list: &str, field: &str, out: &mut Diagnostics) {
    let mut seen = HashMap::new();
    for (i, name) in names.enumerate() {
        if let Some(first) = seen.insert(name, i) {
            let place = |i: usize| object.place(&format!("{list}/{i}/{field}"));
            let problem = object.problem(&DUPLICATE_ID, format!("there are two entries named `{name}`"));
            out.push(
                problem
                    .at(place(i), "the same name again")
                    .at(place(first), "first here")
                    .help("give one of them another name"),
            );
        }
    }
}

/// What the schema let through and the type refuses.
pub(super) static UNREADABLE: Code = Code {
    id: "GW1301",
    name: "unreadable",
    severity: Severity::Error,
    page: "\
# GW1301: unreadable

A value has the shape that the schema asks for and still cannot be read, such as two header fields whose names differ only in case.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: web }
spec: { public: true, plugins: [{ respond: { headers: { x-a: \"1\", X-A: \"2\" } } }] }
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: web }
spec: { public: true, plugins: [{ respond: { headers: { x-a: \"1\" } } }] }
```
",
};

static NOT_EXACTLY_ONE: Code = Code {
    id: "GW1302",
    name: "not-exactly-one",
    severity: Severity::Error,
    page: "\
# GW1302: not-exactly-one

Some things are a choice: a backend is one kind of end, an entry of `plugins` is one plugin, an alternative of `match` has one of
`path`, `pathPrefix` and `pathRegex`, a condition has one test, and a route ends in a backend or in a plugin that always answers.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: web }
spec: { public: true }
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: web }
spec: { public: true, plugins: [{ respond: { body: hello } }] }
```
",
};

static DUPLICATE_ID: Code = Code {
    id: "GW1303",
    name: "duplicate-id",
    severity: Severity::Error,
    page: "\
# GW1303: duplicate-id

Plugins of a route have unique ids, because patches and counters find them by it. The id of a plugin is its name unless `id` says
otherwise, so a second plugin of a type needs one. Listeners have unique names and addresses, variables and
namespaces too, and a folder has one namespace. A host stands in one entry of `tls.hosts`, and the certificates that listeners show
have names of their own, whatever namespaces they are in.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: web }
spec:
  public: true
  plugins:
    - responseHeaders: { set: { x-one: \"1\" } }
    - responseHeaders: { set: { x-two: \"2\" } }
    - respond: {}
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: web }
spec:
  public: true
  plugins:
    - responseHeaders: { set: { x-one: \"1\" } }
    - responseHeaders: { set: { x-two: \"2\" } }
      id: second
    - respond: {}
```
",
};
