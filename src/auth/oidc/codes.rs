//! The problems of logging in at a provider.

use crate::diagnostic::{Code, Severity};

pub(super) static SCOPE_MISSING: Code = Code {
    id: "GW3065",
    name: "openid-scope-missing",
    severity: Severity::Error,
    page: "\
# GW3065: openid-scope-missing

A provider of OpenID Connect says who somebody is only if the scope `openid` is asked for. Without it a login ends in nothing.

```yaml wrong
apiVersion: gw/v1
kind: Auth
metadata: { name: members }
spec:
  oidc:
    issuer: https://id.example
    clientId: shop
    clientSecret: { env: OIDC_CLIENT_SECRET }
    scopes: [profile, email]
    session: { key: { env: SESSION_KEY } }
```

```yaml right
apiVersion: gw/v1
kind: Auth
metadata: { name: members }
spec:
  oidc:
    issuer: https://id.example
    clientId: shop
    clientSecret: { env: OIDC_CLIENT_SECRET }
    scopes: [openid, profile, email]
    session: { key: { env: SESSION_KEY } }
```
",
};
