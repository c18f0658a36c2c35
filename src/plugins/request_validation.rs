//! `requestValidation`: refuses requests whose body is not what a JSON Schema asks for.

use jsonschema::{PatternOptions, Validator};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::diagnostic::{Code, Severity};
use crate::pipeline::exchange::{Content, Exchange, Step};
use crate::pipeline::plugin::{CompileContext, Plugin, PluginType};
use crate::value::method::Method;
use crate::value::size::Size;

/// What the body of a request must be: JSON that a schema fits. Requests with another one are refused before the backend sees them: with
/// 415 if they say that it is no JSON, with 400 if it is none, with 422 if the schema doesn't fit, and with 413 if it is larger than
/// `maxSize`. The answer to a 422 says which parts are wrong, but not their values. The body is read whole before it goes on.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct RequestValidationConfig {
    /// The JSON Schema (draft 2020-12 unless `$schema` says another one). It refers to nothing outside of itself.
    #[schemars(schema_with = "any_schema")]
    pub schema: Map<String, Value>,
    /// The methods whose requests are looked at.
    #[serde(default = "with_body")]
    #[schemars(length(min = 1), extend("uniqueItems" = true))]
    pub methods: Vec<Method>,
    /// The most bytes of a body.
    #[serde(default = "a_mebibyte")]
    pub max_size: Size,
}

fn example() -> Value {
    serde_json::json!({ "schema": schema_example() })
}

fn schema_example() -> Value {
    serde_json::json!({ "type": "object", "required": ["id"], "properties": { "id": { "type": "integer" } } })
}

fn any_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "minProperties": 1, "examples": [schema_example()] })
}

fn with_body() -> Vec<Method> {
    vec![Method::Post, Method::Put, Method::Patch]
}

fn a_mebibyte() -> Size {
    Size::from_mib(1)
}

/// How many faults of a body are told.
const TOLD: usize = 20;

/// The compiled plugin.
pub struct RequestValidation {
    validator: Validator,
    methods: Vec<Method>,
    most: u64,
}

impl PluginType for RequestValidation {
    type Config = RequestValidationConfig;
    const CODES: &'static [&'static Code] = &[&BODY_SCHEMA];

    fn compile(config: &RequestValidationConfig, context: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        match validator(&Value::Object(config.schema.clone())) {
            Ok(validator) => {
                let (methods, most) = (config.methods.clone(), config.max_size.bytes());
                Some(Box::new(Self { validator, methods, most }))
            }
            Err(why) => {
                let help = "mend the schema; what it refers to stands in it, under `$defs`";
                context.report(&BODY_SCHEMA, "/schema", format!("this is no JSON Schema: {why}"), help);
                None
            }
        }
    }
}

/// A schema made ready: it reads no file and asks nobody, and its patterns cannot be made slow.
fn validator(schema: &Value) -> Result<Validator, String> {
    let options = jsonschema::options().offline().with_pattern_options(PatternOptions::regex());
    options.build(schema).map_err(|error| error.to_string().escape_debug().to_string())
}

impl Plugin for RequestValidation {
    fn body_bytes(&self) -> Option<u64> {
        Some(self.most)
    }

    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        // where requests are only explained, their bodies are not known
        let Some(body) = exchange.body.as_ref().filter(|_| self.methods.contains(&exchange.request.method)) else {
            return Step::Continue;
        };
        if !exchange.request.fields.received("content-type").is_some_and(is_json) {
            exchange.response.status = 415;
            return Step::Answer(Content::Empty);
        }
        let Ok(value) = serde_json::from_slice::<Value>(body) else {
            exchange.response.status = 400;
            return Step::Answer(Content::Empty);
        };
        match self.faults(&value) {
            Some(faults) => refuse(&faults, exchange),
            None => Step::Continue,
        }
    }
}

fn refuse(faults: &[Fault], exchange: &mut Exchange<'_>) -> Step {
    let problem = serde_json::json!({ "title": "Unprocessable Entity", "status": 422, "errors": faults });
    exchange.response.status = 422;
    exchange.response.fields.set("content-type", b"application/problem+json");
    Step::Answer(Content::Bytes(format!("{problem}\n").into()))
}

/// Whether a media type is JSON, also by its suffix (RFC 6839).
fn is_json(media_type: &[u8]) -> bool {
    let essence = media_type.split(|b| *b == b';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
    essence == b"application/json" || essence.starts_with(b"application/") && essence.ends_with(b"+json")
}

/// What is wrong with a body, and where.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Fault {
    /// A JSON pointer (RFC 6901).
    pointer: String,
    detail: String,
}

impl RequestValidation {
    /// What is wrong with a body, if anything is.
    fn faults(&self, value: &Value) -> Option<Vec<Fault>> {
        if self.validator.is_valid(value) {
            return None;
        }
        let errors = self.validator.iter_errors(value).take(TOLD);
        Some(errors.map(|e| Fault { pointer: e.instance_path().to_string(), detail: e.masked().to_string() }).collect())
    }
}

static BODY_SCHEMA: Code = Code {
    id: "GW3012",
    name: "body-schema",
    severity: Severity::Error,
    page: "\
# GW3012: body-schema

The schema of a `requestValidation` is none: a keyword has a value that it cannot have, or `$ref` leads to something that does not stand
in the schema itself. Nothing is fetched, neither when manifests are compiled nor when requests come.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: orders }
spec:
  public: true
  plugins:
    - requestValidation: { schema: { type: objekt } }
    - respond: { status: 204 }
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: orders }
spec:
  public: true
  plugins:
    - requestValidation: { schema: { type: object } }
    - respond: { status: 204 }
```
",
};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Fault, RequestValidation, is_json, validator};

    #[test]
    fn faults_are_told_by_their_place_and_without_values() {
        let schema = json!({ "properties": { "id": { "type": "integer" }, "tags": { "items": { "maxLength": 3 } } }, "required": ["id"] });
        let validation = RequestValidation { validator: validator(&schema).unwrap(), methods: Vec::new(), most: 1 };
        assert_eq!(validation.faults(&json!({ "id": 7, "tags": ["abc"] })), None);
        let faults = validation.faults(&json!({ "id": "s3cret", "tags": ["a", "s3cret"] })).unwrap();
        let pointers: Vec<&str> = faults.iter().map(|Fault { pointer, .. }| pointer.as_str()).collect();
        assert_eq!(pointers, ["/id", "/tags/1"]);
        assert!(!faults.iter().any(|fault| fault.detail.contains("s3cret")), "{faults:?}");
    }

    #[test]
    fn a_schema_stands_for_itself() {
        for bad in
            [json!({ "type": "objekt" }), json!({ "$ref": "https://a.example/x" }), json!({ "pattern": "(?=a)" })]
        {
            assert!(validator(&bad).is_err(), "{bad}");
        }
        assert!(validator(&json!({ "$ref": "#/$defs/a", "$defs": { "a": { "type": "null" } } })).is_ok());
    }

    #[test]
    fn json_is_known_by_its_media_type() {
        assert!(is_json(b"Application/JSON; charset=utf-8") && is_json(b"application/merge-patch+json"));
        assert!(!is_json(b"text/plain") && !is_json(b"application/jsonx") && !is_json(b""));
    }
}
