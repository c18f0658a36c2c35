//! What a plugin is: a documented config, a compile step, and hooks on the way in and out.

use std::collections::BTreeSet;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::diagnostic::Code;
use crate::pipeline::assets::{Asset, Beside};
use crate::pipeline::auth::{Auth, Auths};
use crate::pipeline::exchange::{Exchange, Step};
use crate::pipeline::ready::{Ready, ReadyError};
use crate::value::did_you_mean::did_you_mean;
use crate::value::name::{AssetPath, Name};
use crate::value::reference::{AuthKind, Ref};
use crate::value::secret::Secret;
use crate::value::template::{Reference, Template};

/// A compiled plugin in the pipeline of one route.
pub trait Plugin: Send + Sync {
    /// Before its table is put in force: takes what outlives the table from the pool, and starts what goes on beside requests. Where
    /// manifests are only looked at (`gw explain`), it is not called: then the plugin does what it can without.
    ///
    /// # Errors
    /// If it could not work: the table is not put in force then.
    fn ready(&self, ready: &Ready<'_>) -> Result<(), ReadyError> {
        let _ = ready;
        Ok(())
    }

    /// Whether it answers CORS preflights: such a request is matched as the method that it announces, where the route so found has
    /// such a plugin.
    fn answers_preflights(&self) -> bool {
        false
    }

    /// How many bytes of the request's body it has to see before it runs, in [`Exchange::body`]; a longer one is answered with 413.
    fn body_bytes(&self) -> Option<u64> {
        None
    }

    /// Whether nobody gets past it without proving who it is.
    fn authenticates(&self) -> bool {
        false
    }

    /// The `Auth`s that it lets callers in by.
    fn auths(&self) -> &[Arc<Auth>] {
        &[]
    }

    /// On the way in, in the order written.
    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        let _ = exchange;
        Step::Continue
    }

    /// On the way out, in reverse order, for each plugin that was entered.
    fn on_response(&self, exchange: &mut Exchange<'_>) {
        let _ = exchange;
    }
}

/// A type of plugin, as the table in `plugins/mod.rs` lists it.
pub trait PluginType {
    /// What stands under its name in a manifest.
    type Config: DeserializeOwned + Serialize + JsonSchema + Clone + std::fmt::Debug;

    /// Whether it answers every request that reaches it, so that a route needs no backend.
    const ANSWERS: bool = false;

    /// The codes of the problems that its compile step finds.
    const CODES: &'static [&'static Code] = &[];

    /// Makes the plugin of one route; `None` after a problem was reported.
    fn compile(config: &Self::Config, context: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>>;
}

/// What a compile step knows of its route, and where it reports problems.
#[derive(Debug, Default)]
pub struct CompileContext<'a> {
    /// The parameters of each alternative of the route's `match`.
    pub params: &'a [Vec<String>],
    /// The files beside the manifest.
    pub beside: Beside<'a>,
    /// The `Auth`s that could be made.
    pub auths: Option<&'a Auths>,
    /// The namespace of the route, where the names in it are looked up.
    pub namespace: Option<&'a Name>,
    /// Whether an `auth` stands above it, so that the caller may be known.
    pub knows_caller: bool,
    /// The problems found, in order.
    pub problems: Vec<Problem>,
    /// The secrets that plugins name: they are resolved before the table is put in force.
    pub secrets: BTreeSet<Secret>,
    /// The path parameters that plugins use.
    pub params_used: BTreeSet<Box<str>>,
}

/// A problem in a plugin's config, by its place in the config.
#[derive(Debug)]
pub struct Problem {
    /// What kind of problem.
    pub code: &'static Code,
    /// A JSON pointer (RFC 6901) from the plugin's config, such as `/to`.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
    /// Which part of what stands there.
    pub part: Part,
}

/// The part of a field that a problem is about.
#[derive(Debug)]
pub enum Part {
    /// Its value.
    Value,
    /// Its name.
    Name,
    /// This text within its value; `instead` would be right, if that is clear.
    Text {
        /// What is wrong.
        text: String,
        /// What would be right.
        instead: Option<String>,
    },
}

