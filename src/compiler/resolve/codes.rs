//! The problems of names and references.

use crate::diagnostic::{Code, Severity};

/// All of them.
pub const CODES: &[&Code] = &[&DUPLICATE_NAME, &UNKNOWN_NAME, &SEVERAL_GATEWAYS, &NOT_GRANTED];

pub(super) static DUPLICATE_NAME: Code = Code {
    id: "GW2001",
    name: "duplicate-name",
    severity: Severity::Error,
    page: "\
# GW2001: duplicate-name

Two objects have the same kind, namespace and name. Which of them a reference means could depend on the order of files, so neither
is taken.

```yaml wrong
apiVersion: gw/v1
kind: Backend
metadata: { name: web }
spec: { echo: {} }
---
apiVersion: gw/v1
kind: Backend
metadata: { name: web }
spec: { echo: {} }
---
apiVersion: gw/v1
kind: Route
metadata: { name: web }
spec: { public: true, backend: web }
```

```yaml right
apiVersion: gw/v1
kind: Backend
metadata: { name: web }
spec: { echo: {} }
---
apiVersion: gw/v1
kind: Route
metadata: { name: web }
spec: { public: true, backend: web }
```
",
};

pub static UNKNOWN_NAME: Code = Code {
    id: "GW2002",
    name: "unknown-name",
    severity: Severity::Error,
    page: "\
# GW2002: unknown-name

A reference names an object that does not exist: a plain name in the namespace of the object that refers to it, `NAMESPACE/NAME` in
another one. A `Grant` for an object that does not exist is reported too.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: shop }
spec: { public: true, backend: shop }
```

```yaml right
apiVersion: gw/v1
kind: Backend
metadata: { name: shop }
spec: { echo: {} }
---
apiVersion: gw/v1
kind: Route
metadata: { name: shop }
spec: { public: true, backend: shop }
```
",
};

pub(super) static SEVERAL_GATEWAYS: Code = Code {
    id: "GW2003",
    name: "several-gateways",
    severity: Severity::Error,
    page: "\
# GW2003: several-gateways

The listeners, limits and defaults of the whole gateway stand in one `Gateway`.

```yaml wrong
apiVersion: gw/v1
kind: Gateway
metadata: { name: one }
spec: {}
---
apiVersion: gw/v1
kind: Gateway
metadata: { name: two }
spec: {}
```

```yaml right
apiVersion: gw/v1
kind: Gateway
metadata: { name: edge }
spec: {}
```
",
};

pub(super) static NOT_GRANTED: Code = Code {
    id: "GW2004",
    name: "not-granted",
    severity: Severity::Error,
    page: "\
# GW2004: not-granted

A reference leads to an object of another namespace, and no `Grant` there allows it. Who looks after an object decides who else may use
it: the `Grant` stands in the namespace of the object, and names the namespaces that may refer to it.

```yaml wrong
apiVersion: gw/v1
kind: Backend
metadata: { name: maps, namespace: geo }
spec: { echo: {} }
---
apiVersion: gw/v1
kind: Route
metadata: { name: trips, namespace: travel }
spec: { public: true, backend: geo/maps }
```

```yaml right
apiVersion: gw/v1
kind: Backend
metadata: { name: maps, namespace: geo }
spec: { echo: {} }
---
apiVersion: gw/v1
kind: Grant
metadata: { name: travel, namespace: geo }
spec: { from: [{ namespace: travel }], to: [{ kind: Backend, name: maps }] }
---
apiVersion: gw/v1
kind: Route
metadata: { name: trips, namespace: travel }
spec: { public: true, backend: geo/maps }
```
",
};
