//! Secrets at run time: resolved before a table is put in force, readable by the plugins that named them, shown to nobody.

use std::collections::BTreeMap;

use crate::value::secret::SecretRef;

/// The values of all secrets that a table names. It cannot be printed, compared or serialised.
#[derive(Default)]
pub struct Secrets(BTreeMap<SecretRef, Box<[u8]>>);

impl Secrets {
    /// References in place of values: for showing what would be sent, offline.
    pub fn named_only<'a>(references: impl IntoIterator<Item = &'a SecretRef>) -> Self {
        let named = |reference: &SecretRef| (reference.clone(), format!("(secret {reference})").into_bytes().into());
        Self(references.into_iter().map(named).collect())
    }

    /// Adds a value.
    pub fn insert(&mut self, reference: SecretRef, value: Vec<u8>) {
        self.0.insert(reference, value.into());
    }

    /// The value of a secret; all that a table names are there while it is in force.
    pub fn get(&self, reference: &SecretRef) -> Option<&[u8]> {
        self.0.get(reference).map(|value| &**value)
    }
}
