//! References to other objects by name.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::value::Scalar as _;
use crate::value::name::Name;

/// A kind that can be referred to.
pub trait Referent {
    /// Its name.
    const KIND: &'static str;
    /// The name of an object of it, for the manual.
    const EXAMPLE: &'static str;
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

/// The kind `Route`, as the end of a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteKind;

impl Referent for RouteKind {
    const KIND: &'static str = "Route";
    const EXAMPLE: &'static str = "shop";
}

/// The name of an object of a kind, in the namespace of the object that refers to it.
///
/// Its schema carries `x-gw-ref`, by which `resolve` finds every reference without knowing the specs.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(transparent, bound = "")]
pub struct Ref<K> {
    name: Name,
    #[serde(skip)]
    kind: PhantomData<K>,
}

impl<K> Ref<K> {
    /// The name it holds.
    pub fn name(&self) -> &Name {
        &self.name
    }
}

impl<K> fmt::Debug for Ref<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.name, f)
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
            "format": Name::FORMAT,
            "x-gw-ref": K::KIND,
            "description": format!("The name of a `{}` in the same namespace.", K::KIND),
            "examples": [K::EXAMPLE],
        })
    }
}
