//! The problems of variables, environments and namespaces.

use crate::diagnostic::{Code, Severity};

/// All of them.
pub const CODES: &[&Code] =
    &[&UNKNOWN_VARIABLE, &VALUE_MISSING, &WRONG_VALUE, &UNMATCHED_PATCH, &NO_ENVIRONMENT, &OTHER_NAMESPACE];

pub(in crate::compiler) static UNKNOWN_VARIABLE: Code = Code {
    id: "GW1401",
    name: "unknown-variable",
    severity: Severity::Error,
    page: "\
# GW1401: unknown-variable

A value refers to a variable that the `Gateway` does not declare, or an `Environment` gives a value to one. Variables are declared with
their type, so that a mistyped name is found, and a value of another type. `$${var.` stands for a literal `${var.`.

```yaml wrong
apiVersion: gw/v1
kind: Gateway
metadata: { name: edge }
spec: { variables: [{ name: geoHost, type: host, default: geo.internal }] }
---
apiVersion: gw/v1
kind: Backend
metadata: { name: geo }
spec: { http: { targets: [{ url: \"https://${var.geoHots}\" }] } }
---
apiVersion: gw/v1
kind: Route
metadata: { name: geo }
spec: { public: true, backend: geo }
```

```yaml right
apiVersion: gw/v1
kind: Gateway
metadata: { name: edge }
spec: { variables: [{ name: geoHost, type: host, default: geo.internal }] }
---
apiVersion: gw/v1
kind: Backend
metadata: { name: geo }
spec: { http: { targets: [{ url: \"https://${var.geoHost}\" }] } }
---
apiVersion: gw/v1
kind: Route
metadata: { name: geo }
spec: { public: true, backend: geo }
```
",
};

pub(in crate::compiler) static VALUE_MISSING: Code = Code {
    id: "GW1402",
    name: "value-missing",
    severity: Severity::Error,
    page: "\
# GW1402: value-missing

A variable is used that has no default, and the environment gives it no value. It is reported where it is used first. Where there are
no environments every variable that is used needs a default.

```yaml wrong
apiVersion: gw/v1
kind: Gateway
metadata: { name: edge }
spec: { variables: [{ name: geoHost, type: host }] }
---
apiVersion: gw/v1
kind: Backend
metadata: { name: geo }
spec: { http: { targets: [{ url: \"https://${var.geoHost}\" }] } }
---
apiVersion: gw/v1
kind: Route
metadata: { name: geo }
spec: { public: true, backend: geo }
```

```yaml right
apiVersion: gw/v1
kind: Gateway
metadata: { name: edge }
spec: { variables: [{ name: geoHost, type: host }] }
---
apiVersion: gw/v1
kind: Backend
metadata: { name: geo }
spec: { http: { targets: [{ url: \"https://${var.geoHost}\" }] } }
---
apiVersion: gw/v1
kind: Route
metadata: { name: geo }
spec: { public: true, backend: geo }
---
apiVersion: gw/v1
kind: Environment
metadata: { name: prod }
spec: { variables: { geoHost: geo.prod.internal } }
```
",
};

pub(in crate::compiler) static WRONG_VALUE: Code = Code {
    id: "GW1403",
    name: "wrong-value",
    severity: Severity::Error,
    page: "\
# GW1403: wrong-value

A default, or the value that an `Environment` gives to a variable, is not of the type that the variable is declared with: `string`,
`integer`, `boolean`, `duration`, `size`, `host` or `url`. Values of variables do not refer to other variables.

```yaml wrong
apiVersion: gw/v1
kind: Gateway
metadata: { name: edge }
spec: { variables: [{ name: geoHost, type: host, default: \"https://geo.internal\" }] }
---
apiVersion: gw/v1
kind: Backend
metadata: { name: geo }
spec: { http: { targets: [{ url: \"https://geo.example\" }] } }
---
apiVersion: gw/v1
kind: Route
metadata: { name: geo }
spec: { public: true, backend: geo }
```

```yaml right
apiVersion: gw/v1
kind: Gateway
metadata: { name: edge }
spec: { variables: [{ name: geoHost, type: host, default: geo.internal }] }
---
apiVersion: gw/v1
kind: Backend
metadata: { name: geo }
spec: { http: { targets: [{ url: \"https://${var.geoHost}\" }] } }
---
apiVersion: gw/v1
kind: Route
metadata: { name: geo }
spec: { public: true, backend: geo }
```
",
};