impl CompileContext<'_> {
    /// Reports a problem at a place of the config.
    pub fn report(
        &mut self,
        code: &'static Code,
        pointer: impl Into<String>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> &mut Problem {
        let (pointer, message, help) = (pointer.into(), message.into(), Some(help.into()));
        self.problems.push_mut(Problem { code, pointer, message, help, part: Part::Value })
    }

    /// A file that the config names at this place, in a field that is marked with `x-gw-asset`; a problem is reported if there is none.
    pub fn file(&mut self, pointer: &str, path: &AssetPath) -> Option<Asset> {
        self.beside.file(pointer, path).map_err(|problem| self.problems.push(*problem)).ok()
    }

    /// The `Auth` of a name; `None` where it could not be made, which was reported.
    pub fn auth(&self, reference: &Ref<AuthKind>) -> Option<Arc<Auth>> {
        let namespace = reference.namespace(self.namespace?).clone();
        self.auths?.get(&(namespace, reference.name().clone())).cloned()
    }

    /// Reports references that nothing can fill in: to path parameters that the alternatives of `match` do not have as often as is
    /// needed, and to the caller where no `auth` stands above.
    pub fn check_params(&mut self, pointer: &str, template: &Template, needed: Needed) {
        for reference in template.references() {
            if let Reference::Caller(_) = reference
                && !self.knows_caller
            {
                self.unknown_caller(pointer, "the caller is not known here: no `auth` stands above this plugin");
            }
            let Reference::Path(name) = reference else { continue };
            self.params_used.insert(name.as_ref().into());
            let mut alternatives = self.params.iter().map(|params| params.iter().any(|p| **p == **name));
            let found = match needed {
                Needed::Always => !self.params.is_empty() && alternatives.all(|has| has),
                Needed::Sometimes => alternatives.any(|has| has),
            };
            if !found {
                self.unknown_parameter(pointer, name, needed);
            }
        }
    }

    /// Reports something that needs a caller where none can be known.
    pub fn unknown_caller(&mut self, pointer: &str, message: &str) {
        self.report(&UNKNOWN_CALLER, pointer, message, "write an `auth` above it");
    }

    fn unknown_parameter(&mut self, pointer: &str, name: &str, needed: Needed) {
        let which = match needed {
            Needed::Always if self.params.len() > 1 => "not every alternative of `match` has",
            Needed::Always | Needed::Sometimes => "no alternative of `match` has",
        };
        let near = did_you_mean(name, self.params.iter().flatten().map(String::as_str)).map(str::to_owned);
        let help = match &near {
            Some(near) => format!("did you mean `${{path.{near}}}`?"),
            None => format!("write `{{{name}}}` in the `path` of `match`"),
        };
        let message = format!("{which} the path parameter `{name}`");
        let instead = near.map(|near| format!("${{path.{near}}}"));
        self.report(&UNKNOWN_PARAMETER, pointer, message, help).part =
            Part::Text { text: format!("${{path.{name}}}"), instead };
    }
}

/// How often a path parameter has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needed {
    /// In every alternative: without it there is no answer.
    Always,
    /// In one at least: without it the field is absent.
    Sometimes,
}

/// A reference to a path parameter that does not exist.
pub static UNKNOWN_PARAMETER: Code = Code {
    id: "GW3001",
    name: "unknown-parameter",
    severity: crate::diagnostic::Severity::Error,
    page: "\
# GW3001: unknown-parameter

A `${path.NAME}` reference names a parameter that the `path` of the route's `match` does not have, so it could never be
filled in. Parameters are written in braces in `path`; `pathPrefix` and `pathRegex` have none.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: moved }
spec:
  match: [{ path: \"/{department}\" }]
  public: true
  plugins: [{ redirect: { to: \"https://events.example/${path.dept}\" } }]
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: moved }
spec:
  match: [{ path: \"/{department}\" }]
  public: true
  plugins: [{ redirect: { to: \"https://events.example/${path.department}\" } }]
```
",
};

/// Something that needs a caller where nobody is known.
pub static UNKNOWN_CALLER: Code = Code {
    id: "GW3003",
    name: "unknown-caller",
    severity: crate::diagnostic::Severity::Error,
    page: "\
# GW3003: unknown-caller

Who calls is known below an `auth` and nowhere else: everything above it runs for anyone. A `${consumer.…}` or `${identity.…}` reference,
and a `when` with `authenticated` or `consumer`, stand below an `auth` of the route.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: api }
spec:
  public: true
  plugins: [{ requestHeaders: { set: { x-partner: \"${consumer.name}\" } } }]
  backend: web
---
apiVersion: gw/v1
kind: Backend
metadata: { name: web }
spec: { echo: {} }
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: api }
spec:
  plugins:
    - auth: { anyOf: [partners] }
    - requestHeaders: { set: { x-partner: \"${consumer.name}\" } }
  backend: web
---
apiVersion: gw/v1
kind: Auth
metadata: { name: partners }
spec: { apiKey: {} }
---
apiVersion: gw/v1
kind: Backend
metadata: { name: web }
spec: { echo: {} }
```
",
};

/// A plugin whose fields leave open what it does, or contradict each other.
pub static PLUGIN_SHAPE: Code = Code {
    id: "GW3011",
    name: "plugin-shape",
    severity: crate::diagnostic::Severity::Error,
    page: "\
# GW3011: plugin-shape

The fields of a plugin leave open what it is to do, or contradict each other: `cors` without an origin, a rule that says both that
nothing is kept and for how long, a condition without a test. Nothing of that is guessed.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: tiles }
spec:
  public: true
  plugins:
    - cors: { allowMethods: [GET] }
    - respond: { body: hello }
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: tiles }
spec:
  public: true
  plugins:
    - cors: { allowOrigins: [\"*\"], allowMethods: [GET] }
    - respond: { body: hello }
```
",
};
