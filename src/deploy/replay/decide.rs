//! What a table does with a request of a log.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use crate::compiler::Compiled;
use crate::deploy::replay::line::Line;
use crate::pipeline::head::RequestHead;
use crate::table::RouteTable;
use crate::table::route::CompiledRoute;
use crate::table::router::{Failure, Outcome, Trace, Verdict};
use crate::table::space::{Facet, Request, differences};
use crate::value::host::normalise_authority;
use crate::value::method::Method;
use crate::value::path::normalise;

/// What a request gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Decision {
    /// No route.
    NotFound,
    /// No route for its method.
    MethodNotAllowed,
    /// Another client certificate is asked for.
    Forbidden,
    /// A route, by its number in both tables, and the number of what it does.
    Route(u32, u32),
}

/// A table with the numbers of its routes.
pub struct Side {
    table: RouteTable,
    /// What each route is, by its index.
    routes: Vec<(u32, u32)>,
    /// The listeners of requests in clear text and over TLS.
    listeners: [u16; 2],
}

/// The names of routes, and what they do, by the numbers that stand for them.
#[derive(Default)]
pub struct Names {
    list: Vec<String>,
    numbers: BTreeMap<String, u32>,
    meanings: BTreeMap<String, u32>,
}

impl Names {
    /// The name of a route.
    pub fn get(&self, number: u32) -> &str {
        self.list.get(number as usize).map_or("", String::as_str)
    }

    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        self.list.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }

    fn meaning(&mut self, text: String) -> u32 {
        let next = u32::try_from(self.meanings.len()).unwrap_or(u32::MAX);
        *self.meanings.entry(text).or_insert(next)
    }
}

impl Side {
    /// The table of what was compiled; `None` if it has none.
    pub fn of(compiled: &mut Compiled, names: &mut Names) -> Option<Self> {
        let table = compiled.table.take()?;
        let mut rules = vec![Vec::new(); table.routes.len()];
        for rule in table.router.rules() {
            rules.get_mut(rule.route as usize).into_iter().for_each(|own| own.push(&rule.path));
        }
        let numbers = table.routes.iter().zip(rules).map(|(route, paths)| {
            let paths = if route.parameters.is_empty() { Vec::new() } else { paths };
            let meaning = format!("{} {:?} {:?}", meaning(route), paths, table.settings.listeners);
            (names.number(&route.name), names.meaning(meaning))
        });
        let routes = numbers.collect();
        let listeners = &table.settings.listeners;
        let first = |tls: bool| listeners.iter().position(|listener| listener.tls.is_some() == tls).unwrap_or(0);
        let index = |tls| u16::try_from(first(tls)).unwrap_or(u16::MAX);
        let listeners = [index(false), index(true)];
        Some(Self { table, routes, listeners })
    }

    /// Decides; also whether that may depend on what the log doesn't hold.
    pub fn decide(&self, request: &Request) -> (Decision, bool) {
        let mut watcher = Watcher::default();
        let listener = self.listeners[usize::from(request.secure)];
        let decision = match self.table.router.find(listener, &request.head, &mut watcher) {
            Outcome::Found(hit) | Outcome::AsksCaller(hit) => {
                let (name, meaning) = self.routes.get(hit.route as usize).copied().unwrap_or_default();
                Decision::Route(name, meaning)
            }
            Outcome::MethodNotAllowed(_) => Decision::MethodNotAllowed,
            Outcome::Forbidden => Decision::Forbidden,
            Outcome::NotFound => Decision::NotFound,
        };
        (decision, watcher.maybe)
    }

    /// What another table does differently with a request that meets a route of the same name there.
    pub fn differences(&self, new: &Self, request: &mut Request) -> BTreeSet<Facet> {
        let listener = self.listeners[usize::from(request.secure)];
        let named = self.table.settings.listeners.get(usize::from(listener));
        request.listener = named.map(|listener| listener.name.to_string()).unwrap_or_default();
        differences(&self.table, &new.table, request)
    }
}

/// All that a route does with its requests, as text.
fn meaning(route: &CompiledRoute) -> String {
    let steps: Vec<_> = route.pipeline.iter().map(|step| (step.meaning, &step.guard)).collect();
    let ends: Vec<_> = route.ends.iter().map(|end| (end.meaning, end.weight, end.timeouts)).collect();
    let mirror = route.mirror.as_ref().map(|mirror| (mirror.end.meaning, mirror.percent));
    format!("{steps:?} {ends:?} {mirror:?} {:?} {:?} {:?}", route.split_by, route.retries, route.request)
}

/// Notices conditions on what a log doesn't hold.
#[derive(Default)]
struct Watcher {
    maybe: bool,
}

impl Trace for Watcher {
    fn candidate(&mut self, _: u32, verdict: Verdict<'_>) {
        self.maybe |= match verdict {
            Verdict::Failed(Failure::Method) | Verdict::Chosen => false,
            Verdict::Failed(_) | Verdict::Guarded => true,
        };
    }
}

/// A request of which nothing is known yet.
pub fn blank() -> Request {
    let ip = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    Request { listener: String::new(), head: RequestHead::default(), certificate: None, ip, secure: false }
}

/// Makes a request of a line; `false` if the gateway would refuse it. The memory of the one before is used again.
pub fn receive(line: &Line<'_>, default_host: &str, request: &mut Request) -> bool {
    request.secure = line.tls.unwrap_or(false);
    let head = &mut request.head;
    let query = head.query.take();
    head.clear();
    let Some(method) = Method::from_token(&line.method) else { return false };
    head.method = method;
    let host = if line.host.is_empty() { default_host } else { &line.host };
    if line.normalised {
        head.host.push_str(host);
        head.path.push_str(&line.target);
        return true;
    }
    let (path, asked) = line.target.split_once('?').map_or((&*line.target, None), |(path, query)| (path, Some(query)));
    if let Some(asked) = asked {
        let mut query = query.unwrap_or_default();
        query.clear();
        query.push_str(asked);
        head.query = Some(query);
    }
    normalise_authority(host.as_bytes(), &mut head.host).is_ok() && normalise(path.as_bytes(), &mut head.path).is_ok()
}
