//! JSON pointers (RFC 6901): where a value stands in what is claimed of a caller.

use std::fmt;

use serde_json::Value as Json;

use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// A JSON pointer to something within an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JsonPointer(Box<str>);

impl JsonPointer {
    /// What stands there.
    pub fn find<'a>(&self, json: &'a Json) -> Option<&'a Json> {
        json.pointer(&self.0)
    }
}

impl fmt::Display for JsonPointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Scalar for JsonPointer {
    const FORMAT: &'static str = "gw-json-pointer";
    const DESCRIPTION: &'static str = "Where a value stands: names with a `/` before each, such as `/realm_access/roles`; `~1` is a `/` in a name, `~0` a `~`.";
    const EXAMPLES: &'static [&'static str] = &["/groups", "/realm_access/roles"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        let wrong = ScalarError::new("a JSON pointer begins with `/`");
        if !text.starts_with('/') {
            let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            return Err(if is_plain { wrong.suggest(format!("/{text}")) } else { wrong });
        }
        let mut escapes = text.split('~').skip(1);
        if !escapes.all(|rest| rest.starts_with(['0', '1'])) {
            return Err(ScalarError::new("a `~` in a JSON pointer is written `~0`, and a `/` in a name `~1`"));
        }
        Ok(Self(text.into()))
    }
}

scalar!(JsonPointer);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{JsonPointer, Scalar};

    #[test]
    fn a_pointer_finds_what_stands_there() {
        let claims = json!({ "realm_access": { "roles": ["a"] }, "https://x/y": 1 });
        let find = |text: &str| JsonPointer::parse(text).unwrap().find(&claims).cloned();
        assert_eq!(find("/realm_access/roles/0"), Some(json!("a")));
        assert_eq!((find("/https:~1~1x~1y"), find("/none")), (Some(json!(1)), None));
        assert_eq!(JsonPointer::parse("groups").unwrap_err().suggestion.as_deref(), Some("/groups"));
        for wrong in ["", "a b", "/a~2", "/a~"] {
            assert!(JsonPointer::parse(wrong).is_err(), "{wrong}");
        }
    }
}
