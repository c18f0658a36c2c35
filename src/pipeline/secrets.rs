//! Secrets at run time: resolved before a table is put in force, readable by the plugins that named them, shown to nobody.

use std::collections::BTreeMap;

use crate::value::secret::{Secret, SecretForm, SecretRef};

/// The values of all secrets that a table names. It cannot be printed, compared or serialised.
#[derive(Default)]
pub struct Secrets {
    lines: BTreeMap<SecretRef, Box<[u8]>>,
    contents: BTreeMap<SecretRef, Box<[u8]>>,
    made_up: bool,
}

impl Secrets {
    /// References in place of values: for showing what would be sent, offline.
    pub fn named_only<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut named = Self::default();
        for secret in secrets {
            named.insert(secret.clone(), format!("(secret {})", secret.reference).into_bytes());
        }
        named
    }

    /// Values at random, for trying a table without its secrets: what asks for more than a line of text goes on without.
    pub fn made_up<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut made = Self { made_up: true, ..Self::default() };
        for secret in secrets {
            made.insert(secret.clone(), format!("{:032x}", fastrand::u128(..)).into_bytes());
        }
        made
    }

    /// Whether the values are at random.
    pub fn are_made_up(&self) -> bool {
        self.made_up
    }

    /// Adds a value.
    pub fn insert(&mut self, secret: Secret, value: Vec<u8>) {
        let values = match secret.form {
            SecretForm::Line => &mut self.lines,
            SecretForm::Content => &mut self.contents,
        };
        values.insert(secret.reference, value.into());
    }

    /// The value of a secret that is one line; all that a table names are there while it is in force.
    pub fn line(&self, reference: &SecretRef) -> Option<&[u8]> {
        self.lines.get(reference).map(|value| &**value)
    }

    /// The whole content of a secret; all that a table names are there while it is in force.
    pub fn content(&self, reference: &SecretRef) -> Option<&[u8]> {
        self.contents.get(reference).map(|value| &**value)
    }
}
