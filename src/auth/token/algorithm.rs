//! The algorithms that tokens are signed with (RFC 7518, 3.1; RFC 8037). `none` is none of them.

use aws_lc_rs::hmac::{self, HMAC_SHA256, HMAC_SHA384, HMAC_SHA512};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, RsaParameters, VerificationAlgorithm,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    HS256,
    /// HMAC with SHA-384.
    HS384,
    /// HMAC with SHA-512.
    HS512,
    /// RSA PKCS#1 1.5 with SHA-256.
    RS256,
    /// RSA PKCS#1 1.5 with SHA-384.
    RS384,
    /// RSA PKCS#1 1.5 with SHA-512.
    RS512,
    /// RSA PSS with SHA-256.
    PS256,
    /// RSA PSS with SHA-384.
    PS384,
    /// RSA PSS with SHA-512.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// ECDSA on P-521 with SHA-512.
    ES512,
    /// EdDSA on Ed25519.
    EdDSA,
}

/// What an algorithm works with.
#[derive(Clone, Copy)]
pub enum Method {
    /// A secret that both sides have.
    Secret(hmac::Algorithm),
    /// An RSA key.
    Rsa(&'static RsaParameters),
    /// A point on the curve that belongs to the algorithm.
    Point(&'static dyn VerificationAlgorithm),
}

impl Algorithm {
    /// What it works with.
    pub fn method(self) -> Method {
        match self {
            Self::HS256 => Method::Secret(HMAC_SHA256),
            Self::HS384 => Method::Secret(HMAC_SHA384),
            Self::HS512 => Method::Secret(HMAC_SHA512),
            Self::RS256 => Method::Rsa(&RSA_PKCS1_2048_8192_SHA256),
            Self::RS384 => Method::Rsa(&RSA_PKCS1_2048_8192_SHA384),
            Self::RS512 => Method::Rsa(&RSA_PKCS1_2048_8192_SHA512),
            Self::PS256 => Method::Rsa(&RSA_PSS_2048_8192_SHA256),
            Self::PS384 => Method::Rsa(&RSA_PSS_2048_8192_SHA384),
            Self::PS512 => Method::Rsa(&RSA_PSS_2048_8192_SHA512),
            Self::ES256 => Method::Point(&ECDSA_P256_SHA256_FIXED),
            Self::ES384 => Method::Point(&ECDSA_P384_SHA384_FIXED),
            Self::ES512 => Method::Point(&ECDSA_P521_SHA512_FIXED),
            Self::EdDSA => Method::Point(&ED25519),
        }
    }

    /// The algorithm of a name.
    pub fn named(name: &str) -> Option<Self> {
        serde_json::from_value(name.into()).ok()
    }
}
