//! A plugin behind one that always answers.

use crate::compiler::lint::{Check, Lint};
use crate::compiler::manifest::Spec;
use crate::compiler::resolve::Model;
use crate::compiler::shape::always_answers;
use crate::diagnostic::{Code, Diagnostic, Severity};

pub(super) const LINT: Lint = Lint {
    name: "afterAnswer",
    summary: "No plugin stands behind one that always answers.",
    code: &AFTER_ANSWER,
    check: Check::Model(check),
};

fn check(model: &Model, found: &mut Vec<Diagnostic>) {
    for object in &model.objects {
        let Some(Spec::Route(spec)) = &object.spec else { continue };
        let Some(answering) = spec.plugins.iter().position(always_answers) else { continue };
        let place = |i: usize| {
            let name = spec.plugins[i].plugins().first().map_or("", |plugin| plugin.name);
            object.key_place(&format!("/spec/plugins/{i}/{name}"))
        };
        let Some(first) = Some(answering + 1).filter(|first| *first < spec.plugins.len()) else { continue };
        let mut problem = object.problem(&AFTER_ANSWER, "no request gets beyond the plugin that answers every request");
        for i in first..spec.plugins.len() {
            problem = problem.at(place(i), "never runs");
        }
        let help = "write it above the plugin that answers, or remove it";
        found.push(problem.at(place(answering), "answers every request").help(help));
    }
}

static AFTER_ANSWER: Code = Code {
    id: "GW4003",
    name: "after-answer",
    severity: Severity::Error,
    page: "\
# GW4003: after-answer

Plugins run in the order written, and one that answers ends the way in. A plugin written behind one that always answers never runs,
neither on the request nor on the answer.

The lint is called `afterAnswer`.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: hello }
spec:
  public: true
  plugins:
    - respond: { body: hello }
    - responseHeaders: { set: { x-hello: \"1\" } }
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: hello }
spec:
  public: true
  plugins:
    - responseHeaders: { set: { x-hello: \"1\" } }
    - respond: { body: hello }
```
",
};
