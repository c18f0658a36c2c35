//! The kind `Grant`: which other namespaces may refer to objects of its own.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::value::name::Name;
use crate::value::reference::{ApiKeyKind, AuthKind, BackendKind, CertificateKind, PlanKind, Referent as _, RouteKind};

/// Which other namespaces may refer to which objects of the namespace that it stands in.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct GrantSpec {
    /// Who may refer to them.
    pub from: Vec<GrantFrom>,
    /// What they may refer to.
    pub to: Vec<GrantTo>,
}

fn example() -> serde_json::Value {
    serde_json::json!({ "from": [{ "namespace": "travel" }], "to": [{ "kind": "Backend" }] })
}

/// A namespace that may refer.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct GrantFrom {
    /// The namespace.
    pub namespace: Name,
}

/// Objects that may be referred to.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct GrantTo {
    /// Their kind.
    #[schemars(schema_with = "referable")]
    pub kind: String,
    /// The name of the only one. The default is every object of the kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
}

/// The kinds that references lead to.
pub(in crate::compiler) const REFERABLE: &[&str] =
    &[ApiKeyKind::KIND, AuthKind::KIND, BackendKind::KIND, CertificateKind::KIND, PlanKind::KIND, RouteKind::KIND];

fn referable(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": REFERABLE })
}

impl GrantSpec {
    /// Whether it allows objects in a namespace to refer to an object.
    pub fn allows(&self, from: &Name, kind: &str, name: &Name) -> bool {
        let to = |to: &GrantTo| to.kind == kind && to.name.as_ref().is_none_or(|only| only == name);
        self.from.iter().any(|grantee| grantee.namespace == *from) && self.to.iter().any(to)
    }
}

#[cfg(test)]
mod tests {
    use super::REFERABLE;
    use crate::compiler::schema::rules;

    #[test]
    fn each_kind_that_references_lead_to_can_be_granted() {
        let text = rules::text();
        let named = text.split("\"x-gw-ref\":\"").skip(1).filter_map(|rest| rest.split('"').next());
        let missing: Vec<&str> = named.filter(|kind| !REFERABLE.contains(kind)).collect();
        assert_eq!(missing, [] as [&str; 0]);
    }
}
