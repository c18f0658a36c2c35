//! Fills the values of variables into the scalars of a document: `${var.NAME}`, and no other reference.

use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::compiler::check::Validators;
use crate::compiler::environment::codes::{UNKNOWN_VARIABLE, VALUE_MISSING};
use crate::compiler::environment::variables::{Look, Setting, Variables, declared_are};
use crate::compiler::manifest::kind;
use crate::compiler::manifests::{ENVIRONMENT, kind_of};
use crate::compiler::quote::replacement;
use crate::compiler::schema;
use crate::compiler::syntax::{Node, Value};
use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::value::Scalar as _;
use crate::value::did_you_mean::did_you_mean;
use crate::value::template::Template;
use crate::value::variable::{OPENING, Piece, pieces};

/// Where variables are declared: nothing is filled in there.
const DECLARATIONS: &str = "/spec/variables";

/// A value that was filled in.
#[derive(Clone, Debug)]
pub struct Filled {
    /// The scalar that it stands in.
    pub place: Span,
    /// The variable.
    pub variable: Box<str>,
    /// Where the variable got it.
    pub value: Span,
    /// Whether an environment gave it, not the default.
    pub by_environment: bool,
}

impl Variables {
    /// Fills a document; gives the places where that was not possible.
    pub(in crate::compiler) fn fill(
        &self,
        root: &mut Node,
        validators: &Validators,
        filled: &mut Vec<Filled>,
        out: &mut Diagnostics,
    ) -> Vec<Span> {
        let Some(kind) = kind_of(root).filter(|kind| *kind != ENVIRONMENT).and_then(kind) else { return Vec::new() };
        if !mentions(root) {
            return Vec::new();
        }
        let mut filling = Filling { variables: self, rules: validators.rules(kind), filled, out, failed: Vec::new() };
        filling.node(root, &mut String::new());
        filling.failed
    }
}

/// Whether a variable is named anywhere.
fn mentions(node: &Node) -> bool {
    match &node.value {
        Value::String(text) => text.contains(OPENING),
        Value::Sequence(items) => items.iter().any(mentions),
        Value::Mapping(entries) => entries.iter().any(|entry| mentions(&entry.value)),
        _ => false,
    }
}

struct Filling<'a> {
    variables: &'a Variables,
    /// The rules of the document's kind: they say which fields are texts.
    rules: &'a Json,
    filled: &'a mut Vec<Filled>,
    out: &'a mut Diagnostics,
    failed: Vec<Span>,
}

impl<'a> Filling<'a> {
    fn node(&mut self, node: &mut Node, pointer: &mut String) {
        let length = pointer.len();
        match &mut node.value {
            Value::Sequence(items) => {
                for (i, item) in items.iter_mut().enumerate() {
                    let _ = write!(pointer, "/{i}");
                    self.node(item, pointer);
                    pointer.truncate(length);
                }
            }
            Value::Mapping(entries) => {
                for entry in entries {
                    pointer.push('/');
                    pointer.push_str(&entry.key.replace('~', "~0").replace('/', "~1"));
                    if pointer != DECLARATIONS {
                        self.node(&mut entry.value, pointer);
                    }
                    pointer.truncate(length);
                }
            }
            Value::String(text) if text.contains(OPENING) => {
                if let Some(value) = self.scalar(node, pointer) {
                    node.value = value;
                }
            }
            _ => {}
        }
    }

    /// The value of a scalar that names variables; `None` if one of them has none.
    fn scalar(&mut self, node: &Node, pointer: &str) -> Option<Value> {
        let text = node.as_str()?;
        let field = schema::at(self.rules, pointer);
        let is = |keyword: &str, value: &str| field.and_then(|field| field.get(keyword)).is_some_and(|v| v == value);
        let pieces = pieces(text);
        if let [Piece::Variable(name, range)] = pieces[..] {
            let setting = self.value(node, name, range)?;
            return Some(if is("type", "string") {
                Value::String(setting.text().into())
            } else {
                setting.value.clone()
            });
        }
        let (mut whole, mut complete) = (String::new(), true);
        for piece in pieces {
            match piece {
                Piece::Text(text) => whole.push_str(text),
                // the request's own references are read later, and this escape with them
                Piece::Escaped if is("format", Template::FORMAT) => {
                    whole.push('$');
                    whole.push_str(OPENING);
                }
                Piece::Escaped => whole.push_str(OPENING),
                Piece::Variable(name, range) => match self.value(node, name, range) {
                    Some(setting) => whole.push_str(&setting.text()),
                    None => complete = false,
                },
            }
        }
        complete.then(|| Value::String(whole.into()))
    }

    /// The value of a variable; if it has none, that is reported at the reference.
    fn value(&mut self, node: &Node, name: &str, range: (usize, usize)) -> Option<&'a Setting> {
        let place = replacement::part(node, Some(range));
        let problem = match self.variables.look(name) {
            Look::Found(setting) => {
                let by_environment = setting.by_environment;
                let filled = Filled { place: node.span, variable: name.into(), value: setting.place, by_environment };
                self.filled.push(filled);
                return Some(setting);
            }
            Look::Missing(declared) => {
                let message = format!("the variable `{name}` has no value");
                let problem = Diagnostic::new(&VALUE_MISSING, message).at(place, "");
                let problem = problem.at(declared, "declared without a default");
                Some(problem.help("give it one in each `Environment`, or a `default`"))
            }
            Look::Unknown(names) => {
                let message = format!("there is no variable `{}`", name.escape_debug());
                let problem = Diagnostic::new(&UNKNOWN_VARIABLE, message).at(place, "not declared");
                Some(match did_you_mean(name, names.iter().copied()) {
                    Some(near) => unknown_but_near(problem, node, place, range, near),
                    None => problem.help(declared_are(&names)),
                })
            }
            Look::Lost => None,
        };
        self.out.extend(problem);
        self.failed.push(node.span);
        None
    }
}

/// A reference to a variable that is probably mistyped; it is mended where it can be told which bytes it stands at.
fn unknown_but_near(problem: Diagnostic, node: &Node, place: Span, range: (usize, usize), near: &str) -> Diagnostic {
    let problem = problem.help(format!("did you mean `{OPENING}{near}}}`?"));
    if (place.end - place.start) as usize != range.1 - range.0 || place == node.span && range.0 > 0 {
        return problem;
    }
    problem.fix("use the variable that exists", place, format!("{OPENING}{near}}}"))
}
