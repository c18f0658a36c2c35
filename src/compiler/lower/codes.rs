//! The problems that show only when the table is made.

use crate::compiler::lower::acme::{ACME_CHALLENGE, ACME_HOST, ACME_TERMS};
use crate::compiler::lower::plans::LIMITS_WITHOUT_PLAN;
use crate::diagnostic::{Code, Severity};

/// All of them.
pub const CODES: &[&Code] = &[
    &UNKNOWN_LISTENER,
    &TIE,
    &OVERLAP,
    &RESERVED_PATH,
    &MIRROR_END,
    &CERTIFICATE_UNASKED,
    &ACME_HOST,
    &ACME_CHALLENGE,
    &LIMITS_WITHOUT_PLAN,
    &ACME_TERMS,
    &SAME_KEY,
    &KEY_AUTH,
    &CONSUMER_UNKNOWN,
];

pub(in crate::compiler) static UNKNOWN_LISTENER: Code = Code {
    id: "GW2101",
    name: "unknown-listener",
    severity: Severity::Error,
    page: "\
# GW2101: unknown-listener

A route or a policy names a listener that the `Gateway` doesn't have. Without a `Gateway` there is one, `http`.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: hello }
spec: { listeners: [https], public: true, plugins: [{ respond: { body: hello } }] }
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: hello }
spec: { listeners: [http], public: true, plugins: [{ respond: { body: hello } }] }
```
",
};

pub(super) static TIE: Code = Code {
    id: "GW2102",
    name: "tie",
    severity: Severity::Error,
    page: "\
# GW2102: tie

Two alternatives of `match` are equally specific, and some request matches both: nothing decides which route it gets. The order of
files never does. Make one of them more specific, or say with `priority` which one is to win.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: one }
spec: { match: [{ pathPrefix: /shop }], public: true, plugins: [{ respond: { body: one } }] }
---
apiVersion: gw/v1
kind: Route
metadata: { name: two }
spec: { match: [{ pathPrefix: /shop }], public: true, plugins: [{ respond: { body: two } }] }
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: one }
spec: { match: [{ pathPrefix: /shop }], public: true, plugins: [{ respond: { body: one } }] }
---
apiVersion: gw/v1
kind: Route
metadata: { name: two }
spec: { match: [{ pathPrefix: /shop, methods: [GET] }], public: true, plugins: [{ respond: { body: two } }] }
```
",
};

