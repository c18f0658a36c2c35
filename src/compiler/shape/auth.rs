//! The shape of `Auth`s and API keys.

use crate::auth::{AUTHS, AuthSpec};
use crate::compiler::manifest::api_key::{ApiKeySpec, SecretHash};
use crate::compiler::object::Object;
use crate::compiler::shape::exactly_one;
use crate::diagnostic::Diagnostics;

pub(super) fn auth(object: &Object, spec: &AuthSpec, out: &mut Diagnostics) {
    exactly_one(object, "/spec", &spec.ways(), AUTHS, "an `Auth` is", out);
    for choice in spec.choices() {
        exactly_one(object, &format!("/spec{}", choice.pointer), &choice.named, choice.of, choice.what, out);
    }
}

pub(super) fn api_key(object: &Object, spec: &ApiKeySpec, out: &mut Diagnostics) {
    for (i, secret) in spec.secrets.iter().enumerate() {
        let pointer = format!("/spec/secrets/{i}");
        exactly_one(object, &pointer, &secret.named(), SecretHash::FORMS, "the hash of a secret is", out);
    }
}
