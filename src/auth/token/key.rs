//! A key that tokens are verified with. Its type fixes the algorithms: a public key is never taken for a secret (RFC 8725, 2.1).

use aws_lc_rs::signature::ParsedPublicKey;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::crypto::verify;
use serde::Deserialize;
use x509_parser::oid_registry::{OID_EC_P256, OID_NIST_EC_P384, OID_SIG_ED25519};
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::{FromDer as _, SubjectPublicKeyInfo, X509Certificate};
use x509_parser::public_key::PublicKey;

use crate::auth::token::algorithm::Algorithm;

/// RSA keys are this long, in bytes.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// Secrets are at least this long (RFC 7518, 3.2), in bytes.
pub const SECRET_BYTES: usize = 32;

/// A key.
pub struct VerifyingKey {
    kid: Option<Box<str>>,
    algorithms: Box<[Algorithm]>,
    is_secret: bool,
    key: DecodingKey,
}

/// A key in JSON (RFC 7517, RFC 7518, 6; RFC 8037).
#[derive(Deserialize)]
pub struct Jwk {
    kty: String,
    #[serde(default)]
    kid: Option<Box<str>>,
    #[serde(default, rename = "use")]
    used_for: Option<String>,
    #[serde(default)]
    key_ops: Option<Vec<String>>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
    #[serde(default)]
    x: Option<String>,
    #[serde(default)]
    y: Option<String>,
    #[serde(default)]
    k: Option<String>,
}

impl VerifyingKey {
    /// A secret that issuer and gateway share; `None` if it is too short.
    pub fn secret(kid: Option<&str>, secret: &[u8]) -> Option<Self> {
        let is_long_enough = secret.len() >= SECRET_BYTES;
        let algorithms = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512].into();
        let key = DecodingKey::from_secret(secret);
        is_long_enough.then(|| Self { kid: kid.map(Into::into), algorithms, is_secret: true, key })
    }

    /// The same key under an id.
    pub fn with_id(self, kid: Option<&str>) -> Self {
        Self { kid: kid.map(Into::into), ..self }
    }

    /// Only for some algorithms; none given are all.
    pub fn narrowed(mut self, to: &[Algorithm]) -> Self {
        if !to.is_empty() {
            self.algorithms = self.algorithms.iter().copied().filter(|own| to.contains(own)).collect();
        }
        self
    }

    fn rsa(n: &[u8], e: &[u8]) -> Option<Self> {
        let strip = |bytes: &[u8]| -> Box<[u8]> { bytes.iter().copied().skip_while(|byte| *byte == 0).collect() };
        let (n, e) = (strip(n), strip(e));
        let is_strong = RSA_BYTES.contains(&n.len()) && e.last()? % 2 == 1 && *e != [1];
        let algorithms = [
            Algorithm::RS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::PS256,
            Algorithm::PS384,
            Algorithm::PS512,
        ];
        let key = DecodingKey::from_rsa_raw_components(&n, &e);
        is_strong.then(|| Self { kid: None, algorithms: algorithms.into(), is_secret: false, key })
    }

    fn point(algorithm: Algorithm, point: &[u8]) -> Option<Self> {
        ParsedPublicKey::new(algorithm.curve()?, point).ok()?;
        let is_edwards = algorithm == Algorithm::EdDSA;
        let key = if is_edwards { DecodingKey::from_ed_der(point) } else { DecodingKey::from_ec_der(point) };
        Some(Self { kid: None, algorithms: [algorithm].into(), is_secret: false, key })
    }

    /// A key of a set; `None` if it is not for signatures, or not of a kind that is known.
    pub fn of_jwk(jwk: &Jwk) -> Option<Self> {
        let decode = |text: &Option<String>| BASE64_URL_SAFE_NO_PAD.decode(text.as_ref()?).ok();
        let is_for_signatures = jwk.used_for.as_deref().is_none_or(|used| used == "sig")
            && jwk.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        if !is_for_signatures {
            return None;
        }
        let key = match (&*jwk.kty, jwk.crv.as_deref()) {
            ("RSA", _) => Self::rsa(&decode(&jwk.n)?, &decode(&jwk.e)?),
            ("EC", Some(curve)) => {
                let (algorithm, size) = match curve {
                    "P-256" => (Algorithm::ES256, 32),
                    "P-384" => (Algorithm::ES384, 48),
                    _ => return None,
                };
                let (x, y) = (decode(&jwk.x)?, decode(&jwk.y)?);
                let point = [&[4], x.as_slice(), y.as_slice()].concat();
                (x.len() == size && y.len() == size).then(|| Self::point(algorithm, &point))?
            }
            ("OKP", Some("Ed25519")) => Self::point(Algorithm::EdDSA, &decode(&jwk.x)?),
            ("oct", _) => Self::secret(None, &decode(&jwk.k)?),
            _ => None,
        }?;
        let narrowed = match jwk.alg.as_deref() {
            None => key,
            // RFC 9864 names it by its curve
            Some("Ed25519") => key.narrowed(&[Algorithm::EdDSA]),
            Some(name) => key.narrowed(&[Algorithm::named(name)?]),
        };
        Some(Self { kid: jwk.kid.clone(), ..narrowed }).filter(|key| !key.algorithms.is_empty())
    }

    /// Whether it is a secret that both sides have.
    pub fn is_secret(&self) -> bool {
        self.is_secret
    }

    /// Whether it may be the key of a token: of that id, if both have one, and for that algorithm.
    pub fn may_be(&self, kid: Option<&str>, algorithm: Algorithm) -> bool {
        let is_named = kid.is_none_or(|kid| self.kid.as_deref().is_none_or(|own| own == kid));
        is_named && self.algorithms.contains(&algorithm)
    }

    /// Whether a signature, in base64url, is right. An algorithm that is not the key's never is.
    pub fn verify(&self, algorithm: Algorithm, signed: &[u8], signature: &str) -> bool {
        self.algorithms.contains(&algorithm)
            && verify(signature, signed, &self.key, algorithm.of_library()).unwrap_or(false)
    }
}

