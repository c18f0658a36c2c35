//! `jwks`: answers with the public keys that what the gateway signs is verified with (RFC 7517, 5).

use std::sync::OnceLock;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::{Code, Severity};
use crate::pipeline::exchange::{Content, Exchange, Step};
use crate::pipeline::plugin::{CompileContext, Plugin, PluginType};
use crate::pipeline::ready::{Ready, ReadyError};
use crate::pipeline::signing::{SigningAlgorithm, SigningKey};

/// The public halves of keys, for backends that verify what `callerToken` says: give it the same keys. While a key is being replaced, both
/// stand here.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct JwksConfig {
    /// The keys; a shared secret has no public half.
    #[schemars(length(min = 1, max = 8))]
    pub keys: Vec<SigningKey>,
}

fn example() -> serde_json::Value {
    serde_json::json!({ "keys": [{ "key": { "file": "/run/secrets/caller.pem" }, "algorithm": "es256", "keyId": "2026-11" }] })
}

/// The compiled plugin.
pub struct Jwks {
    keys: Vec<SigningKey>,
    document: OnceLock<Bytes>,
}

impl PluginType for Jwks {
    type Config = JwksConfig;
    const ANSWERS: bool = true;
    const CODES: &'static [&'static Code] = &[&SECRET_KEY];

    fn compile(config: &JwksConfig, context: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        let before = context.problems.len();
        for (index, key) in config.keys.iter().enumerate() {
            if key.algorithm == SigningAlgorithm::Hs256 {
                let message = "a shared secret has no public half that could be shown";
                let help = "say which `algorithm` the private key is for: `es256`, `rs256` or `eddsa`";
                context.report(&SECRET_KEY, format!("/keys/{index}"), message, help);
            }
            context.secrets.insert(key.secret());
        }
        let plugin = Self { keys: config.keys.clone(), document: OnceLock::new() };
        (context.problems.len() == before).then(|| Box::new(plugin) as _)
    }
}

impl Plugin for Jwks {
    fn ready(&self, ready: &Ready<'_>) -> Result<(), ReadyError> {
        let mut keys = Vec::with_capacity(self.keys.len());
        for key in &self.keys {
            keys.extend(key.ready(ready)?.public());
        }
        let document = serde_json::json!({ "keys": keys }).to_string();
        self.document.get_or_init(|| document.into());
        Ok(())
    }

    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        exchange.response.status = 200;
        exchange.response.fields.set("content-type", b"application/jwk-set+json");
        exchange.response.fields.set("cache-control", b"public, max-age=300");
        Step::Answer(Content::Bytes(self.document.get().cloned().unwrap_or_default()))
    }
}

static SECRET_KEY: Code = Code {
    id: "GW3080",
    name: "secret-key-shown",
    severity: Severity::Error,
    page: "\
# GW3080: secret-key-shown

`jwks` shows the public halves of keys. A shared secret (`hs256`, the default) has none: whoever verifies with it could sign with it, too.
Use a private key, and say which algorithm it is for.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: keys }
spec:
  match: [{ path: /.well-known/jwks.json }]
  public: true
  plugins: [{ jwks: { keys: [{ key: { env: CALLER_KEY } }] } }]
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: keys }
spec:
  match: [{ path: /.well-known/jwks.json }]
  public: true
  plugins: [{ jwks: { keys: [{ key: { file: /run/secrets/caller.pem }, algorithm: es256, keyId: \"2026-11\" }] } }]
```
",
};
