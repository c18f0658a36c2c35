//! The rank of a rule: the precedence of the language, in one derived order.

use std::cmp::Reverse;

use crate::pipeline::caller::ConsumerCondition;
use crate::pipeline::certificate::CertificateCondition;
use crate::table::router::narrow;
use crate::table::router::rule::{PathMatch, Rule};
use crate::value::path::{PathTemplate, Segment};

/// How specific a rule is among those of one host pattern; the least in this order is tried first.
///
/// Rules of equal rank that match the same request are a conflict; where that cannot be decided, the text of the
/// path orders them, then their index.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Specificity {
    /// The kind of path, and how exact it is.
    pub path: PathRank,
    /// Whether methods are named.
    pub methods: Reverse<bool>,
    /// Conditions on headers and cookies.
    pub fields: Reverse<u32>,
    /// Conditions on the query.
    pub query: Reverse<u32>,
    /// Conditions on the consumer and the client certificate.
    pub caller: Reverse<u32>,
    /// What the manifest says.
    pub priority: Reverse<i32>,
}

/// The rank of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PathRank {
    /// One path.
    Exact,
    /// A path with parameters, segment by segment.
    Template(Box<[SegmentRank]>),
    /// A regular expression, by the length of its literal prefix.
    Regex(Reverse<u32>),
    /// A prefix, by its length.
    Prefix(Reverse<u32>),
}

/// The rank of a segment of a path with parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SegmentRank {
    /// `orders`
    Literal,
    /// `{y}.png`, with or without a pattern
    Mixed,
    /// `{id:[0-9]+}`
    Pattern,
    /// `{id}`
    Plain,
}

impl Specificity {
    /// The rank of a rule.
    pub fn of(rule: &Rule) -> Self {
        let conditions = &rule.conditions;
        Self {
            path: PathRank::of(&rule.path),
            methods: Reverse(!conditions.methods.is_empty()),
            fields: Reverse(narrow(conditions.headers.len() + conditions.cookies.len())),
            query: Reverse(narrow(conditions.query.len())),
            caller: Reverse(
                conditions.certificate.as_ref().map_or(0, CertificateCondition::count)
                    + conditions.consumer.as_ref().map_or(0, ConsumerCondition::count),
            ),
            priority: Reverse(rule.priority),
        }
    }
}

impl PathRank {
    fn of(path: &PathMatch) -> Self {
        match path {
            PathMatch::Template(template) if template.is_exact() => Self::Exact,
            PathMatch::Template(template) => Self::Template(segments(template)),
            PathMatch::Regex(regex) => Self::Regex(Reverse(narrow(regex.literal_prefix().len()))),
            PathMatch::Prefix(_) | PathMatch::Any => Self::Prefix(Reverse(narrow(path.as_str().len()))),
        }
    }
}

fn segments(template: &PathTemplate) -> Box<[SegmentRank]> {
    let rank = |segment: &Segment| match segment {
        Segment::Literal(_) => SegmentRank::Literal,
        Segment::Parameter(parameter) => {
            let shape = &parameter.shape;
            match shape.pattern {
                _ if !shape.before.is_empty() || !shape.after.is_empty() => SegmentRank::Mixed,
                Some(_) => SegmentRank::Pattern,
                None => SegmentRank::Plain,
            }
        }
    };
    template.segments().iter().map(rank).collect()
}
