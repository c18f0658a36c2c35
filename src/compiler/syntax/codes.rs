//! The codes of this stage, `GW10xx`, and the page of each.

use crate::diagnostic::{Code, Severity};

/// All of them.
pub const CODES: &[&Code] = &[
    &SYNTAX,
    &DUPLICATE_KEY,
    &MERGE_KEY,
    &CUSTOM_TAG,
    &ALIAS_BUDGET,
    &TOO_LARGE,
    &NOT_UTF8,
    &NUMBER,
    &COMPLEX_KEY,
    &UNDEFINED_ALIAS,
    &TAB,
];

/// The text is not YAML.
pub static SYNTAX: Code = Code {
    id: "GW1001",
    name: "syntax",
    severity: Severity::Error,
    page: r"# GW1001: syntax

The text is not YAML (version 1.2), so the rest of its document is not read. Reading goes on after the next line
with `---`. The usual causes are an open quote or bracket, lines of one object that begin in different columns, and
a value that holds `: ` or begins with one of `@`, `%`, `[`, `{` or a backtick and has no quotes.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: hello
spec: { public: true, plugins: [{ respond: { body: hello } }] }
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: hello }
spec: { public: true, plugins: [{ respond: { body: hello } }] }
```
",
};

/// An object has two fields of one name.
pub static DUPLICATE_KEY: Code = Code {
    id: "GW1002",
    name: "duplicate-key",
    severity: Severity::Error,
    page: r"# GW1002: duplicate-key

An object has two fields of the same name. Tools disagree on which of them counts, so keep one. The rest of the
compiler goes on with the first.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: hello }
spec: { public: true, plugins: [{ respond: { body: hello } }] }
metadata: { name: other }
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: hello }
spec: { public: true, plugins: [{ respond: { body: hello } }] }
```
",
};

/// `<<` merges another object.
pub static MERGE_KEY: Code = Code {
    id: "GW1003",
    name: "merge-key",
    severity: Severity::Error,
    page: r"# GW1003: merge-key

The field `<<` merged another object into this one in YAML 1.1; YAML 1.2 has no such thing, and tools differ in what
wins. Write the fields out. A whole value that occurs several times can be copied with an anchor and an alias
(`labels: &team { team: geo }`, then `labels: *team`).

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata:
  <<: { name: hello }
spec: { public: true, plugins: [{ respond: { body: hello } }] }
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: hello }
spec: { public: true, plugins: [{ respond: { body: hello } }] }
```
",
};

/// A tag that the manifest language doesn't have.
pub static CUSTOM_TAG: Code = Code {
    id: "GW1004",
    name: "custom-tag",
    severity: Severity::Error,
    page: r"# GW1004: custom-tag

A tag such as `!secret` asks the reader of the text to do something with the value; the manifest language has none.
References are written as objects (`{ env: NAME }`, `{ file: path }`) and variables as `${var.NAME}`. The tags of
YAML's core schema (`!!str`, `!!int`, …) are accepted where they fit the value.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: !upper hello }
spec: { public: true, plugins: [{ respond: { body: hello } }] }
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: hello }
spec: { public: true, plugins: [{ respond: { body: hello } }] }
```
",
};

/// Aliases copy too much.
pub static ALIAS_BUDGET: Code = Code {
    id: "GW1005",
    name: "alias-budget",
    severity: Severity::Error,
    page: r#"# GW1005: alias-budget

The aliases of one file copy more than 10,000 values. Aliases of values that hold aliases grow without bound from a
few lines (the "billion laughs"), so there is a limit; no reasonable manifest comes near it.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata:
  name: hello
  annotations:
    a: &a [x, x, x, x, x, x, x, x, x, x]
    b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
    c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
    d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]
spec: { public: true, plugins: [{ respond: { body: hello } }] }
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata:
  name: &name echo
  labels: { app: *name }
