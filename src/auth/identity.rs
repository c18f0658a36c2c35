//! Who somebody is, by what is claimed of them.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::auth::rules::{members, text};
use crate::pipeline::caller::Identity;
use crate::value::Scalar as _;
use crate::value::json_pointer::JsonPointer;

/// Where claims say who somebody is. Each claim is there for `${identity.claim./…}` besides.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
#[schemars(extend("x-gw-security" = "who somebody is taken for"))]
pub struct IdentityClaims {
    /// What names somebody for good.
    pub subject: JsonPointer,
    /// What people call them.
    pub name: JsonPointer,
    /// Their mail address; not taken where `/email_verified` is `false`.
    pub email: JsonPointer,
    /// The groups they are in.
    #[schemars(example = &"/realm_access/roles")]
    pub groups: JsonPointer,
}

#[expect(clippy::expect_used, reason = "the texts are fixed and are pointers")]
impl Default for IdentityClaims {
    fn default() -> Self {
        let pointer = |text| JsonPointer::parse(text).expect("a literal");
        Self { subject: pointer("/sub"), name: pointer("/name"), email: pointer("/email"), groups: pointer("/groups") }
    }
}

impl IdentityClaims {
    /// Who it is; `None` if nothing names them for good.
    pub fn identity(&self, auth: &Arc<str>, claims: Json) -> Option<Identity> {
        let found = |pointer: &JsonPointer| pointer.find(&claims).and_then(text).filter(|text| !text.is_empty());
        let text = |pointer: &JsonPointer| found(pointer).map(Box::<str>::from);
        let is_verified = claims.get("email_verified") != Some(&Json::Bool(false));
        Some(Identity {
            auth: Arc::clone(auth),
            subject: text(&self.subject)?,
            name: text(&self.name),
            email: text(&self.email).filter(|_| is_verified),
            groups: self.groups.find(&claims).into_iter().flat_map(members).map(Into::into).collect(),
            claims,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::IdentityClaims;

    #[test]
    fn claims_say_who_it_is() {
        let claims = IdentityClaims::default();
        let known = |json| claims.identity(&"staff".into(), json);
        let ada = known(json!({ "sub": "7", "name": "Ada", "email": "a@x.example", "groups": ["a", "b"] })).unwrap();
        assert_eq!((&*ada.subject, ada.name.as_deref(), ada.email.as_deref()), ("7", Some("Ada"), Some("a@x.example")));
        assert_eq!(ada.groups.iter().map(|group| &**group).collect::<Vec<_>>(), ["a", "b"]);
        let unverified = known(json!({ "sub": "7", "email": "a@x.example", "email_verified": false })).unwrap();
        assert_eq!((unverified.email, unverified.groups.len()), (None, 0));
        assert_eq!(known(json!({ "sub": 583_231 })).map(|octocat| octocat.subject), Some("583231".into()));
        assert!(known(json!({ "name": "Ada" })).is_none() && known(json!({ "sub": "" })).is_none());
    }
}
