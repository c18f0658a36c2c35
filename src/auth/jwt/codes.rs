//! The problems of tokens.

use crate::diagnostic::{Code, Severity};

pub(super) static NO_KEYS: Code = Code {
    id: "GW3063",
    name: "no-keys",
    severity: Severity::Error,
    page: "\
# GW3063: no-keys

A `jwt` verifies tokens with keys, or asks the issuer about them. Without either nobody could ever call. Most issuers publish their keys
at a URL, which their discovery document names as `jwks_uri`.

```yaml wrong
apiVersion: gw/v1
kind: Auth
metadata: { name: staff }
spec: { jwt: { issuer: \"https://id.example\", audiences: [shop] } }
---
apiVersion: gw/v1
kind: Route
metadata: { name: api }
spec: { plugins: [{ auth: { anyOf: [staff] } }, { respond: { body: hello } }] }
```

```yaml right
apiVersion: gw/v1
kind: Auth
metadata: { name: staff }
spec:
  jwt:
    issuer: https://id.example
    audiences: [shop]
    keys: [{ jwksUrl: \"https://id.example/jwks.json\" }]
---
apiVersion: gw/v1
kind: Route
metadata: { name: api }
spec: { plugins: [{ auth: { anyOf: [staff] } }, { respond: { body: hello } }] }
```
",
};

pub(super) static ID_OF_A_SET: Code = Code {
    id: "GW3064",
    name: "id-of-a-set",
    severity: Severity::Error,
    page: "\
# GW3064: id-of-a-set

`kid` is the id of one key. The keys of a set have ids of their own, so it would have no effect there.

```yaml wrong
apiVersion: gw/v1
kind: Auth
metadata: { name: staff }
spec:
  jwt:
    issuer: https://id.example
    keys: [{ jwksUrl: \"https://id.example/jwks.json\", kid: main }]
---
apiVersion: gw/v1
kind: Route
metadata: { name: api }
spec: { plugins: [{ auth: { anyOf: [staff] } }, { respond: { body: hello } }] }
```

```yaml right
apiVersion: gw/v1
kind: Auth
metadata: { name: staff }
spec:
  jwt:
    issuer: https://id.example
    keys: [{ jwksUrl: \"https://id.example/jwks.json\" }]
---
apiVersion: gw/v1
kind: Route
metadata: { name: api }
spec: { plugins: [{ auth: { anyOf: [staff] } }, { respond: { body: hello } }] }
```
",
};
