//! Where the parts of a table are written.

use crate::compiler::manifest::Spec;
use crate::compiler::manifest::route::RouteSpec;
use crate::compiler::{Compiled, Object};
use crate::deploy::explain::Place;

/// The routes of what was compiled, by their indices in the table.
pub struct Written<'a> {
    compiled: &'a Compiled,
    routes: Vec<(&'a Object, &'a RouteSpec)>,
}

impl<'a> Written<'a> {
    /// Looks them up.
    pub fn of(compiled: &'a Compiled) -> Self {
        let routes = compiled.objects.iter().filter_map(|object| match &object.spec {
            Some(Spec::Route(spec)) => Some((object, &**spec)),
            _ => None,
        });
        Self { compiled, routes: routes.collect() }
    }

    /// The object of a route.
    pub fn object(&self, route: usize) -> Option<&'a Object> {
        self.routes.get(route).map(|(object, _)| *object)
    }

    /// The place of a route: its name.
    pub fn route(&self, route: usize) -> Option<Place> {
        self.object(route).map(|object| Place::of(&self.compiled.sources, object.name_place()))
    }

    /// The place of a part of a route.
    pub fn part(&self, route: usize, pointer: &str) -> Option<Place> {
        self.object(route).map(|object| Place::of(&self.compiled.sources, object.place(pointer)))
    }

    /// The place of a rule of the router: an entry of `match`.
    pub fn rule(&self, rule: usize) -> Option<Place> {
        self.compiled.places.get(rule).map(|span| Place::of(&self.compiled.sources, *span))
    }

    /// The place of one of the gateway's limits, if it is written out.
    pub fn limit(&self, name: &str) -> Option<Place> {
        let is_gateway = |object: &&Object| matches!(object.spec, Some(Spec::Gateway(_)));
        let gateway = self.compiled.objects.iter().find(is_gateway)?;
        let pointer = format!("/spec/limits/{name}");
        gateway.root.pointer(&pointer)?;
        Some(Place::of(&self.compiled.sources, gateway.place(&pointer)))
    }

    /// The place of a plugin, which counts among those that are enabled.
    pub fn plugin(&self, route: usize, index: usize) -> Option<Place> {
        let (object, spec) = self.routes.get(route)?;
        let (at, entry) = spec.plugins.iter().enumerate().filter(|(_, entry)| entry.enabled).nth(index)?;
        let name = entry.plugins().first().map_or("", |plugin| plugin.name);
        Some(Place::of(&self.compiled.sources, object.key_place(&format!("/spec/plugins/{at}/{name}"))))
    }
}