pub(in crate::compiler) static UNMATCHED_PATCH: Code = Code {
    id: "GW1404",
    name: "unmatched-patch",
    severity: Severity::Error,
    page: "\
# GW1404: unmatched-patch

A patch of an `Environment` changes what is not there: an object, a plugin of a route, or a field to be removed by `null`. The
`variables` and `namespaces` of the `Gateway` are the same in all environments.

```yaml wrong
apiVersion: gw/v1
kind: Backend
metadata: { name: geo }
spec: { http: { targets: [{ url: \"https://geo.example\" }] } }
---
apiVersion: gw/v1
kind: Route
metadata: { name: geo }
spec: { public: true, backend: geo }
---
apiVersion: gw/v1
kind: Environment
metadata: { name: prod }
spec: { patches: [{ kind: Backend, name: goe, spec: { http: { timeouts: { connect: 1s } } } }] }
```

```yaml right
apiVersion: gw/v1
kind: Backend
metadata: { name: geo }
spec: { http: { targets: [{ url: \"https://geo.example\" }] } }
---
apiVersion: gw/v1
kind: Route
metadata: { name: geo }
spec: { public: true, backend: geo }
---
apiVersion: gw/v1
kind: Environment
metadata: { name: prod }
spec: { patches: [{ kind: Backend, name: geo, spec: { http: { timeouts: { connect: 1s } } } }] }
```
",
};

pub(in crate::compiler) static NO_ENVIRONMENT: Code = Code {
    id: "GW1405",
    name: "no-environment",
    severity: Severity::Error,
    page: "\
# GW1405: no-environment

There are environments, and none of them is chosen, or one that does not exist. A gateway that guessed could serve production with the
settings of a test. It is chosen with `--env` or `GW_ENV`; `gw validate` without it checks all of them.

```yaml wrong
# gw run
apiVersion: gw/v1
kind: Route
metadata: { name: hello }
spec: { public: true, plugins: [{ respond: { body: hello } }] }
---
apiVersion: gw/v1
kind: Environment
metadata: { name: prod }
spec: {}
```

```yaml right
# gw run --env prod
apiVersion: gw/v1
kind: Route
metadata: { name: hello }
spec: { public: true, plugins: [{ respond: { body: hello } }] }
---
apiVersion: gw/v1
kind: Environment
metadata: { name: prod }
spec: {}
```
",
};

pub(in crate::compiler) static OTHER_NAMESPACE: Code = Code {
    id: "GW1406",
    name: "other-namespace",
    severity: Severity::Error,
    page: "\
# GW1406: other-namespace

The `Gateway` gives a namespace to each of some folders, so that who looks after a folder looks after all that is in its namespace. So
an object in the folder is in that namespace, and no object elsewhere is. An `Environment` belongs to the whole gateway, and to no such
namespace.

```yaml wrong
apiVersion: gw/v1
kind: Gateway
metadata: { name: edge }
spec: { namespaces: [{ name: geo, folder: teams/geo }] }
---
apiVersion: gw/v1
kind: Route
metadata: { name: hello, namespace: geo }
spec: { public: true, plugins: [{ respond: { body: hello } }] }
```

```yaml right
apiVersion: gw/v1
kind: Gateway
metadata: { name: edge }
spec: { namespaces: [{ name: geo, folder: teams/geo }] }
---
apiVersion: gw/v1
kind: Route
metadata: { name: hello }
spec: { public: true, plugins: [{ respond: { body: hello } }] }
```
",
};