spec: { public: true, plugins: [{ respond: { body: hello } }] }
```
"#,
};

/// A file is larger than any manifest needs.
pub static TOO_LARGE: Code = Code {
    id: "GW1006",
    name: "too-large",
    severity: Severity::Error,
    page: r"# GW1006: too-large

A file goes beyond one of the limits that keep reading it cheap: 16 MiB, 2,000,000 values, or values nested 64 deep.
Split a file that is too long. Nesting this deep is nearly always a text that is no manifest.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata:
  name: hello
  annotations: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]
spec: { public: true, plugins: [{ respond: { body: hello } }] }
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: hello }
spec: { public: true, plugins: [{ respond: { body: hello } }] }
```
",
};

/// Bytes that are no text.
pub static NOT_UTF8: Code = Code {
    id: "GW1007",
    name: "not-utf8",
    severity: Severity::Error,
    page: r#"# GW1007: not-utf8

The file holds bytes that are not UTF-8, or U+FFFD, the sign that another program puts in the place of such bytes.
Nothing of it is read. Save it as UTF-8; one that begins with the bytes `FF FE` is UTF-16. The sign itself can be
written as `"\uFFFD"`.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: hello, annotations: { owner: Andr� } }
spec: { public: true, plugins: [{ respond: { body: hello } }] }
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: hello, annotations: { owner: André } }
spec: { public: true, plugins: [{ respond: { body: hello } }] }
```
"#,
};

/// A number that can't be held.
pub static NUMBER: Code = Code {
    id: "GW1008",
    name: "number",
    severity: Severity::Error,
    page: r#"# GW1008: number

YAML has infinity (`.inf`), not-a-number (`.nan`) and integers of any length. No field of a manifest takes them, and
JSON, in which manifests are checked and shown, has no infinity. Put quotes around a word that is meant as a text,
such as a long identifier made of digits.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: hello, labels: { account: 98765432109876543210 } }
spec: { public: true, plugins: [{ respond: { body: hello } }] }
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: hello, labels: { account: "98765432109876543210" } }
spec: { public: true, plugins: [{ respond: { body: hello } }] }
```
"#,
};

/// A key that is no text.
pub static COMPLEX_KEY: Code = Code {
    id: "GW1009",
    name: "complex-key",
    severity: Severity::Error,
    page: r"# GW1009: complex-key

A list, an object, an alias or nothing stands where a key is expected. YAML allows it; JSON and the manifest language
don't. The usual cause is a template: `{{ name }}` is an object whose key is an object. Manifests are not
templates; a variable is written `${var.NAME}`.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: {{ name }} }
spec: { public: true, plugins: [{ respond: { body: hello } }] }
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: hello }
spec: { public: true, plugins: [{ respond: { body: hello } }] }
```
",
};

/// An alias without its anchor.
pub static UNDEFINED_ALIAS: Code = Code {
    id: "GW1010",
    name: "undefined-alias",
    severity: Severity::Error,
    page: r#"# GW1010: undefined-alias

A value that begins with `*` and has no quotes is an alias: a copy of the value that was marked with `&` and the same
name above it in the same document. There is no such value, or the alias stands inside it. The usual cause is a
pattern such as `*.example`, which needs quotes.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: wild }
spec:
  hosts: [*.eu.example]
  public: true
  plugins: [{ redirect: { to: "https://example.com" } }]
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: wild }
spec:
  hosts: ["*.eu.example"]
  public: true
  plugins: [{ redirect: { to: "https://example.com" } }]
```
"#,
};

/// A line begins with a tab.
pub static TAB: Code = Code {
    id: "GW1011",
    name: "tab-indentation",
    severity: Severity::Error,
    page: r"# GW1011: tab-indentation

A line is indented with a tab. YAML shows what belongs together by columns, and a tab has no fixed width, so it is
not allowed there (between brackets it is). Use two spaces for each level.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata:
	name: hello
spec: { public: true, plugins: [{ respond: { body: hello } }] }
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata:
  name: hello
spec: { public: true, plugins: [{ respond: { body: hello } }] }
```
",
};