pub(super) static OVERLAP: Code = Code {
    id: "GW2103",
    name: "overlap",
    severity: Severity::Warning,
    page: "\
# GW2103: overlap

Two alternatives of `match` are equally specific and hold regular expressions, and it cannot be decided whether one request
matches both. If one does, the order of the expressions' texts decides, on every machine the same.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: one }
spec: { match: [{ pathRegex: \"/a/[0-9]+\" }], public: true, plugins: [{ respond: { body: one } }] }
---
apiVersion: gw/v1
kind: Route
metadata: { name: two }
spec: { match: [{ pathRegex: \"/a/[0-5]+\" }], public: true, plugins: [{ respond: { body: two } }] }
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: one }
spec: { match: [{ pathRegex: \"/a/[0-9]+\" }], public: true, plugins: [{ respond: { body: one } }] }
---
apiVersion: gw/v1
kind: Route
metadata: { name: two }
spec: { match: [{ pathRegex: \"/a/[0-5]+\" }], priority: 1, public: true, plugins: [{ respond: { body: two } }] }
```
",
};

pub(super) static RESERVED_PATH: Code = Code {
    id: "GW2105",
    name: "reserved-path",
    severity: Severity::Error,
    page: "\
# GW2105: reserved-path

Paths under `/.gw/` belong to the gateway itself: it answers there before it looks for a route, for example when a user logs in. A
route there would never get its requests.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: hello }
spec: { match: [{ pathPrefix: /.gw }], public: true, plugins: [{ respond: { body: hello } }] }
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: hello }
spec: { match: [{ pathPrefix: /gw }], public: true, plugins: [{ respond: { body: hello } }] }
```
",
};

pub(super) static MIRROR_END: Code = Code {
    id: "GW2106",
    name: "mirror-end",
    severity: Severity::Error,
    page: "\
# GW2106: mirror-end

Copies of requests are sent to servers, to see how they bear them. A backend that answers by itself, such as a folder, is not
changed by requests, and its answers to copies are thrown away.

```yaml wrong
apiVersion: gw/v1
kind: Backend
metadata: { name: shop }
spec: { echo: {} }
---
apiVersion: gw/v1
kind: Route
metadata: { name: shop }
spec: { public: true, backend: shop, mirror: { backend: shop } }
```

```yaml right
apiVersion: gw/v1
kind: Backend
metadata: { name: shop }
spec: { echo: {} }
---
apiVersion: gw/v1
kind: Backend
metadata: { name: shop-next }
spec: { http: { targets: [{ url: \"http://10.0.0.2:3000\" }] } }
---
apiVersion: gw/v1
kind: Route
metadata: { name: shop }
spec: { public: true, backend: shop, mirror: { backend: shop-next, percent: 10 } }
```
",
};

pub(super) static CERTIFICATE_UNASKED: Code = Code {
    id: "GW2107",
    name: "certificate-unasked",
    severity: Severity::Error,
    page: "\
# GW2107: certificate-unasked

A route has a condition on the certificate of the client, and is reachable by a listener that asks for none, at least for one of the
route's hosts. The condition could never hold there, and whoever comes that way would not get what the route was written for.

The same is said of a plugin whose `when` has such a condition if none of the route's listeners asks for a certificate at all, and
of an `auth` that lets callers in by theirs.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: hello }
spec:
  match: [{ pathPrefix: /, clientCertificate: { san: acme.partners.example } }]
  public: true
  plugins: [{ respond: { body: hello } }]
```

```yaml right
apiVersion: gw/v1
kind: Gateway
metadata: { name: edge }
spec:
  listeners:
    - { name: https, address: \"127.0.0.1:8443\", tls: { certificates: [site], clientAuth: { ca: { file: /run/ca.pem } } } }
---
apiVersion: gw/v1
kind: Certificate
metadata: { name: site }
spec: { files: { certificate: { file: /run/tls.crt }, key: { file: /run/tls.key } } }
---
apiVersion: gw/v1
kind: Route
metadata: { name: hello }
spec:
  match: [{ pathPrefix: /, clientCertificate: { san: acme.partners.example } }]
  public: true
  plugins: [{ respond: { body: hello } }]
```
",
};

pub(super) static SAME_KEY: Code = Code {
    id: "GW2111",
    name: "same-key",
    severity: Severity::Error,
    page: "\
# GW2111: same-key

Two keys of one `Auth` have the same id, or the same token. A call must tell whose it is: calls are counted by the id, and a token belongs
to one consumer.

```yaml wrong
apiVersion: gw/v1
kind: Auth
metadata: { name: partners }
spec: { apiKey: {} }
---
apiVersion: gw/v1
kind: ApiKey
metadata: { name: acme }
spec:
  auth: partners
  keyId: 7Qd2mP
  secrets: [{ sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae }]
---
apiVersion: gw/v1
kind: ApiKey
metadata: { name: globex }
spec:
  auth: partners
  keyId: 7Qd2mP
  secrets: [{ sha256: fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9 }]
---
apiVersion: gw/v1
kind: Route
metadata: { name: api }
spec: { plugins: [{ auth: { anyOf: [partners] } }, { respond: { body: hello } }] }
```

```yaml right
apiVersion: gw/v1
kind: Auth
metadata: { name: partners }
spec: { apiKey: {} }
---
apiVersion: gw/v1
kind: ApiKey
metadata: { name: acme }
spec:
  auth: partners
  keyId: 7Qd2mP
  secrets: [{ sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae }]
---
apiVersion: gw/v1
kind: ApiKey
metadata: { name: globex }
spec:
  auth: partners
  keyId: k9Tz04
  secrets: [{ sha256: fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9 }]
---
apiVersion: gw/v1
kind: Route
metadata: { name: api }
spec: { plugins: [{ auth: { anyOf: [partners] } }, { respond: { body: hello } }] }
```
",
};

pub(super) static CONSUMER_UNKNOWN: Code = Code {
    id: "GW2113",
    name: "consumer-unknown",
    severity: Severity::Error,
    page: "\
# GW2113: consumer-unknown

A route is chosen by who calls (`match[].consumer`), and nothing finds that out for every request: such a route has an `auth` without
`when` and without `optional`. It is asked once, before the route is chosen.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: fast }
spec:
  match: [{ consumer: { labels: { tier: gold } } }]
  public: true
  plugins: [{ respond: { body: fast } }]
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: fast }
spec:
  match: [{ consumer: { labels: { tier: gold } } }]
  plugins: [{ auth: { anyOf: [partners] } }, { respond: { body: fast } }]
---
apiVersion: gw/v1
kind: Auth
metadata: { name: partners }
spec: { apiKey: {} }
```
",
};

pub(super) static KEY_AUTH: Code = Code {
    id: "GW2112",
    name: "auth-without-keys",
    severity: Severity::Error,
    page: "\
# GW2112: auth-without-keys

An `ApiKey` names an `Auth` that does not look for API keys, so nobody could ever call with it.

```yaml wrong
apiVersion: gw/v1
kind: Auth
metadata: { name: staff }
spec: { basic: { users: [{ name: ada, hash: \"$2y$10$1fQDzcbOzjQcL2HnZOP8p.Fr7rX/Pb7SwI0GpnBlQ2zoB5dzh3rAi\" }] } }
---
apiVersion: gw/v1
kind: ApiKey
metadata: { name: acme }
spec:
  auth: staff
  keyId: 7Qd2mP
  secrets: [{ sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae }]
---
apiVersion: gw/v1
kind: Route
metadata: { name: api }
spec: { plugins: [{ auth: { anyOf: [staff] } }, { respond: { body: hello } }] }
```

```yaml right
apiVersion: gw/v1
kind: Auth
metadata: { name: partners }
spec: { apiKey: {} }
---
apiVersion: gw/v1
kind: ApiKey
metadata: { name: acme }
spec:
  auth: partners
  keyId: 7Qd2mP
  secrets: [{ sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae }]
---
apiVersion: gw/v1
kind: Route
metadata: { name: api }
spec: { plugins: [{ auth: { anyOf: [partners] } }, { respond: { body: hello } }] }
```
",
};
