//! API keys in tests: manifests hold hashes only, so each key is given one more secret, which is known here and nowhere else.

use crate::auth::api_key::KeyPlace;
use crate::compiler::manifest::Spec;
use crate::compiler::manifest::api_key::{ApiKeySpec, SecretHash};
use crate::compiler::{Compiled, Object, Parsed};
use crate::value::api_key::{KeyId, KeyText, SECRET_CHARS, base62};
use crate::value::name::Name;
use crate::value::reference::{ApiKeyKind, Ref};
use crate::value::sha256::Sha256;

/// Gives all keys the secret that tests call with.
pub(super) fn give_secrets(parsed: &mut Parsed) {
    for object in &mut parsed.objects {
        if let Some(Spec::ApiKey(key)) = &mut object.spec {
            let sha256 = Some(Sha256::of(secret(&key.key_id).as_bytes()));
            key.secrets.push(SecretHash { sha256, token_sha256: None, not_before: None });
        }
    }
}

/// What a request says to be that of a consumer.
#[derive(Default)]
pub(super) struct Credential {
    /// Header fields, as lines.
    pub(super) fields: Vec<String>,
    /// A parameter of the query.
    pub(super) parameter: Option<String>,
}

/// The credential of a key, in the first place where its `Auth` looks for it; none where the key or its `Auth` cannot be read, which
/// was reported.
pub(super) fn credential(compiled: &Compiled, own: &Name, key: &Ref<ApiKeyKind>) -> Option<Credential> {
    let Some(Spec::ApiKey(spec)) = &find(compiled, "ApiKey", key.namespace(own), key.name())?.spec else { return None };
    let auth = find(compiled, "Auth", spec.auth.namespace(key.namespace(own)), spec.auth.name())?;
    let Some(Spec::Auth(auth)) = &auth.spec else { return None };
    Some(at(auth.api_key.as_ref()?.from.first()?, spec))
}

fn find<'c>(compiled: &'c Compiled, kind: &str, namespace: &Name, name: &Name) -> Option<&'c Object> {
    compiled.objects.iter().find(|object| {
        let address = &object.address;
        address.kind == kind && address.namespace == *namespace && address.name == *name
    })
}

fn at(place: &KeyPlace, spec: &ApiKeySpec) -> Credential {
    let (id, secret) = (spec.key_id.as_str(), secret(&spec.key_id));
    let whole = KeyText { id, secret: &secret }.write();
    let field = |name: &str, value: &str| format!("{name}: {value}");
    let (fields, parameter) = place.sent(id, &secret, &whole);
    Credential { fields: fields.iter().map(|(name, value)| field(name, value)).collect(), parameter }
}

fn secret(id: &KeyId) -> String {
    let seed = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, format!("gw test {id}").as_bytes());
    base62(seed.as_ref().to_vec(), SECRET_CHARS)
}
