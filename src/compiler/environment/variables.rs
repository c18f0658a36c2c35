//! The variables that a `Gateway` declares, and the values that an environment gives them.

use std::collections::BTreeMap;

use crate::compiler::check::{invalid, scalar_error};
use crate::compiler::environment::codes::{UNKNOWN_VARIABLE, WRONG_VALUE};
use crate::compiler::manifest::variable::VariableType;
use crate::compiler::manifests::name_of;
use crate::compiler::quote::{listed, quoted};
use crate::compiler::syntax::{Entry, Node, Value};
use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::value::did_you_mean::did_you_mean;
use crate::value::variable::OPENING;

/// The variables of a gateway, with their values in one environment.
pub struct Variables {
    declared: BTreeMap<Box<str>, Variable>,
    /// Whether all that is declared could be read.
    known: bool,
    /// Whether what has no value may have one.
    doubtful: bool,
}

/// A variable that was declared.
struct Variable {
    /// Where.
    place: Span,
    /// `None` if its type could not be read.
    kind: Option<VariableType>,
    current: Current,
}

/// What a variable has for a value.
pub(super) enum Current {
    /// Nothing gave it one.
    Missing,
    /// What gave it one has a problem that was reported.
    Unusable,
    Given(Setting),
}

/// A value with its place.
pub(super) struct Setting {
    pub(super) value: Value,
    pub(super) place: Span,
    /// Whether an environment gave it, not the default.
    pub(super) by_environment: bool,
}

impl Setting {
    /// The value as a part of a text.
    pub(super) fn text(&self) -> String {
        match &self.value {
            Value::String(text) => text.to_string(),
            Value::Integer(number) => number.to_string(),
            Value::Bool(value) => value.to_string(),
            _ => String::new(),
        }
    }
}

/// What became of a look for a variable.
pub(super) enum Look<'a> {
    /// Its value.
    Found(&'a Setting),
    /// It is declared there and has none.
    Missing(Span),
    /// There is none; those that there are.
    Unknown(Vec<&'a str>),
    /// It cannot be told, for a reason that was reported.
    Lost,
}

impl Variables {
    /// Those that a `Gateway` declares.
    pub(super) fn declared(gateway: Option<&Node>, known: bool, out: &mut Diagnostics) -> Self {
        let mut declared = BTreeMap::new();
        let list = gateway.and_then(|root| root.pointer("/spec/variables")).map(|node| &node.value);
        let entries = if let Some(Value::Sequence(entries)) = list { entries.as_slice() } else { &[] };
        for entry in entries {
            let Some((node, name)) = entry.get("name").and_then(|node| Some((node, node.as_str()?))) else { continue };
            let kind = entry.get("type").and_then(|kind| serde_json::from_value(kind.to_json()).ok());
            let current = match (entry.get("default"), kind) {
                (None, _) => Current::Missing,
                (Some(_), None) => Current::Unusable,
                (Some(default), Some(kind)) => current(name, kind, default, false, out),
            };
            declared.entry(name.into()).or_insert(Variable { place: node.span, kind, current });
        }
        let object = gateway.and_then(name_of).map(|name| format!("default/Gateway/{name}"));
        out.iter_mut().for_each(|problem| problem.object.clone_from(&object));
        Self { declared, known, doubtful: false }
    }

    /// The values that an environment gives to variables.
    pub(super) fn read(&self, environment: &Node, out: &mut Diagnostics) -> Vec<(Box<str>, Current)> {
        let values = environment.pointer("/spec/variables").map(|node| &node.value);
        let entries = if let Some(Value::Mapping(entries)) = values { entries.as_slice() } else { &[] };
        let object = format!("default/Environment/{}", name_of(environment).unwrap_or_default());
        let mut problems = Diagnostics::default();
        let mut given = Vec::new();
        for entry in entries {
            match self.declared.get(&entry.key) {
                Some(Variable { kind: Some(kind), .. }) => {
                    given.push((entry.key.clone(), current(&entry.key, *kind, &entry.value, true, &mut problems)));
                }
                Some(_) => given.push((entry.key.clone(), Current::Unusable)),
                None if self.known => problems.push(self.undeclared(entry)),
                None => {}
            }
        }
        problems.iter_mut().for_each(|problem| problem.object = Some(object.clone()));
        out.append(problems);
        given
    }

    fn undeclared(&self, entry: &Entry) -> Diagnostic {
        let message = format!("the `Gateway` declares no variable `{}`", entry.key.escape_debug());
        let problem = Diagnostic::new(&UNKNOWN_VARIABLE, message).at(entry.key_span, "not declared");
        let names = self.names();
        match did_you_mean(&entry.key, names.iter().copied()) {
            Some(near) => problem.help(format!("did you mean `{near}`?")).fix(
                "use the variable that exists",
                entry.key_span,
                near,
            ),
            None => problem.help(declared_are(&names)),
        }
    }

    /// Takes the values of the environment that was chosen.
    pub(super) fn set(&mut self, values: Vec<(Box<str>, Current)>) {
        for (name, current) in values {
            if let Some(variable) = self.declared.get_mut(&name) {
                variable.current = current;
            }
        }
    }

    /// Notes that the environment is not known: it may give any variable a value.
    pub(super) fn doubt(&mut self) {
        self.doubtful = true;
    }

    /// Looks for a variable.
    pub(super) fn look(&self, name: &str) -> Look<'_> {
        match self.declared.get(name) {
            None if self.known => Look::Unknown(self.names()),
            Some(Variable { current: Current::Given(setting), .. }) => Look::Found(setting),
            Some(Variable { current: Current::Missing, place, kind: Some(_) }) if !self.doubtful => {
                Look::Missing(*place)
            }
            None | Some(_) => Look::Lost,
        }
    }

    fn names(&self) -> Vec<&str> {
        self.declared.keys().map(|name| &**name).collect()
    }
}

