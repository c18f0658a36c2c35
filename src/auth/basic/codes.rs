//! The problems of users with passwords.

use crate::diagnostic::{Code, Severity};

pub(super) static NO_USERS: Code = Code {
    id: "GW3061",
    name: "no-users",
    severity: Severity::Error,
    page: "\
# GW3061: no-users

A `basic` without users lets nobody in. They stand in the manifest under `users`, each with the hash of its password, or in a file on the
node that runs, which `htpasswd` names; `htpasswd -nBC 12 NAME` makes a hash.

```yaml wrong
apiVersion: gw/v1
kind: Auth
metadata: { name: squad }
spec: { basic: { realm: staging } }
---
apiVersion: gw/v1
kind: Route
metadata: { name: api }
spec: { plugins: [{ auth: { anyOf: [squad] } }, { respond: { body: hello } }] }
```

```yaml right
apiVersion: gw/v1
kind: Auth
metadata: { name: squad }
spec:
  basic:
    realm: staging
    users: [{ name: ada, hash: \"$2y$10$1fQDzcbOzjQcL2HnZOP8p.Fr7rX/Pb7SwI0GpnBlQ2zoB5dzh3rAi\" }]
---
apiVersion: gw/v1
kind: Route
metadata: { name: api }
spec: { plugins: [{ auth: { anyOf: [squad] } }, { respond: { body: hello } }] }
```
",
};

pub(super) static SAME_USER: Code = Code {
    id: "GW3062",
    name: "same-user",
    severity: Severity::Error,
    page: "\
# GW3062: same-user

Two users of the same `basic` have the same name, so nothing decides whose password counts.

```yaml wrong
apiVersion: gw/v1
kind: Auth
metadata: { name: squad }
spec:
  basic:
    users:
      - { name: ada, hash: \"$2y$10$1fQDzcbOzjQcL2HnZOP8p.Fr7rX/Pb7SwI0GpnBlQ2zoB5dzh3rAi\" }
      - { name: ada, hash: \"$2y$10$1fQDzcbOzjQcL2HnZOP8p.Fr7rX/Pb7SwI0GpnBlQ2zoB5dzh3rAi\" }
---
apiVersion: gw/v1
kind: Route
metadata: { name: api }
spec: { plugins: [{ auth: { anyOf: [squad] } }, { respond: { body: hello } }] }
```

```yaml right
apiVersion: gw/v1
kind: Auth
metadata: { name: squad }
spec:
  basic:
    users:
      - { name: ada, hash: \"$2y$10$1fQDzcbOzjQcL2HnZOP8p.Fr7rX/Pb7SwI0GpnBlQ2zoB5dzh3rAi\" }
      - { name: bob, hash: \"$2y$10$1fQDzcbOzjQcL2HnZOP8p.Fr7rX/Pb7SwI0GpnBlQ2zoB5dzh3rAi\" }
---
apiVersion: gw/v1
kind: Route
metadata: { name: api }
spec: { plugins: [{ auth: { anyOf: [squad] } }, { respond: { body: hello } }] }
```
",
};
