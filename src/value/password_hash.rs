//! Hashes of passwords as users of a manifest or an htpasswd file have them: Argon2id (RFC 9106) in the PHC string format, and bcrypt.
//!
//! Hashes that are fast to make are none: MD5, SHA and `crypt` are refused, and so is a password itself.

use std::fmt;
use std::str::FromStr as _;

use argon2::password_hash::PasswordVerifier as _;
use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::{Argon2, Params};
use bcrypt::HashParts;

use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// What one check may take: 256 MiB and 16 passes, or 2^15 rounds. More would let a few requests stop a gateway.
const MAX_KIB: u32 = 256 << 10;
const MAX_PASSES: u32 = 16;
const MAX_LANES: u32 = 16;
const COSTS: std::ops::RangeInclusive<u32> = 4..=15;

/// The hash of a password.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PasswordHash(Box<str>);

impl PasswordHash {
    /// Whether it is the hash of a password. That takes long, as it should: never on a thread that serves requests.
    pub fn is_of(&self, password: &[u8]) -> bool {
        if self.0.starts_with("$argon2id$") {
            return Phc::new(&self.0).is_ok_and(|hash| Argon2::default().verify_password(password, &hash).is_ok());
        }
        bcrypt::verify(password, &self.0).unwrap_or(false)
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

impl Scalar for PasswordHash {
    const FORMAT: &'static str = "gw-password-hash";
    const DESCRIPTION: &'static str =
        "The hash of a password: Argon2id (`$argon2id$v=19$…`) or bcrypt (`$2y$…`), never the password itself.";
    const EXAMPLES: &'static [&'static str] = &["$2y$10$1fQDzcbOzjQcL2HnZOP8p.Fr7rX/Pb7SwI0GpnBlQ2zoB5dzh3rAi"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        let fault = if text.starts_with("$argon2id$") {
            argon2id_fault(text)
        } else if ["$2a$", "$2b$", "$2y$"].iter().any(|start| text.starts_with(start)) {
            bcrypt_fault(text)
        } else if ["$1$", "$5$", "$6$", "$apr1$", "{SHA}", "$2x$", "$argon2"]
            .iter()
            .any(|start| text.starts_with(start))
        {
            Some("is too weak: only Argon2id and bcrypt are taken")
        } else {
            Some("is none: only Argon2id (`$argon2id$…`) and bcrypt (`$2y$…`) are taken, never the password itself")
        };
        match fault {
            None => Ok(Self(text.into())),
            Some(fault) => {
                let help = "`htpasswd -nBC 12 NAME` asks for the password and writes its hash after the colon";
                Err(ScalarError::new(format!("the hash of the password {fault}")).help(help).secret())
            }
        }
    }
}

fn argon2id_fault(text: &str) -> Option<&'static str> {
    let Ok(hash) = Phc::new(text) else { return Some("is malformed") };
    let Ok(params) = Params::try_from(&hash) else { return Some("is malformed") };
    if hash.salt.is_none() || hash.hash.is_none() {
        return Some("is cut off");
    }
    if hash.version != Some(0x13) {
        return Some("is of an old version: `v=19` is taken");
    }
    let is_bounded = params.m_cost() <= MAX_KIB && params.t_cost() <= MAX_PASSES && params.p_cost() <= MAX_LANES;
    (!is_bounded).then_some("costs too much: at most `m=262144`, `t=16` and `p=16`")
}

fn bcrypt_fault(text: &str) -> Option<&'static str> {
    match HashParts::from_str(text) {
        Err(_) => Some("is malformed or cut off: a bcrypt hash has 60 characters"),
        Ok(parts) if !COSTS.contains(&parts.get_cost()) => Some("has a cost that is not from 4 to 15"),
        Ok(_) => None,
    }
}

scalar!(PasswordHash);

#[cfg(test)]
mod tests {
    use super::{PasswordHash, Scalar};

    /// Of `secret`, cheap enough for tests.
    const ARGON2ID: &str = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQxMjM$";

    #[test]
    fn a_hash_is_of_its_password_and_never_is_the_password() {
        let text = bcrypt::hash_with_salt("secret", 4, [7; 16]).unwrap().to_string();
        let hash = PasswordHash::parse(&text).unwrap();
        assert!(hash.is_of(b"secret") && !hash.is_of(b"Secret") && !hash.is_of(text.as_bytes()) && !hash.is_of(b""));
        assert!(!format!("{hash:?}").contains(&text));
    }

    #[test]
    fn argon2id_is_read_with_its_own_parameters() {
        let mut output = [0; 16];
        let params = argon2::Params::new(64, 1, 1, Some(16)).unwrap();
        let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
        argon2.hash_password_into(b"secret", b"somesalt123", &mut output).unwrap();
        let encoded = base64::Engine::encode(&base64::prelude::BASE64_STANDARD_NO_PAD, output);
        let hash = PasswordHash::parse(&format!("{ARGON2ID}{encoded}")).unwrap();
        assert!(hash.is_of(b"secret") && !hash.is_of(b"other"));
        for wrong in [ARGON2ID, "$argon2id$v=19$m=1048576,t=1,p=1$c29tZXNhbHQxMjM$AAAAAAAAAAAAAAAAAAAAAA"] {
            assert!(PasswordHash::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_such_hash_is_not_shown() {
        for wrong in [
            "hunter2",
            "",
            "$apr1$abc$def",
            "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
            "$2y$10$short",
            "$2y$31$1fQDzcbOzjQcL2HnZOP8p.Fr7rX/Pb7SwI0GpnBlQ2zoB5dzh3rAi",
        ] {
            let error = PasswordHash::parse(wrong).unwrap_err();
            assert!(error.is_secret && error.help.is_some() && !error.message.contains("hunter2"), "{wrong}");
        }
    }
}
