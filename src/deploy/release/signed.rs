//! What a release says, and the signed form of it that lies in the store: a DSSE envelope (Dead Simple Signing Envelope 1.0).
//!
//! One signature covers all: the bundle is named by its digest, so a byte of it that differs is noticed.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::deploy::release::{Canary, PublicKey, Refusal, SigningKey};
use crate::table::Digest;

/// What the payload of an envelope is: a signature of anything else is none of a release.
const PAYLOAD_TYPE: &str = "application/vnd.gw.release.v1+json";

/// What a release says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// Its number: one more than that of the release before it.
    pub serial: u64,
    /// The digest of its bundle's bytes.
    pub bundle: Digest,
    /// The digest of the table that the bundle compiles to.
    pub table: Digest,
    /// The bundle of the release before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digest>,
    /// The environment that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// When it was made.
    pub time: Timestamp,
    /// The commit that its manifests are of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The number of the release whose bundle it brings back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restores: Option<u64>,
    /// Who takes it, if not all nodes do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
}

/// A release whose envelope was read, and verified as far as the reader wanted.
#[derive(Clone, Debug)]
pub struct Release {
    /// What it says.
    pub statement: Statement,
    /// The short name of the trusted key that signed it; `None` if nobody had to.
    pub signed_by: Option<String>,
    /// The envelope as it lies in the store.
    pub envelope: Vec<u8>,
}

/// Whose releases are taken.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Those that one of these keys signed.
    Keys(Vec<PublicKey>),
    /// Anybody's.
    Anyone,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload_type: String,
    payload: String,
    signatures: Vec<Signature>,
}

#[derive(Serialize, Deserialize)]
struct Signature {
    keyid: String,
    sig: String,
}

impl Release {
    /// Signs a statement, or leaves it unsigned without a key.
    ///
    /// # Errors
    /// If the statement cannot be JSON, which none is.
    pub fn sign(statement: Statement, key: Option<&SigningKey>) -> serde_json::Result<Self> {
        let payload = serde_json::to_vec(&statement)?;
        let signatures = key.iter().map(|key| Signature {
            keyid: key.public().id(),
            sig: BASE64_STANDARD.encode(key.sign(&signed_bytes(&payload))),
        });
        let envelope = Envelope {
            payload_type: PAYLOAD_TYPE.to_owned(),
            payload: BASE64_STANDARD.encode(&payload),
            signatures: signatures.collect(),
        };
        let mut text = serde_json::to_vec_pretty(&envelope)?;
        text.push(b'\n');
        Ok(Self { statement, signed_by: key.map(|key| key.public().id()), envelope: text })
    }

    /// Reads an envelope, and verifies that somebody who is trusted signed it.
    ///
    /// # Errors
    /// If it is none, or nobody did.
    pub fn read(envelope: Vec<u8>, trust: &Trust) -> Result<Self, Refusal> {
        let unreadable = |error: &dyn std::fmt::Display| Refusal::Unreadable(error.to_string());
        let read: Envelope = serde_json::from_slice(&envelope).map_err(|error| unreadable(&error))?;
        let payload = BASE64_STANDARD.decode(&read.payload).map_err(|error| unreadable(&error))?;
        if read.payload_type != PAYLOAD_TYPE {
            return Err(unreadable(&"it is something else"));
        }
        let signed_by = match trust {
            Trust::Anyone => None,
            Trust::Keys(keys) => Some(signer(&read.signatures, &payload, keys)?),
        };
        let statement = serde_json::from_slice(&payload).map_err(|error| unreadable(&error))?;
        Ok(Self { statement, signed_by, envelope })
    }
}

/// The trusted key that one of the signatures is by. Which one is said to have signed is a hint that is not believed.
fn signer(signatures: &[Signature], payload: &[u8], trusted: &[PublicKey]) -> Result<String, Refusal> {
    if signatures.is_empty() {
        return Err(Refusal::Unsigned);
    }
    let message = signed_bytes(payload);
    for signature in signatures {
        let Ok(bytes) = BASE64_STANDARD.decode(&signature.sig) else { continue };
        if let Some(key) = trusted.iter().find(|key| key.verifies(&message, &bytes)) {
            return Ok(key.id());
        }
    }
    let named = signatures.iter().take(4).map(|signature| signature.keyid.escape_debug().take(40).collect());
    Err(Refusal::Untrusted(named.collect()))
}

/// What is signed: the payload together with what it is (the pre-authentication encoding of DSSE).
fn signed_bytes(payload: &[u8]) -> Vec<u8> {
    let mut message = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len()).into_bytes();
    message.extend_from_slice(payload);
    message
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Release, Statement, Trust};
    use crate::deploy::release::SigningKey;
    use crate::table::Digest;

    fn statement() -> Statement {
        Statement {
            serial: 7,
            bundle: Digest::of_bytes(b"bundle"),
            table: Digest::of_bytes(b"table"),
            previous: None,
            environment: Some("prod".into()),
            time: Timestamp::UNIX_EPOCH,
            commit: None,
            restores: None,
            canary: None,
        }
    }

    #[test]
    fn only_who_is_trusted_is_believed() {
        let (own, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let trust = Trust::Keys(vec![other.public(), own.public()]);
        let signed = Release::sign(statement(), Some(&own)).unwrap().envelope;
        let read = Release::read(signed.clone(), &trust).unwrap();
        assert_eq!((read.statement, read.signed_by), (statement(), Some(own.public().id())));
        let refused = |envelope: &[u8], trust: &Trust| Release::read(envelope.to_vec(), trust).unwrap_err().reason();
        assert_eq!(refused(&signed, &Trust::Keys(vec![other.public()])), "signature");
        assert_eq!(refused(&signed, &Trust::Keys(vec![])), "signature");
        let unsigned = Release::sign(statement(), None).unwrap().envelope;
        assert_eq!(refused(&unsigned, &trust), "signature");
        assert_eq!(refused(b"{}", &trust), "unreadable");
        Release::read(unsigned, &Trust::Anyone).unwrap();
    }

    #[test]
    fn no_byte_of_a_signed_statement_can_be_another() {
        let key = SigningKey::generate().unwrap();
        let trust = Trust::Keys(vec![key.public()]);
        let signed = Release::sign(statement(), Some(&key)).unwrap().envelope;
        for at in 0..signed.len() {
            for bit in 0..8 {
                let mut flipped = signed.clone();
                flipped[at] ^= 1 << bit;
                // what is around the signed bytes may differ, what is signed may not
                if let Ok(release) = Release::read(flipped, &trust) {
                    assert_eq!(release.statement, statement());
                }
            }
        }
    }
}
