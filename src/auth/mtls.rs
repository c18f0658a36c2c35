//! `mtls`: a caller is who its certificate names, which the listener has asked for and checked (RFC 8446, 4.4.2).

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::auth::identity::IdentityClaims;
use crate::auth::rules::{ClaimRule, Rules};
use crate::pipeline::auth::{
    Accepted, AuthContext, AuthType, Authenticator, Call, Choice, Claim, Finding, Place, Refusal, Shape,
};
use crate::pipeline::caller::Caller;
use crate::pipeline::certificate::ClientCertificate;
use crate::pipeline::exchange::Exchange;

/// Callers by the certificates that they show. The listener asks for them and checks them by its `tls.clientAuth`; what is claimed of a
/// caller is `/sub`, the whole subject as RFC 4514 writes it, such as `CN=shop,O=Example`; `/name`, its common name; `/names`, the
/// alternative names; and `/issuer`, the subject of the authority.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
#[schemars(example = example())]
pub struct MtlsConfig {
    /// Rules that all hold for who is let in; otherwise the answer is 403.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-gw-security" = "who is let in"))]
    pub require: Vec<ClaimRule>,
    /// Rules of which none holds for who is let in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-gw-security" = "who is let in"))]
    pub deny: Vec<ClaimRule>,
}

fn example() -> Json {
    json!({ "require": [{ "claim": "/names", "like": "*.partners.example" }] })
}

/// The compiled way of authenticating.
pub struct MtlsAuth {
    auth: Arc<str>,
    rules: Rules,
}

impl AuthType for MtlsAuth {
    type Config = MtlsConfig;

    fn choices(config: &MtlsConfig) -> Vec<Choice> {
        ClaimRule::choices("/require", &config.require).chain(ClaimRule::choices("/deny", &config.deny)).collect()
    }

    fn compile(config: &MtlsConfig, context: &mut AuthContext<'_>) -> Option<Box<dyn Authenticator>> {
        let rules = Rules::new(&config.require, &config.deny);
        Some(Box::new(Self { auth: Arc::clone(context.name), rules }))
    }
}

impl Authenticator for MtlsAuth {
    fn authenticate(&self, call: &Call<'_>) -> Finding {
        let Some(certificate) = call.certificate else { return Finding::Absent };
        match IdentityClaims::default().identity(&self.auth, claims(certificate)) {
            Some(identity) => {
                let caller = Caller { consumer: None, identity: Some(Arc::new(identity)) };
                Finding::Accepted(Accepted { caller, ..Accepted::default() })
            }
            // it names nobody
            None => Finding::Refused(Refusal::forbidden()),
        }
    }

    fn authorize(&self, caller: &Caller, _: &Exchange<'_>) -> Result<(), Refusal> {
        let is_admitted = caller.identity.as_ref().is_some_and(|identity| self.rules.admit(&identity.claims));
        if is_admitted { Ok(()) } else { Err(Refusal::forbidden()) }
    }

    fn challenge(&self) -> Option<String> {
        // TLS has asked already, and HTTP has no word for it
        None
    }

    fn claims(&self) -> Vec<Claim> {
        vec![Claim { place: Place::Certificate, scheme: "", shape: Shape::Any }]
    }
}

/// What is claimed of whoever a certificate names: the first alternative name stands for a subject that is empty.
fn claims(certificate: &ClientCertificate) -> Json {
    let subject = Some(&certificate.subject).filter(|subject| !subject.is_empty());
    let common_name = certificate.subject.split(',').find_map(|part| part.strip_prefix("CN="));
    json!({
        "sub": subject.or(certificate.names.first()),
        "name": common_name,
        "names": certificate.names,
        "issuer": certificate.issuer,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::claims;
    use crate::pipeline::certificate::ClientCertificate;

    #[test]
    fn a_certificate_says_who_it_is_of() {
        let certificate = ClientCertificate {
            subject: "CN=shop,O=Example".into(),
            names: ["shop.example".into()].into(),
            issuer: "CN=partners".into(),
        };
        let expected =
            json!({ "sub": "CN=shop,O=Example", "name": "shop", "names": ["shop.example"], "issuer": "CN=partners" });
        assert_eq!(claims(&certificate), expected);
        let nameless = ClientCertificate { subject: "".into(), ..certificate };
        assert_eq!(claims(&nameless)["sub"], json!("shop.example"));
        assert_eq!(claims(&ClientCertificate::default())["sub"], json!(null));
    }
}
