//! References to other objects by name.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::value::name::Name;
use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// A kind that can be referred to.
pub trait Referent {
    /// Its name.
    const KIND: &'static str;
    /// The name of an object of it, for the manual.
    const EXAMPLE: &'static str;
}

/// The kind `ApiKey`, as the end of a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiKeyKind;

impl Referent for ApiKeyKind {
    const KIND: &'static str = "ApiKey";
    const EXAMPLE: &'static str = "acme";
}

/// The kind `Auth`, as the end of a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthKind;

impl Referent for AuthKind {
    const KIND: &'static str = "Auth";
    const EXAMPLE: &'static str = "partners";
}

/// The kind `Backend`, as the end of a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackendKind;

impl Referent for BackendKind {
    const KIND: &'static str = "Backend";
    const EXAMPLE: &'static str = "shop";
}

/// The kind `Certificate`, as the end of a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateKind;

impl Referent for CertificateKind {
    const KIND: &'static str = "Certificate";
    const EXAMPLE: &'static str = "site";
}

/// The kind `Plan`, as the end of a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanKind;

impl Referent for PlanKind {
    const KIND: &'static str = "Plan";
    const EXAMPLE: &'static str = "gold";
}

/// The kind `Route`, as the end of a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteKind;

impl Referent for RouteKind {
    const KIND: &'static str = "Route";
    const EXAMPLE: &'static str = "shop";
}

/// A name, or a name in another namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target {
    /// The namespace, where one is written.
    pub namespace: Option<Name>,
    /// The name.
    pub name: Name,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => fmt::Display::fmt(&self.name, f),
        }
    }
}

impl Scalar for Target {
    const FORMAT: &'static str = "gw-reference";
    const DESCRIPTION: &'static str = "The name of an object in the same namespace, or `NAMESPACE/NAME` for one in another \
        namespace, where a `Grant` there allows it.";
    const EXAMPLES: &'static [&'static str] = &["shop", "platform/shop"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        match text.split_once('/') {
            None => Ok(Self { namespace: None, name: Name::parse(text)? }),
            Some((_, name)) if name.contains('/') => {
                Err(ScalarError::new("a reference is a name, or a namespace and a name with one `/` between them"))
            }
            Some((namespace, name)) => Ok(Self { namespace: Some(Name::parse(namespace)?), name: Name::parse(name)? }),
        }
    }
}

scalar!(Target);

/// The name of an object of a kind, in the namespace of the object that refers to it or in another.
///
/// Its schema carries `x-gw-ref`, by which `resolve` finds every reference without knowing the specs.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(transparent, bound = "")]
pub struct Ref<K> {
    target: Target,
    #[serde(skip)]
    kind: PhantomData<K>,
}

impl<K> Ref<K> {
    /// The name it holds.
    pub fn name(&self) -> &Name {
        &self.target.name
    }

    /// The namespace it leads to, from an object in `own`.
    pub fn namespace<'a>(&'a self, own: &'a Name) -> &'a Name {
        self.target.namespace.as_ref().unwrap_or(own)
    }
}

impl<K> fmt::Debug for Ref<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.target, f)
    }
}

impl<K: Referent> JsonSchema for Ref<K> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}Ref", K::KIND).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": Target::FORMAT,
            "x-gw-ref": K::KIND,
            "description": format!(
                "The name of a `{}` in the same namespace, or `NAMESPACE/NAME` where a `Grant` there allows it.", K::KIND
            ),
            "examples": [K::EXAMPLE],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Scalar, Target};

    #[test]
    fn a_reference_may_name_another_namespace() {
        let target = Target::parse("platform/geo").unwrap();
        assert_eq!((target.namespace.unwrap().as_str(), target.name.as_str()), ("platform", "geo"));
        assert_eq!(Target::parse("geo").unwrap().namespace, None);
        assert!(["", "/", "a/", "/a", "a/b/c", "A"].iter().all(|text| Target::parse(text).is_err()));
    }
}
