//! The conditions of rules and plugins as yes-or-no questions about a request. Each is asked under one number.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use ahash::RandomState;

use crate::pipeline::caller::ConsumerCondition;
use crate::pipeline::certificate::CertificateCondition;
use crate::pipeline::condition::{FieldCondition, Test};
use crate::table::space::request::Request;
use crate::table::space::texts::Kind;
use crate::value::network::Network;
use crate::value::path::{PathGlob, PathRegex};
use crate::value::san::SanPattern;

/// A question about a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Atom {
    /// About the values of a name; never whether it is absent.
    Value(Kind, FieldCondition),
    /// Whether the client showed a certificate.
    Certificate,
    /// Whether one of the certificate's names is such a one.
    San(SanPattern),
    /// Whether this is the certificate's subject.
    Subject(String),
    /// Whether the path matches.
    Regex(PathRegex),
    /// Whether the path matches.
    Glob(PathGlob),
    /// Whether the client's address lies in it.
    Network(Network),
    /// Whether an `auth` finds out who calls; which one, where it matters.
    Known(Option<Arc<str>>),
    /// Whether the caller is such a consumer.
    Consumer(ConsumerCondition),
}

/// What questions are about that cannot be answered one without the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Topic {
    Value(Kind, String),
    Certificate,
    Path,
    Network,
    Caller,
}

/// A question by its number, and the answer.
pub(super) type Literal = (u32, bool);

impl Atom {
    /// The condition on a value as a question, and the answer it wants.
    pub(super) fn value(kind: Kind, condition: &FieldCondition) -> (Self, bool) {
        match condition.test {
            Test::Absent => {
                (Self::Value(kind, FieldCondition { name: condition.name.clone(), test: Test::Present }), false)
            }
            Test::Equals(_) | Test::Regex(_) | Test::Present => (Self::Value(kind, condition.clone()), true),
        }
    }

    /// The answer that a request gives.
    pub fn holds(&self, request: &Request) -> bool {
        let certificate = |san: Option<&SanPattern>, subject: Option<&String>| {
            let condition = CertificateCondition { san: san.cloned(), subject: subject.cloned() };
            condition.holds(request.certificate.as_ref())
        };
        match self {
            Self::Value(Kind::Header, condition) => condition.header(&request.head),
            Self::Value(Kind::Cookie, condition) => condition.cookie(&request.head),
            Self::Value(Kind::Query, condition) => condition.query(&request.head),
            Self::Certificate => request.certificate.is_some(),
            Self::San(san) => certificate(Some(san), None),
            Self::Subject(subject) => certificate(None, Some(subject)),
            Self::Regex(_) | Self::Glob(_) => self.holds_for_path(&request.head.path),
            Self::Network(network) => network.contains(request.ip),
            // examples have no credentials
            Self::Known(_) | Self::Consumer(_) => false,
        }
    }

    /// The answer that a path gives to a question about it.
    pub(super) fn holds_for_path(&self, path: &str) -> bool {
        match self {
            Self::Regex(regex) => regex.matches(path),
            Self::Glob(glob) => glob.matches(path),
            _ => false,
        }
    }

    fn topic(&self) -> Topic {
        match self {
            Self::Value(kind, condition) => Topic::Value(*kind, condition.name.clone()),
            Self::Certificate | Self::San(_) | Self::Subject(_) => Topic::Certificate,
            Self::Regex(_) | Self::Glob(_) => Topic::Path,
            Self::Network(_) => Topic::Network,
            Self::Known(_) | Self::Consumer(_) => Topic::Caller,
        }
    }
}

/// The number of the question whether there is a certificate.
pub(super) const CERTIFICATE: u32 = 0;

/// All questions that are asked.
pub(super) struct Atoms {
    numbers: HashMap<Atom, u32, RandomState>,
    list: Vec<(Atom, u32)>,
    topic_numbers: HashMap<Topic, u32, RandomState>,
    topics: Vec<Topic>,
}

impl Default for Atoms {
    /// The one that is always there.
    fn default() -> Self {
        let mut atoms = Self {
            numbers: HashMap::default(),
            list: Vec::new(),
            topic_numbers: HashMap::default(),
            topics: Vec::new(),
        };
        atoms.number(Atom::Certificate);
        atoms
    }
}

impl Atoms {
    /// The number of a question.
    pub(super) fn number(&mut self, atom: Atom) -> u32 {
        if let Some(number) = self.numbers.get(&atom) {
            return *number;
        }
        let topic = atom.topic();
        let next = small(self.topics.len());
        let about = *self.topic_numbers.entry(topic.clone()).or_insert(next);
        if about == next {
            self.topics.push(topic);
        }
        let number = small(self.list.len());
        self.numbers.insert(atom.clone(), number);
        self.list.push((atom, about));
        number
    }

    /// The question with a number.
    pub(super) fn get(&self, number: u32) -> &Atom {
        &self.list[number as usize].0
    }

    /// What a question is about, by its number among all topics.
    pub(super) fn topic(&self, number: u32) -> u32 {
        self.list[number as usize].1
    }

    /// All topics.
    pub(super) fn topics(&self) -> &[Topic] {
        &self.topics
    }

    /// How many questions there are.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }
}

fn small(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Cookie => "cookie",
            Self::Query => "query parameter",
        })
    }
}

/// What is true where the answer is yes, to be said behind `with` or `without`.
impl fmt::Display for Atom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(kind, condition) => {
                write!(f, "{kind} {}", condition.name)?;
                match &condition.test {
                    Test::Equals(text) => write!(f, "={text}"),
                    Test::Regex(pattern) => write!(f, "~{pattern}"),
                    Test::Present | Test::Absent => Ok(()),
                }
            }
            Self::Certificate => f.write_str("a client certificate"),
            Self::San(san) => write!(f, "a client certificate for {san}"),
            Self::Subject(subject) => write!(f, "a client certificate of {subject}"),
            Self::Regex(regex) => write!(f, "a path like {regex}"),
            Self::Glob(glob) => write!(f, "a path like {glob}"),
            Self::Network(network) => write!(f, "an address in {network}"),
            Self::Known(None) => f.write_str("a credential"),
            Self::Known(Some(auths)) => write!(f, "a credential of {auths}"),
            Self::Consumer(condition) => {
                let plans = condition.plans.iter().map(|plan| format!("plan {plan}"));
                let labels = condition.labels.iter().map(|(name, value)| format!("label {name}={value}"));
                write!(f, "a key with {}", plans.chain(labels).collect::<Vec<_>>().join(", "))
            }
        }
    }
}