/// What to say of the variables that there are.
pub(super) fn declared_are(names: &[&str]) -> String {
    if names.is_empty() {
        return "declare it in the `variables` of the `Gateway`".to_owned();
    }
    format!("declare it in the `variables` of the `Gateway`, or use one that is: {}", listed(names))
}

/// A value that a variable is given, if it is of the variable's type.
fn current(name: &str, kind: VariableType, node: &Node, by_environment: bool, out: &mut Diagnostics) -> Current {
    match typed(name, kind, node) {
        Ok(value) => Current::Given(Setting { value, place: node.span, by_environment }),
        Err(problem) => {
            out.push(*problem);
            Current::Unusable
        }
    }
}

fn typed(name: &str, kind: VariableType, node: &Node) -> Result<Value, Box<Diagnostic>> {
    match (kind, &node.value) {
        (VariableType::Integer, Value::Integer(_)) | (VariableType::Boolean, Value::Bool(_)) => Ok(node.value.clone()),
        (VariableType::Integer | VariableType::Boolean, _) => Err(Box::new(other_type(name, kind, node))),
        (_, Value::String(text)) if text.contains(OPENING) => {
            let message = format!("the value of `{name}` refers to a variable, which it cannot");
            let problem = Diagnostic::new(&WRONG_VALUE, message).at(node.span, "");
            Err(Box::new(problem.help("write the value itself")))
        }
        (_, Value::String(text)) => match kind.format().filter(|format| scalar_error(format, text).is_some()) {
            Some(format) => Err(Box::new(Diagnostic { code: &WRONG_VALUE, ..invalid(format, node) })),
            None => Ok(node.value.clone()),
        },
        _ => Err(Box::new(other_type(name, kind, node))),
    }
}

fn other_type(name: &str, kind: VariableType, node: &Node) -> Diagnostic {
    let message = format!("the variable `{name}` is {}, not {}", kind.noun(), node.kind_name());
    let problem = Diagnostic::new(&WRONG_VALUE, message).at(node.span, "");
    let write = |problem: Diagnostic, text: String| {
        problem.help(format!("write `{text}`")).fix(format!("write `{text}`"), node.span, text)
    };
    match (kind, &node.value) {
        (VariableType::Integer, Value::String(text)) if text.parse::<i64>().is_ok() => write(problem, text.to_string()),
        (VariableType::Boolean, Value::String(text)) if matches!(&**text, "true" | "false") => {
            write(problem, text.to_string())
        }
        (VariableType::String, Value::Integer(_) | Value::Float(_) | Value::Bool(_)) => {
            write(problem, quoted(&node.to_json().to_string()))
        }
        _ => problem,
    }
}
