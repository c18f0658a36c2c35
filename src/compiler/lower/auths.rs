//! The `Auth`s of a table, each with its API keys.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::auth::AuthSpec;
use crate::compiler::lower::codes::{KEY_AUTH, SAME_KEY};
use crate::compiler::lower::plans::plan_of;
use crate::compiler::lower::problem;
use crate::compiler::manifest::Spec;
use crate::compiler::manifest::api_key::{ApiKeySpec, Denied, Restrictions, SecretHash};
use crate::compiler::object::Object;
use crate::compiler::resolve::Model;
use crate::diagnostic::Diagnostics;
use crate::pipeline::auth::{Auth, AuthContext, Auths};
use crate::pipeline::caller::Consumer;
use crate::pipeline::keys::{Key, KeySecret, Keys, Restriction, Scope};
use crate::pipeline::plan::{Plan, Plans};
use crate::table::keys::KeyIndex;
use crate::value::moment::Moment;
use crate::value::name::Name;
use crate::value::reference::{Ref, RouteKind};
use crate::value::sha256::Sha256;

/// Makes all `Auth`s that can be made.
pub(super) fn auths<'a>(model: &'a Model, routes: &mut Routes<'a>, plans: &Plans, out: &mut Diagnostics) -> Auths {
    let mut keys = keys(model, routes, plans, out);
    let mut made = Auths::new();
    for object in &model.objects {
        let Some(Spec::Auth(spec)) = &object.spec else { continue };
        let address = (object.address.namespace.clone(), object.address.name.clone());
        let keys: Arc<dyn Keys> = Arc::new(KeyIndex::new(keys.remove(&address).unwrap_or_default()));
        if let Some(auth) = auth(object, spec, &keys, out) {
            made.insert(address, Arc::new(auth));
        }
    }
    made
}

fn auth(object: &Object, spec: &AuthSpec, keys: &Arc<dyn Keys>, out: &mut Diagnostics) -> Option<Auth> {
    let name: Arc<str> = object.address.short().into();
    let mut context = AuthContext { name: &name, keys, secrets: BTreeSet::new(), problems: Vec::new() };
    let way = spec.compile(&mut context);
    let secrets = std::mem::take(&mut context.secrets);
    let base = format!("/spec/{}", spec.ways().first().copied().unwrap_or_default());
    out.extend(context.problems.into_iter().map(|problem| problem::diagnostic(object, &base, problem)));
    Some(Auth { way: way?, name, secrets })
}

/// The keys of each `Auth`, by its namespace and name.
fn keys<'a>(
    model: &'a Model,
    routes: &mut Routes<'a>,
    plans: &Plans,
    out: &mut Diagnostics,
) -> BTreeMap<(Name, Name), Vec<Key>> {
    let mut keys: BTreeMap<(Name, Name), Vec<Key>> = BTreeMap::new();
    let (mut ids, mut tokens) = (BTreeMap::new(), BTreeMap::new());
    for object in &model.objects {
        let Some(Spec::ApiKey(spec)) = &object.spec else { continue };
        let auth = (spec.auth.namespace(&object.address.namespace).clone(), spec.auth.name().clone());
        check_auth(model, object, spec, &auth, out);
        if let Some(first) = ids.insert((auth.clone(), &spec.key_id), object) {
            let message = format!("two keys of the same `Auth` have the id `{}`", spec.key_id);
            let problem = object.problem(&SAME_KEY, message).at(object.place("/spec/keyId"), "the same id again");
            out.push(problem.at(first.place("/spec/keyId"), "first here").help("give one of them another id"));
        }
        for (index, token) in spec.secrets.iter().enumerate().filter_map(|(i, hash)| Some((i, hash.token_sha256?))) {
            if let Some(first) = tokens.insert((auth.clone(), token), object) {
                let place = object.place(&format!("/spec/secrets/{index}/tokenSha256"));
                let problem = object.problem(&SAME_KEY, "two keys of the same `Auth` have the same token");
                let problem = problem.at(place, "the same hash again").at(first.place("/spec/secrets"), "first here");
                out.push(problem.help("a token belongs to one consumer: give one of them another token"));
            }
        }
        let plan = plan_of(object, spec, model, plans, out);
        let key = key(object, spec, plan, routes);
        keys.entry(auth).or_default().push(key);
    }
    keys
}

