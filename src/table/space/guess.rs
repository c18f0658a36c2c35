//! Requests that are likely to meet a rule, made from what it asks for alone and sent through the router: for most rules one of
//! them does, and nothing needs to be searched for. That none does says nothing.

use crate::pipeline::certificate::ClientCertificate;
use crate::pipeline::condition::{FieldCondition, Test};
use crate::pipeline::head::RequestHead;
use crate::table::RouteTable;
use crate::table::router::{Asker, Outcome, PathMatch, Rule, Trace, Verdict};
use crate::table::space::decide::Asked;
use crate::table::space::request::{Value, receive};
use crate::table::space::texts::{Kind, Texts};
use crate::value::method::Method;
use crate::value::path::{PathTemplate, Segment, Shape, normalise};

/// How many candidates the router may try for each rule of a list; a regular expression costs less than one.
const TRIED: usize = 64;
const REGEXES_FOR_ONE: usize = 16;

/// A client that comes by a listener for a host.
pub(super) struct Client<'t> {
    table: &'t RouteTable,
    listener: u16,
    host: String,
    certificate: Option<ClientCertificate>,
    /// How many candidates a request costs that are not counted, and how many may still be tried.
    fixed: usize,
    left: usize,
}

impl<'t> Client<'t> {
    /// One that shows some certificate where it must, and meets rules of a list.
    pub(super) fn new<'r>(
        table: &'t RouteTable,
        listener: u16,
        host: String,
        asked: Asked,
        list: impl Iterator<Item = &'r Rule>,
    ) -> Self {
        let certificate = (asked == Asked::Required).then(ClientCertificate::default);
        let (mut rules, mut regexes) = (0, 0);
        for rule in list {
            rules += 1;
            regexes += usize::from(matches!(rule.path, PathMatch::Regex(_)));
        }
        Self { table, listener, host, certificate, fixed: regexes / REGEXES_FOR_ONE, left: rules * TRIED }
    }

    /// The methods of a rule with which it was met; of one that names none, one method.
    pub(super) fn meets(&mut self, rule: &Rule, index: u32, texts: &Texts) -> Vec<Method> {
        let Some(values) = values(rule, texts) else { return Vec::new() };
        let mut head = RequestHead { host: self.host.clone(), ..RequestHead::default() };
        receive(&mut head, &values);
        let (mut met, mut normal) = (Vec::new(), String::new());
        let any = [Method::Get, Method::Other("PROPFIND".into())];
        let methods = if rule.conditions.methods.is_empty() { &any[..] } else { &rule.conditions.methods };
        let enough = if rule.conditions.methods.is_empty() { 1 } else { methods.len() };
        for path in paths(&rule.path) {
            if normalise(path.as_bytes(), &mut normal).is_err() || normal != path {
                continue;
            }
            head.path = path;
            for method in methods {
                if met.len() < enough && !met.contains(method) && self.reaches(index, method, &head) {
                    met.push(method.clone());
                }
            }
            if met.len() == enough {
                break;
            }
        }
        met
    }

    fn reaches(&mut self, index: u32, method: &Method, head: &RequestHead) -> bool {
        if self.left == 0 {
            return false;
        }
        let mut tally = Tally(self.fixed);
        let router = &self.table.router;
        let found = router.find_as(
            Asker { method, certificate: self.certificate.as_ref(), caller: None },
            self.listener,
            head,
            &mut tally,
        );
        self.left = self.left.saturating_sub(tally.0);
        matches!(found, Outcome::Found(hit) if hit.rule == index)
    }
}

/// Counts candidates.
struct Tally(usize);

impl Trace for Tally {
    fn candidate(&mut self, _: u32, _: Verdict<'_>) {
        self.0 += 1;
    }
}

/// Paths that a path condition matches, in the order in which they are tried.
fn paths(path: &PathMatch) -> Vec<String> {
    match path {
        PathMatch::Template(template) => from_template(template).into_iter().collect(),
        PathMatch::Regex(regex) => regex.sample().into_iter().collect(),
        PathMatch::Prefix(_) | PathMatch::Any => {
            let base = path.as_str();
            let own = if base.is_empty() { "/" } else { base };
            vec![own.to_owned(), format!("{base}/x"), format!("{base}/x/x/x/x")]
        }
    }
}

fn from_template(template: &PathTemplate) -> Option<String> {
    let mut path = String::with_capacity(template.as_str().len());
    for segment in template.segments() {
        path.push('/');
        match segment {
            Segment::Literal(text) => path.push_str(text),
            Segment::Parameter(parameter) => push_sample(&parameter.shape, &mut path)?,
        }
    }
    Some(path)
}

fn push_sample(shape: &Shape, path: &mut String) -> Option<()> {
    path.push_str(&shape.before);
    match &shape.pattern {
        Some(pattern) => path.push_str(&pattern.sample()?),
        None => path.push('x'),
    }
    path.push_str(&shape.after);
    Some(())
}

/// What a rule asks of header fields, the query and cookies, if that is simple.
fn values(rule: &Rule, texts: &Texts) -> Option<Vec<Value>> {
    let conditions = &rule.conditions;
    if conditions.certificate.is_some() || conditions.consumer.is_some() {
        return None;
    }
    let kinds =
        [(Kind::Header, &conditions.headers), (Kind::Query, &conditions.query), (Kind::Cookie, &conditions.cookies)];
    let all = kinds.into_iter().flat_map(|(kind, list)| list.iter().map(move |condition| (kind, condition)));
    all.filter(|(_, condition)| condition.test != Test::Absent)
        .map(|(kind, condition)| Some((kind, condition.name.clone(), value(kind, condition, texts)?.into_bytes())))
        .collect()
}

fn value(kind: Kind, condition: &FieldCondition, texts: &Texts) -> Option<String> {
    let value = match &condition.test {
        Test::Equals(text) => text.clone(),
        Test::Regex(pattern) => pattern.sample()?,
        Test::Present | Test::Absent => "x".to_owned(),
    };
    texts.has_value(kind, &value).then_some(value)
}
