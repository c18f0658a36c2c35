//! The problems that the schema finds.

use crate::diagnostic::{Code, Severity};

/// All of them.
pub const CODES: &[&Code] = &[
    &NOT_AN_OBJECT,
    &UNKNOWN_KIND,
    &UNKNOWN_API_VERSION,
    &UNKNOWN_FIELD,
    &MISSING_FIELD,
    &WRONG_TYPE,
    &INVALID_VALUE,
    &OUT_OF_RANGE,
    &UNKNOWN_CHOICE,
    &WRONG_LENGTH,
    &DUPLICATE_ENTRY,
    &LITERAL_SECRET,
];

macro_rules! codes {
    ($( $name:ident = $id:literal $slug:literal $text:literal $wrong:literal ; )+) => {
        $( pub(in crate::compiler) static $name: Code = Code {
            id: $id,
            name: $slug,
            severity: Severity::Error,
            page: concat!("# ", $id, ": ", $slug, "\n\n", $text, "\n\n```yaml wrong\n", $wrong, "```\n\n```yaml right\n\
                apiVersion: gw/v1\nkind: Backend\nmetadata: { name: web }\nspec:\n  http:\n    targets: [{ url: \"http://127.0.0.1:3000\", weight: 2 }]\n    \
                hostHeader: target\n---\napiVersion: gw/v1\nkind: Route\nmetadata: { name: web }\nspec: { public: true, backend: web }\n```\n"),
        }; )+
    };
}

codes! {
    NOT_AN_OBJECT = "GW1101" "not-an-object"
        "Every document of a manifest is a mapping with `apiVersion`, `kind`, `metadata` and `spec`. Several documents stand in one \
file with `---` between them; a list of objects is not one."
        "- apiVersion: gw/v1\n  kind: Backend\n  metadata: { name: web }\n  spec: { echo: {} }\n";
    UNKNOWN_KIND = "GW1102" "unknown-kind"
        "`kind` names no kind of object that this version of `gw` has. Nothing is skipped: an object that could not be \
understood might be the one that protects a route."
        "apiVersion: gw/v1\nkind: Backnd\nmetadata: { name: web }\nspec: { echo: {} }\n";
    UNKNOWN_API_VERSION = "GW1103" "unknown-api-version"
        "`apiVersion` says which version of the language a document is written in. There is one, `gw/v1`."
        "apiVersion: gw/v2\nkind: Backend\nmetadata: { name: web }\nspec: { echo: {} }\n";
    UNKNOWN_FIELD = "GW1201" "unknown-field"
        "The object has no field of this name. Unknown fields are errors, because a mistyped field that is ignored is a setting \
that silently has no effect."
        "apiVersion: gw/v1\nkind: Backend\nmetadata: { name: web }\nspec: { http: { targts: [{ url: \"http://127.0.0.1:3000\" }] } }\n";
    MISSING_FIELD = "GW1202" "missing-field"
        "A field that has no default is missing."
        "apiVersion: gw/v1\nkind: Backend\nmetadata: { name: web }\nspec: { http: { hostHeader: target } }\n";
    WRONG_TYPE = "GW1203" "wrong-type"
        "The value is of another type than the field: a number where a text is wanted, one value where a list is wanted. In YAML \
1.2 `no`, `0755` and `1_000` are texts, and `10` and `true` are not: quotes make a text of them. No field takes two types."
        "apiVersion: gw/v1\nkind: Backend\nmetadata: { name: web }\nspec: { http: { targets: [{ url: \"http://127.0.0.1:3000\", weight: two }] } }\n";
    INVALID_VALUE = "GW1204" "invalid-value"
        "The text is not a value of the field's type: a length of time without a unit, a host with a path, a URL without a scheme."
        "apiVersion: gw/v1\nkind: Backend\nmetadata: { name: web }\nspec: { http: { targets: [{ url: \"127.0.0.1:3000\" }] } }\n";
    OUT_OF_RANGE = "GW1205" "out-of-range"
        "The number is smaller or larger than the field allows. No field uses 0 for \"unlimited\"."
        "apiVersion: gw/v1\nkind: Backend\nmetadata: { name: web }\nspec: { http: { targets: [{ url: \"http://127.0.0.1:3000\", weight: 0 }] } }\n";
    UNKNOWN_CHOICE = "GW1206" "unknown-choice"
        "The field takes one of a few values, and this is none of them."
        "apiVersion: gw/v1\nkind: Backend\nmetadata: { name: web }\nspec: { http: { targets: [{ url: \"http://127.0.0.1:3000\" }], hostHeader: upstream } }\n";
    WRONG_LENGTH = "GW1207" "wrong-length"
        "A list has too few or too many entries, or a text is empty or too long. An empty list is never \"everything\": leave the \
field out for its default."
        "apiVersion: gw/v1\nkind: Backend\nmetadata: { name: web }\nspec: { http: { targets: [] } }\n";
    DUPLICATE_ENTRY = "GW1208" "duplicate-entry"
        "The same entry stands twice in a list in which a second one has no effect. Perhaps another one was meant."
        "apiVersion: gw/v1\nkind: Backend\nmetadata: { name: web }\nspec: { http: { targets: [{ url: \"http://127.0.0.1:3000\" }, { url: \"http://127.0.0.1:3000\" }] } }\n";
    LITERAL_SECRET = "GW1209" "literal-secret"
        "A secret is given by reference: `{ env: NAME }`, or `{ file: path }` on the node that runs. A value in a manifest would be in \
the history of the repository, in every plan and every log for good. What was written here is shown as `*` everywhere; if it has left your \
machine, replace it."
        "apiVersion: gw/v1\nkind: Backend\nmetadata: { name: web }\nspec: { echo: {} }\n---\napiVersion: gw/v1\nkind: Route\nmetadata: { name: web }\nspec:\n  public: true\n  plugins: [{ requestHeaders: { setSecret: { x-api-key: hunter2 } } }]\n  backend: web\n";
}