/// A public key, or that of a certificate, in PEM (RFC 7468).
///
/// # Errors
/// Says what is wrong with it, never what stands there.
pub fn from_pem(content: &[u8]) -> Result<VerifyingKey, &'static str> {
    let (_, pem) = parse_x509_pem(content).map_err(|_| "is no PEM")?;
    if pem.label.ends_with("PRIVATE KEY") {
        return Err("is a private key: the public one is needed, and this one belongs to the issuer alone");
    }
    let wrong = "is neither a public key nor a certificate";
    let key = match pem.label.as_str() {
        "PUBLIC KEY" => {
            SubjectPublicKeyInfo::from_der(&pem.contents).map_err(|_| wrong).map(|(_, info)| of_info(&info))
        }
        "CERTIFICATE" => X509Certificate::from_der(&pem.contents)
            .map_err(|_| wrong)
            .map(|(_, own)| of_info(&own.tbs_certificate.subject_pki)),
        _ => return Err(wrong),
    };
    key?.ok_or("is of a kind that is not taken: RSA from 2048 bits, P-256, P-384 and Ed25519 are")
}

fn of_info(info: &SubjectPublicKeyInfo<'_>) -> Option<VerifyingKey> {
    match info.parsed().ok()? {
        PublicKey::RSA(key) => VerifyingKey::rsa(key.modulus, key.exponent),
        PublicKey::EC(point) => {
            let curve = info.algorithm.parameters.as_ref()?.as_oid().ok()?;
            let algorithms = [(OID_EC_P256, Algorithm::ES256), (OID_NIST_EC_P384, Algorithm::ES384)];
            let (_, algorithm) = algorithms.into_iter().find(|(own, _)| *own == curve)?;
            VerifyingKey::point(algorithm, point.data())
        }
        PublicKey::Unknown(bytes) if info.algorithm.algorithm == OID_SIG_ED25519 => {
            VerifyingKey::point(Algorithm::EdDSA, bytes)
        }
        _ => None,
    }
}
