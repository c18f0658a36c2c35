//! `require`: refuses requests for which conditions do not hold.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::condition::{FieldCondition, NamedCondition, Names};
use crate::pipeline::exchange::{Content, Exchange, Step};
use crate::pipeline::plugin::{CompileContext, PLUGIN_SHAPE, Plugin, PluginType};

/// What a request must be like; one for which a condition does not hold is refused. Unlike conditions in `match`, these never let a
/// request fall through to another route. They are decided on the request as it came.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct RequireConfig {
    /// Conditions on header fields; all hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<NamedCondition>,
    /// Conditions on query parameters; all hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<NamedCondition>,
    /// Conditions on cookies; all hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cookies: Vec<NamedCondition>,
    /// The status of the refusal.
    #[serde(default = "bad_request")]
    #[schemars(range(min = 400, max = 499))]
    pub status: u16,
}

fn example() -> serde_json::Value {
    serde_json::json!({ "headers": [{ "name": "x-api-version", "regex": "[23]" }], "status": 400 })
}

fn bad_request() -> u16 {
    400
}

/// The compiled plugin.
pub struct Require {
    headers: Vec<FieldCondition>,
    query: Vec<FieldCondition>,
    cookies: Vec<FieldCondition>,
    status: u16,
}

impl PluginType for Require {
    type Config = RequireConfig;

    fn compile(config: &RequireConfig, context: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        let before = context.problems.len();
        if config.headers.is_empty() && config.query.is_empty() && config.cookies.is_empty() {
            let help = "write for example `headers: [{ name: x-tenant, present: true }]`, or remove the plugin";
            context.report(&PLUGIN_SHAPE, "", "`require` refuses nothing", help);
        }
        let headers = conditions("headers", &config.headers, Names::AnyCase, context);
        let query = conditions("query", &config.query, Names::ExactCase, context);
        let cookies = conditions("cookies", &config.cookies, Names::ExactCase, context);
        (context.problems.len() == before)
            .then(|| Box::new(Self { headers, query, cookies, status: config.status }) as _)
    }
}

fn conditions(
    field: &str,
    list: &[NamedCondition],
    names: Names,
    context: &mut CompileContext<'_>,
) -> Vec<FieldCondition> {
    let mut made = Vec::with_capacity(list.len());
    for (i, condition) in list.iter().enumerate() {
        let Some(compiled) = condition.compile(names) else {
            let message = format!("the condition on `{}` has not exactly one test", condition.name.escape_debug());
            let help = "write one of `equals: text`, `regex: pattern`, `present: true`, `absent: true`";
            context.report(&PLUGIN_SHAPE, format!("/{field}/{i}"), message, help);
            continue;
        };
        made.push(compiled);
    }
    made
}

impl Plugin for Require {
    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        let head = &*exchange.request;
        let holds = self.headers.iter().all(|condition| condition.header(head))
            && self.query.iter().all(|condition| condition.query(head))
            && self.cookies.iter().all(|condition| condition.cookie(head));
        if holds {
            return Step::Continue;
        }
        exchange.response.status = self.status;
        Step::Answer(Content::Empty)
    }
}
