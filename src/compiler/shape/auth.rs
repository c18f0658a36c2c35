//! The shape of `Auth`s and API keys.

use crate::auth::api_key::KeyPlace;
use crate::auth::{AUTHS, AuthSpec};
use crate::compiler::manifest::api_key::{ApiKeySpec, SecretHash};
use crate::compiler::object::Object;
use crate::compiler::shape::exactly_one;
use crate::diagnostic::Diagnostics;

pub(super) fn auth(object: &Object, spec: &AuthSpec, out: &mut Diagnostics) {
    exactly_one(object, "/spec", &spec.ways(), AUTHS, "an `Auth` is", out);
    for (i, place) in spec.api_key.iter().flat_map(|config| &config.from).enumerate() {
        exactly_one(object, &format!("/spec/apiKey/from/{i}"), &place.named(), KeyPlace::WAYS, "a place is", out);
    }
}

pub(super) fn api_key(object: &Object, spec: &ApiKeySpec, out: &mut Diagnostics) {
    for (i, secret) in spec.secrets.iter().enumerate() {
        let pointer = format!("/spec/secrets/{i}");
        exactly_one(object, &pointer, &secret.named(), SecretHash::FORMS, "the hash of a secret is", out);
    }
}