/// A key belongs to an `Auth` that accepts keys.
fn check_auth(model: &Model, object: &Object, spec: &ApiKeySpec, auth: &(Name, Name), out: &mut Diagnostics) {
    let Some(Spec::Auth(found)) = model.get("Auth", &auth.0, &auth.1).and_then(|auth| auth.spec.as_ref()) else {
        return;
    };
    if found.api_key.is_none() {
        let message = format!("the `Auth` `{}` accepts no API keys", spec.auth.name());
        let problem = object.problem(&KEY_AUTH, message).at(object.place("/spec/auth"), "");
        out.push(problem.help("name an `Auth` of the kind `apiKey`"));
    }
}

fn key<'a>(object: &Object, spec: &'a ApiKeySpec, plan: Option<Arc<Plan>>, routes: &mut Routes<'a>) -> Key {
    let texts = |map: &BTreeMap<String, String>| -> BTreeMap<Box<str>, Box<str>> {
        map.iter().map(|(name, value)| (name.as_str().into(), value.as_str().into())).collect()
    };
    let consumer = Consumer {
        id: spec.key_id.as_str().into(),
        name: object.address.short().into(),
        plan: plan.as_ref().map(|plan| plan.name.clone()),
        labels: texts(&object.metadata.labels),
        metadata: texts(&spec.metadata),
    };
    let moment = |moment: &Option<Moment>| moment.as_ref().map(Moment::seconds);
    Key {
        consumer: Arc::new(consumer),
        secrets: spec.secrets.iter().filter_map(secret).collect(),
        not_before: moment(&spec.not_before),
        expires: moment(&spec.expires),
        enabled: spec.enabled,
        scope: scope(object, spec, routes).map(Box::new),
        plan,
    }
}

fn secret(hash: &SecretHash) -> Option<KeySecret> {
    let alone_from = hash.not_before.as_ref().map(Moment::seconds);
    let of = |sha256: Sha256, whole: bool| KeySecret { sha256, whole, alone_from };
    hash.sha256.map(|sha256| of(sha256, false)).or_else(|| hash.token_sha256.map(|sha256| of(sha256, true)))
}

fn scope<'a>(object: &Object, spec: &'a ApiKeySpec, routes: &mut Routes<'a>) -> Option<Scope> {
    let Restrictions { methods, paths, hosts, networks, deny } = spec.restrictions.clone();
    let scope = Scope {
        routes: routes.of(&spec.routes, &spec.route_labels, &object.address.namespace).into_iter().collect(),
        read_only: spec.read_only,
        allow: Restriction { methods, paths, hosts, networks },
        deny: deny.map(|Denied { methods, paths, hosts, networks }| Restriction { methods, paths, hosts, networks }),
    };
    let is_restricted = !scope.routes.is_empty() || scope.read_only || spec.restrictions != Restrictions::default();
    is_restricted.then_some(scope)
}

/// Labels, and routes named besides: what many keys select alike is found once.
type Selection<'a> = (&'a BTreeMap<String, String>, Vec<(Name, Name)>);

/// The names of routes that keys and plans select.
pub(super) struct Routes<'a> {
    model: &'a Model,
    by_labels: BTreeMap<Selection<'a>, Arc<[Box<str>]>>,
}

impl<'a> Routes<'a> {
    /// The routes of a model.
    pub(super) fn new(model: &'a Model) -> Self {
        Self { model, by_labels: BTreeMap::new() }
    }

    /// The sorted names of what is named or has all labels; `None` where nothing is given, for that is all.
    pub(super) fn of(
        &mut self,
        routes: &[Ref<RouteKind>],
        labels: &'a BTreeMap<String, String>,
        own: &Name,
    ) -> Option<Arc<[Box<str>]>> {
        if routes.is_empty() && labels.is_empty() {
            return None;
        }
        let named: Vec<_> = routes.iter().map(|route| (route.namespace(own).clone(), route.name().clone())).collect();
        let model = self.model;
        let selected = self.by_labels.entry((labels, named)).or_insert_with_key(|(labels, named)| {
            let has_labels = |route: &&Object| {
                let has = |(name, value): (&String, &String)| route.metadata.labels.get(name) == Some(value);
                let is_selected = !labels.is_empty() && labels.iter().all(has);
                is_selected
                    || named
                        .iter()
                        .any(|(space, name)| (&route.address.namespace, &route.address.name) == (space, name))
            };
            let routes = model.objects.iter().filter(|object| object.address.kind == "Route").filter(has_labels);
            let mut sorted: Vec<Box<str>> = routes.map(|route| route.address.short().into()).collect();
            sorted.sort();
            sorted.into()
        });
        Some(Arc::clone(selected))
    }
}
