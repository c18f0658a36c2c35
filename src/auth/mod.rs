//! The table of ways of authenticating: a new one is one file in this folder and one line here.

pub mod calls;
pub mod credential;
pub mod hashing;
pub mod identity;
pub mod kept;
pub mod rules;
pub mod token;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::Code;
use crate::pipeline::auth::{AuthContext, AuthType, Authenticator, Choice};

/// Makes the modules, the manifest's spec and the table of all ways from one line for each.
macro_rules! auths {
    ($( $(#[doc = $doc:literal])+ $name:literal $field:ident => $ty:ident ),+ $(,)?) => {
        $( pub mod $field; )+
        $( use $field::$ty; )+

        /// How a caller proves who it is: exactly one way.
        #[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
        #[serde(deny_unknown_fields, rename_all = "camelCase")]
        #[schemars(extend("x-gw-noun" = "way of authenticating called", "x-gw-identity" = true))]
        pub struct AuthSpec {
            $(
                $(#[doc = $doc])+
                #[serde(rename = $name, default, skip_serializing_if = "Option::is_none")]
                pub $field: Option<<$ty as AuthType>::Config>,
            )+
        }

        /// The names of all ways, in the order in which the manual lists them.
        pub const AUTHS: &[&str] = &[$( $name, )+];

        /// The codes of all ways' own problems.
        pub const CODES: &[&[&Code]] = &[$( <$ty as AuthType>::CODES, )+];

        impl AuthSpec {
            /// The ways it names; one that is not exactly one is an error that the compiler reports.
            pub fn ways(&self) -> Vec<&'static str> {
                let named = [$( self.$field.is_some(), )+];
                AUTHS.iter().zip(named).filter(|(_, named)| *named).map(|(name, _)| *name).collect()
            }

            /// Where it names one of several ways, by JSON pointers from its spec.
            pub fn choices(&self) -> Vec<Choice> {
                let mut choices = Vec::new();
                $( if let Some(config) = &self.$field {
                    let at = |choice: Choice| Choice { pointer: format!("/{}{}", $name, choice.pointer), ..choice };
                    choices.extend(<$ty as AuthType>::choices(config).into_iter().map(at));
                } )+
                choices
            }

            /// Makes it; `None` if it names none or after a problem was reported.
            pub fn compile(&self, context: &mut AuthContext<'_>) -> Option<Box<dyn Authenticator>> {
                $( if let Some(config) = &self.$field {
                    return <$ty as AuthType>::compile(config, context);
                } )+
                None
            }
        }
    };
}

auths! {
    /// By an API key of a consumer, which an `ApiKey` describes.
    "apiKey" api_key => ApiKeyAuth,
    /// By a user's password, in `Authorization: Basic`.
    "basic" basic => BasicAuth,
    /// By a token that an issuer signed: a JWT, or an opaque one that the issuer is asked about.
    "jwt" jwt => JwtAuth,
    /// By a service of one's own, which is asked about each request.
    "forward" forward => ForwardAuth,
    /// By the certificate that the client shows.
    "mtls" mtls => MtlsAuth,
}
